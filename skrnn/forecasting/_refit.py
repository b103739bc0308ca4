"""Models that are fitted again at the origins of a backtest, to the rows known there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.base import clone

from skrnn._inputs._parameters import check_count, describe, is_integer
from skrnn._inputs._values import read_weights, weights_for
from skrnn.forecasting._models import fitted_regressor, group_column, n_history_rows, reads_sequences
from skrnn.forecasting._recursion import roll, roll_members
from skrnn.forecasting._rows import Rows


def read_refit(refit: Any, max_train_size: int | None, sample_weight: Any, first_origin: Any) -> int:
    """Return how many origins share a model, 0 if all share the given one; raise if parameters do not match."""
    if not is_integer(refit) and not isinstance(refit, bool | np.bool_):
        raise TypeError(f"{describe('refit', refit)}; expected True, False or an integer >= 1.")
    if is_integer(refit):
        check_count("refit", refit)
    if max_train_size is not None:
        check_count("max_train_size", max_train_size, 2)
    if refit and first_origin is None:
        raise ValueError("first_origin is None, but the first refit needs training rows; expected the last of these.")
    for name, value in (("max_train_size", max_train_size), ("sample_weight", sample_weight)):
        if value is not None and not refit:
            raise ValueError(f"{name} is given, but refit is False; expected refit=True or an integer.")
    return int(refit)


@final
@dataclass(frozen=True, eq=False)
class Refits:
    """A model, and the rows that it is fitted on again."""

    model: Any  # of which clones are fitted
    rows: Rows  # of which a clone sees those up to an origin
    n_at_once: int  # how many steps ahead the model predicts at once
    every: int  # how many origins, or times of origins, share a clone
    max_train_size: int | None  # how many rows of a group up to the origin a clone is fitted on; None for all
    sample_weight: Any  # of the rows, (n_known,), in the order of the user's table, or None

    def roll(self, origins: NDArray[np.intp], n_steps: int) -> NDArray[np.floating]:
        """Return forecasts from each origin, (n_origins, n_steps, n_series), of a clone that knows no later row."""
        forecasts = np.empty((len(origins), n_steps, len(self.rows.series)))
        for chosen, fitted in self._clones(origins):
            forecasts[chosen] = roll(fitted, self.rows, origins[chosen], n_steps)
        return forecasts

    def roll_members(
        self, origins: NDArray[np.intp], n_steps: int
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return forecasts as `roll` does, and the standard deviations of those of the members of the clones."""
        forecasts, deviations = np.empty((2, len(origins), n_steps, len(self.rows.series)))
        for chosen, fitted in self._clones(origins):
            forecasts[chosen], deviations[chosen] = roll_members(fitted, self.rows, origins[chosen], n_steps)
        return forecasts, deviations

    def _clones(self, origins: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.bool_], Any]]:
        """Yield which origins share a clone, and this clone, fitted on the rows up to the first of them."""
        clock = self._clock()
        times, of_origins = np.unique(clock[origins], return_inverse=True)
        for first in range(0, len(times), self.every):
            chosen = (first <= of_origins) & (of_origins < first + self.every)
            yield chosen, fitted_regressor(self._fitted_on(clock <= times[first]))

    def _clock(self) -> NDArray[np.intp]:
        """Return a number for each row that grows with time; with groups, rows of the same date have the same one."""
        timeline = self.rows.timeline
        clock = timeline.places(np.arange(len(timeline.came_from)))
        if self.rows.groups is not None and timeline.has_dates:
            clock[timeline.known] = timeline.times.unique().sort_values().get_indexer(timeline.times)
        return clock

    def _fitted_on(self, is_past: NDArray[np.bool_]) -> Any:
        """Return a clone of the model that is fitted on the past rows, targets included."""
        timeline = self.rows.timeline
        if self.rows.groups is not None and group_column(self.model) is None and n_history_rows(self.model):
            raise ValueError(
                "refit with groups requires windows that do not cross groups, but group_column of the model is None; "
                "expected SlidingWindow(group_column=...), and groups to name this column or level."
            )
        positions = timeline.known[is_past[timeline.known]]
        groups = timeline.groups_of(positions)
        n_past = np.bincount(groups, minlength=len(timeline.firsts))
        n_used = np.minimum(n_past, self.max_train_size or len(positions))
        ends = timeline.firsts + n_past - 1
        positions = positions[(ends - n_used)[groups] < positions]
        positions = positions[positions <= (ends - self.n_at_once)[timeline.groups_of(positions)]]
        if not len(positions):
            raise ValueError(
                f"the model predicts {self.n_at_once} steps, but at the first origin it would be refitted to "
                f"{n_used.max()} rows; expected more rows: a later first_origin or a larger max_train_size."
            )
        return self._fit(positions[np.argsort(timeline.came_from[positions], kind="stable")])

    def _fit(self, positions: NDArray[np.intp]) -> Any:
        """Return a clone of the model that is fitted on rows and the steps that follow each."""
        came_from, weights = self.rows.timeline.came_from, None
        if self.sample_weight is not None:
            weights = read_weights(self.sample_weight, len(self.rows.timeline.known))[came_from[positions]]
        X = self.rows.take(positions)
        y = self.rows.values[np.add.outer(positions, np.arange(1, self.n_at_once + 1))].reshape(len(positions), -1)
        y = y[:, 0] if y.shape[1] == 1 else y
        if not reads_sequences(self.model):
            return _fitted(clone(self.model), X, y, weights)
        groups = self.rows.timeline.groups_of(positions)
        of_groups = [groups == group for group in np.unique(groups)]
        sequences, targets = ([np.asarray(part)[of] for of in of_groups] for part in (X, y))
        of_timesteps = None if weights is None else [weights[of] for of in of_groups]
        return clone(self.model).fit(sequences, targets, sample_weight=of_timesteps)


def _fitted(model: Any, X: Any, y: NDArray[np.floating], weights: Any) -> Any:
    """Fit a model to X and y, in which rows that lack a target weigh nothing."""
    is_missing = np.isnan(y)
    lacks_target = is_missing.reshape(len(y), -1).any(axis=1)
    if lacks_target.any():
        weights, y = np.where(lacks_target, 0.0, 1.0 if weights is None else weights), np.where(is_missing, 0.0, y)
    if sklearn.get_config()["enable_metadata_routing"]:
        return model.fit(X, y, **({} if weights is None else {"sample_weight": weights}))
    return model.fit(X, y, **weights_for(model, weights))
