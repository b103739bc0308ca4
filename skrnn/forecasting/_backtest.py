"""Forecasts from many origins in a series, beside the truth."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn._inputs._messages import warn
from skrnn._inputs._parameters import check_choice, check_count, describe, is_integer
from skrnn.forecasting._backtest_result import Backtest
from skrnn.forecasting._index import as_usual_index, kind_of_index
from skrnn.forecasting._intervals import check_calibration, least_calibration, rolling_radii, rolling_scaled_radii
from skrnn.forecasting._models import fitted_regressor, n_history_rows
from skrnn.forecasting._recursion import n_steps_at_once, roll, roll_members
from skrnn.forecasting._refit import Refits, read_refit
from skrnn.forecasting._rows import Rows, read_series
from skrnn.forecasting._tables import list_groups


def backtest(
    model: Any,
    series: ArrayLike,
    n_steps: int,
    *,
    first_origin: Any = None,
    step: int = 1,
    exog: ArrayLike | None = None,
    known_ahead: ArrayLike | None = None,
    static: ArrayLike | None = None,
    coverage: float | None = None,
    n_calibration: int | None = None,
    method: str = "conformal",
    groups: Any = None,
    refit: bool | int = False,
    max_train_size: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> Backtest:
    """Forecast `n_steps` steps from many rows of a series, each as if it were the last.

    Parameters
    ----------
    model : estimator
        A fitted model, as in :func:`forecast`. It is never changed: with `refit`, clones of it are fitted.
    series : array-like of shape (n_rows,) or (n_rows, n_series)
        The series, as in :func:`to_supervised`.
    n_steps : int
        Number of steps to forecast from each origin.
    first_origin : int or time, default=None
        Position of the first row to forecast from, in each group if there are several. Use the last row that the model
        was fitted on, targets included, because forecasts from earlier rows are too good. With an index of dates or
        periods it may also be a time: the first origin is then the last row up to that time, or, if that is later, the
        first row with the full history that the model needs. As in slices of pandas, a string such as "2024-02" is a
        time up to its end. None: the first row with the full history in any case, for a series that was not used for
        training.
    step : int, default=1
        Number of rows from one origin to the next.
    exog : array-like of shape (n_rows,) or (n_rows, n_exog), default=None
        Other columns, as in :func:`to_supervised`. As in :func:`forecast`, forecasts of later steps use the rows after
        the origin; origins that would need rows beyond the end are left out.
    known_ahead : array-like of shape (n_times, n_known), default=None
        Columns whose values are known in advance, as in :func:`to_supervised`. Origins that would need later times than
        it has are left out.
    static : array-like of shape (n_groups, n_static), default=None
        Columns that are constant over time, as in :func:`to_supervised`.
    coverage : float, default=None
        Nominal coverage of the intervals, such as 0.9. None: no intervals.
    n_calibration : int, default=None
        Number of errors used for an interval, the latest ones of each step ahead. None: all that are known.
    method : {"conformal", "ensemble"}, default="conformal"
        Kind of intervals, as in :func:`forecast_interval`: with "ensemble" they are wider where the members of an
        :class:`~skrnn.ensemble.EnsembleRegressor` disagree.
    groups : str, int or array-like of shape (n_rows,), default=None
        The series of each row, as in :func:`forecast`. The result has the origins of one group after another; intervals
        are based on errors of the same group.
    refit : bool or int, default=False
        Whether to refit the model: at each origin (True), or at the first origin and at every k-th one after it (an
        integer k). With False, the given model forecasts from all origins.
    max_train_size : int, default=None
        With `refit`, the maximum number of training rows, the latest ones up to the origin, as in
        :class:`~sklearn.model_selection.TimeSeriesSplit`. None: all rows.
    sample_weight : array-like of shape (n_rows,), default=None
        With `refit`, the weights of the rows in each fit, such as 0 for the first ones, whose windows are incomplete.

    Returns
    -------
    Backtest
        Origins, forecasts, observed values, and intervals if `coverage` is given. The last origin is the last row but
        one, of each group.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    TypeError
        If a count is not an integer, `method` is not a string, or the model is not a regressor.
    ValueError
        If a parameter has an invalid value; if there is no origin; if with `coverage` not enough errors for an interval
        are known at any origin; if ``method="ensemble"`` and `coverage` is None, or the model has no ensemble; and as
        in :func:`forecast`.

    Warns
    -----
    UserWarning
        If a group is too short to have an origin, and is left out.

    See Also
    --------
    forecast_interval : The forecast from the last row, with the same kind of interval.
    Backtest.scores : Metrics of the forecasts, per step, series and group.
    skrnn.plotting.BacktestDisplay : A plot of the error of each step.

    Notes
    -----
    **Refitting.** A clone of the model, with the same parameters, is fitted to the rows up to the origin, or to the
    last `max_train_size` of them. X and y are those of :func:`to_supervised`, with as many steps as the given model
    predicts at once; no target is later than the origin, and rows that lack a target have weight 0. A search over
    parameters searches again on these rows; to keep the parameters that it has found, pass its `best_estimator_`. The
    windows used for forecasts may begin before the last `max_train_size` rows. With `groups`, a clone is fitted to the
    rows of all groups up to the time of the origin (without dates, up to the same position in each group),
    `max_train_size` applies to each group, and origins at the same time share a clone.

    **No leakage.** No forecast uses a row of the series after its origin, and no interval uses an error that was not
    yet known: at origin o, the known errors of k steps ahead are those of the origins up to o - k. The interval is the
    forecast plus and minus the ceil((n + 1) * coverage)-th smallest of these n absolute errors [1]_ [2]_, which
    ``method="ensemble"`` scales as in :func:`forecast_interval`.

    **Speed.** All origins are forecast together, with one transformation and one prediction per block for the windows
    of all origins. If a transformer of the pipeline depends on more rows than its `n_history_rows`, each origin is
    forecast separately.

    References
    ----------
    .. [1] Vovk, V., Gammerman, A. and Shafer, G. (2005). Algorithmic learning in a random world. Springer.
           :doi:`10.1007/b106715`
    .. [2] Stankeviciute, K., Alaa, A. M. and van der Schaar, M. (2021). Conformal time-series forecasting. Advances in
           Neural Information Processing Systems 34.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import SlidingWindow
    >>> from skrnn.forecasting import backtest, to_supervised
    >>> rng = np.random.default_rng(0)
    >>> series = np.sin(np.arange(300) / 4.0) + 0.1 * rng.normal(size=300)
    >>> X, y = to_supervised(series[:200])
    >>> model = make_pipeline(SlidingWindow(n_timesteps=8, padding="edge", flatten=True), Ridge(0.01)).fit(X, y)
    >>> result = backtest(model, series, 3, first_origin=199, coverage=0.9)
    >>> result.forecasts.shape, int(result.origins[0]), int(result.origins[-1])
    ((100, 3), 199, 298)
    >>> np.nanmean(np.abs(result.errors), axis=0).round(2)
    array([0.11, 0.12, 0.12])
    >>> result.observed_coverage().round(2)
    array([0.89, 0.9 , 0.93])
    """
    for name, value in (("n_steps", n_steps), ("step", step)):
        check_count(name, value)
    check_calibration(coverage, n_calibration)
    uses_members = _read_method(method, coverage)
    every = read_refit(refit, max_train_size, sample_weight, first_origin)
    best = fitted_regressor(model)
    rows = read_series(best, series, exog, n_steps, groups, known_ahead, static)
    origins = _read_origins(rows, first_origin, n_history_rows(best), _last_origins(best, rows, n_steps), step)
    refits = None
    if every:
        refits = Refits(model, rows, n_steps_at_once(best, rows), every, max_train_size, sample_weight)
    deviations = None
    if uses_members:
        forecasts, deviations = (
            refits.roll_members(origins, n_steps) if refits else roll_members(best, rows, origins, n_steps)
        )
    else:
        forecasts = refits.roll(origins, n_steps) if refits else roll(best, rows, origins, n_steps)
    truth = rows.truths(origins, n_steps)
    bounds = {}
    if coverage is not None:
        radii = _radii(rows, np.abs(truth - forecasts), deviations, origins, coverage, n_calibration)
        bounds = {"lower": forecasts - radii, "upper": forecasts + radii}
    return _as_backtest(rows, origins, {"forecasts": forecasts, "truth": truth, **bounds}, coverage)


def _as_backtest(
    rows: Rows, origins: NDArray[np.intp], found: dict[str, NDArray[np.floating]], coverage: float | None
) -> Backtest:
    """Return the backtest with these arrays, (n_origins, n_steps, n_series); a single series has no axis."""
    timeline, came_from = rows.timeline, rows.timeline.came_from[origins]
    labels = None if rows.groups is None else rows.groups.labels
    arrays: dict[str, Any] = {**found, "series": rows.known_values()}
    if len(rows.series) == 1:
        arrays = {name: array[..., 0] for name, array in arrays.items()}
    steps = np.arange(1, found["truth"].shape[1] + 1)
    return Backtest(
        origins=came_from,
        origin_times=timeline.labels(origins),
        target_times=timeline.labels(np.add.outer(origins, steps)),
        coverage=coverage,
        series_names=rows.names,
        groups=None if labels is None else labels[came_from],
        series_groups=labels,
        **arrays,
    )


def _last_origins(model: Any, rows: Rows, n_steps: int) -> NDArray[np.intp]:
    """Return the last possible origin of each group: the last row but one, or the last with all that must be known."""
    lasts = rows.timeline.lasts - 1
    if (rows.ends >= lasts + n_steps).all():
        return lasts
    n_at_once = n_steps_at_once(model, rows)
    return np.minimum(lasts, rows.ends - (n_steps - 1) // n_at_once * n_at_once)


def _read_origins(rows: Rows, first: Any, n_back: int, lasts: NDArray[np.intp], step: int) -> NDArray[np.intp]:
    """Return the origins of each group, from `first`, or from the row with `n_back` rows before it, to the last."""
    timeline = rows.timeline
    lasts = lasts - timeline.firsts
    firsts = _first_places(rows, first, n_back)
    has_origin = (firsts >= 0) & (firsts <= lasts)
    if not has_origin.any():
        longest = int(np.argmax(lasts))
        if first is None:
            raise ValueError(
                f"series has no row to forecast from: the model needs {n_back} earlier rows, but the last possible "
                f"origin is row {lasts[longest]}. Expected a longer series, or first_origin."
            )
        raise ValueError(
            f"first_origin is {first}, but the last possible origin is row {lasts[longest]}; expected a row from 0 to "
            f"{lasts[longest]}, or a longer series."
        )
    if not has_origin.all():
        short = [rows.labels[group] for group in np.flatnonzero(~has_origin)]
        warn(f"{len(short)} groups have no row to forecast from and are left out: {list_groups(short)}.")
    return np.concatenate(
        [
            timeline.firsts[group] + np.arange(firsts[group], lasts[group] + 1, step)
            for group in np.flatnonzero(has_origin)
        ]
    )


def _first_places(rows: Rows, first: Any, n_back: int) -> NDArray[np.intp]:
    """Return which row of each group is the first origin."""
    timeline = rows.timeline
    n_groups = len(timeline.firsts)
    if first is None or is_integer(first):
        return np.full(n_groups, n_back if first is None else int(first))
    if not timeline.has_dates:
        raise TypeError(f"{describe('first_origin', first)}; expected an integer >= 0.")
    n_until = [_count_until(timeline.of_group(group), first) for group in range(n_groups)]
    return np.maximum(np.subtract(n_until, 1), n_back)


def _count_until(index: Any, first: Any) -> int:
    """Return how many dates or periods of an index are not after `first`, a string up to its end."""
    index = as_usual_index(index)
    try:
        return int(index.slice_locs(end=first)[1] if isinstance(first, str) else index.searchsorted(first, "right"))
    except (KeyError, TypeError, ValueError) as error:
        kind = ValueError if isinstance(first, str) else TypeError
        raise kind(
            f"{describe('first_origin', first)}, but series has {kind_of_index(index)} in its index; expected such a "
            "time, or an integer >= 0."
        ) from error


def _read_method(method: str, coverage: float | None) -> bool:
    """Return whether intervals are made with the members of an ensemble; raise if a parameter is invalid."""
    check_choice("method", method, ("conformal", "ensemble"))
    if method == "ensemble" and coverage is None:
        raise ValueError("method is 'ensemble', but coverage is None; expected a coverage, such as 0.9.")
    return method == "ensemble"


def _radii(
    rows: Rows,
    errors: NDArray[np.floating],
    deviations: NDArray[np.floating] | None,
    origins: NDArray[np.intp],
    coverage: float,
    n_calibration: int | None,
) -> NDArray[np.float64]:
    """Return half the width of each interval, of the shape (n_origins, n_steps, n_series) of the absolute errors.

    The deviations of the members, if any, have the same shape.
    """
    radii = np.empty(errors.shape)
    of_origins = rows.timeline.groups_of(origins)
    for group, k, j in np.ndindex(len(rows.labels), *errors.shape[1:]):
        place = (of_origins == group, k, j)
        settings = (origins[place[0]], k + 1, coverage, n_calibration)
        if deviations is None:
            radii[place] = rolling_radii(errors[place], *settings)
        else:
            radii[place] = rolling_scaled_radii(errors[place], deviations[place], *settings)
    if np.isnan(radii).all():
        raise ValueError(
            f"coverage={coverage} needs at least {least_calibration(coverage)} errors known at an origin, and there "
            f"are {np.bincount(of_origins).max()} origins; expected more of them or a lower coverage."
        )
    return radii
