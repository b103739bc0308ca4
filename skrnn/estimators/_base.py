"""What RNNRegressor and RNNClassifier share: fit is validate, build, solve, store."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, Self, cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skrnn.estimators._build import choose_batch_size, make_network
from skrnn.estimators._callbacks import CallbackSupportMixin, Method, Task, begin_fit, with_callbacks
from skrnn.estimators._columns import make_data, read_columns
from skrnn.estimators._data import Data
from skrnn.estimators._fitted import fitted_dtype, read_theta, store_theta
from skrnn.estimators._forms import Form
from skrnn.estimators._inputs import naming
from skrnn.estimators._parallel import worker_map
from skrnn.estimators._run_state import RunState
from skrnn.estimators._stream import Stream
from skrnn.estimators._training import Outcome, Start, Training, warn_of
from skrnn.estimators._validation import (
    check_parameters,
    read_dtype,
    read_numeric,
    read_random_state,
    read_sequences,
)
from skrnn.losses import Loss
from skrnn.network._inference import hidden_states, outputs
from skrnn.network._network import Network
from skrnn.sequences._ragged import in_parts
from skrnn.sequences._targets import Targets
from skrnn.solvers import UPDATE_RULES


def _is_stochastic(estimator: "BaseRNN") -> bool:
    """Tell `available_if` whether the solver can go on from batch to batch, or raise the reason why not."""
    if estimator.solver not in UPDATE_RULES:
        expected = " or ".join(repr(name) for name in UPDATE_RULES)
        raise AttributeError(f"partial_fit needs solver={expected}, not {estimator.solver!r}")
    return True


def _unchanged_on_error(fit: Method) -> Method:
    """Let an estimator be what it was before where `fit` ends in an error. Fitted arrays are never changed in place."""

    @wraps(fit)
    def unchanged_on_error(estimator: "BaseRNN", *arguments: Any, **keywords: Any) -> Any:
        before = vars(estimator).copy()
        try:
            return fit(estimator, *arguments, **keywords)
        except BaseException:
            estimator.__dict__ = before
            raise

    return cast(Method, unchanged_on_error)


class BaseRNN(CallbackSupportMixin, BaseEstimator, ABC):
    """A recurrent network behind scikit-learn's interface.

    `fit` validates what came, builds network and objective, hands them to a solver, and stores what it found in public
    attributes. These are the truth: `predict` and a warm start read theta from them.
    """

    loss_curve_: list[float]
    loss_curves_: list[list[float]]
    validation_loss_curve_: list[float] | None
    validation_scores_: list[float] | None
    t_: int
    _solver_state: list[Any]  # of a stochastic solver, from which partial_fit goes on
    _rng_state: list[Any]
    _unfinished: RunState | None = None  # set where a checkpoint is loaded, from which fit goes on

    def __init__(
        self,
        *,
        cell: str,
        hidden_layer_sizes: Any,
        activation: str,
        bidirectional: bool,
        return_sequences: bool,
        dropout: float,
        recurrent_dropout: float,
        bptt_steps: int | None,
        solver: str,
        alpha: float,
        batch_size: int | str,
        learning_rate: str,
        learning_rate_init: float | str,
        power_t: float,
        max_iter: int,
        shuffle: bool,
        random_state: Any,
        tol: float,
        verbose: bool,
        warm_start: bool,
        momentum: float,
        nesterovs_momentum: bool,
        early_stopping: bool,
        validation_fraction: float,
        validation_split: str,
        beta_1: float,
        beta_2: float,
        epsilon: float,
        n_iter_no_change: int,
        max_fun: int,
        n_init: int,
        max_grad_norm: float | None,
        solver_options: dict[str, Any] | None,
        n_timesteps: int | None,
        dtype: str | None,
        n_jobs: int | None,
    ) -> None:
        self.cell = cell
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.bidirectional = bidirectional
        self.return_sequences = return_sequences
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.bptt_steps = bptt_steps
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.validation_split = validation_split
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.n_init = n_init
        self.max_grad_norm = max_grad_norm
        self.solver_options = solver_options
        self.n_timesteps = n_timesteps
        self.dtype = dtype
        self.n_jobs = n_jobs

    # What differs between a regressor and a classifier

    @abstractmethod
    def _read_y(self, y: Any, n_samples: int, name: str) -> np.ndarray:
        """Return the targets as an array, (n_columns,) or (n_columns, n_outputs)."""

    @abstractmethod
    def _learn_targets(self, y: np.ndarray, classes: Any, *, incremental: bool) -> None:
        """Store the form of the targets: their dimensions, or their classes, which `partial_fit` is given."""

    @abstractmethod
    def _encode(self, y: np.ndarray, name: str) -> np.ndarray:
        """Return targets of the learnt form as the loss takes them, (n_outputs, n_columns) of float64."""

    def _check_classes(self, classes: Any) -> None:
        """Raise unless `classes`, where given, are those that were learnt."""

    def _require_all_classes(self, y: np.ndarray) -> None:
        """Raise unless each of the classes that were learnt is in the targets, whose classes are all known."""

    @abstractmethod
    def _answers_of_raw(self) -> dict[str, Any]:
        """Return, for each method that predicts, the function from raw outputs, (n_outputs, n_columns), to answers."""

    @abstractmethod
    def _make_loss(self) -> Loss:
        """Return the loss, which may depend on the form of the targets."""

    def _weigh_classes(self, targets: Targets) -> np.ndarray | None:
        """Return the targets' weights, (n_columns,), times those of their classes where classes have one."""
        return targets.weights

    def _target_statistics(self, targets: Targets) -> tuple[np.ndarray, np.ndarray]:
        """Return location and scale, each (n_outputs,), to which the targets are standardised for training."""
        return np.zeros(len(targets.values)), np.ones(len(targets.values))

    def _strata(self, data: Data) -> np.ndarray | None:
        """Return labels, (n_samples,), whose shares a random validation split keeps."""
        return None

    # Training

    @_unchanged_on_error
    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Fit the network to sequences X and targets y.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns), or list of arrays
            Sequences of equal length; a table whose columns `n_timesteps` folds into timesteps; or a list, or 1-D
            object array, of arrays (n_timesteps, n_features) of any lengths, in which one of shape (n_timesteps,) has
            one feature. A timestep that is NaN in every feature is masked: the state passes it unchanged, it has no
            output and needs no target.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets: numbers for the regressor; class labels, or several yes-or-no labels, for the classifier. With
            `return_sequences` a target for each timestep: (n_samples, n_timesteps), (n_samples, n_timesteps,
            n_outputs), or a list of arrays (n_timesteps,) or (n_timesteps, n_outputs). One that is NaN (in an object
            array also None) is missing, and counts for nothing.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0. A weight of 0 is the sample left out; a weight of 2 is, for a method of SciPy and wherever
            a batch holds all samples, the sample twice. With `return_sequences` also a weight for each timestep, in
            the form of y.
        X_val : array-like like X, default=None
            Validation sequences: for `validation_loss_curve_` and, with `early_stopping`, in place of a split.
        y_val : array-like like y, default=None
            Validation targets, needed with `X_val`.
        sample_weight_val : array-like of shape (n_samples_val,), default=None
            Weights of the validation samples.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter has a wrong value, if X, y or the weights have a wrong shape or contain what cannot be
            read, or if the solver diverges. The estimator is then what it was before; a RandomState that it shares may
            have moved on.
        TypeError
            If a parameter or X is of a wrong type.
        """
        check_parameters(self)
        resume = self.warm_start and hasattr(self, "readout_weights_")
        task = self._begin_task(X, y, sample_weight, 1 if resume or self._unfinished else self.n_init)
        data = self._read_data(X, y, sample_weight, reset=not resume)
        rng = self._unfinished.first_rng(self) if self._unfinished else read_random_state(self.random_state)
        first_rng_state = rng.get_state()
        validation = self._read_validation(X_val, y_val, sample_weight_val, data.sequences.n_features)
        if validation is None and self.early_stopping:
            strata = self._strata(data) if self.validation_split == "random" else None
            of_whom = "samples" if strata is None else "samples of every class"
            with naming("validation_fraction", f"a share that leaves {of_whom} on both sides, or X_val and y_val"):
                data, validation = data.hold_out(self.validation_fraction, self.validation_split, strata, rng)
        data = data.weighted(self._weigh_classes(data.targets))  # for training only: the score counts all alike
        dtype = self._choose_dtype(data)
        data = replace(data, sequences=read_dtype(data.sequences, dtype, "X"))
        batch_size = choose_batch_size(self, len(data), stacklevel=5)
        if batch_size == len(data) and not self.dropout and not self.recurrent_dropout:
            data = data.merge_duplicates()  # not where each sample drops units of its own
        statistics = self._target_statistics(data.targets)
        training = Training(
            self, data, validation, *statistics, dtype, batch_size, self.max_iter, first_rng_state, task
        )
        self._train(training, self._starts(training, rng, resume=resume))
        return self

    def _begin_task(self, X: Any, y: Any, sample_weight: Any, n_starts: int) -> Task | None:
        """Tell callbacks, if any, that a fit begins, whose subtasks are iterations, or starts in any order."""
        is_single = n_starts == 1
        n_left = self.max_iter - (self._unfinished.n_iter if self._unfinished else 0)
        n_subtasks = max(1, n_left) if is_single else n_starts
        metadata = {"sample_weight": sample_weight}
        return begin_fit(self, X, y, metadata, max_subtasks=n_subtasks, sequential_subtasks=is_single)

    def _starts(self, training: Training, rng: np.random.RandomState, *, resume: bool) -> list[Start]:
        """Return where to begin: where a checkpoint left off, at the fitted parameters, or anew."""
        if self._unfinished:
            return [training.resumed_start(rng, self._unfinished)]
        return [training.fitted_start(rng, [])] if resume else training.fresh_starts(rng)

    @available_if(_is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Update the network by one epoch over the given data.

        The first call decides on the location and scale of the targets (`normalize_y`); later calls keep them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns), or list of arrays
            Sequences, as in `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as in `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        self : object
            The estimator, an epoch further.

        Raises
        ------
        ValueError, TypeError
            As `fit` does; also where `early_stopping` is set, for which one batch is not enough.
        """
        return self._partial_fit(X, y, sample_weight)

    @_unchanged_on_error
    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        """Train for one epoch, from where the last one left parameters, solver and random state."""
        check_parameters(self)
        if self.early_stopping:
            raise ValueError("early_stopping is True, but partial_fit cannot stop early; set it to False.")
        resume = hasattr(self, "readout_weights_")
        if self.n_init > 1 and not resume:
            raise ValueError(f"n_init is {self.n_init}, but partial_fit has a single start; set it to 1.")
        data = self._read_data(X, y, sample_weight, reset=not resume, classes=classes, incremental=True)
        rng = read_random_state(self.random_state)
        if resume:
            statistics = (self._target_location, self._target_scale)
            rng = self._restored_rng(rng)
        else:
            statistics = self._target_statistics(data.targets)
        data = data.weighted(self._weigh_classes(data.targets))
        dtype = fitted_dtype(self) if resume else self._choose_dtype(data)
        batch_size = choose_batch_size(self, len(data), stacklevel=5)
        training = Training(self, data, None, *statistics, dtype, batch_size, max_iter=1)
        starts = [training.fitted_start(rng, self._solver_state)] if resume else training.fresh_starts(rng)
        self._train(training, starts, warns=False)
        return self

    def _train(self, training: Training, starts: list[Start], *, warns: bool = True) -> None:
        """Let the solver work from each start, and store what the best run has found."""
        best, outcomes = training.best_run(starts)
        self._store(training.network, training.location, training.scale, best, outcomes)
        self.__dict__.pop("_unfinished", None)
        if warns:
            warn_of(best, outcomes, len(starts), stacklevel=6)
        if training.task is not None:
            training.task.end(dict)  # the estimator itself is fitted: no attribute need be added

    def _store(
        self, network: Network, location: np.ndarray, scale: np.ndarray, best: Outcome, outcomes: list[Outcome]
    ) -> None:
        """Store what the best run has found for targets of this location and scale, each (n_outputs,), and curves."""
        store_theta(self, network, best.theta, location, scale)
        self.loss_ = best.loss
        self._target_location, self._target_scale = location, scale
        self._solver_state, self._rng_state = best.solver_state, best.rng_state
        self.t_ = best.n_samples_seen
        self.loss_curves_ = [outcome.loss_curve for outcome in outcomes]
        self.loss_curve_ = list(best.loss_curve)
        self.best_loss_ = min(self.loss_curve_, default=np.nan)
        self.n_iter_ = len(self.loss_curve_)
        self.validation_loss_curve_ = best.validation_loss_curve or None
        self.validation_scores_ = best.validation_scores or None
        self.best_validation_score_ = max(self.validation_scores_ or [], default=None)

    def _choose_dtype(self, data: Data) -> np.dtype:
        """Return the dtype that the parameter asks for, or that of X."""
        is_float32 = data.sequences.rows.dtype.str[1:] == "f4"  # of either byte order
        return np.dtype(self.dtype or (np.float32 if is_float32 else np.float64))

    def _restored_rng(self, rng: np.random.RandomState) -> np.random.RandomState:
        """Return the random state as the last epoch left it; one that the user shares goes on by itself."""
        if not isinstance(self.random_state, np.random.RandomState):
            rng = np.random.RandomState()
            name, *numbers = self._rng_state
            rng.set_state((name, *numbers))
        return rng

    # Reading data

    def _read_data(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, classes: Any = None, incremental: bool = False
    ) -> Data:
        """Return the data that count for training, and learn (`reset`) or check their form."""
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        n_features = None if reset else self.input_weights_[0].shape[1]
        sequences, form = read_sequences(self, X, reset=reset, n_features=n_features)
        columns = read_columns(self, y, sample_weight, form, "y", "sample_weight")
        if reset:
            self._learn_targets(columns.counted(), classes, incremental=incremental)
        else:
            self._check_classes(classes)
        data = make_data(self, sequences, columns, needs_all_outputs=reset or not incremental)
        if not (reset or incremental):
            self._require_all_classes(columns.counted())
        return data

    def _read_validation(self, X: Any, y: Any, sample_weight: Any, n_features: int) -> Data | None:
        """Return the validation data, if any, in the form that the training data have."""
        if X is None and y is None:
            if sample_weight is not None:
                raise ValueError("sample_weight_val is given, but X_val is None; expected both or neither.")
            return None
        if X is None or y is None:
            missing, given = ("X_val", "y_val") if X is None else ("y_val", "X_val")
            raise ValueError(f"{missing} is None, but {given} is given; expected both or neither.")
        sequences, form = read_sequences(self, X, reset=False, n_features=n_features, name="X_val")
        return make_data(self, sequences, read_columns(self, y, sample_weight, form, "y_val", "sample_weight_val"))

    # Prediction

    def _predict_raw(self, X: Any) -> tuple[np.ndarray, Form]:
        """Return the raw outputs, (n_outputs, n_columns), and the form in which X came."""
        return self._infer(X, outputs)

    def hidden_states(self, X: Any) -> Any:
        """Return the hidden states of the top layer after each timestep.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns), or list of arrays
            Sequences, as in `fit`.

        Returns
        -------
        states : ndarray of shape (n_samples, n_timesteps, n_units) or list of ndarray of shape (n_timesteps, n_units)
            In the form of X, of the dtype in which the network was fitted; NaN at masked timesteps. `n_units` is the
            size of the top layer, or if `bidirectional` twice that: the states of the pass from the beginning, then
            those of the pass from the end. That one ends at the first timestep: without `return_sequences` the readout
            sees the first half of the last timestep's states, and the second half of the first's.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be read.
        """
        states, form = self._infer(X, hidden_states, return_sequences=True)
        return form.restore(states.T)

    def _infer(
        self, X: Any, infer: Callable[..., np.ndarray], return_sequences: bool | None = None
    ) -> tuple[np.ndarray, Form]:
        """Return what `infer` makes of the network and the sequences X, and the form in which X came."""
        check_is_fitted(self)
        check_parameters(self)
        n_features = self.input_weights_[0].shape[1]
        read, form = read_numeric(self, X, reset=False, n_features=n_features)
        network = make_network(self, n_features, self.n_outputs_, return_sequences)
        dtype = fitted_dtype(self)
        theta = read_theta(self, network.layout, np.zeros(self.n_outputs_), np.ones(self.n_outputs_), dtype)
        with worker_map(self.n_jobs) as map_chunks:
            parts = [infer(network, theta, read_dtype(part, dtype, "X"), map_chunks) for part in in_parts(read)]
        answers = np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
        self._warn_unless_finite(answers, stacklevel=5)
        return answers, form

    def _warn_unless_finite(self, answers: np.ndarray, stacklevel: int) -> None:
        """Warn where the network is asked for what it cannot answer."""
        if not np.isfinite(answers).all():
            message = f"{type(self).__name__} answers with numbers that are not finite: X is out of its range."
            warnings.warn(message, RuntimeWarning, stacklevel=stacklevel)

    def _answer(self, predictions: np.ndarray, form: Form) -> Any:
        """Return predictions in columns, (n_columns, ...), in the form in which X came."""
        return form.restore(predictions) if self.return_sequences else predictions

    def stream(self, n_sequences: int = 1) -> Stream:
        """Return an object that predicts timestep after timestep, with the state in between made explicit.

        Parameters
        ----------
        n_sequences : int, default=1
            How many sequences run side by side.

        Returns
        -------
        stream : Stream
            Its states begin with zeros. It has a copy of the parameters: a later `fit` does not change it.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError
            If it is bidirectional: its outputs depend on timesteps that are still to come.
        """
        check_is_fitted(self)
        check_parameters(self)
        if self.bidirectional:
            raise ValueError(
                "bidirectional is True, but a stream needs False: the pass from the end of a sequence cannot begin "
                "before its last timestep is there."
            )
        network = make_network(self, self.input_weights_[0].shape[1], self.n_outputs_)
        dtype = fitted_dtype(self)
        theta = read_theta(self, network.layout, np.zeros(self.n_outputs_), np.ones(self.n_outputs_), dtype)
        return Stream(network, theta, n_sequences, self._answers_of_raw())

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags
