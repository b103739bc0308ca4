"""A file from which a killed fit continues."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import numpy as np

from skrnn._inputs._parameters import is_integer
from skrnn.persistence._contents import require_storable
from skrnn.persistence._files import load, prepare, save


@final
class Checkpoint:
    """Callback that writes the estimator to a file while it is being fitted, so that a killed fit can be resumed.

    The file holds an estimator that predicts as if the fit had ended at the iteration that was written, and all that
    the fit needs to continue from there. Needs scikit-learn 1.9 to write, not to :meth:`load`.

    Parameters
    ----------
    path : str or path-like
        The file, which is replaced each time.
    every : int, default=1
        Iterations (epochs of a stochastic solver) from one write to the next. The last iteration is written in any
        case, also where the fit ends in an error or an interruption by the user.

    Raises
    ------
    TypeError
        If a parameter is of a wrong type; in `fit`, if the estimator is none of skrnn's, or a subclass of one, or has a
        parameter that the file cannot hold: a function, or any other object but numbers, strings, None, lists, tuples,
        dicts and numeric arrays of them, and a RandomState.
    ValueError
        If `every` is less than 1; in `fit`, if several runs would write to the same file: the fits of a search,
        or the starts of ``n_init > 1``; and if the network has so many parameters that the file would exceed 2 GiB.
        In `fit` also, if there is something at `path` that Checkpoint has not written.
    FileNotFoundError, IsADirectoryError, PermissionError, OSError
        In `fit`, before it begins, if the file's folder does not exist, `path` is a folder itself or a read-only file,
        or no file can be written there.

    See Also
    --------
    EarlyStoppingOn : Stops a fit when a score no longer improves.

    Notes
    -----
    **What is resumed.** ``Checkpoint.load(path).fit(X, y)`` with the data, weights and validation data of the fit that
    was killed continues after the iteration that was written. With "adam" and "sgd" it ends with the same parameters
    and curves, bit for bit, as the fit would have without interruption, on the same machine with the same versions. The
    methods of SciPy ("least_squares" too) do not reveal their memory of earlier steps. They restart at the parameters
    in the file, and a UserWarning says so; `max_fun` bounds the evaluations after resuming.

    **What may change.** `max_iter`, `max_fun`, `tol`, `n_iter_no_change`, `n_jobs`, `verbose` and `warm_start` may be
    set before `fit`; another value of any other parameter is a ValueError, and so are other data: all targets, weights
    and lengths are compared, and up to 1000 of the sequences. Once `fit` has succeeded, or `partial_fit` has been
    called, the estimator is like any other, and the next `fit` starts afresh. So does a clone. Callbacks are not in the
    file; set them again. In a pipeline, set a Checkpoint on the recurrent estimator, and
    resume that estimator on what the steps before make of X.

    **The file** is that to which `path`, with all links, leads when `fit` begins; one that exists keeps its mode. It is
    written to a temporary one in the same folder, flushed to the disk and renamed: the file at `path`
    is whole at any moment; a killed write leaves a file ``.<name>.<digits>.tmp``. It is an ``.npz`` archive without
    pickles: loading it runs no code, whoever has written it. An iteration that ends at parameters which are not finite
    is not written.

    Examples
    --------
    >>> import os, tempfile, warnings
    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> from skrnn.callbacks import Checkpoint
    >>> X = np.random.default_rng(0).normal(size=(100, 8, 1))
    >>> y = X.sum(axis=(1, 2))
    >>> path = os.path.join(tempfile.mkdtemp(), "network.checkpoint")
    >>> model = RNNRegressor((4,), learning_rate_init=0.01, max_iter=12, random_state=0)
    >>> with warnings.catch_warnings(action="ignore"):  # it has not converged, as if it had been killed
    ...     model = model.set_callbacks(Checkpoint(path)).fit(X, y)
    >>> resumed = Checkpoint.load(path).set_params(max_iter=1000).fit(X, y)
    >>> uninterrupted = model.set_callbacks().set_params(max_iter=1000).fit(X, y)
    >>> resumed.n_iter_ > 12, resumed.loss_curve_ == uninterrupted.loss_curve_
    (True, True)
    >>> bool((resumed.predict(X) == uninterrupted.predict(X)).all())
    True
    """

    wants_run_state = True  # the estimators of skrnn look for it

    def __init__(self, path: str | os.PathLike[str], *, every: int = 1) -> None:
        if not is_integer(every):
            raise TypeError(f"every must be an integer, not {every!r}.")
        if every < 1:
            raise ValueError(f"every is {every}; expected a number of iterations, at least 1.")
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path is {path!r}; expected the name of a file, a string or a path.")
        if "\0" in str(path) or not str(path):
            what = "is empty" if not str(path) else "contains a NUL"
            raise ValueError(f"path is {str(path)!r}, which {what}; expected the name of a file.")
        self.path: Path = Path(path)
        self._file = self.path  # where links and the current folder lead when a fit begins
        self.every: int = int(every)
        self._ended: tuple[Any, Any] | None = None  # the last iteration, until it is written: estimator and context

    def setup(self, estimator: Any, context: Any) -> None:
        """Refuse what could not be resumed.

        Parameters
        ----------
        estimator : estimator
            The estimator that is about to be fitted.
        context : CallbackContext
            The task of its fit.
        """
        require_storable(estimator)
        self._file = prepare(self.path)
        task = context
        while task is not None:
            if not task.sequential_subtasks:
                raise ValueError(
                    f"path is {str(self.path)!r}, to which several runs would write: the subtasks of "
                    f"{task.estimator_name} ({task.task_name}); expected one fit with n_init=1, outside of a search."
                )
            task = task.parent

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Write the file after `every` iterations: when the next one begins, so that all callbacks have been called.

        Parameters
        ----------
        estimator : estimator
            The estimator that is being fitted.
        context : CallbackContext
            The task that begins.
        """
        if self._ended is not None and (self._ended[1].task_id + 1) % self.every == 0:
            self._write(*self._ended)

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> None:
        """Remember the result of an iteration.

        Parameters
        ----------
        estimator : estimator
            The estimator that is being fitted.
        context : CallbackContext
            The task that has ended.
        fitted_estimator : estimator or None
            The estimator as if its fit had ended here.
        """
        if context.max_subtasks == 0 and fitted_estimator is not None:  # an iteration
            self._ended = (fitted_estimator, context)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Write the last iteration, unless that has been done.

        Parameters
        ----------
        estimator : estimator
            The estimator that has been fitted.
        context : CallbackContext
            The task of its fit.
        """
        if self._ended is not None:
            self._write(*self._ended)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Any:
        """Return the estimator in the file, which predicts, and whose `fit` continues the one that was written.

        The file is checked against its checksum. It takes memory in proportion to its size, whatever sizes it declares;
        types and shapes of all arrays are checked against what the parameters say, and parameters as `fit` checks them:
        a file that was damaged, or made to do harm, is an error. (A checksum is no signature: whoever can write the
        file can write another network into it.)

        Parameters
        ----------
        path : str or path-like
            The file.

        Returns
        -------
        estimator : RNNRegressor or RNNClassifier
            Without callbacks.

        Raises
        ------
        ValueError
            If the file is no checkpoint, or has been changed, or is of another version of the format.
        OSError
            If there is no such file, or it cannot be read.
        """
        return load(path)

    def __getstate__(self) -> dict[str, Any]:
        """Return the parameters; a copy has nothing to write."""
        return {**self.__dict__, "_ended": None}

    def _write(self, fitted_estimator: Any, context: Any) -> None:
        """Replace the file by one that holds the estimator after the iteration of this context."""
        self._ended = None
        scores = [list(scores) for scores in getattr(context, "scores", ())]
        state = replace(fitted_estimator._run_state, merit=getattr(context, "merit", None), scores=scores)
        if all(np.isfinite(theta).all() for theta in state.thetas.values()):
            save(self._file, fitted_estimator, state)
