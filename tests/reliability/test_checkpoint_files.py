"""Tests of checkpoint files that are damaged, or made to do harm: a clear error, in little time and memory."""

import ast
import io
import json
import os
import pickle
import re
import struct
import tracemalloc
import warnings
import zipfile
from contextlib import contextmanager
from copy import copy
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest

import skrnn
from skrnn import RNNClassifier, RNNRegressor
from skrnn.callbacks import Checkpoint, EarlyStoppingOn
from skrnn.persistence._files import write_archive
from tests.callbacks.recorder import Crash
from tests.estimators.tasks import assert_same_fit, make_ragged_task, make_task
from tests.sources import parsed

pytestmark = [
    pytest.mark.skipif(not hasattr(RNNRegressor, "set_callbacks"), reason="scikit-learn before 1.9 has no callbacks"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*returns predictions that are not finite:RuntimeWarning"),
]

#: What follows the signature in the comment at the end.
N_DIGEST = 64


MANY, ALL = (pytest.param(number, marks=pytest.mark.slow) for number in (10_000, 1))
few_or_many = pytest.mark.axis("n", [300, MANY], quick=[40, MANY])
#: Each name gets every third value, or all, in the quick run every twenty-fourth.
some_or_all = pytest.mark.axis("step", [3, ALL], quick=[24, ALL])


class Whole:
    """A fit that is under way: its data, and the bytes of its checkpoint, which `write` and `load` read at `path`."""

    def __init__(self, model, X, y, *callbacks):
        self.path, self.X, self.y = None, X, y
        with TemporaryDirectory() as folder:
            model.set_callbacks(*callbacks, Checkpoint(Path(folder) / "c"), Crash(4))
            with pytest.raises(RuntimeError, match="crash"):
                model.fit(X, y)
            self.content = (Path(folder) / "c").read_bytes()
        with np.load(io.BytesIO(self.content)) as arrays:
            self.arrays = dict(arrays)
        self.description = json.loads(self.arrays.pop("description").tobytes())

    def at(self, path):
        """Return the same with its checkpoint written to another path."""
        there = copy(self)
        there.path = path
        there.write(self.content)
        return there

    def write(self, content):
        self.path.write_bytes(content)

    def write_anew(self, description, arrays):
        """Write what nobody can tell from a checkpoint by its checksum."""
        with open(self.path, "w+b") as file:
            write_archive(file, description, arrays)

    def load(self):
        """Return the estimator, or None where there is an error as it should be."""
        try:
            return Checkpoint.load(self.path)
        except ValueError as error:
            message = str(error)
        assert message.startswith(f"path is {str(self.path)!r}, which ")
        assert "; expected " in message
        assert len(message) < 1000
        return None

    def is_an_error_or_an_estimator(self):
        """Check that there is nothing between the two, and return whether there is an estimator."""
        loaded = self.load()
        if loaded is None:
            return False
        assert len(loaded.predict(self.X)) == len(self.X)
        return True


@cache
def regressor():
    X, y = make_task(RNNRegressor)
    model = RNNRegressor((3, 2), cell="lstm", bidirectional=True, early_stopping=True, max_iter=9, random_state=0)
    return Whole(model, X, y, EarlyStoppingOn("r2"))


@cache
def regressor_of_a_table():
    X, y = make_task(RNNRegressor)
    X = pd.DataFrame(X.reshape(len(X), -1), columns=[f"c{column}" for column in range(10)], dtype=np.float32)
    levels = {"loss": "quantile", "quantile": np.array([0.1, 0.9]), "n_timesteps": 5}
    model = RNNRegressor(np.array([3]), solver="lbfgs", solver_options={"maxcor": 5}, max_iter=9, **levels)
    return Whole(model, X, np.column_stack([y, -y]))


@cache
def classifier():
    X, y = make_ragged_task(RNNClassifier)
    weights = {"no": 1.0, "yes": 2}
    model = RNNClassifier([3], solver="sgd", class_weight=weights, max_iter=9, random_state=np.random.RandomState(0))
    return Whole(model, X, np.where(y > 0, "yes", "no"))


MAKERS = [regressor, regressor_of_a_table, classifier]


@pytest.fixture(params=MAKERS, ids=lambda make: make.__name__)
def whole(request, tmp_path):
    return request.param().at(tmp_path / "c")


def sealed(content):
    """Return the content with the checksum that belongs to it."""
    return content[:-N_DIGEST] + sha256(content[:-N_DIGEST]).hexdigest().encode()


@contextmanager
def memory_of_at_most(n_bytes):
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < n_bytes
    finally:
        tracemalloc.stop()


# What a checkpoint is


def test_is_an_archive_of_numbers_and_strings(whole):
    with np.load(whole.path, allow_pickle=False) as arrays:
        assert {array.dtype.kind for array in arrays.values()} <= set("fiuU")
    with zipfile.ZipFile(whole.path) as archive:
        assert archive.testzip() is None
        assert all(member.compress_type == zipfile.ZIP_STORED for member in archive.infolist())
    assert whole.description["format_version"] == 2
    whole.write_anew(whole.description, whole.arrays)
    assert whole.path.read_bytes() == whole.content


@pytest.mark.filterwarnings("ignore:.*resumes from the saved parameters:UserWarning")
def test_written_anew_it_is_the_same(whole):
    loaded, again = whole.load(), whole.load()
    loaded.fit(whole.X, whole.y)
    again.set_callbacks(Checkpoint(whole.path.with_name("d"))).fit(whole.X, whole.y)
    assert_same_fit(loaded, again)
    assert_same_fit(Checkpoint.load(whole.path.with_name("d")).fit(whole.X, whole.y), loaded)


def test_nothing_in_the_package_runs_code_from_files():
    run_code = {"eval", "exec", "compile", "__import__", "joblib.load", "pickle.loads"}
    last_names = {name.rpartition(".")[2] for name in run_code}
    for path in Path(skrnn.__file__).parent.rglob("*.py"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & {"pickle", "marshal", "shelve", "dill", "cloudpickle", "skops"}, path
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", None)) in last_names:
                name = ast.unparse(node.func)
                assert name not in run_code, path
                if name in {"np.load", "numpy.load"}:
                    assert "allow_pickle=False" in ast.unparse(node), path


# Damage


def test_every_file_that_is_cut_off_is_an_error(whole):
    content = whole.content
    for size in {*range(0, len(content), 101), *range(200), *range(len(content) - 300, len(content))}:
        whole.write(content[:size])
        assert whole.load() is None


@few_or_many
def test_every_bit_that_flips_is_an_error(n, whole):
    rng = np.random.default_rng(0)
    for position in rng.integers(len(whole.content), size=2 * n):
        content = bytearray(whole.content)
        content[position] ^= 1 << rng.integers(8)
        whole.write(content)
        assert whole.load() is None


def test_added_or_exchanged_members_are_errors(whole):
    content = whole.content
    for damaged in (content + b"\0", b"\0" + content, content + content, content[::-1], content[:-N_DIGEST]):
        whole.write(damaged)
        assert whole.load() is None
    rng = np.random.default_rng(0)
    for _ in range(200):
        first, second = sorted(rng.integers(len(content), size=2))
        part = np.frombuffer(content[first : second + 1], np.uint8)
        others = (part ^ rng.integers(1, 256, len(part), np.uint8)).tobytes()  # none of them as it was
        for damaged in (
            content[:first] + content[second + 1 :],
            content[:first] + others + content[second + 1 :],
            content[: second + 1] + content[first:],
        ):
            if damaged != content:
                whole.write(damaged)
                assert whole.load() is None


# Whoever knows the format can seal what he has made up.


@few_or_many
def test_bytes_that_are_exchanged_under_a_new_seal(n, whole):
    rng = np.random.default_rng(1)
    n_loaded = 0
    for _ in range(n):
        content = bytearray(whole.content)
        for _ in range(rng.integers(1, 4)):
            content[rng.integers(len(content))] = rng.integers(256)
        whole.write(sealed(bytes(content)))
        n_loaded += whole.is_an_error_or_an_estimator()
    assert n_loaded < n / 2  # most of the bytes are numbers, which the zip has a checksum of


@few_or_many
def test_zip_headers_and_the_end_under_a_new_seal(n, whole):
    rng = np.random.default_rng(2)
    content = whole.content
    directory = content.index(b"PK\x01\x02")
    headers = [place for place in range(directory) if content.startswith(b"PK\x03\x04", place)]
    places = np.concatenate(
        [np.arange(directory, len(content) - N_DIGEST), *(np.arange(header, header + 200) for header in headers)]
    )
    for _ in range(n):
        damaged = bytearray(content)
        place = rng.choice(places)
        n_bytes = rng.choice([1, 2, 4, 8])
        value = rng.choice(np.array([0, 1, 0x7F, 0xFF, rng.integers(256)], np.uint8))
        damaged[place : place + n_bytes] = bytes([value]) * len(damaged[place : place + n_bytes])
        whole.write(sealed(bytes(damaged)))
        whole.is_an_error_or_an_estimator()


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


VALUES = [
    None,
    True,
    False,
    0,
    1,
    -1,
    3,
    2**31,
    2**63 - 1,
    2**64,
    10**400,
    0.5,
    -1e308,
    float("nan"),
    float("inf"),
    -float("inf"),
    "",
    "x",
    "os.system",
    "<U9999",
    "|O",
    "float64",
    "\ud800",
    "\0",
    "x" * 100_000,
    [],
    [None],
    [0],
    [2**62],
    [-1.5],
    [[3]],
    ["x", 2**62],
    [3] * 5000,
    nested(200),
    {},
    {"tuple": 3},
    {"tuple": [2**62, 2**62]},
    {"dict": [[[], 1]]},
    {"dict": [1]},
    {"dict": [["maxiter", {"array": [1.0], "shape": [1]}]]},
    {"array": [1.0], "shape": [2]},
    {"array": ["x" * 1000, 1], "shape": [2]},
    {"array": [10**30], "shape": [1]},
    {"array": [], "shape": [0, 2**62]},
    {"array": [1], "shape": ["x"]},
    {"tuple": [], "dict": []},
]


@some_or_all
@pytest.mark.axis("make", [regressor, classifier])
def test_values_of_the_description(make, step, tmp_path):
    whole = make().at(tmp_path / "c")
    description = whole.description
    for position, name in enumerate([*description, "further"]):
        for value in VALUES[position % step :: step]:
            whole.write_anew({**description, name: value}, whole.arrays)
            whole.is_an_error_or_an_estimator()
        whole.write_anew({other: value for other, value in description.items() if other != name}, whole.arrays)
        assert (whole.load() is None) == (name != "further")


@some_or_all
@pytest.mark.axis("make", [regressor, classifier])
def test_values_of_the_parameters(make, step, tmp_path):
    whole = make().at(tmp_path / "c")
    parameters = whole.description["parameters"]
    for position, name in enumerate([*parameters, "further"]):
        for value in VALUES[position % step :: step]:
            whole.write_anew({**whole.description, "parameters": {**parameters, name: value}}, whole.arrays)
            whole.is_an_error_or_an_estimator()
        others = {other: value for other, value in parameters.items() if other != name}
        whole.write_anew({**whole.description, "parameters": others}, whole.arrays)
        assert (whole.load() is None) == (name != "further")


@some_or_all
def test_entries_of_lists_in_the_description(step, whole):
    for name, entries in whole.description.items():
        if isinstance(entries, list):
            for position in range(len(entries)):
                for value in VALUES[position % step :: step]:
                    changed = [*entries[:position], value, *entries[position + 1 :]]
                    whole.write_anew({**whole.description, name: changed}, whole.arrays)
                    whole.is_an_error_or_an_estimator()
            whole.write_anew({**whole.description, name: [*entries, 1]}, whole.arrays)
            assert whole.load() is None


@pytest.mark.parametrize("text", [b"", b"[", b"null", b"[]", b"3", b"\xff\xfe", b"[" * 500_000, b'{"a":' * 100_000])
def test_text_of_the_description(text, tmp_path):
    whole = classifier().at(tmp_path / "c")
    whole.write(described(whole, text))
    with memory_of_at_most(2**26):
        assert whole.load() is None


def test_arrays_of_another_kind(whole):
    for name, array in whole.arrays.items():
        others = [
            array[:-1],
            np.concatenate([array, array]),
            array[np.newaxis],
            array[:0],
            np.array(3.0),
            np.zeros(array.shape, "f2"),
            np.zeros(array.shape, "S9"),
            np.zeros(array.shape, np.complex128),
            np.zeros(array.shape, "M8[s]"),
            np.zeros(array.shape, [("a", "<f4")]),
        ]
        for other in others:
            if not (other.dtype == array.dtype and np.array_equal(other, array)):
                whole.write_anew(whole.description, {**whole.arrays, name: other})
                # Any number of iterations is possible.
                may_be_longer = ("curve" in name or "scores" in name) and other.dtype == array.dtype and other.ndim == 1
                assert not whole.is_an_error_or_an_estimator() or may_be_longer, (name, other.dtype, other.shape)
        whole.write_anew(whole.description, {key: value for key, value in whole.arrays.items() if key != name})
        assert whole.load() is None
    for name in ("further", "../../evil", "/etc/evil", "theta/../theta", "C:\\evil", "solver_9", "a\0b"):
        whole.write_anew(whole.description, {**whole.arrays, name: np.zeros(3)})
        assert whole.load() is None
    assert [path.name for path in whole.path.parent.iterdir()] == ["c"]


def test_numbers_that_are_none(whole):
    for name, array in whole.arrays.items():
        for value in (np.nan, np.inf, -1.0, 0.0, 1e38):
            if array.dtype.kind == "f":
                whole.write_anew(whole.description, {**whole.arrays, name: np.full_like(array, value)})
                loaded = whole.is_an_error_or_an_estimator()
                may_be_none = any(part in name for part in ("curve", "scores", "solver"))
                assert not loaded or np.isfinite(value) or may_be_none
    for name in ("theta", "target_location", "target_scale"):
        whole.write_anew(whole.description, {**whole.arrays, name: np.full_like(whole.arrays[name], np.nan)})
        assert whole.load() is None
    whole.write_anew(whole.description, {**whole.arrays, "keys": np.zeros(624, np.uint32)})
    assert whole.load() is None  # it would draw zeros, and look for a normal number for ever
    for position in (625, 2**31, 2**40):  # NumPy would read what lies behind the keys
        whole.write_anew({**whole.description, "twister": [position, 0, 0.0]}, whole.arrays)
        assert whole.load() is None


def test_characters_that_are_none(tmp_path):
    whole = classifier().at(tmp_path / "c")
    classes = whole.arrays["classes"].copy()
    classes.view(np.uint32)[0] = 0x110000
    whole.write_anew(whole.description, {**whole.arrays, "classes": classes})
    assert whole.load() is None


# Zips


def zipped(members, compression=zipfile.ZIP_STORED):
    """Return a zip, sealed, of (name, content, changes of its entry) each."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name")
        archive.comment = b"skrnn checkpoint, SHA-256 " + bytes(N_DIGEST)
        for name, content, changes in members:
            archive.writestr(name, content)
            for attribute, value in changes.items():
                setattr(archive.filelist[-1], attribute, value)
    return sealed(file.getvalue())


def members_of(whole):
    """Return the members of a checkpoint, for `zipped`."""
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        return [(name, archive.read(name), {}) for name in archive.namelist()]


def described(whole, text):
    """Return a checkpoint, sealed, with this text as its description."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.frombuffer(text, np.uint8), version=(1, 0))
    members = [(name, content, {}) for name, content, _ in members_of(whole) if name != "description.npy"]
    return zipped([*members, ("description.npy", file.getvalue(), {})])


def test_a_zip_as_it_should_be_is_no_error(whole):
    whole.write(zipped(members_of(whole)))
    assert whole.load() is not None


def test_members_that_are_compressed_are_not_inflated(whole):
    members = members_of(whole)
    for compression in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        whole.write(zipped(members, compression=compression))
        assert whole.load() is None
    names = [name for name, _, _ in members]
    for name in ("theta.npy", "description.npy", "loss_curve.npy"):
        bomb = [*members[: names.index(name)], (name, bytes(2**23), {}), *members[names.index(name) + 1 :]]
        content = zipped(bomb, compression=zipfile.ZIP_DEFLATED)
        assert len(content) < 2**20
        whole.write(content)
        with memory_of_at_most(2**22):
            assert whole.load() is None


@pytest.mark.parametrize("size", [2**31 - 1, 2**32 - 2])
@pytest.mark.parametrize("name", ["theta.npy", "description.npy", "loss_curve.npy", "classes.npy"])
def test_sizes_that_are_only_declared_take_no_memory(name, size, tmp_path):
    whole = classifier().at(tmp_path / "c")
    for changes in ({"file_size": size, "compress_size": size}, {"file_size": size}, {"compress_size": size}):
        whole.write(zipped([(n, c, changes if n == name else {}) for n, c, _ in members_of(whole)]))
        with memory_of_at_most(2**22):
            assert whole.load() is None


@pytest.mark.parametrize(
    "change",
    [
        {"n_features_in": 2**40},
        {"n_features_in": 2**40, "has_feature_names": True},
        {"n_target_columns": 2**61},
        {"n_scorers": 2**62},
        {"best_iteration": 2**62},
    ],
    ids=str,
)
@pytest.mark.parametrize("make", MAKERS)
def test_counts_that_are_only_declared_take_no_memory(make, change, tmp_path):
    whole = make().at(tmp_path / "c")
    whole.write_anew({**whole.description, **change}, whole.arrays)
    with memory_of_at_most(2**22):
        assert whole.load() is None


def headed(header, content):
    """Return a member that begins with this header of the format .npy 1.0."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


SHAPES = [
    "(1152921504606846976,)",
    f"({2**62},)",
    f"({10**40},)",
    "(0, 4611686018427387904)",
    "(-1,)",
    "(3 4,)",
    "(1e3,)",
]
DTYPES = ["|O", "<f16", "<U99999", "<c16", "|V8", "<M8[s]", "|S8", "<f8\\n", "', 'descr': '<f8"]


@pytest.mark.parametrize("name", ["theta.npy", "loss_curve.npy", "classes.npy", "description.npy", "keys.npy"])
def test_headers_of_arrays_are_not_believed(name, tmp_path):
    whole = classifier().at(tmp_path / "c")
    members = {name: content for name, content, _ in members_of(whole)}
    header, content = members[name][10:128], members[name][128:]
    text = header.decode("ascii")
    dtype, shape = re.search(r"'descr': '(.*?)'", text)[1], re.search(r"\(.*?\)", text)[0]
    headers = [
        *(text.replace(shape, other) for other in SHAPES),
        *(text.replace(dtype, other) for other in DTYPES),
        text.replace("False", "True"),
        text.replace("False", "0L"),
        text.replace(shape, "__import__('os').getpid()"),
        text.replace("{", "{" + "(" * 60 + ")" * 60 + ": 1, "),
        "-" * 60_000 + "1",
        "",
    ]
    for other in (*headers, *(header.ljust(118)[:118] for header in headers)):
        whole.write(
            zipped([(n, headed(other.encode("ascii"), content) if n == name else c, {}) for n, c in members.items()])
        )
        with memory_of_at_most(2**22):
            assert whole.load() is None, other
    whole.write(zipped([(n, headed(header, content) if n == name else c, {}) for n, c in members.items()]))
    assert whole.load() is not None


@pytest.mark.parametrize(
    "sizes",
    [
        {"tuple": [10**9]},
        {"tuple": [10**18]},
        {"tuple": [10**30]},
        pytest.param({"tuple": [1] * 100_000}, marks=pytest.mark.thorough),
        [2**31, 2**31],
    ],
)
def test_networks_that_are_only_declared_take_no_memory(sizes, tmp_path):
    whole = regressor().at(tmp_path / "c")
    parameters = {**whole.description["parameters"], "hidden_layer_sizes": sizes}
    whole.write_anew({**whole.description, "parameters": parameters}, whole.arrays)
    with memory_of_at_most(2**28):
        assert whole.load() is None


def test_a_large_description_is_not_read(tmp_path):
    whole = regressor().at(tmp_path / "c")
    content = described(whole, b"[" + b"[]," * 2**22 + b"[]]")
    whole.write(content)
    with memory_of_at_most(len(content) + 2**22):
        assert whole.load() is None


def test_memory_is_that_of_the_arrays(tmp_path):
    X, y = make_task(RNNRegressor)
    whole = Whole(RNNRegressor((400,), max_iter=5), X, y).at(tmp_path / "c")
    size = len(whole.content)
    with memory_of_at_most(4 * size):
        assert Checkpoint.load(whole.path) is not None


def test_further_members_and_members_of_one_name(whole):
    members = members_of(whole)
    for name in ("theta.npy", "../evil.npy", "/evil.npy", "theta.npy/", "theta", "Theta.npy", "\u00fc.npy"):
        whole.write(zipped([*members, (name, b"", {})]))
        assert whole.load() is None
        whole.write(zipped([*members, (name, members[0][1], {})]))
        assert whole.load() is None
    whole.write(zipped([*members, *((f"{number}.npy", b"", {}) for number in range(2_000))]))
    with memory_of_at_most(2**22):
        assert whole.load() is None
    assert [path.name for path in whole.path.parent.iterdir()] == ["c"]


@pytest.mark.parametrize(
    "changes",
    [
        {"flag_bits": 1},
        {"flag_bits": 0x20},
        {"flag_bits": 0x40},
        {"compress_type": 99},
        {"extra": b"\x01\x00\x08\x00" + b"\xff" * 8},
        {"CRC": 1},
        {"header_offset": 2**31},
        {"extract_version": 250},
    ],
    ids=str,
)
def test_entries_that_ask_for_more(changes, whole):
    members = members_of(whole)
    whole.write(zipped([(name, content, changes) for name, content, _ in members]))
    assert whole.load() is None


def test_members_that_share_their_bytes(whole):
    members = members_of(whole)
    whole.write(zipped([(name, content, {"header_offset": 0}) for name, content, _ in members]))
    assert whole.load() is None


def test_another_directory_of_a_large_zip(whole):
    """The place of a directory of more entries than are allowed, where only a zip of more than 4 GiB has one."""
    content = whole.content
    start = len(content) - 22 - struct.unpack("<H", content[content.rindex(b"PK\x05\x06") + 20 :][:2])[0]
    locator = b"PK\x06\x07" + bytes(16)
    damaged = content[: start - len(locator)] + locator + content[start:]
    whole.write(sealed(damaged))
    assert whole.load() is None


# Other files


class Runs:
    """What sets a flag when it is loaded by pickle."""

    has_run = False

    def __reduce__(self):
        """Let pickle call a function."""
        return setattr, (Runs, "has_run", True)


def pickles():
    yield pickle.dumps(Runs())
    objects = np.array([Runs(), None], dtype=object)
    for save in (np.save, np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, objects)
        yield file.getvalue()


def test_no_pickle_is_loaded(whole, monkeypatch):
    monkeypatch.setattr(Runs, "has_run", False)
    contents = list(pickles())
    for content in contents:
        whole.write(content)
        assert whole.load() is None
    npy = contents[1]
    for replaced, *_ in members_of(whole):
        whole.write(zipped([(n, npy if n == replaced else c, {}) for n, c, _ in members_of(whole)]))
        assert whole.load() is None
    assert not Runs.has_run
    pickle.loads(contents[0])
    assert Runs.has_run


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06" + bytes(18), bytes(1000), b"\x80\x05.", b"\x93NUMPY"])
def test_other_files(content, tmp_path):
    whole = classifier().at(tmp_path / "c")
    whole.write(content)
    assert whole.load() is None


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        Checkpoint.load(tmp_path / "nothing")
    for path in (tmp_path, Path(os.devnull)):
        with pytest.raises(ValueError, match="which is not a file"):
            Checkpoint.load(path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ValueError, match="which is not a file"):
            Checkpoint.load(tmp_path / "pipe")


@pytest.mark.parametrize("version", [1, 3])
def test_another_version_of_the_format_says_so(version, whole):
    whole.write_anew({**whole.description, "format_version": version}, whole.arrays)
    with pytest.raises(ValueError, match=f"its format is {version}, and this version of skrnn reads 2"):
        Checkpoint.load(whole.path)
