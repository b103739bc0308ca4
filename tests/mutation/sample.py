"""Test a random sample of the mutants: `make mutants SAMPLE=1200`. `python -m tests.mutation.sample 1200` continues.

Each module gets the same number of mutants first, up to 30 and to all that it has, and what is left is divided in
proportion to the others. The order in which the mutants of a module are drawn is fixed: a larger sample contains a
smaller one, and mutants that have a result already are not tested again. Those that time out are tested once more at
the end, one at a time, because a busy machine makes tests slow. Prints what `tests.mutation.summary` prints.
"""

import argparse
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from tests.mutation import summary

#: How many mutants a module has in the sample at least, unless the sample is too small.
LEAST_OF_MODULE = 30
#: Mutants that have to be tested for mutmut to tell the names of all. In a sample, these are tested in any case.
FIRST = "skrnn.cells._simple.*"
#: Mutants per run of mutmut, each of which begins with the tests of the original code.
N_AT_ONCE = 300


def main() -> None:
    """Test the mutants of the sample that have not been tested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n_mutants", type=int)
    parser.add_argument("--max-children", type=int, default=2)
    options = parser.parse_args()
    if not Path("mutants/mutmut-stats.json").exists():
        run([FIRST], options.max_children)
    statuses = status_of_mutants()
    names = draw(statuses, options.n_mutants)
    open_names = [name for name in names if statuses[name] == "not checked"]
    for begin in range(0, len(open_names), N_AT_ONCE):
        run(open_names[begin : begin + N_AT_ONCE], options.max_children)
    statuses = status_of_mutants()
    late = [name for name in names if statuses[name] == "timeout"]
    if late:
        run(late, 1)
    sys.exit(summary.report(status_of_mutants()))


def run(names: Iterable[str], max_children: int) -> None:
    """Let mutmut test these mutants, whatever their results so far."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [mutmut(), "run", "--max-children", str(max_children), *names]
    subprocess.run(command, env={**os.environ, **one_thread}, check=True)


def mutmut() -> str:
    """Return the path of mutmut in this environment."""
    return str(Path(sys.executable).with_name("mutmut"))


def status_of_mutants() -> dict[str, str]:
    """Return what mutmut knows of each mutant."""
    results = subprocess.run([mutmut(), "results", "--all", "true"], capture_output=True, text=True, check=True)
    return summary.read(results.stdout.splitlines())


def draw(names: Iterable[str], n_mutants: int) -> list[str]:
    """Return about `n_mutants` of the names, module after module."""
    of_modules = defaultdict(list)
    for name in names:
        of_modules[summary.module_of(name)].append(name)
    least = min(LEAST_OF_MODULE, n_mutants // len(of_modules))
    n_first = sum(min(least, len(of_module)) for of_module in of_modules.values())
    n_others = sum(max(0, len(of_module) - least) for of_module in of_modules.values())
    share = min(1.0, max(0, n_mutants - n_first) / max(1, n_others))
    chosen = []
    for _, of_module in sorted(of_modules.items()):
        n_drawn = least + round(share * max(0, len(of_module) - least))
        chosen += sorted(of_module, key=lambda name: sha256(name.encode()).digest())[:n_drawn]
    return chosen


if __name__ == "__main__":
    main()
