"""A file from which an interrupted fit can be resumed."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import numpy as np

from skrnn._inputs._parameters import check_count
from skrnn.persistence._contents import require_storable
from skrnn.persistence._files import load, prepare, read_path, save


@final
class Checkpoint:
    """Callback that writes the estimator to a file during fit, so that an interrupted fit can be resumed.

    The file contains the estimator, as if the fit had ended at the saved iteration, and everything needed to resume the
    fit. Writing requires scikit-learn 1.9, :meth:`load` does not.

    Parameters
    ----------
    path : str or path-like
        The file, which is replaced each time.
    every : int, default=1
        Number of iterations (epochs of a stochastic solver) between writes. The last iteration is always written, also
        if the fit ends in an error or is interrupted by the user.

    Raises
    ------
    TypeError
        If a parameter has the wrong type; in `fit`, if the estimator is not one of skrnn's, or has a parameter that
        cannot be saved: anything but numbers, strings, None, lists, tuples and dicts of these, numeric arrays, and a
        RandomState.
    ValueError
        If `every` is less than 1; in `fit`, if several runs would write to the same file: the fits of a search,
        or the starts of ``n_init > 1``; and if the network has so many parameters that the file would exceed 2 GiB.
        In `fit` also, if `path` exists and is neither empty nor a checkpoint; a damaged checkpoint is replaced.
    FileNotFoundError, IsADirectoryError, PermissionError, OSError
        At the beginning of `fit`, if the folder of the file does not exist, `path` is a folder or a read-only file, or
        the file cannot be written.

    See Also
    --------
    EarlyStoppingOn : Stops a fit when a score no longer improves.

    Notes
    -----
    **Resuming.** ``Checkpoint.load(path).fit(X, y)`` with the data, weights and validation data of the interrupted fit
    continues after the saved iteration. With "adam" and "sgd" the result is the same as without interruption, bit for
    bit, on the same machine with the same versions. SciPy's methods, including "least_squares", do not expose their
    internal state: they restart at the saved parameters, and a UserWarning says so; `max_fun` limits the evaluations
    after resuming.

    **Changes.** `max_iter`, `max_fun`, `tol`, `n_iter_no_change`, `n_jobs`, `verbose` and `warm_start` may be changed
    before resuming; a change of any other parameter raises a ValueError, and so do other data: all targets, weights and
    lengths are compared, and up to 1000 of the sequences. Once `fit` has succeeded, or `partial_fit` has been called,
    the next `fit` starts from scratch. So does a clone. Callbacks are not in the file; set them again. In a pipeline,
    set a Checkpoint on the recurrent estimator, and resume that estimator on X as transformed by the steps before.

    **The file.** Links in `path` are resolved when `fit` begins; an existing file keeps its mode. Each write goes to a
    temporary file in the same folder, which is flushed to disk and renamed, so the file at `path` is always complete;
    an interrupted write leaves a file ``.<name>.<digits>.tmp``. It is an ``.npz`` archive without pickles: loading it
    never runs code from the file. Iterations with parameters that are not finite are not written.

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

    wants_run_state = True  # used by skrnn's estimators

    def __init__(self, path: str | os.PathLike[str], *, every: int = 1) -> None:
        check_count("every", every)
        self.path: Path = Path(read_path(path))
        self._file = self.path  # resolved when a fit begins
        self.every: int = int(every)
        self._ended: tuple[Any, Any] | None = None  # estimator and context of the last iteration, until it is written

    def setup(self, estimator: Any, context: Any) -> None:
        """Raise for a fit that could not be resumed.

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
                    f"path is {str(self.path)!r}, but several runs would write to it: the subtasks of "
                    f"{task.estimator_name} ({task.task_name}); expected a single fit with n_init=1, not in a search."
                )
            task = task.parent

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Write the file after `every` iterations, when the next one begins and all callbacks have been called.

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
        """Store the result of an iteration.

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
        """Write the last iteration, unless it has been written.

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
        """Return the estimator in the file, which can predict, and whose `fit` resumes the interrupted one.

        The checksum of the file is verified. Memory use is proportional to the size of the file, whatever sizes it
        declares; types and shapes of all arrays must match the parameters, which are checked as in `fit`: a corrupted
        or malicious file raises an error. (A checksum is not a signature: anyone who can write to the file can replace
        the network.)

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
            If the file is not a checkpoint, has been modified, or has another format version.
        OSError
            If the file does not exist or cannot be read.
        """
        return load(path)

    def __getstate__(self) -> dict[str, Any]:
        """Return the parameters; a copy has no iteration to write."""
        return {**self.__dict__, "_ended": None}

    def _write(self, fitted_estimator: Any, context: Any) -> None:
        """Replace the file by the estimator after the iteration of this context."""
        self._ended = None
        scores = [list(scores) for scores in getattr(context, "scores", ())]
        state = replace(fitted_estimator._run_state, merit=getattr(context, "merit", None), scores=scores)
        if all(np.isfinite(theta).all() for theta in state.thetas.values()):
            save(self._file, fitted_estimator, state)
