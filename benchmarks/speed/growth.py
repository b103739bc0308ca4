"""Growth of time with samples, timesteps and batch size, over three decades each, and of memory with samples.

Sizes begin where constant costs per fit and timestep are negligible.
"""

import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNRegressor

HIDDEN_SIZE = 32
#: Name of the size that grows, and n_samples, n_timesteps, batch_size of a fit as a function of it.
Sizes = Callable[[int], tuple[int, int, int]]
GROWING: dict[str, Sizes] = {
    "samples": lambda n: (n, 10, 128),
    "timesteps": lambda n: (64, n, 32),
    "batch": lambda n: (n, 10, n),
}
FIRST = {"samples": 1000, "timesteps": 100, "batch": 200}
MEMORY_OF = ("fit", "predict")


def draw(n_samples: int, n_timesteps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sequences of one feature and targets, in float32, which `fit` does not copy."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_timesteps, 1), dtype=np.float32)
    return X, rng.standard_normal(n_samples, dtype=np.float32)


def make_regressor(batch_size: int, n_epochs: int) -> RNNRegressor:
    """Return a simple network that trains for all epochs."""
    return RNNRegressor(
        (HIDDEN_SIZE,), batch_size=batch_size, max_iter=n_epochs, n_iter_no_change=np.inf, random_state=0
    )


def epoch_seconds(n_samples: int, n_timesteps: int, batch_size: int, n_rounds: int) -> float:
    """Return the time of an epoch: the median of the difference to a fit with twice as many."""
    X, y = draw(n_samples, n_timesteps)

    def fit(n_epochs: int) -> float:
        regressor = make_regressor(batch_size, n_epochs)
        start = time.perf_counter()
        regressor.fit(X, y)
        return time.perf_counter() - start

    n_epochs = int(np.clip(0.2 / fit(1), 1, 100))
    return statistics.median((fit(2 * n_epochs) - fit(n_epochs)) / n_epochs for _ in range(n_rounds))


def slope(sizes: list[int], seconds: list[float]) -> float:
    """Return the exponent of growth: the slope of the straight line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def peak_bytes(call: Callable[[], object]) -> int:
    """Return the peak memory allocated by Python and NumPy during the call."""
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def measure_memory(sizes: list[int]) -> list[dict[str, Any]]:
    """Return the bytes of the data, and the peak memory of fit and predict, for each number of samples."""
    results = []
    for n_samples in sizes:
        X, y = draw(n_samples, 10)
        regressor = make_regressor(128, 1).fit(X[:128], y[:128])
        peaks = {
            "predict": peak_bytes(lambda regressor=regressor, X=X: regressor.predict(X)),
            "fit": peak_bytes(lambda regressor=regressor, X=X, y=y: regressor.fit(X, y)),
        }
        results.append({"n_samples": n_samples, "data": X.nbytes + y.nbytes, **peaks})
        print(
            f"memory  {n_samples} samples  " + "  ".join(f"{of} {peaks[of] / 2**20:.3g} MiB" for of in MEMORY_OF),
            flush=True,
        )
    return results


def measure(*, quick: bool) -> dict[str, Any]:
    """Return sizes, seconds and slope for each size that grows, and the table of memory."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    n_decades, n_rounds = (1, 2) if quick else (3, 3)
    times = {}
    for name, sizes_of in GROWING.items():
        sizes = [round(FIRST[name] * 10 ** (step / 2)) for step in range(2 * n_decades + 1)]
        seconds = [epoch_seconds(*sizes_of(size), n_rounds) for size in sizes]
        times[name] = {"sizes": sizes, "seconds": seconds, "slope": slope(sizes, seconds)}
        print(
            f"growth  {name}  slope {times[name]['slope']:.3f}  " + "  ".join(f"{s:.3g}" for s in seconds), flush=True
        )
    memory = measure_memory([FIRST["samples"] * 10**step for step in range(n_decades + 1)])
    return {"times": times, "memory": memory}
