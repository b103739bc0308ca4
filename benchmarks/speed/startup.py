"""Start-up costs: the import, and a very small fit."""

import os
import statistics
import subprocess
import sys
import time
import warnings
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks.speed.problems import CELLS
from benchmarks.speed.rounds import ROOT
from skrnn import RNNRegressor

IMPORT = """
import time
import sklearn.linear_model
start = time.perf_counter()
import skrnn
print(time.perf_counter() - start)
"""
N_ROWS, N_TIMESTEPS, N_EPOCHS = 100, 10, 10
#: Networks by their name on the page: the smallest shape of the steps, and the defaults.
SMALL_NETWORK, DEFAULT_NETWORK = "16 units, batches of 32", "the defaults (100 units, batches of 16)"
NETWORKS: dict[str, dict[str, Any]] = {
    SMALL_NETWORK: {"hidden_layer_sizes": (16,), "batch_size": 32},
    DEFAULT_NETWORK: {},
}
#: Two fits of the same network, one after the other, in a process that has fitted nothing before.
FIRST_FIT = """
import time, warnings
import numpy as np
from skrnn import RNNRegressor
warnings.simplefilter("ignore")
X = np.random.default_rng(0).standard_normal((100, 10, 1))
model = RNNRegressor((16,), cell="lstm", max_iter=2, random_state=0)
times = []
for _ in range(2):
    start = time.perf_counter()
    model.fit(X, X[:, -1, 0])
    times.append(time.perf_counter() - start)
print(times[0] - times[1])
"""


def seconds_of(program: str, n_processes: int) -> float:
    """Return what a program prints, the median of new processes; one before them fills the caches."""
    command = [sys.executable, "-c", program]
    with TemporaryDirectory() as folder:  # with compiled files, as after an installation by pip
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}
        answers = [
            subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            for _ in range(1 + n_processes)
        ][1:]
    return statistics.median(float(answer.stdout) for answer in answers)


def small_fit_seconds(cell: str, parameters: dict[str, Any], n_fits: int) -> float:
    """Return the median time of a fit of 100 sequences for 10 epochs, float64."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_ROWS, N_TIMESTEPS, 1))
    y = X[:, -1, 0]
    times = []
    for _ in range(n_fits):
        start = time.perf_counter()
        RNNRegressor(cell=cell, max_iter=N_EPOCHS, random_state=0, **parameters).fit(X, y)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure(*, quick: bool) -> dict[str, Any]:
    """Return both, in seconds."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    n_processes, n_fits = (3, 5) if quick else (15, 41)
    results: dict[str, Any] = {
        "import": seconds_of(IMPORT, n_processes),
        "first_fit": seconds_of(FIRST_FIT, n_processes),
        "small_fits": {},
    }
    print(f"import  {1e3 * results['import']:.3g} ms  first fit  {1e3 * results['first_fit']:.3g} ms", flush=True)
    for name, parameters in NETWORKS.items():
        fits = {cell: small_fit_seconds(cell, parameters, n_fits) for cell in CELLS}
        results["small_fits"][name] = fits
        times = "  ".join(f"{cell} {1e3 * seconds:.3g} ms" for cell, seconds in fits.items())
        print(f"small fit  {name}  {times}", flush=True)
    return results
