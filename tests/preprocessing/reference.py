"""Windows made row by row, in plain Python, to compare with."""

import numpy as np


def reference_windows(rows, groups, n_timesteps, dilation=1, padding="mask", n_earlier=0):
    """Return the windows, (n_samples, n_timesteps, n_features), of all rows but the first `n_earlier`.

    `groups` has the label of each row, (n_rows,). The windows are float32 if the rows are, else float64.
    """
    rows = np.asarray(rows)
    windows = []
    for t in range(n_earlier, len(rows)):
        own = [row for row in range(t + 1) if groups[row] == groups[t]]
        missing = {"mask": np.full(rows.shape[1], np.nan), "edge": rows[own[0]], "zero": np.zeros(rows.shape[1])}
        lags = [step * dilation for step in reversed(range(n_timesteps))]
        windows.append([rows[own[-1 - lag]] if lag < len(own) else missing[padding] for lag in lags])
    return np.array(windows, dtype=np.float32 if rows.dtype == np.float32 else np.float64)
