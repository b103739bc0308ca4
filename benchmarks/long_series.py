"""A long series: training on overlapping windows compared with training on the series itself, and memory.

The task is to forecast the Mackey-Glass series six steps ahead; the last fifth of the series is the test. Both have the
same number of targets per epoch, backpropagation through at most 100 timesteps, and 32 columns in each product:
minibatches of 32 windows, or the series divided into 32 parallel sequences. Times are CPU times. Usage:
OMP_NUM_THREADS=1 python benchmarks/long_series.py [n_timesteps], 30,000 by default
"""

import resource
import subprocess
import sys
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import make_mackey_glass

N_TIMESTEPS = 30_000
STEPS_AHEAD = 6
WINDOW = 100
N_COLUMNS = 32
N_EPOCHS = 10
SEEDS = range(3)


def regressor(n_epochs: int, seed: int, **parameters: object) -> RNNRegressor:
    """Return the network for both."""
    return RNNRegressor(
        (32,),
        cell="gru",
        batch_size=N_COLUMNS,
        max_iter=n_epochs,
        n_iter_no_change=np.inf,
        alpha=7.2,
        dtype="float32",
        random_state=seed,
        **parameters,
    )


def forecasting_task(n_timesteps: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the series (n_rows, 1), the value six steps after each row, and the number of rows to train on."""
    series = make_mackey_glass(n_timesteps + STEPS_AHEAD, random_state=0)
    n_train = n_timesteps * 4 // 5 // N_COLUMNS * N_COLUMNS
    series = (series - series[:n_train].mean()) / series[:n_train].std()
    return series[:-STEPS_AHEAD, np.newaxis], series[STEPS_AHEAD:], n_train


def nrmse(y: np.ndarray, predicted: np.ndarray) -> float:
    """Return the root mean squared error, divided by the standard deviation of the targets."""
    return float(np.sqrt(np.mean((y - predicted) ** 2)) / y.std())


def train_on_windows(X: np.ndarray, y: np.ndarray, n_train: int, n_epochs: int, seed: int) -> tuple[float, np.ndarray]:
    """Return the seconds of `fit`, and the forecasts of the test rows."""
    windows = SlidingWindow(n_timesteps=WINDOW).fit_transform(X)
    start = time.process_time()
    model = regressor(n_epochs, seed).fit(windows[:n_train], y[:n_train])
    return time.process_time() - start, model.predict(windows[n_train:])


def train_on_series(X: np.ndarray, y: np.ndarray, n_train: int, n_epochs: int, seed: int) -> tuple[float, np.ndarray]:
    """Return the seconds of `fit`, and the forecasts of the test rows, with the state kept from the start."""
    sequences, targets = X[:n_train].reshape(N_COLUMNS, -1, 1), y[:n_train].reshape(N_COLUMNS, -1)
    model = regressor(n_epochs, seed, return_sequences=True, bptt_steps=WINDOW)
    start = time.process_time()
    model.fit(sequences, targets)
    return time.process_time() - start, model.predict(X[np.newaxis])[0, n_train:]


def ridge(X: np.ndarray, y: np.ndarray, n_train: int) -> np.ndarray:
    """Return the forecasts of ridge regression on the lags of a window."""
    lags = SlidingWindow(n_timesteps=WINDOW, padding="edge", flatten=True).fit_transform(X)
    return RidgeCV(np.logspace(-6, 2, 9)).fit(lags[:n_train], y[:n_train]).predict(lags[n_train:])


def compare(n_timesteps: int) -> None:
    """Print a table of times and test errors, means over seeds, and the range of the errors."""
    X, y, n_train = forecasting_task(n_timesteps)
    steps_windows, steps_series = n_train // N_COLUMNS, -(-(n_train // N_COLUMNS) // WINDOW)
    rows = []
    for seed in SEEDS:
        of_windows, by_windows = train_on_windows(X, y, n_train, N_EPOCHS, seed)
        of_series, by_series = train_on_series(X, y, n_train, N_EPOCHS, seed)
        n_same = round(N_EPOCHS * of_windows / of_series)
        of_same, by_same = train_on_series(X, y, n_train, n_same, seed)
        forecasts = by_windows, by_series, by_same
        rows.append([of_windows, of_series, of_same, n_same, *(nrmse(y[n_train:], f) for f in forecasts)])
    windows, series, same, n_same, *_ = np.mean(rows, axis=0)
    errors = [
        f"{of_seeds.mean():.3f} ({of_seeds.min():.3f} to {of_seeds.max():.3f})" for of_seeds in np.array(rows).T[4:]
    ]
    print(f"{n_train} rows to train on, {len(X) - n_train} to test on, mean of {len(SEEDS)} seeds")
    print("| trained on | epochs | solver steps | seconds per epoch | seconds in all | test NRMSE |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, n_epochs, n_steps, seconds, error in (
        ("windows of 100", N_EPOCHS, steps_windows, windows, errors[0]),
        ("the series", N_EPOCHS, steps_series, series, errors[1]),
        ("the series, for the time of the windows", n_same, steps_series, same, errors[2]),
    ):
        seconds_an_epoch = f"{seconds / n_epochs:.3g}"
        print(f"| {name} | {n_epochs:.0f} | {n_epochs * n_steps:.0f} | {seconds_an_epoch} | {seconds:.3g} | {error} |")
    print(f"| ridge regression on 100 lags | | | | | {nrmse(y[n_train:], ridge(X, y, n_train)):.3f} |")
    print(f"an epoch over the series takes 1/{windows / N_EPOCHS / (same / n_same):.0f} of one over the windows")


def peak_memory() -> float:
    """Return the peak memory of this process, in MiB."""
    n_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return n_bytes / 1024 / (1024 if sys.platform == "darwin" else 1)


def measure_memory() -> None:
    """Print time and memory of an epoch over one sequence of a million timesteps."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1, 1_000_000, 4), dtype=np.float32)
    y = X.sum(axis=2)
    before, start = peak_memory(), time.process_time()
    model = RNNRegressor((32,), return_sequences=True, bptt_steps=100, max_iter=1, random_state=0)
    model.fit(X, y)
    seconds = time.process_time() - start
    print(
        f"an epoch over 1,000,000 timesteps x 4: {seconds:.0f} s, peak {peak_memory():.0f} MiB, {before:.0f} before fit"
    )


def main() -> None:
    """Print memory, measured in a separate process, and the table."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    if sys.argv[1:] == ["memory"]:
        measure_memory()
        return
    subprocess.run([sys.executable, __file__, "memory"], check=True)
    compare(int(sys.argv[1]) if len(sys.argv) > 1 else N_TIMESTEPS)


if __name__ == "__main__":
    main()
