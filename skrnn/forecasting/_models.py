"""Properties of a fitted model: its history rows, its input, the format of its predictions, members of ensembles."""

from collections.abc import Sequence
from copy import copy
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted


def fitted_regressor(model: Any) -> Any:
    """Return the fitted model that predicts: the best one of a search, otherwise the model itself."""
    if not hasattr(model, "fit"):
        raise TypeError(f"model is {model!r}, which has no fit; expected a fitted regressor or a pipeline of one.")
    if isinstance(model, type):
        raise TypeError(f"model is {model!r}, a class; expected a fitted regressor, an instance.")
    check_is_fitted(model)
    best = getattr(model, "best_estimator_", model)
    if is_classifier(best):
        raise TypeError(
            f"model is a classifier, {type(best).__name__}; expected a regressor, since forecasts are numbers."
        )
    if not hasattr(best, "predict"):
        raise TypeError(f"model is of type {type(best).__name__}, which has no predict; expected a regressor.")
    return best


def parts(model: Any) -> list[Any]:
    """Return the model and all estimators among its parameters, at any depth, each once."""
    held = model.get_params(deep=True).values() if hasattr(model, "get_params") else ()
    return list({id(part): part for part in (model, *held) if part is model or hasattr(part, "get_params")}.values())


def n_history_rows(model: Any) -> int:
    """Return the number of rows before its own that a model uses: the sum over consecutive steps of a pipeline.

    For parallel estimators, as in an ensemble, it is the maximum.
    """
    if not hasattr(model, "get_params"):
        return 0
    held = [part for value in model.get_params(deep=False).values() for part in _estimators_in(value)]
    among = sum if hasattr(model, "steps") else max
    return int(getattr(model, "n_history_rows", 0)) + among([0, *map(n_history_rows, held)])


def _estimators_in(value: Any) -> list[Any]:
    """Return the estimators in the value of a parameter: itself, or those of a list of tuples with their names."""
    entries = value if isinstance(value, list | tuple) else [value]
    values = [part for entry in entries for part in (entry if isinstance(entry, tuple) else [entry])]
    return [part for part in values if hasattr(part, "get_params")]


def is_row_by_row(estimator: Any) -> bool:
    """Tell whether a final estimator predicts each row independently; one with transformers may contain windows."""
    return not any(hasattr(part, "transform") for part in parts(estimator)[1:])


def group_column(model: Any) -> Any:
    """Return the name or position of the group column of a transformer, or None."""
    columns = [getattr(part, "group_column", None) for part in parts(model)]
    return next((name for name in columns if name is not None), None)


def sees_column(model: Any, table: Any, position: int) -> bool:
    """Tell whether the model was fitted on tables with this group column."""
    if group_column(model) is not None:
        return True
    names = getattr(model, "feature_names_in_", None)
    if names is not None and hasattr(table, "columns"):
        return table.columns[position] in names
    return _n_columns(model, table.shape[1]) != table.shape[1] - 1


def n_leads(model: Any, names: Sequence[Any], n_columns: int, n_others: int) -> int:
    """Return for how many steps ahead the model was fitted to columns that are known ahead.

    They have `names`, empty in arrays; `n_columns` of them are there for each step, beside `n_others`.
    """
    of_model = getattr(model, "feature_names_in_", None)
    if of_model is not None and len(names):
        steps = range(1, len(of_model) + 1)
        n_steps = sum(all(f"{name}_t+{step}" in of_model for name in names) for step in steps)
        if n_steps == 0:
            raise ValueError(
                f"known_ahead has the columns {list(names)}, but the model was fitted to X with the columns "
                f"{list(of_model)}; expected known_ahead of to_supervised."
            )
        return n_steps
    n_steps, rest = divmod(_n_columns(model, n_others + n_columns) - n_others, n_columns)
    if n_steps < 1 or rest:
        raise ValueError(
            f"known_ahead has {n_columns} columns for each step, beside {n_others} others, but the model was fitted to "
            f"X with {_n_columns(model, 0)} columns; expected those of to_supervised."
        )
    return n_steps


def _n_columns(model: Any, default: int) -> int:
    """Return the number of columns on which the model was fitted, or the default if unknown."""
    if reads_sequences(model):
        return n_features_per_timestep(model)
    return int(getattr(model, "n_features_in_", default))


def reads_sequences(model: Any) -> bool:
    """Tell whether the model predicts at each timestep of sequences instead of after windows."""
    if not any(getattr(part, "return_sequences", False) is True for part in parts(model)):
        return False
    if not hasattr(model, "stream"):
        raise ValueError(
            f"model is a {type(model).__name__} around an estimator with return_sequences=True; expected that "
            "estimator itself, fitted to sequences, or return_sequences=False after windows."
        )
    if any(getattr(part, "bidirectional", False) for part in parts(model)):
        raise ValueError(
            "model has return_sequences=True and bidirectional=True; expected bidirectional=False: in training its "
            "predictions depended on later timesteps."
        )
    return True


def n_features_per_timestep(model: Any) -> int:
    """Return the number of features per timestep of a network that reads sequences, or of the first of an ensemble."""
    network = model.estimators_[0] if hasattr(model, "estimators_") else model
    return int(network.input_weights_[0].shape[1])


def quantile_levels(model: Any) -> NDArray[np.float64] | None:
    """Return the levels on the last axis of the model's predictions, or None if there is no such axis."""
    for part in parts(model):
        if getattr(part, "loss", None) == "quantile" and np.iterable(getattr(part, "quantile", None)):
            return np.asarray(part.quantile, dtype=np.float64)
    return None


def level_column(levels: NDArray[np.float64], level: float) -> int:
    """Return the index of this level on the last axis of predictions."""
    position = int(np.argmin(np.abs(levels - level)))
    if abs(levels[position] - level) > 1e-9:
        raise ValueError(f"model predicts the quantiles {levels.tolist()}; expected {level:g} among them.")
    return position


def point_forecasts(model: Any, predictions: Any, n_series: int, level: float = 0.5) -> NDArray[np.floating]:
    """Return predictions of rows, (n_rows,) or (n_rows, n_outputs), as (n_rows, n_steps, n_series).

    From quantiles, (n_rows, n_levels) or (n_rows, n_outputs, n_levels), select those of this level.
    """
    predictions = np.asarray(predictions)
    levels = quantile_levels(model)
    if levels is not None:
        predictions = predictions.reshape(len(predictions), -1, len(levels))[:, :, level_column(levels, level)]
    predictions = predictions.reshape(len(predictions), -1)
    n_outputs = predictions.shape[1]
    if n_outputs % n_series:
        raise ValueError(
            f"model predicts {n_outputs} numbers per row, but history has {n_series} columns of series; expected a "
            "multiple of the columns. If some of them are not forecast, pass their future values as exog."
        )
    if not np.isfinite(predictions).all():
        raise ValueError(
            "model predicts NaN or infinity; expected finite numbers. Check that history is in the range of training."
        )
    return predictions.reshape(len(predictions), -1, n_series)


def members_of(model: Any) -> list[Any]:
    """Return one model for each member of the ensembles in a fitted model, which it has in place of all members.

    If ensembles differ in size, as after an interrupted fit, there are as many models as members in the smallest.
    """
    n_members = min(_sizes(model), default=0)
    if n_members < 2:
        found = "no EnsembleRegressor" if n_members == 0 else "an ensemble of a single member"
        raise ValueError(
            f"method is 'ensemble', but model, of type {type(model).__name__}, has {found}; expected an "
            "EnsembleRegressor of two members or more, alone or in a pipeline, or method='conformal'."
        )
    return [_with_member(model, member) for member in range(n_members)]


def _is_ensemble(value: Any) -> bool:
    """Tell whether this is a fitted ensemble whose prediction is the mean of its members'."""
    # Not every estimator with `estimators_` averages; those that also return a standard deviation do.
    if not hasattr(value, "estimators_") or not hasattr(value, "predict"):
        return False
    return "return_std" in signature(value.predict).parameters


def _values_in(value: Any) -> list[Any]:
    """Return what an estimator, or a list, tuple or dictionary of estimators, holds."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, dict):
        return list(value.values())
    return list(vars(value).values()) if hasattr(value, "get_params") and not isinstance(value, type) else []


def _sizes(value: Any) -> list[int]:
    """Return the number of members of each ensemble in an estimator."""
    if _is_ensemble(value):
        return [len(value.estimators_)]
    return [size for part in _values_in(value) for size in _sizes(part)]


def _with_member(value: Any, member: int) -> Any:
    """Return a shallow copy of an estimator in which this member replaces each ensemble; itself if it has none."""
    if _is_ensemble(value):
        return value.estimators_[member]
    held = _values_in(value)
    replaced = [_with_member(part, member) for part in held]
    if all(new is old for new, old in zip(replaced, held, strict=True)):
        return value
    if isinstance(value, list | tuple):
        return type(value)(replaced)
    changed = copy(value)
    (changed if isinstance(value, dict) else vars(changed)).update(
        zip(value if isinstance(value, dict) else vars(value), replaced, strict=True)
    )
    return changed
