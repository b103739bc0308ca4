"""Tests of sequences of several lengths: the fit does not depend on the container or on masked timesteps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.cells._registry import CELLS
from tests.cases import pairwise_cover
from tests.estimators.tasks import as_objects, assert_same_fit, make_ragged_task
from tests.examples import examples

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [RNNRegressor, RNNClassifier]
each_estimator = pytest.mark.axis("Estimator", ESTIMATORS)
few_examples = examples(4, quick=2, derandomize=True)
N_SAMPLES, N_FEATURES = 6, 2
#: Values at masked timesteps.
ANYTHING = [np.nan, 0.0, -1.0, 1e300, np.inf]


def make_estimator(Estimator=RNNRegressor, **parameters):
    return Estimator(**{"hidden_layer_sizes": (3,), "max_iter": 3, "random_state": 0, **parameters})


def make_data(Estimator, lengths, return_sequences):
    """Return a list of sequences of the given lengths, targets, and weights in the form of the targets."""
    rng = np.random.default_rng(sum(lengths))
    X = [rng.normal(size=(length, N_FEATURES)) for length in lengths]
    if return_sequences:
        y = [rng.normal(size=length) for length in lengths]
        weights = [rng.uniform(0.5, 2.0, length) for length in lengths]
        y[0][0], y[1][0] = -1.0, 1.0  # two classes at least
    else:
        y, weights = rng.permutation(np.linspace(-1.0, 1.0, len(X))), rng.uniform(0.5, 2.0, len(X))
    if Estimator is RNNClassifier:
        y = [(t > 0).astype(int) for t in y] if return_sequences else (y > 0).astype(int)
    return X, y, weights


# The same data in other formats


def spread(values, is_valid, masked):
    """Return values of the valid timesteps at their places, and `masked` in between."""
    values = np.asarray(values, dtype=float)
    everywhere = np.full((len(is_valid), *values.shape[1:]), masked)
    everywhere[is_valid] = values
    return everywhere


lists_of_lengths = st.lists(st.integers(1, 6), min_size=N_SAMPLES, max_size=N_SAMPLES)
HOLDERS = {"list": list, "tuple": tuple, "object array": as_objects, "array": np.stack}


@st.composite
def dresses(draw, lengths):
    """Return a container of the sequences, and for each which timesteps are valid; others are in between."""
    holder = draw(st.sampled_from(sorted(HOLDERS)))
    where = draw(st.sampled_from(["nowhere", "leading", "trailing", "both", "anywhere"]))
    width = max(lengths) + draw(st.integers(0, 3))
    masks = []
    for length in lengths:
        n_masked = width - length if holder == "array" else draw(st.integers(0, 3)) * (where != "nowhere")
        n_before = {"leading": n_masked, "both": n_masked // 2}.get(where, 0)
        mask = np.repeat([False, True, False], [n_before, length, n_masked - n_before])
        masks.append(np.array(draw(st.permutations(mask.tolist()))) if where == "anywhere" else mask)
    return holder, masks


def assert_equal_at_valid(dressed, bare, masks, holder):
    """Check results for another format: those of the plain sequences, NaN where masked, in the same format."""
    kind = {"list": list, "tuple": list}.get(holder, np.ndarray)
    assert type(dressed) is kind
    assert holder != "object array" or (dressed.dtype == object and dressed.ndim == 1)
    for found, expected, mask in zip(dressed, bare, masks, strict=True):
        assert len(found) == len(mask)
        np.testing.assert_array_equal(found[mask], expected)
        assert all(value != value for value in found[~mask].ravel())


SETTINGS = [
    {"cell": cell, "solver": solver, "bidirectional": bidirectional, "return_sequences": return_sequences}
    for cell in CELLS
    for solver in ("adam", "sgd", "lbfgs")
    for bidirectional in (False, True)
    for return_sequences in (False, True)
]
FURTHER_SETTINGS = [
    {"return_sequences": return_sequences, **more}
    for return_sequences in (False, True)
    for more in (
        {"batch_size": 2, "hidden_layer_sizes": (3, 2)},
        {"batch_size": 4, "shuffle": False},
        {"dropout": 0.3, "recurrent_dropout": 0.4, "bidirectional": True},
        {"dropout": 0.3, "recurrent_dropout": 0.4, "bptt_steps": 2, "cell": "lstm", "batch_size": 3},
        {"bptt_steps": 1},
        {"bptt_steps": 3, "cell": "gru", "batch_size": 2, "hidden_layer_sizes": (3, 2)},
        {"early_stopping": True, "validation_fraction": 0.5, "validation_split": "last", "alpha": 0.0},
        {"dtype": "float32", "cell": "lstm", "solver": "lbfgs"},
    )
]


@pytest.mark.axis(
    "setting",
    SETTINGS + FURTHER_SETTINGS,
    ids=lambda setting: "-".join(map(str, setting.values())),
    quick=pairwise_cover(SETTINGS, key=lambda setting: tuple(setting.values())) + FURTHER_SETTINGS,
)
@few_examples
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # single timesteps
def test_padding_is_inert(setting, data):
    Estimator = data.draw(st.sampled_from(ESTIMATORS))
    lengths = data.draw(lists_of_lengths)
    holder, masks = data.draw(dresses(lengths))
    X, y, weights = make_data(Estimator, lengths, setting["return_sequences"])
    dressed_X = HOLDERS[holder]([spread(x, mask, np.nan) for x, mask in zip(X, masks, strict=True)])
    dressed_y, dressed_weights = y, weights
    if setting["return_sequences"]:
        fill, heavy = data.draw(st.tuples(st.sampled_from(ANYTHING), st.sampled_from(ANYTHING)))
        dressed_y = HOLDERS[holder]([spread(t, mask, fill) for t, mask in zip(y, masks, strict=True)])
        dressed_weights = HOLDERS[holder]([spread(w, mask, heavy) for w, mask in zip(weights, masks, strict=True)])
    weighs = data.draw(st.booleans())

    bare = make_estimator(Estimator, **setting).fit(X, y, weights if weighs else None)
    dressed = clone(bare).fit(dressed_X, dressed_y, dressed_weights if weighs else None)
    assert_same_fit(bare, dressed)
    assert bare.loss_curve_ == dressed.loss_curve_
    assert bare.validation_scores_ == dressed.validation_scores_
    for method in ("predict", "predict_proba"):
        if hasattr(bare, method):
            answers, expected = getattr(bare, method)(dressed_X), getattr(bare, method)(X)
            if setting["return_sequences"]:
                assert_equal_at_valid(answers, expected, masks, holder)
            else:
                np.testing.assert_array_equal(answers, expected)
    assert_equal_at_valid(bare.hidden_states(dressed_X), bare.hidden_states(X), masks, holder)
    assert bare.score(dressed_X, dressed_y, dressed_weights) == bare.score(X, y, weights)
    if hasattr(bare, "partial_fit"):
        bare.set_params(early_stopping=False).partial_fit(X, y)
        assert_same_fit(bare, dressed.set_params(early_stopping=False).partial_fit(dressed_X, dressed_y))


@pytest.mark.axis("solver", ["adam", "lbfgs"])
@pytest.mark.axis("cell", CELLS)
@pytest.mark.axis("n_timesteps", [1, 4])
@pytest.mark.axis("holes", [[], [7], [5, 6, 11]])
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # single timesteps
def test_windows_are_a_list_of_sequences(cell, solver, n_timesteps, holes):
    series = np.random.default_rng(0).normal(size=(16, N_FEATURES))
    series[holes] = np.nan
    windows = SlidingWindow(n_timesteps).fit_transform(series)
    has_timestep = ~np.isnan(windows[:, :, 0]).all(axis=1)
    X = [series[max(i + 1 - n_timesteps, 0) : i + 1] for i in np.flatnonzero(has_timestep)]
    y = np.arange(len(X)) / 4
    # A row that several windows share counts once for the scale of the features, its copies in a list each.
    listed = make_estimator(cell=cell, solver=solver, normalize_X=False).fit([x[~np.isnan(x[:, 0])] for x in X], y)
    windowed = clone(listed).fit(windows[has_timestep] if holes else windows, y)
    assert_same_fit(listed, windowed)
    np.testing.assert_array_equal(listed.predict(X), windowed.predict(windows[has_timestep]))


@pytest.mark.axis("bidirectional", [False, True])
@pytest.mark.axis("cell", CELLS)
def test_answers_do_not_depend_on_the_other_sequences(cell, bidirectional):
    X, y = make_ragged_task(RNNRegressor, return_sequences=True)
    model = make_estimator(
        cell=cell, hidden_layer_sizes=(4, 3), bidirectional=bidirectional, return_sequences=True
    ).fit(X, y)
    for sequence, together in zip(X, model.predict(X), strict=True):
        np.testing.assert_allclose(model.predict([sequence])[0], together, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(model.predict(sequence[np.newaxis])[0], together, rtol=1e-12, atol=1e-13)


def test_every_timestep_counts():
    X, y = make_ragged_task(RNNRegressor)
    model = make_estimator().fit(X, y)
    for sample in range(len(X)):
        for timestep in range(len(X[sample])):
            changed = [x.copy() for x in X]
            changed[sample][timestep] += 1.0
            difference = np.flatnonzero(model.predict(changed) != model.predict(X))
            assert difference.tolist() == [sample]


# Forms of a list


@pytest.mark.axis("solver", ["adam", "lbfgs"])
@each_estimator
def test_entries_of_one_dimension_are_univariate(Estimator, solver):
    X, y = make_ragged_task(Estimator, n_features=1)
    model = make_estimator(Estimator, solver=solver).fit(X, y)
    flat = [x[:, 0] for x in X]
    for same in (flat, [x.tolist() for x in flat], as_objects(flat), as_objects([x.tolist() for x in flat])):
        other = clone(model).fit(same, y)
        assert_same_fit(model, other)
        assert other.n_features_in_ == 1
        np.testing.assert_array_equal(other.predict(same), model.predict(X))


@each_estimator
@pytest.mark.axis("entry", [np.ndarray.tolist, lambda x: x.astype(object), lambda x: x.astype(np.float32)])
def test_entries_of_any_kind(Estimator, entry):
    X, y = make_ragged_task(Estimator)
    X = [x.round(1).astype(np.float32).astype(float) for x in X]
    model = make_estimator(Estimator, dtype="float64").fit(X, y)
    assert_same_fit(model, clone(model).fit([entry(x) for x in X], y), rtol=1e-9, atol=1e-12)


def test_dtype_of_the_entries_decides():
    X, y = make_ragged_task(RNNRegressor)
    assert make_estimator().fit([x.astype(np.float32) for x in X], y).readout_weights_.dtype == np.float32
    mixed = [x.astype(np.float32 if i else np.float64) for i, x in enumerate(X)]
    assert make_estimator().fit(mixed, y).readout_weights_.dtype == np.float64


EQUAL_LENGTHS = {
    "arrays": list,
    "univariate arrays": lambda X: [x[:, 0] for x in X],
    "numbers": lambda X: [x[:, 0].tolist() for x in X],
    "tuples of numbers": lambda X: [tuple(x[:, 0].tolist()) for x in X],
    "nested numbers": lambda X: [x.tolist() for x in X],
    "objects": as_objects,
}


@each_estimator
@pytest.mark.axis("return_sequences", [False, True])
@pytest.mark.axis("kind", EQUAL_LENGTHS)
@pytest.mark.axis(("length", "other_length"), [(4, 6), (4, 1), (1, 4)])
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # single timesteps
def test_lists_of_one_length_by_chance(Estimator, return_sequences, kind, length, other_length):
    equal, other = np.random.default_rng(0).normal(size=(2, 12, 6, N_FEATURES))
    equal, other = equal[:, :length], other[:, :other_length]
    ragged = [x[: 1 + i % 3] for i, x in enumerate(other)]
    read = EQUAL_LENGTHS[kind]

    def targets(X):
        y = [x[:, 0] for x in read(X)] if kind in ("arrays", "objects") else None
        y = y or [np.asarray(x, float).reshape(len(x), -1)[:, 0] for x in read(X)]
        y = [t.cumsum() for t in y] if return_sequences else np.array([t.sum() for t in y])
        if Estimator is RNNRegressor:
            return y
        return [(t > 0).astype(int) for t in y] if return_sequences else (y > 0).astype(int)

    model = make_estimator(Estimator, return_sequences=return_sequences, warm_start=True)
    model.fit(read(equal), targets(equal))
    for X in (other, ragged, equal):  # a fold of another length, one of several lengths, and the same again
        one_by_one = [model.predict(read(X[i : i + 1]))[0] for i in range(len(X))]
        together = model.predict(read(X))
        for one, expected in zip(together, one_by_one, strict=True):
            np.testing.assert_allclose(one, expected, rtol=1e-12, atol=1e-13)
            assert np.shape(one) == np.shape(expected)
        model.score(read(X), targets(X))
        model.partial_fit(read(X), targets(X), **({"classes": [0, 1]} if Estimator is RNNClassifier else {}))
    model.fit(read(ragged), targets(ragged), X_val=read(other), y_val=targets(other))
    clone(model).fit(read(ragged), targets(ragged)).predict(read(equal))


def test_list_forgets_the_names_of_columns():
    pd = pytest.importorskip("pandas")
    X, y = make_ragged_task(RNNRegressor)
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(len(X), 3)), columns=list("abc"))
    model = make_estimator().fit(table, y)
    assert list(model.feature_names_in_) == list("abc")
    assert not hasattr(model.fit(X, y), "feature_names_in_")
