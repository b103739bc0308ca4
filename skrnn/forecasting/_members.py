"""The members of ensembles in a model, and how far their forecasts differ."""

from copy import copy
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrnn.forecasting._recursion import roll
from skrnn.forecasting._rows import Rows


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


def roll_members(
    model: Any, rows: Rows, origins: NDArray[np.intp], n_steps: int
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return forecasts as `roll` does, and the standard deviations of those of the members, in the same shape.

    Each member is fed with its own forecasts, so that the deviations grow with the steps.
    """
    of_members = [roll(member, rows, origins, n_steps) for member in members_of(model)]
    return roll(model, rows, origins, n_steps), np.std(of_members, axis=0)


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
