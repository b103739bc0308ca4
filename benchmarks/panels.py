"""How long forecasts of many series take, in one call and in a loop over the series, and how far these differ.

1,000 series of 100 to 300 days, a network of 16 units behind windows of 14 days, 24 steps ahead.
Usage: python benchmarks/panels.py
"""

from time import perf_counter

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.forecasting import forecast, to_supervised

N_SERIES, N_STEPS, N_TRAINED, N_REPEATS = 1000, 24, 50, 3


def panel(rng: np.random.Generator) -> pd.DataFrame:
    """Return the days of all series, with the columns store and sales."""
    lengths = rng.integers(100, 300, size=N_SERIES)
    days = pd.date_range("2024-01-01", periods=400)
    frames = []
    for number, n_rows in enumerate(lengths):
        week = np.sin(np.arange(n_rows) * 2 * np.pi / 7 + number)
        sales = week + 0.2 * rng.normal(size=n_rows)
        frames.append(pd.DataFrame({"store": f"store {number}", "sales": sales}, index=days[400 - n_rows :]))
    return pd.concat(frames)


def main() -> None:
    """Fit a network to some of the series, forecast all, and print the times."""
    table = panel(np.random.default_rng(0))
    windows = SlidingWindow(14, group_column="store")
    network = RNNRegressor((16,), solver="lbfgs", tol=1e-3, random_state=0)
    trained = table[table["store"].isin([f"store {number}" for number in range(N_TRAINED)])]
    model = make_pipeline(windows, network).fit(*to_supervised(trained, groups="store"))
    seconds = []
    for _ in range(N_REPEATS):
        start = perf_counter()
        predictions = forecast(model, table, N_STEPS, groups="store")
        seconds.append(perf_counter() - start)
    print(f"one call:  {min(seconds):.2f} s for {N_SERIES} series, {N_STEPS} steps, {len(table)} rows")
    start = perf_counter()
    paths = [forecast(model, rows, N_STEPS) for _, rows in table.groupby("store", sort=False)]
    print(f"in a loop: {perf_counter() - start:.2f} s")
    print(f"largest difference: {np.abs(predictions['sales'].to_numpy() - pd.concat(paths).to_numpy()).max():.1e}")


if __name__ == "__main__":
    main()
