"""The base class of RNNRegressor and RNNClassifier: fit reads parameters, input and targets, trains, and stores."""

from abc import ABC
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skrnn._inputs._frames import warn_unless_aligned
from skrnn._inputs._messages import settings_unchanged_on_error, warn
from skrnn._inputs._parameters import check_both_or_neither, read_random_state
from skrnn.estimators._callbacks import CallbackSupportMixin, Task, begin_fit, with_callbacks
from skrnn.estimators._feature_scaling import FeatureScaling
from skrnn.estimators._fit_warnings import (
    warn_if_features_are_far,
    warn_if_nothing_was_learnt,
    warn_if_targets_are_far,
    warn_of_end,
)
from skrnn.estimators._fitted_attributes import RunState, fitted_dtype, read_fitted
from skrnn.estimators._interruption import threads_unchanged_on_error, unchanged_on_error
from skrnn.estimators._parameters import check_parameters, choose_batch_size, choose_max_iter
from skrnn.estimators._sequence_format import SequenceFormat
from skrnn.estimators._stream import Stream
from skrnn.estimators._target_encoder import TargetEncoder
from skrnn.estimators._training import Training
from skrnn.estimators._training_data import TrainingData
from skrnn.exceptions import DataWarning
from skrnn.network._inference import hidden_states, outputs
from skrnn.parallel._workers import worker_map
from skrnn.solvers._registry import UPDATE_RULES


def is_stochastic(estimator: "BaseRNN") -> bool:
    """Tell `available_if` whether the solver supports partial_fit, or raise an error that says why not."""
    if estimator.solver not in UPDATE_RULES:
        expected = " or ".join(repr(name) for name in UPDATE_RULES)
        raise AttributeError(f"partial_fit requires solver={expected}, not {estimator.solver!r}")
    return True


