"""Known values of the columns that are not forecast, in the rows after a history."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._messages import naming
from skrnn._inputs._tables import drop_column, is_frame
from skrnn._inputs._values import refuse_masked
from skrnn.forecasting._groups import named, read_groups
from skrnn.forecasting._known import Panel
from skrnn.forecasting._tables import UNNAMED, Table, read_table, take
from skrnn.forecasting._timeline import timed


@final
@dataclass(frozen=True, eq=False)
class Exog:
    """Rows after those of each group.

    Attributes
    ----------
    table : ndarray or DataFrame of shape (n_rows, n_exog)
        The rows, one group after another; the index of a DataFrame holds times alone.
    n_given : ndarray of shape (n_groups,), int
        How many rows each group has.
    labels : list
        The groups; [None] where all rows are one series.
    """

    table: Table
    n_given: NDArray[np.intp]
    labels: list[Any]

    def of_group(self, group: int) -> Table:
        """Return the rows of a group, by number."""
        end = int(self.n_given[: group + 1].sum())
        return take(self.table, range(end - int(self.n_given[group]), end))

    def after(self, time: Any, label: Any) -> Any:
        """Return the times of the rows of a group, a pandas Index, or None."""
        return self.of_group(self.labels.index(label)).index if is_frame(self.table) else None


def read_exog(panel: Panel, exog: Any, columns: list[int]) -> Exog:
    """Return the rows after those of a panel; `columns` are those of its table but for the groups."""
    unnamed = panel.table.columns[columns[-1]] if is_frame(panel.table) else UNNAMED
    if panel.groups is None:
        table = read_table(exog, "exog", unnamed, least=0)
        return Exog(table, np.array([len(table)]), [None])
    labels = panel.groups.distinct
    if not hasattr(exog, "iloc"):
        refuse_masked(exog, "exog")
        with naming("exog", "real numbers of shape (n_groups, n_steps, n_exog), or a DataFrame"):
            exog = np.asarray(exog, dtype=np.float64)
        if exog.ndim != 3 or len(exog) != len(labels):
            raise ValueError(
                f"exog has shape {exog.shape}; expected ({len(labels)}, n_steps, n_exog), one sequence or group after "
                "another, or a DataFrame that identifies its groups in the same way as history."
            )
        return Exog(exog.reshape(-1, exog.shape[2]), np.full(len(labels), exog.shape[1]), labels)
    exog = read_table(exog, "exog", unnamed)
    of_exog = read_groups(exog, panel.groups.name, "exog")
    if of_exog is None:
        raise ValueError("groups are labels without a name; expected exog of shape (n_groups, n_steps, n_exog).")
    missing = [label for label in labels if label not in set(of_exog.distinct)]
    if missing:
        raise ValueError(f"exog lacks {len(missing)} groups of history: {named(missing)}.")
    numbers_of = {label: number for number, label in enumerate(labels)}
    codes = np.array([numbers_of.get(label, -1) for label in of_exog.distinct])[of_exog.codes]
    kept = np.argsort(codes, kind="stable")[(codes < 0).sum() :]
    exog = timed(take(exog, kept), of_exog)
    table = exog if of_exog.column is None else drop_column(exog, of_exog.column)
    return Exog(table, np.bincount(codes[kept]), labels)
