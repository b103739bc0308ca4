"""The form in which sequences came: targets are read, and answers given, in the same."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np


def is_list_of_arrays(values: Any) -> bool:
    """Tell whether `values` is a list, or a 1-D object array, of sequences that need not be of one length."""
    if isinstance(values, list | tuple):
        if any(len(getattr(entry, "shape", ())) > 0 for entry in values):
            return True
        if len(values) == 0 or not all(isinstance(entry, list | tuple) for entry in values):
            return False
        return len({len(entry) for entry in values}) > 1
    if getattr(getattr(values, "dtype", None), "kind", "") != "O" or getattr(values, "ndim", 0) != 1 or not len(values):
        return False
    return all(hasattr(entry, "__len__") and not isinstance(entry, str | bytes) for entry in values)


def as_array(values: Any) -> np.ndarray:
    """Return values as an array; beside a string, NumPy would make strings of all that a list holds, even of None."""
    array = np.asarray(values)
    if array.dtype.kind not in "US" or hasattr(values, "__array__"):
        return array
    objects = np.array(values, dtype=object)
    kind = str if array.dtype.kind == "U" else bytes
    return array if all(isinstance(value, kind) for value in objects.ravel()) else objects


def dtype_with_gaps(answers: np.ndarray) -> np.dtype:
    """Return the dtype in which these answers can stand beside NaN: float where it holds them, else object."""
    if answers.dtype.kind == "f":
        return answers.dtype
    if answers.dtype.kind in "iu" and (answers.astype(np.float64).astype(answers.dtype) == answers).all():
        return np.dtype(np.float64)
    return np.dtype(object)


@final
@dataclass(frozen=True)
class Form:
    """The form in which sequences came.

    Attributes
    ----------
    lengths : ndarray of shape (n_samples,), int
        Number of timesteps of each sequence, masked ones included.
    indicator : ndarray or list of ndarray
        A feature of every timestep, (n_samples, n_timesteps), or a list of (n_timesteps,): NaN where it is masked.
    kind : {"array", "list", "object array"}
        What holds the sequences.
    """

    lengths: np.ndarray
    indicator: Any
    kind: str

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.lengths)

    @cached_property
    def is_valid(self) -> np.ndarray:
        """Which timesteps are not masked, sequence after sequence, (n_timesteps of all,)."""
        flat = self.indicator.ravel() if self.kind == "array" else np.concatenate(self.indicator)
        return ~np.isnan(flat)

    @cached_property
    def n_valid(self) -> np.ndarray:
        """Number of timesteps of each sequence that are not masked, (n_samples,)."""
        starts = np.cumsum(self.lengths) - self.lengths
        return np.add.reduceat(self.is_valid, starts, dtype=np.intp)

    def flatten(self, values: Any, name: str) -> np.ndarray:
        """Return values that came for each timestep in columns of those that are not masked, (n_columns, ...).

        Raises
        ------
        ValueError
            If the values do not have the form of the sequences.
        """
        return (self._join(values, name) if is_list_of_arrays(values) else self._unfold(values, name))[self.is_valid]

    def _join(self, values: Any, name: str) -> np.ndarray:
        """Return the entries of a list one after another."""
        if len(values) != len(self):
            raise ValueError(f"{name} has {len(values)} entries, but there are {len(self)} sequences.")
        entries = [as_array(entry) for entry in values]
        for sample, (entry, length) in enumerate(zip(entries, self.lengths.tolist(), strict=True)):
            if entry.ndim not in (1, 2) or len(entry) != length or entry.shape[1:] != entries[0].shape[1:]:
                raise ValueError(
                    f"{name} has shape {entry.shape} in sample {sample}, whose sequence has {length} timesteps. "
                    f"Expected ({length},) or ({length}, n_outputs), with the same n_outputs in all samples."
                )
        has_strings = {entry.dtype.kind in "US" for entry in entries}
        return np.concatenate(entries, dtype=object if len(has_strings) > 1 else None)

    def _unfold(self, values: Any, name: str) -> np.ndarray:
        """Return an array (n_samples, n_timesteps, ...) with its first two axes in one."""
        array = as_array(values)
        n_timesteps = int(self.lengths[0])
        if (
            array.ndim not in (2, 3)
            or array.shape[:2] != (len(self), n_timesteps)
            or (self.lengths != n_timesteps).any()
        ):
            usual = f"({len(self)}, {n_timesteps}) or ({len(self)}, {n_timesteps}, n_outputs)"
            expected = usual if (self.lengths == n_timesteps).all() else "a list with an array for each sequence"
            raise ValueError(f"{name} has shape {array.shape}; expected {expected}, a value for each timestep.")
        return array.reshape(-1, *array.shape[2:])

    def restore(self, answers: np.ndarray) -> Any:
        """Return answers in columns, (n_columns, ...), in the form of the sequences; masked timesteps have NaN."""
        if not self.is_valid.all():
            everywhere = np.full((len(self.is_valid), *answers.shape[1:]), np.nan, dtype_with_gaps(answers))
            everywhere[self.is_valid] = answers
            answers = everywhere
        if self.kind == "array":
            return answers.reshape(len(self), -1, *answers.shape[1:])
        parts = np.split(answers, np.cumsum(self.lengths)[:-1])
        if self.kind == "list":
            return parts
        objects = np.empty(len(parts), dtype=object)
        objects[:] = parts
        return objects
