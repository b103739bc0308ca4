"""Print the number of killed mutants per module, and the survivors.

Reads the output of `mutmut results --all true`; mutants not tested yet are left out. Exits with 1 if fewer than
`LEAST_SHARE` of all are killed, or fewer than `LEAST_SHARE_OF_MODULE` in a module.
"""

import sys
from collections import Counter, defaultdict

LEAST_SHARE = 0.9
LEAST_SHARE_OF_MODULE = 0.85


def main() -> None:
    """Print one line per module, and one per surviving mutant."""
    counts, alive = defaultdict(Counter), []
    for line in sys.stdin:
        mutant, _, status = line.strip().rpartition(": ")
        if status == "not checked":
            continue
        module = mutant.rpartition(".")[0]
        for name in (module, "all"):
            counts[name][status] += 1
        if status != "killed":
            alive.append(f"{status}: {mutant}")
    print(f"{'module':40} mutants killed others  share")
    for name in (*sorted(counts.keys() - {"all"}), "all"):
        n_mutants, n_killed = counts[name].total(), counts[name]["killed"]
        print(f"{name:40} {n_mutants:7} {n_killed:6} {n_mutants - n_killed:6} {n_killed / n_mutants:6.1%}")
    print(*alive, sep="\n")
    least = {name: LEAST_SHARE if name == "all" else LEAST_SHARE_OF_MODULE for name in counts}
    sys.exit(any(of_name["killed"] < least[name] * of_name.total() for name, of_name in counts.items()))


if __name__ == "__main__":
    main()
