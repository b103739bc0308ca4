"""Forecasts of any number of steps from a fitted regressor."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn._inputs._naming import naming
from skrnn._inputs._parameters import check_count
from skrnn._inputs._tables import is_frame
from skrnn._inputs._values import refuse_masked
from skrnn.estimators._sequence_format import is_list_of_arrays
from skrnn.forecasting._models import fitted_regressor, reads_sequences
from skrnn.forecasting._recursion import roll, roll_sequences
from skrnn.forecasting._tables import Rows, read_rows, read_table


def forecast(model: Any, history: ArrayLike, n_steps: int, *, exog: ArrayLike | None = None) -> Any:
    """Forecast the `n_steps` steps after the last row of a history.

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
        read as the rows that follow. For several sequences (n_sequences, n_steps, n_exog).

    Returns
    -------
    ndarray, Series or DataFrame of shape (n_steps,) or (n_steps, n_series)
        The forecasts; 1-D for one series. A pandas history gives a Series or DataFrame with the names of the series
        and with its index continued; if this has no constant step, with that of `exog`, or with steps numbered from 1.
        Several sequences give an array (n_sequences, n_steps) or (n_sequences, n_steps, n_series).

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    TypeError
        If `n_steps` is not an integer, or the model is not a regressor.
    ValueError
        If `n_steps` is less than 1; if `history` or `exog` does not match the model, or each other; if the model
        predicts NaN or infinity; if it predicts at each timestep and is bidirectional.

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

    If the model has a `group_column` in one of its transformers, the history holds one group; the column is no series.

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
    """
    check_count("n_steps", n_steps)
    model = fitted_regressor(model)
    if reads_sequences(model) and (is_list_of_arrays(history) or np.ndim(history) == 3):
        return _forecast_sequences(model, history, exog, n_steps)
    rows = read_rows(model, read_table(history, "history"), exog, n_steps)
    return as_history(rows, roll(model, rows, range(rows.n_known - 1, rows.n_known), n_steps)[0])


def as_history(rows: Rows, path: NDArray[np.floating]) -> Any:
    """Return forecasts (n_steps, n_series) in the form of the rows they follow."""
    if not is_frame(rows.known):
        return path[:, 0] if path.shape[1] == 1 else path
    import pandas as pd

    index = rows.ahead
    if index is None or len(index) < len(path):
        index = pd.RangeIndex(1, len(path) + 1, name="step")
    frame = pd.DataFrame(path, index=index, columns=rows.known.columns[rows.series])
    return frame.iloc[:, 0] if path.shape[1] == 1 else frame


def _forecast_sequences(model: Any, history: Any, exog: Any, n_steps: int) -> NDArray[np.floating]:
    """Return forecasts from the end of each sequence, (n_sequences, n_steps) or (n_sequences, n_steps, n_series)."""
    sequences = [read_table(sequence, "history") for sequence in history]
    if len({sequence.shape[1] for sequence in sequences}) != 1:
        raise ValueError("history has sequences of different numbers of columns, or none; expected the same in all.")
    if exog is not None:
        refuse_masked(exog, "exog")
        with naming("exog", "real numbers of shape (n_sequences, n_steps, n_exog)"):
            exog = np.asarray(exog, dtype=np.float64)
        if exog.ndim != 3 or len(exog) != len(sequences) or not 0 < exog.shape[2] < sequences[0].shape[1]:
            raise ValueError(
                f"exog has shape {exog.shape}; expected (n_sequences, n_steps, n_exog), of {len(sequences)} sequences "
                f"and fewer than {sequences[0].shape[1]} columns."
            )
    paths = roll_sequences(model, sequences, exog, n_steps)
    return paths[:, :, 0] if paths.shape[2] == 1 else paths
