"""Early stopping on any of scikit-learn's scorers, on any data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from sklearn.metrics import check_scoring

from skrnn._inputs._messages import warn
from skrnn._inputs._parameters import check_at_least, check_both_or_neither, check_count, is_number


@final
class EarlyStoppingOn:
    """Callback that stops a fit when a score no longer improves, and keeps the parameters of the best iteration.

    The parameter `early_stopping` of the estimators uses their own `score` on held-out data; this callback uses any
    scorer. Requires scikit-learn 1.9.

    Parameters
    ----------
    scoring : str or callable
        Name of a scikit-learn scorer, or a scorer ``scorer(estimator, X, y)``; greater is better. With
        `return_sequences`, use :func:`~skrnn.metrics.make_sequence_scorer`.
    X : array-like, default=None
        Sequences to score, in any format that `predict` accepts. None: those passed to `fit`, with its y and sample
        weights.
    y : array-like, default=None
        Their targets, required with `X`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples of `X`, passed to the scorer if given.
    n_iter_no_change : int, default=10
        Number of consecutive iterations without improvement after which the fit stops.
    tol : float, default=1e-4
        Minimum change of the score that counts as an improvement.
    keep_best : bool, default=True
        Whether the estimator keeps the parameters of the iteration with the best score, or of the last one.

    Attributes
    ----------
    scores_ : list of float
        The score after each iteration of the last fit that has ended in this process; with several starts (`n_init`),
        of the start with the best score.
    best_score_ : float
        The greatest of `scores_` that is not NaN; NaN if there is none.

    Raises
    ------
    TypeError
        If a parameter has the wrong type.
    ValueError
        If a parameter has an invalid value, or only one of X and y is given.

    See Also
    --------
    Checkpoint : Writes a file from which an interrupted fit can be resumed.
    skrnn.metrics.make_sequence_scorer : Makes a scorer for targets at every timestep.

    Notes
    -----
    A fit stopped by the callback counts as converged: there is no warning, unless every score is NaN. The curves
    contain all iterations, `loss_` is that of the iteration that is kept. With several starts the one with the best
    score is kept. If the estimator's own `early_stopping` is also set, either may stop the fit, and the parameters that
    are scored and kept are the best so far by its validation score. With several of these callbacks with `keep_best` on
    one estimator, the last one determines what is kept.

    Iterations without improvement are counted separately for each fit and each start. Clones share the callback, as all
    callbacks in scikit-learn: in a search or cross-validation it works in each fit, on the same `X` (or on the training
    part of each split, if that is None), but only keeps the scores of the last fit. Scores in worker processes are
    lost: after :class:`~sklearn.model_selection.GridSearchCV` it has those of the refit, after several starts with
    ``n_jobs=2`` none. :class:`~sklearn.callback.ScoringMonitor` collects all scores.

    In a pipeline, set it on the recurrent estimator; `X` must then be transformed by the steps before.

    A fit that is resumed from a :class:`Checkpoint` continues with the scores, the count of iterations without
    improvement and the best iteration of the interrupted fit, if callbacks of this kind are set in the same order. A
    fit that one of them had already stopped is not continued, unless its `n_iter_no_change` is increased.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> from skrnn.callbacks import EarlyStoppingOn
    >>> X = np.random.default_rng(0).normal(size=(300, 8, 1))
    >>> y = X[:, -1, 0] * X[:, -2, 0]
    >>> stopping = EarlyStoppingOn("neg_mean_absolute_error", X[200:], y[200:], n_iter_no_change=5)
    >>> model = RNNRegressor((8,), solver="lbfgs", alpha=0.0, max_iter=1000, random_state=0)
    >>> model = model.set_callbacks(stopping).fit(X[:200], y[:200])
    >>> model.n_iter_ == len(stopping.scores_) < 1000
    True
    >>> error = np.abs(model.predict(X[200:]) - y[200:]).mean()
    >>> bool(np.isclose(error, -stopping.best_score_))
    True
    """

    def __init__(
        self,
        scoring: str | Callable[..., float],
        X: Any = None,
        y: Any = None,
        *,
        sample_weight: Any = None,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        keep_best: bool = True,
    ) -> None:
        if not isinstance(scoring, str) and not callable(scoring):
            raise TypeError(f"scoring is {scoring!r}; expected the name of a scorer, or a callable scorer.")
        check_both_or_neither(X, y, sample_weight)
        check_count("n_iter_no_change", n_iter_no_change)
        check_at_least("tol", tol, 0)
        self.scoring = scoring
        self.X = X
        self.y = y
        self.sample_weight = sample_weight
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.keep_best = keep_best
        self._scorer = check_scoring(scoring=scoring)
        self._runs: dict[tuple[Any, ...], _Run] = {}  # of the fits in progress
        self._ended: list[_Run] = []

    @property
    def scores_(self) -> list[float]:
        """The score after each iteration."""
        return self._best_run().scores

    @property
    def best_score_(self) -> float:
        """The greatest score, or NaN if all are."""
        return max((score for score in self._best_run().scores if not np.isnan(score)), default=np.nan)

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing: a run is created at its first iteration, or when a resumed fit begins.

        Parameters
        ----------
        estimator : estimator
            The estimator that is about to be fitted.
        context : CallbackContext
            The task of its fit.
        """

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Continue with the scores of an interrupted fit, and tell it whether it had already been stopped.

        Parameters
        ----------
        estimator : estimator
            The estimator that is being fitted.
        context : CallbackContext
            The task that begins.
        """
        unfinished = getattr(estimator, "_unfinished", None)
        earlier = getattr(context, "scores", [])  # of callbacks of this kind before this one
        if context.max_subtasks == 0 or unfinished is None or len(earlier) >= len(unfinished.scores):
            return
        run = self._runs[_path(context)] = _Run()
        for score in unfinished.scores[len(earlier)]:
            run.add(score, self.tol)
        context.scores = [*earlier, run.scores]
        if run.n_stalled > self.n_iter_no_change:
            context.has_ended = True  # tells skrnn's estimators that no iteration follows

    def on_fit_task_end(
        self,
        estimator: Any,
        context: Any,
        *,
        X: Any = None,
        y: Any = None,
        metadata: dict[str, Any] | None = None,
        fitted_estimator: Any = None,
    ) -> bool:
        """Score an iteration, and return whether to stop.

        Parameters
        ----------
        estimator : estimator
            The estimator that is being fitted.
        context : CallbackContext
            The task that has ended.
        X, y : array-like
            As passed to `fit`.
        metadata : dict or None
            The sample weights passed to `fit`.
        fitted_estimator : estimator or None
            The estimator as if its fit had ended here.

        Returns
        -------
        stop : bool
            Whether the score has not improved for long enough.
        """
        if context.max_subtasks != 0 or fitted_estimator is None:  # not an iteration
            return False
        if self.X is not None:
            X, y = self.X, self.y
            metadata = None if self.sample_weight is None else {"sample_weight": self.sample_weight}
        try:
            score = self._scorer(fitted_estimator, X, y, **(metadata or {}))
        except ValueError as error:
            if not getattr(fitted_estimator, "return_sequences", False):
                raise
            raise ValueError(
                f"scoring is {self.scoring!r}, which failed: {error} Targets at every timestep require a scorer of "
                "skrnn.metrics.make_sequence_scorer."
            ) from error
        if not is_number(score):
            raise TypeError(f"scoring is {self.scoring!r}, which returned {score!r}; expected a number.")
        earlier = getattr(context, "scores", [])  # of callbacks of this kind before this one
        run = self._runs.setdefault(_path(context.parent), _Run())
        run.add(float(score), self.tol)
        context.scores = [*earlier, run.scores]  # for checkpoints
        if self.keep_best:
            context.merit = float(score)  # by which skrnn's estimators choose the iteration to keep
        return run.n_stalled > self.n_iter_no_change

    def teardown(self, estimator: Any, context: Any) -> None:
        """Store the scores of the fit that has ended.

        Parameters
        ----------
        estimator : estimator
            The estimator that has been fitted.
        context : CallbackContext
            The task of its fit.
        """
        fit = _path(context)
        self._ended = [self._runs.pop(path) for path in list(self._runs) if path[: len(fit)] == fit]
        if self._ended and np.isnan([score for run in self._ended for score in run.scores]).all():
            warn(f"scoring is {self.scoring!r}, which returned NaN after every iteration; expected numbers.")

    def _best_run(self) -> "_Run":
        """Return the best-scoring run of the last fit."""
        if not self._ended:
            raise AttributeError("This EarlyStoppingOn has not scored any fit that has ended in this process.")
        return max(self._ended, key=lambda run: run.best)


@final
@dataclass
class _Run:
    """The scores of a run, the best score, and the number of consecutive iterations without improvement."""

    scores: list[float] = field(default_factory=list)
    best: float = -np.inf
    n_stalled: int = 0

    def add(self, score: float, tol: float) -> None:
        """Record the score of an iteration; NaN and negative infinity are not an improvement."""
        self.scores.append(score)
        self.n_stalled = 0 if score > -np.inf and score >= self.best + tol else self.n_stalled + 1
        self.best = score if score > self.best else self.best


def _path(context: Any) -> tuple[Any, ...]:
    """Return a unique key of a task, also across worker processes: its ids, beginning with the outermost task."""
    ids: list[Any] = []
    task = context
    while task is not None:
        ids.append(task.task_id)
        task = task.parent
    return (context.root_uuid, *reversed(ids))
