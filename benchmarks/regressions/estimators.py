"""Fit and predict: one epoch of 20 minibatches, and the prediction of the same number of sequences."""

from .tasks import CELLS, DTYPES, SHAPES, draw, make_regressor

#: Options that use different code.
OPTIONS = {
    "early_stopping": {"early_stopping": True},
    "bidirectional": {"bidirectional": True},
    "two layers": {"hidden_layer_sizes": (64, 64)},
    "dropout": {"dropout": 0.2, "recurrent_dropout": 0.2},
    "bptt_steps": {"bptt_steps": 8},
    "lbfgs": {"solver": "lbfgs", "max_iter": 3, "tol": 0.0},
    "lbfgs, two jobs": {"solver": "lbfgs", "max_iter": 3, "tol": 0.0, "n_jobs": 2},
}


class Estimator:
    """An epoch of training, and predictions."""

    params = (CELLS, list(SHAPES), DTYPES)
    param_names = ("cell", "shape", "dtype")

    def setup(self, cell: str, shape: str, dtype: str) -> None:
        """Draw the data, and fit one network to predict with."""
        self.X, self.y = draw(shape, dtype)
        self.fitted = make_regressor(cell, shape).fit(self.X, self.y)

    def time_fit(self, cell: str, shape: str, dtype: str) -> None:
        """Time an epoch."""
        make_regressor(cell, shape).fit(self.X, self.y)

    def time_predict(self, cell: str, shape: str, dtype: str) -> None:
        """Time predictions of all sequences."""
        self.fitted.predict(self.X)

    def peakmem_fit(self, cell: str, shape: str, dtype: str) -> None:
        """Measure the memory of an epoch."""
        make_regressor(cell, shape).fit(self.X, self.y)

    def peakmem_predict(self, cell: str, shape: str, dtype: str) -> None:
        """Measure the memory of predictions."""
        self.fitted.predict(self.X)


class Options:
    """Fits with an option, for the medium shape."""

    shape = "64,24,4,64"
    params = (list(OPTIONS),)
    param_names = ("option",)

    def setup(self, option: str) -> None:
        """Draw the data."""
        self.X, self.y = draw(self.shape, "float32")

    def time_fit(self, option: str) -> None:
        """Time a fit of a GRU."""
        regressor = make_regressor("gru", self.shape).set_params(**OPTIONS[option])
        regressor.fit(self.X, self.y)


class ManySamples:
    """Fit and predict on a hundred thousand sequences; memory should be little more than that of the data."""

    params = (["fit", "predict"],)
    param_names = ("method",)

    def setup(self, method: str) -> None:
        """Draw the data, and fit a network to one batch of them."""
        self.X, self.y = draw("32,10,1,16", "float32", 3125)
        self.fitted = make_regressor("rnn", "32,10,1,16", batch_size=128).fit(self.X[:128], self.y[:128])

    def _run(self, method: str) -> None:
        """Fit, or predict."""
        if method == "fit":
            self.fitted.fit(self.X, self.y)
        else:
            self.fitted.predict(self.X)

    def time_all(self, method: str) -> None:
        """Time it."""
        self._run(method)

    def peakmem_all(self, method: str) -> None:
        """Measure its memory."""
        self._run(method)
