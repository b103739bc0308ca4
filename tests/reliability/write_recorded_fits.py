"""Write what the small fits come to now into recorded_fits.json: `python -m tests.reliability.write_recorded_fits`.

Only where a change of behaviour is meant, and stands in CHANGELOG.md.
"""

import json
import warnings
from pathlib import Path

from sklearn.exceptions import ConvergenceWarning

from tests.reliability.small_fits import results

RECORDED = Path(__file__).with_name("recorded_fits.json")


def main() -> None:
    """Write the file."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    RECORDED.write_text(json.dumps(results(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
