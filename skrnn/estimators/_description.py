"""What is stored of an estimator in the midst of its fit, but for arrays."""

from dataclasses import dataclass, fields
from types import NoneType, UnionType
from typing import Any, Self, final, get_args, get_origin

#: Of the description and of the arrays that belong to it.
FORMAT_VERSION = 2
_MOST = 2**63  # what no count reaches


@final
@dataclass(frozen=True)
class Description:
    """Values that JSON knows; their types are those that JSON gives. Counts, which are all integers, are not negative.

    Attributes
    ----------
    format_version : int
        Of this description.
    estimator : str
        The class.
    parameters : dict
        Its parameters, as `plain` has them.
    has_random_state : bool
        Whether the parameter `random_state` is not among them but a RandomState.
    dtype : str
        Of the network.
    n_features, n_features_in : int
        Of a timestep, and of X.
    columns_are_timesteps : bool
        Whether X is 2-D.
    feature_names : str or None
        The dtype of the array of names, if there are any.
    n_target_columns : int or None
        Columns of y, if it is 2-D.
    classes : list
        The dtype of the array of classes and how many there are, or nothing.
    n_samples_seen, n_samples_seen_before : int
        With those of this run, and without.
    n_iter, n_iter_before : list
        Entries of each of the three curves, of this run and of earlier ones.
    solver : list
        Its name and learning rate, or nothing.
    twister, first_twister : list
        Where the random state stands in its keys, now and when the fit found it; whether it holds a normal number, and
        which.
    best_merits : list
        Of the best iteration, two.
    best_iteration, n_stalled : int
        Which one it was, and how many there have been since the last improvement.
    chosen : list
        Merit and loss of the iteration that callbacks want to keep, or nothing.
    merit : float or None
        What they say of the last one.
    n_scores : list
        How many scores each of those has found that score iterations.
    digest : str
        Of the data.
    """

    format_version: int
    estimator: str
    parameters: dict[str, Any]
    has_random_state: bool
    dtype: str
    n_features: int
    n_features_in: int
    columns_are_timesteps: bool
    feature_names: str | None
    n_target_columns: int | None
    classes: list[Any]
    n_samples_seen: int
    n_samples_seen_before: int
    n_iter: list[Any]
    n_iter_before: list[Any]
    solver: list[Any]
    twister: list[Any]
    first_twister: list[Any]
    best_merits: list[Any]
    best_iteration: int
    n_stalled: int
    chosen: list[Any]
    merit: float | None
    n_scores: list[Any]
    digest: str

    @property
    def has_best(self) -> bool:
        """Whether an iteration has been found better than none."""
        return self.best_merits > [-float("inf"), -float("inf")]

    @classmethod
    def read(cls, values: Any) -> Self:
        """Return the description that JSON has given.

        Raises
        ------
        ValueError
            If it is of another format, or an entry is missing, unknown, or of another type.
        """
        if not isinstance(values, dict):
            raise ValueError(f"its description is a {type(values).__name__}")
        version = values.get("format_version")
        if version != FORMAT_VERSION:
            raise ValueError(f"its format is {version!r}, and this version of skrnn reads {FORMAT_VERSION}")
        types = {field.name: field.type for field in fields(cls)}
        if set(values) != set(types):
            raise ValueError(f"its description lacks, or should not have, {sorted(set(values) ^ set(types))}")
        description = cls(**{name: checked(name, values[name], kind) for name, kind in types.items()})
        for name, kinds in _ENTRIES.items():
            checked_list(name, getattr(description, name), kinds)
        for length in description.n_scores:
            checked("n_scores", length, int)
        return description


#: The types of the entries of each list, or there may be none where the first is None.
_ENTRIES: dict[str, tuple[Any, ...]] = {
    "classes": (None, str, int),
    "n_iter": (int, int, int),
    "n_iter_before": (int, int, int),
    "solver": (None, str, float),
    "twister": (int, int, float),
    "first_twister": (int, int, float),
    "best_merits": (float, float),
    "chosen": (None, float, float),
}


def checked(name: str, value: Any, kind: Any) -> Any:
    """Return a value of the description, or raise ValueError if it is not of this type."""
    kinds = get_args(kind) if isinstance(kind, UnionType) else (get_origin(kind) or kind,)
    if type(value) not in kinds:
        expected = " or ".join("None" if one is NoneType else one.__name__ for one in kinds)
        raise ValueError(f"its {name} is of type {type(value).__name__}, not {expected}")
    if isinstance(value, int) and not 0 <= value < _MOST:
        raise ValueError(f"its {name} is no count")
    return value


def checked_list(name: str, values: list[Any], kinds: tuple[Any, ...]) -> None:
    """Raise ValueError unless the entries are of these types; None in front: or there are none."""
    may_be_empty = kinds[0] is None
    kinds = kinds[1:] if may_be_empty else kinds
    if may_be_empty and not values:
        return
    if len(values) != len(kinds):
        raise ValueError(f"its {name} has {len(values)} entries, not {len(kinds)}")
    for value, kind in zip(values, kinds, strict=True):
        checked(name, value, kind)
