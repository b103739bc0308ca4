"""All solvers on five problems: loss against seconds, and error on test data.

    pip install -e '.[demo]'
    python benchmarks/solvers.py [problem ...]

Each solver has the same CPU time on a problem (one thread, float64) and starts from the same five seeds. Unless it has
converged before, it is interrupted when the time is up, and keeps the best parameters so far. The time of an iteration
is that of its line of output with `verbose`. For stochastic solvers, the loss of an epoch is the mean over minibatches.

Settings that are not defaults are in `PROBLEMS`, the same for all solvers: sizes and penalties of a first trial with
other seeds. The figure (docs/images/solvers.png) is drawn if all problems have been run. Further problems are run if
they are named: adding-30s, temporal-order (three seeds) and narendra-restarts.
"""

import contextlib
import io
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots, make_adding_problem, make_mackey_glass, make_narendra, make_temporal_order

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "solvers.png"
SEEDS = range(5)
SOLVERS = ["sgd", "adam", "lbfgs", "CG", "BFGS", "Newton-CG", "trust-krylov", "trust-exact", "least_squares"]
#: Colours that colour-blind readers can distinguish (Okabe, Ito 2008), and a dashed line for the second of a kind.
STYLES = {
    "sgd": ("#999999", "-"),
    "adam": ("#000000", "-"),
    "lbfgs": ("#E69F00", "-"),
    "CG": ("#E69F00", ":"),
    "BFGS": ("#E69F00", "--"),
    "Newton-CG": ("#56B4E9", "-"),
    "trust-krylov": ("#0072B2", "-"),
    "trust-exact": ("#009E73", "-"),
    "least_squares": ("#D55E00", "-"),
}
Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Problem:
    """Data by seed (X, y, X_test, y_test), the network, its CPU seconds, and the error of its predictions."""

    title: str
    data: Callable[[int], Parts]
    network: dict[str, Any]
    seconds: float
    judge: Callable[[np.ndarray, np.ndarray], float]
    unit: str
    baseline: Callable[[Parts], np.ndarray]
    baseline_name: str
    is_classification: bool = False
    solvers: tuple[str, ...] = tuple(SOLVERS)
    seeds: range = SEEDS


def nrmse(y: np.ndarray, predictions: np.ndarray) -> float:
    """Return the root of the mean squared error in standard deviations of the targets."""
    return float(np.sqrt(np.mean((predictions - y) ** 2)) / y.std())


def share_wrong(y: np.ndarray, predictions: np.ndarray) -> float:
    """Return the percentage of sums that are wrong by more than 0.04 of their range, which is 2."""
    return float(100.0 * np.mean(np.abs(predictions - y) > 0.08))


def error_rate(y: np.ndarray, predictions: np.ndarray) -> float:
    """Return the percentage of wrong classes."""
    return float(100.0 * np.mean(predictions != y))


def sunspots(seed: int) -> Parts:
    """Return windows of twelve years: 1701 to 1920 for training, 1921 to 1979 for testing; not random."""
    spots = load_sunspots()
    is_fitted, is_test = spots.target_years <= 1920, (spots.target_years > 1920) & (spots.target_years <= 1979)
    series = StandardScaler().fit(spots.data[is_fitted]).transform(spots.data)
    windows = SlidingWindow(n_timesteps=12, padding="edge").fit_transform(series)
    return windows[is_fitted], spots.target[is_fitted], windows[is_test], spots.target[is_test]


def mackey_glass(seed: int) -> Parts:
    """Return windows of twenty values of a chaotic series, and the value six steps ahead: 2,000 and 2,000."""
    series = make_mackey_glass(4026, random_state=seed)
    windows = SlidingWindow(n_timesteps=20).fit_transform(series[:-6, None])[20:]
    y = series[26:]
    return windows[:2000], y[:2000], windows[2000:], y[2000:]


def narendra(seed: int) -> Parts:
    """Return windows of twenty inputs of a nonlinear plant, and its output: 500 and 500."""
    inputs, outputs = make_narendra(1020, random_state=seed)
    windows, y = SlidingWindow(n_timesteps=20).fit_transform(inputs)[20:], outputs[20:]
    return windows[:500], y[:500], windows[500:], y[500:]


def adding(seed: int) -> Parts:
    """Return sequences of fifty numbers, two of them marked, and the sum of these: 2,000 and 2,560."""
    return *make_adding_problem(2000, n_timesteps=50, random_state=seed), *make_adding_problem(
        2560, n_timesteps=50, random_state=1000 + seed
    )


def digits(seed: int) -> Parts:
    """Return handwritten digits, row after row of eight pixels: 1,347 and 450."""
    images = load_digits()
    X, X_test, y, y_test = train_test_split(images.images, images.target, random_state=seed, stratify=images.target)
    return X / 16.0, y, X_test / 16.0, y_test


