"""Tests of the docstrings of everything public: they follow numpydoc."""

import ast
import importlib.util
import inspect
import re
from pathlib import Path

import pytest
from numpydoc.validate import validate

import skrnn
from tests.sources import parsed

#: What is not asked for, and why.
IGNORED = {
    "ES01",  # an extended summary: where the first sentence says it all
    "SA01",  # See Also: where there is nothing beside it
    "SA04",  # a description of what See Also names: scikit-learn's own are known
    "EX01",  # an example of every method: the class has one
    "GL01",  # the summary on the line after the quotes: a matter of taste
    "GL02",  # the closing quotes on the line after the text: the same
    "GL03",  # double blank lines: the formatter's business
    "RT02",  # a returned value without a name: the name is the documentation
    "RT03",  # a description of what is returned: where the type says it
    "YD01",  # Yields: the same
    "SS06",  # a summary of one line only: two lines are a longer sentence
}
MODULES = [
    "skrnn",
    "skrnn.callbacks",
    "skrnn.datasets",
    "skrnn.ensemble",
    "skrnn.export",
    "skrnn.forecasting",
    "skrnn.metrics",
    "skrnn.model_selection",
    "skrnn.plotting",
    "skrnn.preprocessing",
]


def public_members():
    """Yield the dotted name of each public class, its public methods and properties, and each public function."""
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in module.__all__:
            member = getattr(module, name)
            yield f"{module_name}.{name}"
            if inspect.isclass(member):
                for attribute, value in inspect.getmembers(member):
                    ours = (getattr(inspect.unwrap(value), "__module__", None) or "").startswith("skrnn")
                    if not attribute.startswith("_") and ours:
                        yield f"{module_name}.{name}.{attribute}"


@pytest.mark.parametrize("name", sorted(set(public_members())))
def test_docstring_follows_numpydoc(name):
    problems = [f"{code}: {text}" for code, text in validate(name)["errors"] if code not in IGNORED]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("estimator", [skrnn.RNNRegressor, skrnn.RNNClassifier])
def test_list_of_parameters_by_topic_is_complete(estimator):
    _, topics = inspect.getdoc(estimator).split("Parameters\n---", 1)[0].split("by topic:")
    assert sorted(re.findall(r"`(\w+)`", topics)) == sorted(estimator().get_params())


def test_methods_are_among_the_validated():
    names = set(public_members())
    assert {f"skrnn.RNNRegressor.{method}" for method in ("fit", "partial_fit", "predict")} <= names
    assert {f"skrnn.RNNClassifier.{method}" for method in ("predict_proba", "predict_log_proba")} <= names
    assert "skrnn.SlidingWindow.transform" in names


def test_modules_start_with_one_sentence():
    paths = list(Path(skrnn.__file__).parent.rglob("*.py"))
    assert len(paths) > 100
    for path in paths:
        first = ast.get_docstring(parsed(path)).splitlines()[0]
        assert first.endswith("."), path
        assert len(first) <= 120, path
