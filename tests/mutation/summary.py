"""Print the number of killed mutants per module, and the survivors.

Reads the output of `mutmut results --all true`. If mutants have not been tested, those that have been are taken for a
random sample of their module: the share of all is then estimated, each module weighted by its number of mutants. Exits
with 1 if fewer than `LEAST_SHARE` of all are killed, or fewer than `LEAST_SHARE_OF_MODULE` in a module all of whose
mutants have been tested.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from math import sqrt

LEAST_SHARE = 0.9
LEAST_SHARE_OF_MODULE = 0.85


def read(lines: Iterable[str]) -> dict[str, str]:
    """Return the status of each mutant."""
    parts = (line.strip().rpartition(": ") for line in lines)
    return {mutant: status for mutant, _, status in parts if mutant}


def module_of(mutant: str) -> str:
    """Return the module of a mutant."""
    return mutant.rpartition(".")[0]


def report(status_of_mutants: dict[str, str]) -> bool:
    """Print one line per module and one per surviving mutant, and return whether too many survive."""
    counts = defaultdict(Counter)
    for mutant, status in status_of_mutants.items():
        counts[module_of(mutant)][status] += 1
    n_mutants = {name: of_module.total() for name, of_module in counts.items()}
    tried = {name: of_module.total() - of_module["not checked"] for name, of_module in counts.items()}
    print(f"{'module':40} mutants  tried killed timeout others  share")
    for name, of_module in (*sorted(counts.items()), ("all", sum(counts.values(), Counter()))):
        n_tried, n_killed, n_late = (
            of_module.total() - of_module["not checked"],
            of_module["killed"],
            of_module["timeout"],
        )
        numbers = f"{of_module.total():7} {n_tried:6} {n_killed:6} {n_late:7} {n_tried - n_killed - n_late:6}"
        print(f"{name:40} {numbers} {n_killed / n_tried if n_tried else 0.0:6.1%}")
    weights = {name: n / sum(n_mutants.values()) for name, n in n_mutants.items()}
    shares = {name: counts[name]["killed"] / tried[name] for name in counts if tried[name]}
    if tried != n_mutants and shares.keys() == counts.keys():
        # Of a sample without replacement from each module.
        variance = sum(
            (weights[name] ** 2 * share * (1 - share) / max(1, tried[name] - 1)) * (1 - tried[name] / n_mutants[name])
            for name, share in shares.items()
        )
        share_of_all = sum(weights[name] * share for name, share in shares.items())
        print(
            f"of all, weighted by the mutants of each module: {share_of_all:.1%}, standard error {sqrt(variance):.1%}"
        )
    else:
        share_of_all = sum(counts[name]["killed"] for name in shares) / sum(tried[name] for name in shares)
    others = {mutant: status for mutant, status in status_of_mutants.items() if status not in ("killed", "not checked")}
    print(*(f"{status}: {mutant}" for mutant, status in others.items()), sep="\n")
    wholly = (name for name in shares if tried[name] == n_mutants[name])
    return share_of_all < LEAST_SHARE or any(shares[name] < LEAST_SHARE_OF_MODULE for name in wholly)


if __name__ == "__main__":
    sys.exit(report(read(sys.stdin)))
