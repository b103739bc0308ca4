"""Print how many cases the tests of this folder try: `python -m tests.reliability.count_cases`."""

from skrnn.solvers._registry import SOLVERS, UPDATE_RULES
from tests.reliability.entry_points import ENTRY_POINTS
from tests.reliability.small_fits import FITS
from tests.reliability.test_bad_parameters import TABLES
from tests.reliability.test_extremes import SETUPS, SETUPS_OF_STEPS, cases
from tests.reliability.test_random_networks import N_NETWORKS
from tests.reliability.values import DRESSES, WRONG


def main() -> None:
    """Print a line a table."""
    n_points, n_kinds = len(ENTRY_POINTS), len(WRONG)
    n_dressed = sum(len(DRESSES.keys() - entry.unfit) for entry in ENTRY_POINTS.values())
    parameters = [values for _, of_function in TABLES.values() for values in of_function.values()]
    n_fits = sum(len(cases(setup, SOLVERS)) for setup in SETUPS.values())
    n_fits += sum(len(cases(setup, UPDATE_RULES)) for setup in SETUPS_OF_STEPS.values())
    print(f"wrong values:     {n_points * n_kinds:5} ({n_points} entry points x {n_kinds} kinds)")
    print(f"other dresses:    {n_dressed:5} ({len(DRESSES)} dresses)")
    print(f"wrong parameters: {sum(map(len, parameters)):5} ({len(parameters)} parameters of {len(TABLES)} functions)")
    print(f"random networks:  {N_NETWORKS:5}")
    print(f"extreme fits:     {n_fits:5} ({len(SETUPS) + len(SETUPS_OF_STEPS)} setups)")
    print(f"recorded fits:    {len(FITS):5}")


if __name__ == "__main__":
    main()
