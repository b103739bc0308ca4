"""A series larger than memory: scaling, training and predictions, one block of rows at a time.

The rows are in a file that `np.load` maps into memory: a slice is read when it is used. A Zarr array, which stores
compressed blocks, can be sliced in the same way and used instead.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from skrnn import RNNRegressor, SlidingWindow

BLOCK_SIZE = 20_000
WINDOW = SlidingWindow(n_timesteps=8)


def main(n_rows: int = 200_000, n_features: int = 64) -> None:
    """Learn from the first nine tenths of a series in a file, and print R^2 on the rest."""
    n_training = n_rows * 9 // 10
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "series.npy"
        targets = write_series(np.lib.format.open_memmap(file, "w+", np.float32, (n_rows, n_features)))
        series = np.load(file, mmap_mode="r")
        scaler, model = train(series, targets, n_training)
        predictions = predict(scaler, model, series)
        print(f"{series.nbytes / 1e6:.0f} MB, {series[:BLOCK_SIZE].nbytes / 1e6:.0f} at a time")
        print(f"R^2 on the last tenth: {r2_score(targets[n_training:], predictions[n_training:]):.3f}")
        del series  # some systems cannot delete a mapped file


def write_series(series: Any) -> np.ndarray:
    """Write random rows into `series`, and return a target for each: the value of a feature three rows before."""
    rng = np.random.default_rng(0)
    for rows in blocks(series.shape[0]):
        series[rows] = 100.0 + rng.normal(size=(rows.stop - rows.start, series.shape[1]))
    return np.roll(series[:, 0], 3)


def train(series: Any, targets: np.ndarray, n_rows: int, n_epochs: int = 2) -> tuple[StandardScaler, RNNRegressor]:
    """Return a scaler and a network, fitted to the first `n_rows` rows, the network in `n_epochs` epochs."""
    scaler = StandardScaler()
    for rows in blocks(n_rows):
        scaler.partial_fit(series[rows])
    model = RNNRegressor((8,), cell="gru", random_state=0)
    for _ in range(n_epochs):
        for rows in blocks(n_rows):
            model.partial_fit(windows_of(scaler, series, rows), targets[rows])
    return scaler, model


def predict(scaler: StandardScaler, model: RNNRegressor, series: Any) -> np.ndarray:
    """Return a prediction for each row of the series, (n_rows,)."""
    return np.concatenate([model.predict(windows_of(scaler, series, rows)) for rows in blocks(series.shape[0])])


def windows_of(scaler: StandardScaler, series: Any, rows: slice) -> np.ndarray:
    """Return the windows that end at these rows, the same as among all windows of the series.

    `SlidingWindow` makes a padded copy of its input: these rows, and the earlier ones that their windows contain.
    """
    n_before = min(WINDOW.n_history_rows, rows.start)
    return WINDOW.fit_transform(scaler.transform(series[rows.start - n_before : rows.stop]))[n_before:]


def blocks(n_rows: int) -> Iterator[slice]:
    """Yield the rows of each block."""
    for start in range(0, n_rows, BLOCK_SIZE):
        yield slice(start, min(start + BLOCK_SIZE, n_rows))


if __name__ == "__main__":
    main()