def temporal_order(seed: int) -> Parts:
    """Return sequences of fifty symbols, and the order of the two that matter: 1,000 and 2,000."""
    return *make_temporal_order(1000, n_timesteps=50, random_state=seed), *make_temporal_order(
        2000, n_timesteps=50, random_state=1000 + seed
    )


def most_frequent(parts: Parts) -> np.ndarray:
    """Return the most frequent class."""
    classes, counts = np.unique(parts[1], return_counts=True)
    return np.full(len(parts[3]), classes[counts.argmax()])


def ridge(parts: Parts) -> np.ndarray:
    """Return the predictions of ridge regression on all values of the windows."""
    X, y, X_test, _ = parts
    return RidgeCV(np.logspace(-6, 3, 19)).fit(X.reshape(len(X), -1), y).predict(X_test.reshape(len(X_test), -1))


def logistic(parts: Parts) -> np.ndarray:
    """Return the classes that logistic regression on all pixels predicts."""
    X, y, X_test, _ = parts
    return LogisticRegression(max_iter=1000).fit(X.reshape(len(X), -1), y).predict(X_test.reshape(len(X_test), -1))


def always_one(parts: Parts) -> np.ndarray:
    """Return the mean of all sums."""
    return np.ones(len(parts[3]))


PROBLEMS = {
    "sunspots": Problem(
        "sunspots, 4 units", sunspots, {"hidden_layer_sizes": (4,), "alpha": 0.66}, 1.0, nrmse, "NRMSE", ridge, "ridge"
    ),
    "mackey-glass": Problem(
        "Mackey-Glass, 16 units", mackey_glass, {"hidden_layer_sizes": (16,), "alpha": 0.0}, 4.0, nrmse, "NRMSE", ridge,
        "ridge",
    ),
    "narendra": Problem(
        "Narendra 4, 10 units", narendra, {"hidden_layer_sizes": (10,), "alpha": 1.5e-3}, 3.0, nrmse, "NRMSE", ridge,
        "ridge",
    ),
    "adding": Problem(
        "adding, T=50, 50 units", adding, {"hidden_layer_sizes": (50,), "alpha": 2e-3}, 12.0, share_wrong, "% wrong",
        always_one, "always 1",
    ),
    "digits": Problem(
        "digits, 16 units", digits, {"hidden_layer_sizes": (16,), "alpha": 1.3}, 4.0, error_rate, "% wrong",
        logistic, "logistic regression", is_classification=True,
    ),
}  # fmt: skip


TRIALS = {
    "adding-30s": Problem(
        "adding, T=50, 50 units", adding, {"hidden_layer_sizes": (50,), "alpha": 0.0}, 30.0, share_wrong, "% wrong",
        always_one, "always 1", seeds=range(3),
        solvers=("least_squares", "sgd", "sgd, rate 0.005", "sgd, rate 0.0005"),
    ),
    "temporal-order": Problem(
        "temporal order, T=50, 50 units", temporal_order, {"hidden_layer_sizes": (50,), "alpha": 0.01}, 20.0,
        error_rate, "% wrong", most_frequent, "most frequent", is_classification=True, seeds=range(3),
        solvers=("sgd", "sgd, rate 0.005", "lbfgs", "Newton-CG", "trust-krylov"),
    ),
    "narendra-restarts": Problem(
        "Narendra 4, 10 units, 4 starts of 120 iterations", narendra,
        {"hidden_layer_sizes": (10,), "alpha": 5e-4, "n_init": 4, "max_iter": 120}, 60.0, nrmse, "NRMSE", ridge,
        "ridge", solvers=("trust-exact", "least_squares"),
    ),
}  # fmt: skip
#: Solvers with other settings.
VARIANTS = {
    "sgd, rate 0.005": {"solver": "sgd", "learning_rate_init": 0.005},
    "sgd, rate 0.0005": {"solver": "sgd", "learning_rate_init": 0.0005},
}


class Clock(io.TextIOBase):
    """A stdout that records the CPU time of each line about an iteration."""

    def __init__(self) -> None:
        self.start = time.process_time()
        self.times: list[float] = []

    def write(self, text: str) -> int:
        """Record the time of a line."""
        if text.startswith("Iteration"):
            self.times.append(time.process_time() - self.start)
        return len(text)


@dataclass(frozen=True)
class Trial:
    """Times and losses of the iterations of a run, and its error on the test data."""

    times: np.ndarray
    losses: np.ndarray
    error: float
    seconds: float

    def loss_at(self, times: np.ndarray) -> np.ndarray:
        """Return the smallest loss until each of the times; NaN before the first iteration."""
        least = np.minimum.accumulate(self.losses)
        count = np.searchsorted(self.times, times, side="right")
        return np.where(count > 0, least[np.maximum(count - 1, 0)] if len(least) else np.nan, np.nan)


