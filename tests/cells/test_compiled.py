"""Tests of the compiled cells: they agree with NumPy, and are optional."""

import os
import pickle
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import skrnn
from skrnn import RNNRegressor
from skrnn.cells._compiled import (
    SWITCH,
    CompiledCell,
    _compile,
    _why_no_numba,
    compile_loops,
    fastest_form,
    why_not_compiled,
)
from skrnn.cells._lstm import LSTMCell
from skrnn.cells._registry import CELLS
from tests.cells.test_cells import Steps
from tests.problems import CELL_ACTIVATIONS

needs_numba = pytest.mark.skipif(why_not_compiled() is not None, reason=str(why_not_compiled()))
DTYPES = [np.dtype(np.float32), np.dtype(np.float64)]

#: A fit and a prediction, and the imported modules.
FIT = """
import pickle, sys, warnings
import numpy as np
warnings.simplefilter("ignore")
from skrnn import RNNRegressor
X = np.random.default_rng(0).normal(size=(20, 6, 2)).astype(np.float32)
model = RNNRegressor((4,), cell="lstm", max_iter=3, random_state=0).fit(X, X[:, 0, 0])
"""


def run(code, *options, **environment):
    """Return the output of a separate process."""
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(
        command, env={**os.environ, **environment}, cwd=Path(skrnn.__file__).parents[1], capture_output=True, check=True
    ).stdout


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("name", "activation"), CELL_ACTIVATIONS)
def test_both_forms_agree(monkeypatch, name, activation, dtype):
    cell, forms = CELLS[name](activation), []
    for switch in "01":
        monkeypatch.setenv(SWITCH, switch)
        forms.append(Steps(cell, dtype, n_columns=37))
        forms[-1].run()
        if not cell.has_direct_path:
            forms[-1].d_h[...] = 0.0  # it says nothing
        forms[-1].t_preactivations[...] = 0.0  # overwritten
    in_numpy, compiled = forms
    assert isinstance(compiled.cell, CompiledCell)
    assert in_numpy.cell is cell
    for name, array in in_numpy.arrays().items():
        tolerance = 20 * np.finfo(dtype).eps
        np.testing.assert_allclose(getattr(compiled, name), array, rtol=tolerance, atol=tolerance, err_msg=name)


@needs_numba
@pytest.mark.parametrize(("dtype", "tolerance"), [(DTYPES[0], 3e-7), (DTYPES[1], 5e-16)], ids=str)
def test_tanh(dtype, tolerance):
    size = np.logspace(-30, 3, 20_000)
    x = np.concatenate([size, -size, np.linspace(-30.0, 30.0, 20_001)]).astype(dtype)[np.newaxis]
    y = np.full_like(x, np.nan)
    none = np.empty((0, x.size), dtype)
    CompiledCell(CELLS["rnn"](), dtype).advance(x[np.newaxis], y, none, y, none)
    np.testing.assert_allclose(y, np.tanh(x.astype(np.longdouble)).astype(float), rtol=tolerance)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("name", "activation"), CELL_ACTIVATIONS)
def test_nan_and_infinity_go_on(name, activation, dtype):
    """A solver detects divergence by a NaN loss."""
    steps = Steps(CELLS[name](activation), dtype)
    steps.records[:, : CELLS[name](activation).n_preactivations, 0] = np.nan
    steps.advance()
    assert np.isnan(steps.new_h[:, 0]).all()
    assert np.isfinite(steps.new_h[:, 1:]).all()


@needs_numba
@pytest.mark.parametrize("function", ["advance", "linearise", "backward", "tangent"])
@pytest.mark.axis("cell", CELL_ACTIVATIONS, ids="-".join)
def test_float32_is_not_promoted_and_loops_are_vectors(cell, function):
    name, activation = cell
    loops = getattr(import_module(CELLS[name].loops).LOOPS[activation], function)
    (code,) = compile_loops(function, loops, np.dtype(np.float32), cache=False).inspect_llvm().values()
    assert " double " not in code
    assert re.search(r"<\d+ x float>", code)


def test_switch(monkeypatch):
    monkeypatch.setenv(SWITCH, "0")
    cell = LSTMCell()
    assert fastest_form(cell, np.dtype(np.float32)) is cell
    assert why_not_compiled() == f"{SWITCH}=0"


@pytest.mark.parametrize("error", ["ImportError", "OSError"])
def test_numba_that_cannot_be_imported_is_no_error(error, tmp_path, monkeypatch):
    (tmp_path / "numba.py").write_text(f"raise {error}('no library')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.delenv(SWITCH, raising=False)
    _why_no_numba.cache_clear()
    found, cell = why_not_compiled(), LSTMCell()
    form = fastest_form(cell, np.dtype(np.float32))
    _why_no_numba.cache_clear()
    assert found == "Numba: no library"
    assert form is cell


def test_cell_without_loops_stays_in_numpy(monkeypatch):
    monkeypatch.setattr(LSTMCell, "loops", None)
    cell = LSTMCell()
    assert fastest_form(cell, np.dtype(np.float32)) is cell


@needs_numba
def test_fits_and_loads_where_numba_is_missing(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 6, 2)).astype(np.float32)
    path = tmp_path / "model.pickle"
    with pytest.warns(ConvergenceWarning):
        model = RNNRegressor((4,), cell="lstm", max_iter=3, random_state=0).fit(X, X[:, 0, 0])
    path.write_bytes(pickle.dumps((model, model.stream())))
    code = (
        f"import sys; sys.modules['numba'] = None\n{FIT}\n"
        f"there, stream = pickle.load(open({str(path)!r}, 'rb'))\n"
        "stream.predict(X[:1, 0])\n"
        "np.testing.assert_allclose(model.predict(X), there.predict(X), rtol=1e-4, atol=1e-5)\n"
        "print('same', end='')"
    )
    assert run(code) == b"same"


@needs_numba
def test_numba_is_not_imported_before_it_is_needed():
    assert run("import sys, skrnn; print('numba' in sys.modules, end='')") == b"False"
    assert run(f"{FIT}\nprint('numba' in sys.modules, end='')", **{SWITCH: "0"}) == b"False"


@needs_numba
def test_works_where_nothing_can_be_cached():
    names = {}
    source = (
        "def backward(coefficients, d_h, d_c, d_preactivations):\n    d_preactivations[0] = coefficients[0] * d_h\n"
    )
    exec(source, names)  # a function without a file, as if no folder could be written
    d, ones = np.zeros((1, 2, 3)), np.ones((2, 3))
    _compile("backward", names["backward"], np.dtype(float))(2.0 * ones[np.newaxis], ones, ones, d)
    assert (d == 2.0).all()


@needs_numba
@pytest.mark.slow
def test_several_processes_compile_into_one_cache(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    code = f"{FIT}\nsys.stdout.buffer.write(model.predict(X).tobytes())"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) for _ in range(3)
    ]
    outputs = {process.communicate()[0] for process in processes}
    assert len(outputs) == 1
    assert not any(process.returncode for process in processes)
    assert list(tmp_path.rglob("*.nbi"))
