"""The recurrent network as a scikit-learn classifier."""

from typing import Any, Self

import numpy as np
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import unique_labels

from skrnn.estimators._base import BaseRNN, _is_stochastic
from skrnn.estimators._data import Data
from skrnn.estimators._validation import naming, read_labels, read_weights
from skrnn.losses import LOSSES, Loss


class RNNClassifier(ClassifierMixin, BaseRNN):
    """Recurrent neural network classifier.

    A network of recurrent units reads each sequence timestep by timestep and predicts its class from the last state. It
    is used as :class:`~sklearn.neural_network.MLPClassifier` is. The loss is the log loss: of two classes with one
    output, of several with one output each, and of several yes-or-no labels (multilabel targets) the sum over them.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units of each recurrent layer, the lowest first.
    cell : {"rnn", "gru", "lstm"}, default="rnn"
        The recurrent unit: the simple unit [1]_, the gated recurrent unit in its reset-after form [2]_, or long
        short-term memory [3]_.
    activation : {"tanh", "relu"}, default="tanh"
        Activation of the simple unit. The gated cells have their own, and accept "tanh" only. With "relu" the
        recurrent weights start as the identity [4]_.
    solver : str, default="adam"
        What minimises the objective:

        - "adam" or "sgd": stochastic, in minibatches;
        - "lbfgs", or any of "L-BFGS-B", "BFGS", "CG", "TNC", "SLSQP", "Newton-CG", "trust-ncg", "trust-krylov",
          "trust-exact", "trust-constr": that method of :func:`scipy.optimize.minimize`, on all the data at once. For
          small networks and data sets they find better minima in less time. Those that ask for curvature get
          differences of the gradient.
    alpha : float, default=0.0003
        Strength of the penalty: alpha / 2 times the sum of squared weights, biases free, is added to the mean loss.
        Unlike in scikit-learn's multilayer perceptron, the penalty is not divided by the number of samples.
    batch_size : int or "auto", default="auto"
        Sequences of a minibatch of a stochastic solver; "auto" is 16, or all of up to 64 samples.
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        Learning rate schedule of "sgd": the same throughout; divided by (t + 1)^power_t, t the number of samples seen;
        or divided by five whenever `n_iter_no_change` epochs bring no improvement.
    learning_rate_init : float or "auto", default="auto"
        Learning rate of a stochastic solver at the start. "auto" is 0.05 for "sgd"; for "adam" 0.001 with the simple
        unit, 0.002 with "gru" and 0.003 with "lstm".
    power_t : float, default=0.5
        Exponent of learning_rate="invscaling".
    max_iter : int, default=200
        Iterations at most: epochs of a stochastic solver, iterations of a method of SciPy.
    shuffle : bool, default=True
        Whether a stochastic solver draws its minibatches in a new order each epoch.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights, the validation split and the order of the minibatches.
    tol : float, default=1e-4
        Tolerance. A stochastic solver ends when the loss (or the validation score, with `early_stopping`) has not
        improved by `tol` for `n_iter_no_change` epochs; a method of SciPy when the largest entry, or the norm, of the
        gradient is below `tol`, as the method has it.
    verbose : bool, default=False
        Whether to print a line an iteration.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last one.
    momentum : float, default=0.9
        Momentum of "sgd", from 0 to 1.
    nesterovs_momentum : bool, default=True
        Whether the momentum of "sgd" is Nesterov's.
    max_grad_norm : float or None, default=1.0
        A stochastic solver scales longer gradients to this norm [5]_; None never does.
    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the data (or to take `X_val`, `y_val`), to stop when the score on
        it has not improved by `tol` for `n_iter_no_change` iterations, and to keep the weights of the best iteration.
    validation_fraction : float, default=0.1
        Share of the samples that `early_stopping` holds out.
    validation_split : {"random", "last"}, default="random"
        Which samples are held out: a draw (stratified by class), or the last ones, for ordered data.
    beta_1 : float, default=0.9
        Decay of the running mean of the gradient in "adam".
    beta_2 : float, default=0.999
        Decay of the running mean of the squared gradient in "adam".
    epsilon : float, default=1e-8
        Keeps the denominator of "adam" from zero.
    n_iter_no_change : int, default=10
        Iterations without improvement that are endured; infinity is allowed.
    max_fun : int, default=15000
        Evaluations of the objective at most, in methods of SciPy.
    solver_options : dict or None, default=None
        Passed on as `options` to :func:`scipy.optimize.minimize`, before all that is said here.
    n_timesteps : int or None, default=None
        How a 2-D X is folded into sequences: with None each column is a timestep; with T, the T * n_features columns
        are the features of one timestep after another. A 3-D X is taken as it is.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Weights of the classes, as everywhere in scikit-learn; "balanced" weighs them inversely to their (weighted)
        frequency, in `partial_fit` to that in each batch. They count in training, not in the validation score.
    dtype : {None, "float32", "float64"}, default=None
        Precision of all computations; None takes that of X: float32 for float32, else float64.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels; for multilabel targets the numbers of the labels.
    input_weights_ : list of ndarray of shape (n_gates * hidden_size, n_inputs)
        Input weights, a matrix a layer. Rows are gates in the order of the ONNX operators: "gru" z, r, h; "lstm" i, o,
        f, c.
    recurrent_weights_ : list of ndarray of shape (n_gates * hidden_size, hidden_size)
        Recurrent weights, a matrix a layer, rows as in `input_weights_`.
    biases_ : list of ndarray of shape (n_gates * hidden_size,)
        Biases, a vector a layer; a fourth block in "gru" is that of the recurrent half of h.
    readout_weights_ : ndarray of shape (n_outputs, hidden_size)
        Weights of the linear readout after the last timestep.
    readout_bias_ : ndarray of shape (n_outputs,)
        Bias of the readout.
    loss_ : float
        Objective (mean loss plus penalty) of the iteration that was kept, as it stands in `loss_curve_`.
    best_loss_ : float
        Least objective of all iterations.
    loss_curve_ : list of float
        Objective after each iteration; for a stochastic solver the mean over the minibatches of the epoch.
    validation_loss_curve_ : list of float or None
        Mean loss on the validation data after each iteration, where there are any.
    validation_scores_ : list of float or None
        Score (accuracy) on the validation data after each iteration, where there are any.
    best_validation_score_ : float or None
        The best of them.
    n_iter_ : int
        Number of iterations, those of resumed fits included.
    t_ : int
        Number of samples that the solver has seen.
    n_parameters_ : int
        Number of all weights and biases.
    n_layers_ : int
        Number of recurrent layers.
    n_outputs_ : int
        Number of outputs of the readout.
    n_features_in_ : int
        Number of features per timestep where X is 3-D, of columns where it is 2-D.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns. Defined only where X has names that are all strings.

    See Also
    --------
    RNNRegressor : The same network for numbers.
    SlidingWindow : Turns a series into sequences, one a row.

    Notes
    -----
    At each timestep the input and the previous hidden state pass through the unit; after the last one a linear readout
    gives the scores of the classes. The error is propagated back through all timesteps (BPTT), and the same input
    weights, recurrent weights and biases serve at each of them. Sequences may hold masked timesteps, NaN in every
    feature: the state passes them unchanged.

    Predictions do not change the estimator: a fitted one may serve several threads. While it works, BLAS is limited to
    one thread in the process, since more slow products of this size down.

    References
    ----------
    .. [1] Elman, J. L. (1990). Finding structure in time. Cognitive Science 14(2), 179-211.
           :doi:`10.1207/s15516709cog1402_1`
    .. [2] Cho, K. et al. (2014). Learning phrase representations using RNN encoder-decoder for statistical machine
           translation. EMNLP. :doi:`10.3115/v1/D14-1179`
    .. [3] Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural Computation 9(8), 1735-1780.
           :doi:`10.1162/neco.1997.9.8.1735`
    .. [4] Le, Q. V., Jaitly, N. and Hinton, G. E. (2015). A simple way to initialize recurrent networks of rectified
           linear units. arXiv:1504.00941
    .. [5] Pascanu, R., Mikolov, T. and Bengio, Y. (2013). On the difficulty of training recurrent neural networks.
           ICML, PMLR 28(3), 1310-1318.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skrnn import RNNClassifier
    >>> digits = load_digits()
    >>> X_train, X_test, y_train, y_test = train_test_split(
    ...     digits.images / 16, digits.target, random_state=0
    ... )
    >>> X_train.shape  # sequences of eight rows of eight pixels
    (1347, 8, 8)
    >>> classifier = RNNClassifier(early_stopping=True, random_state=0).fit(X_train, y_train)
    >>> bool(classifier.score(X_test, y_test) > 0.9)
    True
    >>> classifier.predict_proba(X_test).shape
    (450, 10)
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        *,
        cell: str = "rnn",
        activation: str = "tanh",
        solver: str = "adam",
        alpha: float = 0.0003,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float | str = "auto",
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        max_grad_norm: float | None = 1.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_split: str = "random",
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        max_fun: int = 15000,
        solver_options: dict[str, Any] | None = None,
        n_timesteps: int | None = None,
        class_weight: Any = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            cell=cell,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            max_grad_norm=max_grad_norm,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            validation_split=validation_split,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            solver_options=solver_options,
            n_timesteps=n_timesteps,
            dtype=dtype,
        )
        self.class_weight = class_weight

    def predict(self, X: Any) -> np.ndarray:
        """Predict the class of sequences, or their labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns)
            Sequences, as in `fit`. In a 3-D array their number of timesteps may be another.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The most probable class, or for multilabel targets a 1 for every label of probability over 0.5.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be read.
        """
        raw = self._predict_raw(X)
        if self._is_multilabel:
            return (raw.T > 0.0).astype(np.intp)
        return self.classes_[(raw[0] > 0.0).astype(np.intp) if len(raw) == 1 else raw.argmax(axis=0)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class, or of each label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns)
            Sequences, as in `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`. Rows sum to 1, except for multilabel targets, whose labels are independent.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be read.
        """
        raw = self._predict_raw(X)
        loss = self._make_loss()
        if len(raw) == 1 and not self._is_multilabel:
            return np.column_stack([loss.predict(-raw)[0], loss.predict(raw)[0]])  # 1 - p would round to zero
        return loss.predict(raw).T

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict the logarithm of the probability of each class, or of each label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns)
            Sequences, as in `fit`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be read.
        """
        raw = self._predict_raw(X)
        if len(raw) == 1 and not self._is_multilabel:
            return np.column_stack([log_expit(-raw[0]), log_expit(raw[0])])
        return log_expit(raw.T) if self._is_multilabel else log_softmax(raw.T, axis=1)

    @available_if(_is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Update the network by one epoch over the given data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns)
            Sequences, as in `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as in `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come; needed in the first call, unless the targets are multilabel.

        Returns
        -------
        self : object
            The estimator, an epoch further.

        Raises
        ------
        ValueError, TypeError
            As `fit` does; also where `classes` are missing or others than in the first call.
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def _make_loss(self) -> Loss:
        one_output = self._is_multilabel or len(self.classes_) == 2
        return LOSSES["binary_log_loss" if one_output else "multinomial_log_loss"]()

    def _read_y(self, y: Any, n_samples: int, name: str) -> np.ndarray:
        return read_labels(self, y, n_samples, name)

    def _learn_targets(self, y: np.ndarray, classes: Any, *, incremental: bool) -> None:
        self._is_multilabel = y.ndim == 2
        if incremental and classes is None and not self._is_multilabel:
            raise ValueError("classes is None in the first call of partial_fit; expected all classes that will come.")
        if self._is_multilabel:
            self.classes_ = np.arange(y.shape[1])
            self._check_classes(classes)
        else:
            self.classes_ = unique_labels(y if classes is None else classes)
        if not self._is_multilabel and len(self.classes_) < 2:
            given = "y has" if classes is None else "classes have"
            raise ValueError(f"{given} only one class, {self.classes_[0]}; expected at least two classes.")

    def _check_classes(self, classes: Any) -> None:
        if classes is not None and self.classes_.tolist() != unique_labels(classes).tolist():
            raise ValueError(f"classes are {classes!r}; expected {self.classes_}, as in the first call or in y.")

    def _encode(self, y: np.ndarray, name: str) -> np.ndarray:
        if (y.ndim == 2) != self._is_multilabel or (self._is_multilabel and y.shape[1:] != self.classes_.shape):
            expected = f"(n_samples, {len(self.classes_)}), multilabel" if self._is_multilabel else "(n_samples,)"
            raise ValueError(f"{name} has shape {y.shape}; expected {expected}, as in the first training data.")
        if self._is_multilabel:
            return y.T.astype(np.float64, order="C")
        codes = {label: code for code, label in enumerate(self.classes_.tolist())}
        labels = y.tolist()
        unknown = sorted({label for label in labels if label not in codes}, key=str)
        if unknown:
            raise ValueError(f"{name} contains the unknown classes {unknown}; expected only {list(codes)}.")
        is_class = np.zeros((len(codes), len(labels)))
        is_class[[codes[label] for label in labels], np.arange(len(labels))] = 1.0
        return is_class[1:] if len(codes) == 2 else is_class

    def _weigh_classes(self, data: Data) -> np.ndarray | None:
        if self.class_weight is None:
            return data.sample_weight
        of_samples = np.ones(len(data)) if data.sample_weight is None else data.sample_weight
        codes = self._codes(data)
        if isinstance(self.class_weight, str) and self.class_weight == "balanced" and codes is not None:
            # With the samples' weights in the balance, a weight of two is the sample twice.
            totals = np.bincount(codes, of_samples, minlength=len(self.classes_))
            return of_samples * (of_samples.sum() / (np.count_nonzero(totals) * totals[codes]))
        labels = data.y.T.astype(int) if codes is None else self.classes_[codes]
        with naming("class_weight", "a number >= 0 for each class"):
            of_classes = np.asarray(compute_sample_weight(self.class_weight, labels), dtype=np.float64)
        return read_weights(of_samples * of_classes, len(data), "class_weight")

    def _codes(self, data: Data) -> np.ndarray | None:
        """Return the position of each sample's class in `classes_`, (n_samples,), or None for multilabel targets."""
        if self._is_multilabel:
            return None
        return data.y[0].astype(np.intp) if len(data.y) == 1 else data.y.argmax(axis=0)

    def _strata(self, data: Data) -> np.ndarray | None:
        return self._codes(data)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
