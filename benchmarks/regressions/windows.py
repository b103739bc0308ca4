"""Windows of a series."""

import numpy as np

from skrnn import SlidingWindow


class Windows:
    """A hundred thousand rows, each with its window: a view, or flat columns for a tabular estimator."""

    params = ([False, True], ["mask", "edge"])
    param_names = ("flatten", "padding")

    def setup(self, flatten: bool, padding: str) -> None:
        """Draw the series."""
        self.X = np.random.default_rng(0).standard_normal((100_000, 4))
        self.windows = SlidingWindow(n_timesteps=50, flatten=flatten, padding=padding)

    def time_fit_transform(self, flatten: bool, padding: str) -> None:
        """Time the windows of all rows."""
        self.windows.fit_transform(self.X)

    def peakmem_fit_transform(self, flatten: bool, padding: str) -> None:
        """Measure their memory."""
        self.windows.fit_transform(self.X)
