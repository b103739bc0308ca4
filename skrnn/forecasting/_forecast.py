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

    A model that predicts one step ahead is applied again and again, each forecast being the next row of its history.
    One that predicts several steps gives them at once, and if `n_steps` is more, block after block.

    Parameters
    ----------
    model : estimator
        A fitted regressor, such as RNNRegressor, or a pipeline of transformers and one, or a search over such. It was
        fitted to X and y of :func:`to_supervised`, or of the same form. Or an :class:`~skrnn.RNNRegressor` with
        ``return_sequences=True`` that was fitted to whole sequences. If it has several levels of `quantile`, forecasts
        are those of level 0.5.
    history : array-like of shape (n_rows,) or (n_rows, n_columns)
        The rows up to now, the last one being now, with the columns of X in training: the series, then those of
        `exog`. With ``return_sequences=True`` also several sequences side by side: an array (n_sequences,
        n_rows, n_columns) or a list of arrays.
    n_steps : int
        How many steps to forecast.
    exog : array-like of shape (n_steps,) or (n_steps, n_exog), default=None
        Of the rows after `history`, the columns that are not forecast; needed wherever training had some. The rows
        from the last block of forecasts on are not read and may be absent: for a model of one step the last one, for
        one that predicts `n_steps` at once all of them. A pandas index continues that of `history`; what has none is
        read as the rows that follow. For several sequences (n_sequences, n_steps, n_exog). With `groups` a DataFrame
        that holds the groups as `history` does, or an array (n_groups, n_steps, n_exog).
    known_ahead : array-like of shape (n_times, n_known), default=None
        Columns whose values are known before their time, as in :func:`to_supervised`: in all rows of `history` but the
        first, and in the steps to forecast. A column of `history` with the same name is their past. Where the index of
        `history` has no constant step, the times after its last one are those of the steps.
    static : array-like of shape (n_groups, n_static), default=None
        Columns that are the same at all times, as in :func:`to_supervised`.
    groups : str, int or array-like of shape (n_rows,), default=None
        Which series each row belongs to, where `history` holds several, of any lengths, one below the other or
        interleaved: the name of a column or of a level of the index, the position of a column, or labels, as in
        :func:`to_supervised`. All groups are forecast together: each block takes a single prediction.

    Returns
    -------
    ndarray, Series or DataFrame of shape (n_steps,) or (n_steps, n_series)
        The forecasts; 1-D for one series. A pandas history gives a Series or DataFrame with the names of the series
        and with its index continued; if this has no constant step, with that of `known_ahead` or `exog`, or with steps
        numbered from 1. Several sequences give an array (n_sequences, n_steps) or (n_sequences, n_steps, n_series).
        With `groups` the forecasts of one group after another, in order of appearance, n_groups * n_steps rows, with
        the column or level of the groups in its place. Labels that are neither become the first level of a pandas
        index.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    TypeError
        If `n_steps` is not an integer, or the model is not a regressor.
    ValueError
        If `n_steps` is less than 1; if `history` or `exog` does not match the model, or each other; if dates in the
        index of `history` decrease; if the model predicts NaN or infinity; if it predicts at each timestep and is
        bidirectional. With `groups` a message about one of them names it.

    Warns
    -----
    DataWarning
        If a history has fewer rows than the windows of the model span; if its index has no constant step, a time twice,
        or numbers that decrease.

    See Also
    --------
    forecast_interval : Forecasts with lower and upper bounds.
    backtest : Forecasts from many origins in a series, beside the truth.

    Notes
    -----
    From the second block on, the transformers of a pipeline are applied to as many rows as they look back: the sum of
    their `n_history_rows`, as :class:`~skrnn.SlidingWindow` has it. Whether they give the same from those as from the
    whole history is checked first; a transformer that looks further back without saying so gets the whole history
    each time. The final estimator gets one row, or window. In a meta-estimator around a pipeline, such as
    TransformedTargetRegressor, it gets as many as the pipeline looks back.

    With ``return_sequences=True`` the network reads the history once, and then each of its forecasts.

    If the model has a `group_column` in one of its transformers, the column is no series, and without `groups` the
    history holds one of them.

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
        raise ValueError("history has sequences of different numbers of columns, or none; expected the same in all.")
    numbered = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences])
    rows = read_rows(model, np.concatenate(sequences), exog, n_steps, numbered)
    paths = roll(model, rows, rows.timeline.lasts, n_steps)
    return paths[:, :, 0] if paths.shape[2] == 1 else paths
