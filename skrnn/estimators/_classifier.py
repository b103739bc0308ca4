"""The recurrent network as a scikit-learn classifier."""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from skrnn.estimators._base import BaseRNN, is_stochastic
from skrnn.estimators._class_encoder import ClassEncoder
from skrnn.estimators._target_encoder import TargetEncoder


class RNNClassifier(ClassifierMixin, BaseRNN):
    """Recurrent neural network classifier.

    A network of recurrent units reads each sequence one timestep at a time and predicts a class from the last state, or
    one from each state. It is used like :class:`~sklearn.neural_network.MLPClassifier`. The loss is the log loss: with
    one output for two classes, with one output per class for more, and for several yes-or-no labels (multilabel
    targets) the sum over the labels.

    The parameters by topic:

    - architecture: `hidden_layer_sizes`, `cell`, `activation`, `bidirectional`, `return_sequences`, `pooling`;
    - data: `n_timesteps`, `normalize_X`, `class_weight`, `dtype`;
    - objective: `alpha`, `dropout`, `recurrent_dropout`;
    - training: `max_iter`, `tol`, `n_iter_no_change`, `early_stopping`, `validation_fraction`, `validation_split`,
      `n_init`, `warm_start`, `random_state`, `n_jobs`, `verbose`;
    - solver: `solver`; for SciPy's methods `max_fun`, `solver_options`; for stochastic solvers `batch_size`, `shuffle`,
      `bptt_steps`, `max_grad_norm`, `learning_rate_init`; for "sgd" also `learning_rate`, `power_t`, `momentum`,
      `nesterovs_momentum`; for "adam" also `beta_1`, `beta_2`, `epsilon`.

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
    bidirectional : bool, default=False
        Whether each layer has a second set of units that reads each sequence backwards, from its own last timestep. The
        next layer and the readout use the states of both [6]_.
    return_sequences : bool, default=False
        Whether there is a target and an output at each timestep (many to many), or one per sequence, after its last
        timestep. The errors of all timesteps are added. Each timestep with a target has the same weight, so long
        sequences count for more than short ones.
    pooling : {"last", "mean", "max"}, default="last"
        Input of the readout if a sequence has one output: the last hidden state, or the mean or the elementwise maximum
        of the hidden states after all timesteps that are not masked. The last two help if the relevant part of a long
        sequence may be anywhere.
    dropout : float, default=0.0
        Fraction of each layer's outputs that are dropped in training before the next layer or the readout.
    recurrent_dropout : float, default=0.0
        Fraction of the hidden state that is dropped in training before it is multiplied by the recurrent weights. Both
        kinds of dropout draw units anew for each sequence of each minibatch and drop them at all of its timesteps [7]_;
        both require a stochastic solver.
    bptt_steps : int or None, default=None
        Truncated BPTT: a stochastic solver cuts each minibatch into segments of that many timesteps. The state is
        carried from segment to segment, the error is not, so memory does not grow with the length of the sequences
        [8]_. With `return_sequences` each segment is a step of the solver, otherwise only the last `bptt_steps`
        timesteps of each sequence, which requires pooling="last". None: the error flows back through all timesteps.
    solver : str, default="adam"
        How the objective is minimised:

        - "adam" or "sgd": stochastic, in minibatches;
        - "lbfgs", or any of "L-BFGS-B", "BFGS", "CG", "TNC", "SLSQP", "Newton-CG", "trust-ncg", "trust-krylov",
          "trust-exact", "trust-constr": that method of :func:`scipy.optimize.minimize`, on all data at once. For small
          networks and data sets they find better minima in less time. "Newton-CG", "trust-ncg" and "trust-krylov" use
          products with the Gauss-Newton matrix, which is never formed [9]_; "trust-exact" uses the matrix itself,
          (n_parameters, n_parameters), for a few hundred parameters. "least_squares" is not available: the log loss is
          not a sum of squares.
    alpha : float, default=0.01
        Strength of the penalty, as in `MLPClassifier`: alpha / (2 n) times the sum of squared weights, without biases,
        is added to the mean loss; n is the number of targets, or the sum of their weights.
    batch_size : int or "auto", default="auto"
        Number of sequences per minibatch of a stochastic solver; "auto" is 16, or all samples if there are at most 64.
        With `shuffle`, sequences of similar length are put together.
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        Learning rate schedule of "sgd": constant; learning_rate_init / (t + 1)^power_t after each epoch, where t is the
        number of samples seen; or divided by five after `n_iter_no_change` epochs without improvement.
    learning_rate_init : float or "auto", default="auto"
        Initial learning rate of a stochastic solver. "auto" is 0.05 for "sgd"; for "adam" 0.001 with the simple
        unit, 0.002 with "gru" and 0.003 with "lstm".
    power_t : float, default=0.5
        Exponent of learning_rate="invscaling".
    max_iter : int or "auto", default="auto"
        Maximum number of iterations: epochs of a stochastic solver, iterations of SciPy's methods. "auto" is 200 epochs
        or 1000 iterations. If the loss is still decreasing at the end, a warning is raised.
    shuffle : bool, default=True
        Whether a stochastic solver shuffles the minibatches in each epoch.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights, the validation split, the order of the minibatches and dropout.
    tol : float or "auto", default="auto"
        Tolerance; "auto" is 1e-4 for stochastic solvers and 3e-3 for SciPy's methods. A stochastic solver stops when
        the loss (or the validation score, with `early_stopping`) has not improved by `tol` for `n_iter_no_change`
        epochs; SciPy's methods when the largest entry, or the norm, of the gradient is below `tol`, depending on the
        method ("Newton-CG": when its step, averaged over the parameters, is below the square of `tol`).
    verbose : bool, default=False
        Whether to print one line per iteration.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the last fit. y must then contain the same classes, all of them.
    momentum : float, default=0.9
        Momentum of "sgd", from 0 to 1.
    nesterovs_momentum : bool, default=True
        Whether the momentum of "sgd" is Nesterov's.
    max_grad_norm : float or None, default=1.0
        Gradients with a larger norm are scaled to this norm by stochastic solvers [5]_; None: no clipping.
    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the data (or to use `X_val`, `y_val`), to stop when the score on it
        has not improved by `tol` for `n_iter_no_change` iterations, and to keep the weights of the best iteration; ties
        are broken by the smaller validation loss.
    validation_fraction : float, default=0.1
        Fraction of the samples that `early_stopping` holds out.
    validation_split : {"random", "last"}, default="random"
        Which samples are held out: a random sample (stratified by class), or the last ones, for ordered data.
    beta_1 : float, default=0.9
        Decay of the running mean of the gradient in "adam".
    beta_2 : float, default=0.999
        Decay of the running mean of the squared gradient in "adam".
    epsilon : float, default=1e-8
        Added to the denominator of "adam" to avoid division by zero. As in scikit-learn, and unlike in the paper, it is
        added to the root of the second moment before bias correction.
    n_iter_no_change : int, default=10
        Number of consecutive iterations without improvement after which the solver stops; may be infinity.
    max_fun : int, default=15000
        Maximum number of evaluations of the objective in SciPy's methods.
    n_init : int, default=1
        Number of random starts, of which the best is kept: by validation score with `early_stopping`, otherwise by
        validation loss if there are validation data, otherwise by loss. Useful because small networks have poor local
        minima. With `n_jobs`, starts run in several processes, and an interrupted fit keeps the best of the starts that
        have finished. The first start is the same as with n_init=1. A warm start has only one start, at the previous
        weights.
    solver_options : dict or None, default=None
        Passed as `options` to :func:`scipy.optimize.minimize`; they take precedence over the other parameters.
    n_timesteps : int or None, default=None
        How a 2-D X is folded into sequences: with None each column is a timestep; with T, the T * n_features columns
        are the features of the first timestep, then those of the second, and so on. Ignored for 3-D X and lists of
        sequences.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Weights of the classes, as in scikit-learn; "balanced" means inversely proportional to their (weighted)
        frequency, in `partial_fit` to that in each call. They are used in training, not in the validation score.
    normalize_X : bool, default=True
        Whether to train on features of mean 0 and variance 1, computed over all timesteps that are not masked, with the
        sample weights; rows shared by several windows count once, and constant features are not rescaled. Later calls
        of `partial_fit` and warm starts keep the mean and scale of the first fit. Afterwards they are folded into
        `input_weights_` and `biases_`, which are in the units of X. `alpha` penalises the weights before this.
    dtype : {None, "float32", "float64"}, default=None
        Precision of all computations; None: float32 if X is float32, otherwise float64.
    n_jobs : int or None, default=None
        Number of threads, or of workers of the backend set by `joblib.parallel_config`, for chunks of the data: in
        predictions, and when one of SciPy's methods evaluates the objective over all data. A single chunk is not sent
        to workers. The results do not depend on `n_jobs`, to the last bit. With compiled cells, threads also share
        large minibatches of "adam" and "sgd": fits with the same `n_jobs` are identical to the last bit, fits with
        another one agree up to rounding. None means 1, -1 all processors.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels; for multilabel targets the indices of the labels.
    input_weights_ : list of ndarray of shape (n_gates * hidden_size, n_inputs)
        Input weights, one matrix per layer, or two if `bidirectional`: forward, then backward. Rows are gates in the
        order of the ONNX operators: "gru" z, r, h; "lstm" i, o, f, c.
    recurrent_weights_ : list of ndarray of shape (n_gates * hidden_size, hidden_size)
        Recurrent weights, matrices and rows as in `input_weights_`.
    biases_ : list of ndarray of shape (n_gates * hidden_size,)
        Biases, one vector per matrix; "gru" has a fourth block for the recurrent half of h.
    readout_weights_ : ndarray of shape (n_outputs, hidden_size)
        Weights of the linear readout, with twice as many columns if `bidirectional`.
    readout_bias_ : ndarray of shape (n_outputs,)
        Bias of the readout.
    loss_ : float
        Objective (mean loss plus penalty) of the iteration that was kept, as in `loss_curve_`.
    best_loss_ : float
        Minimum objective over all iterations.
    loss_curve_ : list of float
        Objective after each iteration; for a stochastic solver the mean over the minibatches of the epoch.
    loss_curves_ : list of list of float
        `loss_curve_` of each of the `n_init` starts.
    validation_loss_curve_ : list of float or None
        Mean loss on the validation data after each iteration, if there are validation data.
    validation_scores_ : list of float or None
        Score (accuracy) on the validation data after each iteration, if there are validation data.
    best_validation_score_ : float or None
        Maximum of `validation_scores_`.
    n_iter_ : int
        Number of iterations, including those of resumed fits.
    t_ : int
        Number of samples that the solver has seen.
    n_parameters_ : int
        Number of all weights and biases.
    n_layers_ : int
        Number of recurrent layers plus two for input and output, as in `MLPRegressor`.
    n_outputs_ : int
        Number of outputs of the readout.
    n_features_in_ : int
        Number of features per timestep if X is 3-D or a list, of columns if it is 2-D.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns. Defined only if all column names of X are strings.

    See Also
    --------
    RNNRegressor : The same network for regression.
    SlidingWindow : Turns a series into sequences, one per row.

    Notes
    -----
    At each timestep the unit computes a new hidden state from the input and the previous state; after the last
    timestep, or each, a linear readout computes the scores of the classes. The error is propagated back through all
    timesteps (BPTT), which share the same input weights, recurrent weights and biases. Sequences may have different
    lengths, in a list or padded with NaN, and contain masked timesteps, NaN in every feature, which leave the state
    unchanged. All formats of the same sequences give the same fit. The exception is a view of overlapping windows:
    shared rows count once in the scaling of features (`normalize_X`), and rows of 16 features or more are multiplied by
    the weights only once, which agrees up to rounding. With `return_sequences` predictions have the format of X, with
    NaN at masked timesteps.

    Predictions do not change the estimator: a fitted estimator may be used by several threads at once, as long as none
    of them fits it, and by forked or spawned processes. Do not pickle or copy it while another thread fits it: the copy
    could contain parts of two fits. While it works, BLAS is limited to one thread in the process, because more threads
    slow down products of this size.

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
    .. [6] Schuster, M. and Paliwal, K. K. (1997). Bidirectional recurrent neural networks. IEEE Transactions on Signal
           Processing 45(11), 2673-2681. :doi:`10.1109/78.650093`
    .. [7] Gal, Y. and Ghahramani, Z. (2016). A theoretically grounded application of dropout in recurrent neural
           networks. NIPS. arXiv:1512.05287
    .. [8] Williams, R. J. and Peng, J. (1990). An efficient gradient-based algorithm for on-line training of recurrent
           network trajectories. Neural Computation 2(4), 490-501. :doi:`10.1162/neco.1990.2.4.490`
    .. [9] Martens, J. and Sutskever, I. (2011). Learning recurrent neural networks with Hessian-free optimization.
           ICML, 1033-1040.

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
    >>> classifier = RNNClassifier((50,), early_stopping=True, random_state=0).fit(X_train, y_train)
    >>> print(f"accuracy {classifier.score(X_test, y_test):.2f}")
    accuracy 0.9...
    >>> classifier.predict_proba(X_test).shape
    (450, 10)
    """

    _encoder_type: ClassVar[type[TargetEncoder]] = ClassEncoder

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        *,
        cell: str = "rnn",
        activation: str = "tanh",
        bidirectional: bool = False,
        return_sequences: bool = False,
        pooling: str = "last",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        bptt_steps: int | None = None,
        solver: str = "adam",
        alpha: float = 0.01,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float | str = "auto",
        power_t: float = 0.5,
        max_iter: int | str = "auto",
        shuffle: bool = True,
        random_state: Any = None,
        tol: float | str = "auto",
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
        n_init: int = 1,
        solver_options: dict[str, Any] | None = None,
        n_timesteps: int | None = None,
        class_weight: Any = None,
        normalize_X: bool = True,
        dtype: str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.cell = cell
        self.activation = activation
        self.bidirectional = bidirectional
        self.return_sequences = return_sequences
        self.pooling = pooling
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
        self.max_grad_norm = max_grad_norm
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.validation_split = validation_split
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.n_init = n_init
        self.solver_options = solver_options
        self.n_timesteps = n_timesteps
        self.class_weight = class_weight
        self.normalize_X = normalize_X
        self.dtype = dtype
        self.n_jobs = n_jobs

    def predict(self, X: Any) -> np.ndarray:
        """Predict the class, or the labels, of each sequence.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns), or list of arrays
            Sequences, as in `fit`. Except in a table, they may have other numbers of timesteps.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The most probable class, or for multilabel targets a 1 for every label with probability above 0.5. With
            `return_sequences` one per timestep, in the format of X: (n_samples, n_timesteps), or a list of arrays
            (n_timesteps,). Masked timesteps are NaN: integers are then converted to floats, and other labels, such as
            strings or booleans, to objects.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be read.
        """
        return self._predict(X, "predict")

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class, or of each label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns), or list of arrays
            Sequences, as in `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`. Rows sum to 1, except for multilabel targets, whose labels are independent. With
            `return_sequences` one row per timestep, in the format of X; NaN at masked timesteps.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be read.
        """
        return self._predict(X, "predict_proba")

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict the logarithm of the probability of each class, or of each label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns), or list of arrays
            Sequences, as in `fit`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; with `return_sequences` as in `predict_proba`.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be read.
        """
        return self._predict(X, "predict_log_proba")

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the fraction of correct predictions (for multilabel targets, with all labels correct).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns), or list of arrays
            Sequences, as in `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as in `fit`. With `return_sequences`, timesteps that are masked or have no target do not count.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0; with `return_sequences` also one per timestep, in the format of y.

        Returns
        -------
        score : float
            The accuracy.
        """
        return self._score(X, y, sample_weight)

    @available_if(is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Update the network by one epoch over the given data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns), or list of arrays
            Sequences, as in `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as in `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.
        classes : array-like of shape (n_classes,), default=None
            All classes that may occur in any call; required in the first call, unless the targets are multilabel.

        Returns
        -------
        self : object
            The updated estimator.

        Raises
        ------
        ValueError, TypeError
            As in `fit`; also if `classes` are missing, or differ from those of the first call.

        Warns
        -----
        DataWarning
            If features are far from those of the first call, so that they are badly scaled.
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