def run(problem: Problem, solver: str, seed: int) -> Trial:
    """Return the result of a fit within the CPU time of the problem."""
    X, y, X_test, y_test = problem.data(seed)
    estimator = (RNNClassifier if problem.is_classification else RNNRegressor)(
        random_state=seed,
        normalize_X=False,  # all use the same data
        **{"verbose": True, "max_iter": 10**9, "max_fun": 10**9, "tol": 0.0, "n_iter_no_change": np.inf},
    )
    estimator.set_params(**problem.network, **VARIANTS.get(solver, {"solver": solver}))
    clock = Clock()
    signal.signal(signal.SIGPROF, signal.default_int_handler)
    with contextlib.redirect_stdout(clock), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signal.setitimer(signal.ITIMER_PROF, problem.seconds)
        try:
            estimator.fit(X, y)
        except KeyboardInterrupt:  # not one iteration
            return Trial(np.empty(0), np.empty(0), np.nan, problem.seconds)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
    seconds = time.process_time() - clock.start
    n_iter = min(len(clock.times), len(estimator.loss_curve_))
    error = problem.judge(y_test, estimator.predict(X_test))
    return Trial(np.array(clock.times[:n_iter]), np.array(estimator.loss_curve_[:n_iter]), error, seconds)


def print_table(problem: Problem, trials: dict[str, list[Trial]]) -> None:
    """Print a line for each solver: medians and ranges over the seeds."""
    baseline = np.median(
        [problem.judge(parts[3], problem.baseline(parts)) for parts in map(problem.data, problem.seeds)]
    )
    print(f"\n{problem.title}: {problem.seconds:g} s; {problem.baseline_name} {baseline:.3g} {problem.unit}")
    print(f"| solver | iterations | loss | {problem.unit}, median (range) | CPU s |\n| --- | --- | --- | --- | --- |")
    for solver, of_seeds in trials.items():
        errors = [trial.error for trial in of_seeds]
        losses = [trial.losses.min() if len(trial.losses) else np.nan for trial in of_seeds]
        n_iter = int(np.median([len(trial.losses) for trial in of_seeds]))
        spread = f"{np.median(errors):.3g} ({np.min(errors):.3g} to {np.max(errors):.3g})"
        seconds = np.median([trial.seconds for trial in of_seeds])
        print(f"| {solver} | {n_iter} | {np.median(losses):.2g} | {spread} | {seconds:.1f} |", flush=True)


def draw(trials: dict[str, dict[str, list[Trial]]]) -> None:
    """Draw the median loss of each solver against CPU seconds, one panel per problem."""
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.6), layout="constrained")
    for ax, (name, of_solvers) in zip(axes.flat, trials.items(), strict=False):
        problem = PROBLEMS[name]
        times = np.geomspace(problem.seconds / 200.0, problem.seconds, 200)
        for solver, of_seeds in of_solvers.items():
            colour, dash = STYLES[solver]
            curves = np.array([trial.loss_at(times) for trial in of_seeds if len(trial.losses)])
            if len(curves) == 0:
                continue
            seen = ~np.isnan(curves).any(axis=0)
            middle, low, high = np.quantile(curves[:, seen], [0.5, 0.25, 0.75], axis=0)
            ax.plot(times[seen], middle, color=colour, linestyle=dash, linewidth=1.6, label=solver)
            ax.fill_between(times[seen], low, high, color=colour, alpha=0.12, linewidth=0)
        ax.set(xscale="log", yscale="log", title=problem.title, xlim=(times[0], times[-1]))
        ax.grid(alpha=0.25)
    for ax in axes[:, 0]:
        ax.set_ylabel("training objective")
    for ax in axes[-1, :-1]:
        ax.set_xlabel("CPU seconds")
    axes[0, -1].set_xlabel("CPU seconds")
    axes[-1, -1].axis("off")
    handles = [
        plt.Line2D([], [], color=colour, linestyle=dash, linewidth=2.0, label=solver)
        for solver, (colour, dash) in STYLES.items()
    ]
    axes[-1, -1].legend(handles=handles, loc="center", frameon=False, title="median of five seeds, quartiles shaded")
    figure.savefig(PICTURE, dpi=85)


def main() -> None:
    """Run the named problems, or all; print the tables, and draw the figure."""
    names = sys.argv[1:] or list(PROBLEMS)
    trials: dict[str, dict[str, list[Trial]]] = {}
    for name in names:
        problem = {**PROBLEMS, **TRIALS}[name]
        solvers = [solver for solver in problem.solvers if solver != "least_squares" or not problem.is_classification]
        trials[name] = {solver: [run(problem, solver, seed) for seed in problem.seeds] for solver in solvers}
        print_table(problem, trials[name])
    if set(PROBLEMS) <= set(names):
        draw(trials)
        print(f"\nDrawn in docs/images/{PICTURE.name}.")


if __name__ == "__main__":
    main()