class BaseRNN(CallbackSupportMixin, BaseEstimator, ABC):
    """A recurrent network behind scikit-learn's interface.

    `fit` validates its input, builds network and objective, runs a solver, and stores the result in public attributes,
    which are the only copy: `predict` and warm starts read theta from them.
    """

    loss_curve_: list[float]
    loss_curves_: list[list[float]]
    validation_loss_curve_: list[float] | None
    validation_scores_: list[float] | None
    t_: int
    _solver_state: list[Any]  # of a stochastic solver, for partial_fit
    _rng_state: list[Any]
    _feature_location: np.ndarray | None = None  # of scaled features, otherwise None
    _feature_scale: np.ndarray | None = None
    pooling: str = "last"  # for models saved by an earlier version
    normalize_X: bool = False  # noqa: N815 - for these too
    _pooling: str = "last"  # with which the network was fitted
    _bias_remainders: list[np.ndarray]  # rounding errors of the lowest layer's biases
    _unfinished: RunState | None = None  # set when a checkpoint is loaded, which fit resumes
    _encoder_type: ClassVar[type[TargetEncoder]]  # the only difference between regressor and classifier

    # Training

    @unchanged_on_error
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
            Sequences of equal length; a table whose columns are folded into timesteps (`n_timesteps`); or a list, or
            1-D object array, of arrays (n_timesteps, n_features) of any lengths, or (n_timesteps,) for one feature. A
            timestep that is NaN in every feature is masked: it leaves the state unchanged, has no output and needs no
            target.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets: numbers for the regressor; class labels, or several yes-or-no labels, for the classifier. With
            `return_sequences` one target per timestep: (n_samples, n_timesteps), (n_samples, n_timesteps, n_outputs),
            or a list of arrays (n_timesteps,) or (n_timesteps, n_outputs). A target that is NaN (in an object array
            also None) is missing and does not count.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0. A weight of 0 is equivalent to leaving the sample out. With SciPy's methods, and whenever a
            batch contains all samples, a weight of 2 is equivalent to repeating the sample. With `return_sequences`
            also one weight per timestep, in the format of y.
        X_val : array-like like X, default=None
            Validation sequences: for `validation_loss_curve_` and, with `early_stopping`, instead of a split.
        y_val : array-like like y, default=None
            Validation targets, required with `X_val`.
        sample_weight_val : array-like of shape (n_samples_val,), default=None
            Weights of the validation samples.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter has an invalid value, if X, y or the weights have an invalid shape or content, or if the
            solver diverges. The estimator is then unchanged, except that a shared RandomState may have advanced.
        TypeError
            If a parameter or X has an invalid type.
        """
        check_parameters(self)
        resumes = self.warm_start and hasattr(self, "readout_weights_")
        max_iter = choose_max_iter(self)
        task = self._begin_task(X, y, sample_weight, 1 if resumes or self._unfinished else self.n_init, max_iter)
        encoder, data = self._read_data(X, y, sample_weight, learns=not resumes)
        validation = self._read_validation(encoder, X_val, y_val, sample_weight_val, data.sequences.n_features)
        rng = self._unfinished.first_rng(self) if self._unfinished else read_random_state(self.random_state)
        first_rng_state = rng.get_state()
        if validation is None and self.early_stopping:
            strata = encoder.strata(data.targets) if self.validation_split == "random" else None
            data, validation = data.hold_out(self.validation_fraction, self.validation_split, strata, rng)
        data = data.weighted(encoder.training_weights(data.targets))  # for training, not for scores
        dtype = self._choose_dtype(data)
        scaling, data = self._scaled(data, dtype, resumes)
        validation = None if validation is None else validation.scaled(scaling, dtype, "X_val")
        batch_size = choose_batch_size(self, len(data))
        if batch_size == len(data) and not self.dropout and not self.recurrent_dropout:
            data = data.merge_duplicates()  # not with dropout, which differs between samples
        encoder = encoder.standardise(data.targets)
        training = Training(self, scaling, encoder, data, validation, batch_size, max_iter, first_rng_state, task)
        if self._unfinished:
            runs = [training.resumed_run(rng, self._unfinished)]
        else:
            runs = [training.continued_run(rng)] if resumes else training.fresh_runs(rng)
        best, outcomes = training.best_outcome(runs)
        training.store(self, best, outcomes)
        self.__dict__.pop("_unfinished", None)
        warn_of_end(best, outcomes, len(runs))
        warn_if_nothing_was_learnt(training, best)
        if task is not None:
            task.end(dict)  # the estimator itself is fitted: no attributes to add
        return self

    def _begin_task(self, X: Any, y: Any, sample_weight: Any, n_starts: int, max_iter: int) -> Task | None:
        """Notify callbacks, if any, of a fit whose subtasks are iterations, or starts in any order."""
        is_single = n_starts == 1
        n_left = max_iter - (self._unfinished.n_iter if self._unfinished else 0)
        n_subtasks = max(1, n_left) if is_single else n_starts
        metadata = {"sample_weight": sample_weight}
        return begin_fit(self, X, y, metadata, max_subtasks=n_subtasks, sequential_subtasks=is_single)

    @available_if(is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Update the network by one epoch over the given data.

        The first call determines mean and scale of features and targets (`normalize_X`, `normalize_y`); later calls
        keep them.

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
            The updated estimator.

        Raises
        ------
        ValueError, TypeError
            As in `fit`; also if `early_stopping` is set.

        Warns
        -----
        DataWarning
            If features or targets are far from those of the first call, so that they are badly scaled.
        """
        return self._partial_fit(X, y, sample_weight)

    @unchanged_on_error
    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        """Train for one epoch, continuing with the parameters, solver and random state of the last one."""
        check_parameters(self)
        if self.early_stopping:
            raise ValueError("early_stopping is True, but partial_fit cannot stop early; set it to False.")
        resumes = hasattr(self, "readout_weights_")
        if self.n_init > 1 and not resumes:
            raise ValueError(f"n_init is {self.n_init}, but partial_fit has a single start; set it to 1.")
        encoder, data = self._read_data(X, y, sample_weight, learns=not resumes, classes=classes, incremental=True)
        rng = read_random_state(self.random_state)
        rng = self._restored_rng(rng) if resumes else rng
        data = data.weighted(encoder.training_weights(data.targets))
        dtype = fitted_dtype(self) if resumes else self._choose_dtype(data)
        scaling, data = self._scaled(data, dtype, resumes)
        if resumes:
            warn_if_targets_are_far(encoder.distances(data.targets))
        else:
            encoder = encoder.standardise(data.targets)
        training = Training(self, scaling, encoder, data, None, choose_batch_size(self, len(data)), max_iter=1)
        runs = [training.continued_run(rng, self._solver_state)] if resumes else training.fresh_runs(rng)
        training.store(self, *training.best_outcome(runs))
        self.__dict__.pop("_unfinished", None)
        return self

    def _choose_dtype(self, data: TrainingData) -> np.dtype:
        """Return the dtype given by the parameter, or that of X."""
        is_float32 = data.sequences.rows.dtype.str[1:] == "f4"  # of either byte order
        return np.dtype(self.dtype or (np.float32 if is_float32 else np.float64))

    def _scaled(self, data: TrainingData, dtype: np.dtype, resumes: bool) -> tuple[FeatureScaling, TrainingData]:
        """Return the scaling of features, which a resumed fit keeps, and the data scaled by it."""
        if resumes:
            scaling = FeatureScaling.of(self)
        else:
            scaling = data.scaling(dtype) if self.normalize_X else FeatureScaling.none(data.sequences.n_features)
        scaled = data.scaled(scaling, dtype, "X")
        if resumes and self.normalize_X:
            warn_if_features_are_far(scaling.distances(data.sequences))
        return scaling, scaled

    def _restored_rng(self, rng: np.random.RandomState) -> np.random.RandomState:
        """Return the random state after the last epoch; one that the user shares needs no restoring."""
        if not isinstance(self.random_state, np.random.RandomState):
            rng = np.random.RandomState()
            name, *numbers = self._rng_state
            rng.set_state((name, *numbers))
        return rng

    # Reading data

    def _target_encoder(self) -> TargetEncoder:
        """Return the encoder of the targets that the estimator was fitted to."""
        return self._encoder_type.of(self)

    def _read_data(
        self, X: Any, y: Any, sample_weight: Any, *, learns: bool, classes: Any = None, incremental: bool = False
    ) -> tuple[TargetEncoder, TrainingData]:
        """Return the encoder of targets, learnt from these or kept, and the training data."""
        form = SequenceFormat.read(self, X, None if learns else self.input_weights_[0].shape[1])
        sequences = form.sequences()
        has_one = sequences.max_length == 1 and len(sequences) > 1
        if learns and has_one and (form.kind == "array" or not incremental):  # later blocks of a list may be longer
            warn(
                f"Each of the {len(sequences)} sequences of X has only a single timestep. If "
                "the rows of X are one series, make windows with SlidingWindow, or pass it as one sequence, "
                "X[np.newaxis], with return_sequences=True.",
                DataWarning,
                about=["X"],
            )
        warn_unless_aligned(X, y)
        encoder = self._encoder_type.new(self) if learns else self._target_encoder()
        columns = encoder.read(y, sample_weight, form)
        if learns:
            encoder = encoder.learn(columns, classes, incremental=incremental)
        else:
            encoder.check_classes(classes)
        targets = encoder.encode(columns, needs_all_outputs=learns or not incremental)
        if not (learns or incremental):
            encoder.require_all_classes(columns)
        data = TrainingData(sequences, targets, encoder.per_timestep, columns.unit)
        return encoder, data.weighted(targets.weights)

    def _read_validation(
        self, encoder: TargetEncoder, X: Any, y: Any, sample_weight: Any, n_features: int
    ) -> TrainingData | None:
        """Return the validation data, if any, in the form of the training data."""
        check_both_or_neither(X, y, sample_weight, "_val")
        if X is None:
            return None
        form = SequenceFormat.read(self, X, n_features, "X_val")
        sequences = form.sequences()
        targets = encoder.encode(encoder.read(y, sample_weight, form, "y_val"))
        return TrainingData(sequences, targets, encoder.per_timestep).weighted(targets.weights)

    # Prediction

    def _predict(self, X: Any, kind: str) -> Any:
        """Return predictions of a kind, the name of a method of the encoder, in the format of X."""
        raw, form = self._infer(X, outputs)
        predictions = getattr(self._target_encoder(), kind)(raw)
        if predictions.dtype.kind == "f" and np.isfinite(raw).all():  # whose exponential may overflow
            self._warn_unless_finite(predictions)
        return form.restore(predictions) if self.return_sequences else predictions

    @settings_unchanged_on_error
    def _score(self, X: Any, y: Any, sample_weight: Any) -> float:
        """Return how well predictions agree with y."""
        raw, form = self._infer(X, outputs)
        encoder = self._target_encoder()
        return encoder.score(raw, encoder.read(y, sample_weight, form))

    @settings_unchanged_on_error
    def _score_averages(self, averages: Any, X: Any, y: Any, sample_weight: Any) -> float:
        """Return the score of averages over several networks, of predictions or probabilities in the format of X."""
        form = SequenceFormat.read(self, X, self.input_weights_[0].shape[1])
        if self.return_sequences:
            averages = np.concatenate([np.reshape(entry, (len(entry), -1)) for entry in averages])[form.is_valid]
        encoder = self._target_encoder()
        return encoder.score(encoder.raw_from(averages), encoder.read(y, sample_weight, form))

    def hidden_states(self, X: Any) -> Any:
        """Return the hidden states of the top layer after each timestep.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns), or list of arrays
            Sequences, as in `fit`.

        Returns
        -------
        states : ndarray of shape (n_samples, n_timesteps, n_units) or list of ndarray of shape (n_timesteps, n_units)
            In the format of X and the dtype of the fitted network; NaN at masked timesteps. `n_units` is the size of
            the top layer, or if `bidirectional` twice that: the forward states, then the backward states. The backward
            pass ends at the first timestep: without `return_sequences` the input of the readout is the forward state
            after the last timestep and the backward state after the first one, or with `pooling` the mean or maximum
            over the timesteps.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be read.
        """
        states, form = self._infer(X, hidden_states, return_sequences=True)
        return form.restore(states.T)

    @threads_unchanged_on_error
    def _infer(
        self, X: Any, infer: Callable[..., np.ndarray], return_sequences: bool | None = None
    ) -> tuple[np.ndarray, SequenceFormat]:
        """Return the result of `infer` for the network and the sequences X, and the format of X."""
        network, theta, scaling = read_fitted(self, return_sequences=return_sequences)
        form = SequenceFormat.read(self, X, network.layout.n_features)
        with worker_map(self.n_jobs) as map_chunks:
            of_chunks = [infer(network, theta, chunk, map_chunks) for chunk in form.chunks(scaling, theta.dtype)]
        raw = np.concatenate(of_chunks, axis=1) if len(of_chunks) > 1 else of_chunks[0]
        self._warn_unless_finite(raw)
        return raw, form

    def _warn_unless_finite(self, outputs: np.ndarray) -> None:
        """Warn where outputs of the network are not finite."""
        if not np.isfinite(outputs).all():
            message = f"{type(self).__name__} returns predictions that are not finite, because X is out of range."
            warn(message, RuntimeWarning)

    def stream(self, n_sequences: int = 1) -> Stream:
        """Return an object that predicts one timestep at a time, with an explicit state.

        Parameters
        ----------
        n_sequences : int, default=1
            Number of sequences to process in parallel.

        Returns
        -------
        stream : Stream
            The initial states are zero. The stream has its own copy of the parameters: a later `fit` does not change
            it.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError
            If the estimator is bidirectional: its predictions depend on later timesteps.
        """
        check_is_fitted(self)
        if self.bidirectional:
            raise ValueError(
                "bidirectional is True, but stream() requires False: the backward pass cannot begin before the last "
                "timestep is known."
            )
        network, theta, scaling = read_fitted(self)
        return Stream(network, theta, n_sequences, scaling, self._target_encoder())

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags
