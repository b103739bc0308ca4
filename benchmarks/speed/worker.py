"""A process of one contestant, which prepares and runs problems requested by its parent.

    python -m benchmarks.speed.worker contestant n_threads

Each line of the input is a problem, for which the output is the seconds of compiling, or a number of steps, for which
it is the mean time of a step. Both are JSON.
"""

import json
import sys
from importlib import import_module

from benchmarks.speed.problems import Prepared, Problem


def main() -> None:
    """Run until the input ends."""
    prepare = import_module(f"benchmarks.speed.contestants.of_{sys.argv[1]}").prepare
    prepared: Prepared | None = None
    for line in sys.stdin:
        request = json.loads(line)
        if isinstance(request, list):
            prepared = None  # free its memory before the next is allocated
            prepared = prepare(Problem.of(*request))
            answer = prepared.compile_seconds
        else:
            answer = prepared.run(request)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
