"""Forecasts of any number of steps from a fitted regressor."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn._inputs._parameters import check_count
from skrnn._inputs._tables import is_frame
from skrnn.estimators._sequence_format import is_list_of_arrays
from skrnn.forecasting._models import fitted_regressor, reads_sequences
from skrnn.forecasting._recursion import roll
from skrnn.forecasting._rows import Rows, read_rows
from skrnn.forecasting._tables import read_table, take


def forecast(
    model: Any,
    history: ArrayLike,
    n_steps: int,
    *,
    exog: ArrayLike | None = None,
    known_ahead: ArrayLike | None = None,
    static: ArrayLike | None = None,
    groups: Any = None,
) -> Any:
    """Forecast the `n_steps` steps after the last row of a history, or of each group of rows.

    A model that predicts one step ahead is applied repeatedly: each forecast becomes the next row of its history. A
    model that predicts several steps predicts them at once; for more steps, it is applied block by block.

    Parameters
    ----------
    model : estimator
        A regressor, a pipeline that ends in one, or a search over either, fitted to X and y as made by
        :func:`to_supervised`; or an :class:`~skrnn.RNNRegressor` with ``return_sequences=True``, fitted to whole
        sequences. With several levels of `quantile`, forecasts are those of level 0.5.
    history : array-like of shape (n_rows,) or (n_rows, n_columns)
        The rows up to the present, which is the last one, with the columns of X in training: the series, then those of
        `exog`. With ``return_sequences=True`` also several sequences, which are forecast in parallel: an array
        (n_sequences, n_rows, n_columns) or a list of arrays.
    n_steps : int
        Number of steps to forecast.
    exog : array-like of shape (n_steps,) or (n_steps, n_exog), default=None
        The columns that are not forecast, for the rows after `history`; required if the model was trained with such
        columns. Rows from the last block of forecasts on are not used and may be left out: the last row for a model
        that predicts one step, all rows for a model that predicts `n_steps` at once. A pandas index must continue that
        of `history`; without an index, rows are assumed to follow directly. For several sequences (n_sequences,
        n_steps, n_exog). With `groups` a DataFrame that identifies the groups in the same way as `history`, or an array
        (n_groups, n_steps, n_exog).
    known_ahead : array-like of shape (n_times, n_known), default=None
        Columns whose values are known in advance, as in :func:`to_supervised`, for all rows of `history` except the
        first, and for the steps to forecast. A column of `history` with the same name contains its past values. If the
        index of `history` has no constant step, the times of the steps are those of `known_ahead` after the last row.
    static : array-like of shape (n_groups, n_static), default=None
        Columns that are constant over time, as in :func:`to_supervised`.
    groups : str, int or array-like of shape (n_rows,), default=None
        The series of each row, if `history` contains several, of any lengths, one after another or interleaved: the
        name of a column or of a level of the index, the position of a column, or labels, as in :func:`to_supervised`.
        All groups are forecast together, with a single prediction per block.

    Returns
    -------
    ndarray, Series or DataFrame of shape (n_steps,) or (n_steps, n_series)
        The forecasts, 1-D for one series. For a pandas history a Series or DataFrame with the names of the series,
        whose index continues that of the history; if this has no constant step, the index is that of `known_ahead` or
        `exog`, or steps are numbered from 1. For several sequences an array (n_sequences, n_steps) or (n_sequences,
        n_steps, n_series). With `groups` the forecasts of one group after another, in order of appearance, in n_groups
        * n_steps rows, including the column or level of the groups; an array of labels becomes the first level of a
        pandas index.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    TypeError
        If `n_steps` is not an integer, or the model is not a regressor.
    ValueError
        If `n_steps` is less than 1; if `history` or `exog` does not match the model, or they do not match each other;
        if dates in the index of `history` decrease; if the model predicts NaN or infinity; or if it predicts at each
        timestep and is bidirectional. With `groups`, a message about a single group names it.

    Warns
    -----
    DataWarning
        If a history has fewer rows than the windows of the model; if its index has no constant step, contains a time
        twice, or contains decreasing numbers.

    See Also
    --------
    forecast_interval : Forecasts with lower and upper bounds.
    backtest : Forecasts from many origins in a series, compared with the observed values.

    Notes
    -----
    From the second block on, the transformers of a pipeline are only applied to the rows that they need: the sum of
    their `n_history_rows`, as defined by :class:`~skrnn.SlidingWindow`. It is first checked that these rows give the
    same result as the whole history; a transformer that depends on more rows gets the whole history each time. The
    final estimator gets one row, or window; inside a meta-estimator around a pipeline, such as
    TransformedTargetRegressor, it gets as many rows as the pipeline needs.

    With ``return_sequences=True`` the network reads the history once, and then its own forecasts, one timestep each.

    If a transformer of the model has a `group_column`, this column is not a series; without `groups` the history must
    then contain a single group.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import SlidingWindow
    >>> from skrnn.forecasting import forecast, to_supervised
    >>> series = np.array([1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0])
    >>> X, y = to_supervised(series)
    >>> model = make_pipeline(SlidingWindow(n_timesteps=2, padding="zero", flatten=True), LinearRegression())
    >>> forecast(model.fit(X, y), series, 3).round(6)
    array([21., 34., 55.])

    Two stores in one table:

    >>> import pandas as pd
    >>> sales = pd.DataFrame({"store": list("aaaaabbbb"), "sales": [1, 1, 2, 3, 5, 2, 2, 4, 6]})
    >>> sales.index = [2021, 2022, 2023, 2024, 2025, 2020, 2021, 2022, 2023]
    >>> X, y = to_supervised(sales, groups="store")
    >>> model = model.set_params(slidingwindow__group_column="store").fit(X, y)
    >>> forecast(model, sales, 2, groups="store").round(6)
         store  sales
    2026     a    8.0
    2027     a   13.0
    2024     b   10.0
    2025     b   16.0
    """
    check_count("n_steps", n_steps)
    model = fitted_regressor(model)
    if groups is None and reads_sequences(model) and (is_list_of_arrays(history) or np.ndim(history) == 3):
        return _forecast_sequences(model, history, exog, n_steps)
    rows = read_rows(model, history, exog, n_steps, groups, known_ahead, static)
    return as_history(rows, roll(model, rows, rows.timeline.lasts, n_steps))


def as_history(rows: Rows, paths: NDArray[np.floating]) -> Any:
    """Return forecasts (n_groups, n_steps, n_series) in the form of the rows that they follow, group after group."""
    values, groups = paths.reshape(-1, paths.shape[2]), rows.groups
    labels = None
    if groups is not None and groups.column is not None:
        labels = take(groups.values, rows.timeline.came_from[rows.timeline.lasts].repeat(paths.shape[1]))
    if not is_frame(rows.table):
        if labels is not None:
            values = np.insert(values, rows.n_before_groups, labels, axis=1)
        return values[:, 0] if values.shape[1] == 1 else values
    import pandas as pd

    index = rows.timeline.index_ahead(paths.shape[1], rows.table.index, rows.groups)
    frame = pd.DataFrame(values, index, rows.table.columns[rows.series])
    if labels is not None:
        frame.insert(rows.n_before_groups, labels.name, labels.array)
    return frame.iloc[:, 0] if frame.shape[1] == 1 else frame


def _forecast_sequences(model: Any, history: Any, exog: Any, n_steps: int) -> NDArray[np.floating]:
    """Return forecasts from the end of each sequence, (n_sequences, n_steps) or (n_sequences, n_steps, n_series)."""
    sequences = [read_table(sequence, "history") for sequence in history]
    if len({sequence.shape[1] for sequence in sequences}) != 1:
        raise ValueError("history has no sequences, or their numbers of columns differ; expected the same in all.")
    numbered = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences])
    rows = read_rows(model, np.concatenate(sequences), exog, n_steps, numbered)
    paths = roll(model, rows, rows.timeline.lasts, n_steps)
    return paths[:, :, 0] if paths.shape[2] == 1 else paths
