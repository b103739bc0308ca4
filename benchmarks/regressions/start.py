"""Start-up costs: the import, and a very small fit."""

from .tasks import CELLS, draw, make_regressor


class Start:
    """Costs that do not depend on the size of the task."""

    params = (CELLS,)
    param_names = ("cell",)

    def setup(self, cell: str) -> None:
        """Draw about a hundred sequences."""
        self.X, self.y = draw("32,10,1,16", "float32", 3)

    def time_small_fit(self, cell: str) -> None:
        """Time ten epochs over 96 sequences."""
        make_regressor(cell, "32,10,1,16", max_iter=10).fit(self.X, self.y)


def timeraw_import_skrnn() -> tuple[str, str]:
    """Time the import of skrnn after that of scikit-learn."""
    return "import skrnn", "import sklearn.linear_model"
