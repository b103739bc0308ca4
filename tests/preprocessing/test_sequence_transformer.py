"""Tests of the transformer that applies another one to the timesteps of sequences."""

import pickle
from importlib import import_module

import numpy as np
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from skrnn import RNNClassifier, RNNRegressor
from skrnn.preprocessing import SequenceTransformer, SlidingWindow
from tests.examples import examples

LENGTHS = (3, 1, 4)
NAN = np.nan


@pytest.fixture
def sequences():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n_timesteps, 2)) for n_timesteps in LENGTHS]


def as_object_array(sequences):
    objects = np.empty(len(sequences), dtype=object)
    objects[:] = sequences
    return objects


def as_padded(sequences, n_timesteps=5):
    padded = np.full((len(sequences), n_timesteps, np.shape(sequences[0])[1]), np.nan)
    for row, sequence in zip(padded, sequences, strict=True):
        row[-len(sequence) :] = sequence
    return padded


def assert_same_sequences(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


# scikit-learn's own checks


@pytest.mark.parametrize("inner", [StandardScaler(), SimpleImputer(), PCA(n_components=1, svd_solver="full")], ids=str)
def test_scikit_learns_checks(inner):
    records = check_estimator(SequenceTransformer(inner), on_fail=None, on_skip=None)
    assert [record["check_name"] for record in records if record["status"] == "failed"] == []
    assert sum(record["status"] == "passed" for record in records) >= 40


# the forms of X


@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=6), n_features=st.integers(1, 3))
@examples(30)
def test_every_form_is_scaled_as_one_table_of_timesteps(lengths, n_features):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, n_features)) for length in lengths]
    scaler = StandardScaler().fit(np.concatenate(X))
    expected = [scaler.transform(sequence) for sequence in X]
    found = SequenceTransformer(StandardScaler()).fit_transform(X)
    assert type(found) is list
    assert_same_sequences(found, expected)
    objects = SequenceTransformer(StandardScaler()).fit_transform(as_object_array(X))
    assert objects.dtype == object
    assert_same_sequences(objects, expected)
    padded = SequenceTransformer(StandardScaler()).fit_transform(as_padded(X))
    np.testing.assert_array_equal(padded, as_padded(expected))


@pytest.mark.parametrize("form", [list, tuple, as_object_array, as_padded])
def test_transform_gives_the_form_that_comes_to_it(sequences, form):
    transformer = SequenceTransformer(StandardScaler()).fit(sequences)
    found, expected = transformer.transform(form(sequences)), transformer.transform(sequences)
    assert type(found) is (list if form is tuple else type(form(sequences)))
    assert_same_sequences(found, form(expected))


def test_number_of_features_may_change(sequences):
    assert [x.shape for x in SequenceTransformer(PCA(1)).fit_transform(sequences)] == [(3, 1), (1, 1), (4, 1)]
    assert SequenceTransformer(PCA(1)).fit_transform(as_padded(sequences)).shape == (3, 5, 1)


def test_only_timesteps_that_are_not_masked_are_transformed(sequences):
    padded = as_padded(sequences)
    padded[2, 2] = np.nan
    found = SequenceTransformer(FunctionTransformer(lambda rows: rows + 1.0)).fit_transform(padded)
    np.testing.assert_array_equal(found, padded + 1.0)


def test_float32_stays(sequences):
    found = SequenceTransformer(StandardScaler()).fit_transform(as_padded(sequences).astype(np.float32))
    assert found.dtype == np.float32


def test_rows_of_a_table_are_sequences_of_one_feature():
    X = np.array([[1.0, NAN, 3.0], [5.0, 7.0, 9.0]])
    transformer = SequenceTransformer(StandardScaler()).fit(X)
    assert transformer.transformer_.n_features_in_ == 1
    assert transformer.transformer_.n_samples_seen_ == 5
    np.testing.assert_array_equal(transformer.transform(X), transformer.transform(X[:, :, np.newaxis]))
    assert transformer.n_features_in_ == 3
    assert transformer.transform([[1.0, 2.0]])[0].shape == (2, 1)  # a list, of another length than in fit
    with pytest.raises(ValueError, match="X has 2 features, but SequenceTransformer is expecting 3"):
        transformer.transform(X[:, :2])
    with pytest.raises(ValueError, match="X has 2 features per timestep, but SequenceTransformer expects 1"):
        transformer.transform(np.zeros((2, 3, 2)))


def test_table_of_strings_beside_numbers_is_refused():
    pandas = import_module("pandas")
    table = pandas.DataFrame({"city": ["a", "b"], "rain": [1.0, 2.0]})
    with pytest.raises(ValueError, match=r"X is 2-D.*a list of data frames.*[Ee]xpected"):
        SequenceTransformer(OneHotEncoder()).fit(table)


# events


def as_lists(events):
    return [list(sequence) for sequence in events]


def as_arrays(events):
    return [np.array(sequence) for sequence in events]


def as_columns(events):
    return [np.array(sequence)[:, np.newaxis] for sequence in events]


EVENTS = [["in", "buy"], ["in", "look", "buy"], ["look"]]


@pytest.mark.parametrize("form", [as_lists, as_arrays, as_columns])
def test_events_are_encoded(form):
    transformer = SequenceTransformer(OneHotEncoder(handle_unknown="ignore")).fit(form(EVENTS))
    encoded = transformer.transform(form(EVENTS))
    assert_same_sequences(encoded, [[[0, 1, 0], [1, 0, 0]], [[0, 1, 0], [0, 0, 1], [1, 0, 0]], [[0, 0, 1]]])
    assert type(encoded[0]) is np.ndarray  # not sparse
    np.testing.assert_array_equal(transformer.transform(form([["stay"], ["in", "in"]]))[0], [[0, 0, 0]])
    decoded = transformer.inverse_transform(encoded)
    assert [sequence[:, 0].tolist() for sequence in decoded] == EVENTS


def test_events_of_one_length_are_a_table():
    encoded = SequenceTransformer(OrdinalEncoder()).fit_transform([["b", "a"], ["a", "a"]])
    np.testing.assert_array_equal(encoded, [[[1], [0]], [[0], [0]]])


@pytest.mark.parametrize("missing", [None, NAN])
def test_missing_events_are_masked(missing):
    padded = np.array([["in", missing], ["in", "buy"]], dtype=object)
    encoded = SequenceTransformer(OrdinalEncoder()).fit_transform(padded)
    np.testing.assert_array_equal(encoded, [[[1], [NAN]], [[1], [0]]])


def test_numbers_and_strings_of_one_sequence_keep_their_kind():
    X = [np.array([["a", 1.5], ["b", 2.5]], dtype=object), np.array([["a", 3.5]], dtype=object)]
    columns = ColumnTransformer([("events", OneHotEncoder(), [0])], remainder="passthrough")
    assert_same_sequences(SequenceTransformer(columns).fit_transform(X), [[[1, 0, 1.5], [0, 1, 2.5]], [[1, 0, 3.5]]])


# data frames


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_reach_a_column_transformer_as_one(library):
    DataFrame = import_module(library).DataFrame
    X = [DataFrame({"event": ["in", "buy"], "price": [0.0, 3.0]}), DataFrame({"event": ["look"], "price": [6.0]})]
    columns = ColumnTransformer([("event", OneHotEncoder(), ["event"]), ("price", StandardScaler(), ["price"])])
    transformer = SequenceTransformer(columns).fit(X)
    assert transformer.feature_names_in_.tolist() == ["event", "price"]
    events = ["event__event_buy", "event__event_in", "event__event_look"]
    assert transformer.get_feature_names_out().tolist() == [*events, "price__price"]
    scale = np.sqrt(1.5)
    np.testing.assert_allclose(
        np.concatenate(transformer.transform(X)), [[0, 1, 0, -scale], [1, 0, 0, 0], [0, 0, 1, scale]]
    )
    with pytest.raises(ValueError, match="feature names"):
        transformer.transform([frame[["price", "event"]] for frame in X])
    with pytest.raises(ValueError, match=r"X has columns \['event'\].* in sample 1, but columns \['event', 'price'\]"):
        transformer.fit([X[0], X[1][["event"]]])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_rows_that_are_missing_in_every_column_are_masked(library):
    DataFrame = import_module(library).DataFrame
    X = [DataFrame({"event": ["in", None, None], "price": [1.0, None, 3.0]})]
    columns = ColumnTransformer([("event", OneHotEncoder(), ["event"]), ("price", SimpleImputer(), ["price"])])
    encoded = SequenceTransformer(columns).fit_transform(X)[0]
    np.testing.assert_array_equal(encoded[1], [NAN] * 3)
    assert np.isfinite(encoded[[0, 2]]).all()


# imputation


def test_imputer_fills_what_is_missing_in_part_and_leaves_masked_timesteps():
    X = np.array([[[NAN, NAN], [1.0, NAN], [3.0, 5.0]]])
    filled = SequenceTransformer(SimpleImputer()).fit_transform(X)
    np.testing.assert_array_equal(filled, [[[NAN, NAN], [1.0, 5.0], [3.0, 5.0]]])


# targets, weights and routing


def test_targets_of_sequences_stand_at_each_timestep(sequences):
    y = np.array([0.0, 1.0, 2.0])
    found = SequenceTransformer(SelectKBest(f_regression, k=1)).fit(sequences, y)
    expected = SelectKBest(f_regression, k=1).fit(np.concatenate(sequences), np.repeat(y, LENGTHS))
    np.testing.assert_array_equal(found.transformer_.scores_, expected.scores_)


def test_targets_of_timesteps_stay_where_they_are(sequences):
    y = [np.arange(float(length)) for length in LENGTHS]
    expected = SelectKBest(f_regression, k=1).fit(np.concatenate(sequences), np.concatenate(y)).scores_
    for X, targets in ((sequences, y), (as_padded(sequences), as_padded([x[:, np.newaxis] for x in y])[:, :, 0])):
        found = SequenceTransformer(SelectKBest(f_regression, k=1)).fit(X, targets)
        np.testing.assert_allclose(found.transformer_.scores_, expected)


class CrossFitted(StandardScaler):
    """A scaler whose `fit_transform` gives something else than `transform`, as that of TargetEncoder does."""

    def fit_transform(self, X, y=None):
        return self.fit(X).transform(X) + 100.0


def test_fit_transform_is_that_of_the_transformer(sequences):
    found = SequenceTransformer(CrossFitted()).fit_transform(sequences)
    expected = SequenceTransformer(StandardScaler()).fit_transform(sequences)
    assert_same_sequences(found, [sequence + 100.0 for sequence in expected])


def test_targets_of_another_number_of_sequences_are_refused(sequences):
    with pytest.raises(ValueError, match=r"y has shape \(2,\), but X has 3 sequences; expected one value per sequence"):
        SequenceTransformer(StandardScaler()).fit(sequences, [1.0, 2.0])


def test_weights_are_those_of_all_timesteps(sequences):
    weights = np.array([1.0, 0.0, 2.0])
    expected = StandardScaler().fit(np.concatenate(sequences), sample_weight=np.repeat(weights, LENGTHS))
    found = SequenceTransformer(StandardScaler()).fit(as_padded(sequences), sample_weight=weights)
    np.testing.assert_array_equal(found.transformer_.mean_, expected.mean_)


def test_weights_of_timesteps_stay_where_they_are(sequences):
    weights = [np.arange(float(length)) for length in LENGTHS]
    expected = StandardScaler().fit(np.concatenate(sequences), sample_weight=np.concatenate(weights))
    found = SequenceTransformer(StandardScaler()).fit(sequences, sample_weight=weights)
    np.testing.assert_array_equal(found.transformer_.mean_, expected.mean_)


def test_arguments_that_are_not_of_sequences_are_handed_on(sequences):
    class Shifted(StandardScaler):
        def fit(self, X, y=None, shift=0.0, by=None):
            self.seen_ = shift, by
            return super().fit(X)

    transformer = SequenceTransformer(Shifted()).fit(sequences, shift=np.array(2.0), by="all")
    assert transformer.transformer_.seen_ == (2.0, "all")


def test_weights_are_routed_to_a_transformer_that_requests_them(sequences):
    weights, y = np.array([1.0, 0.0, 2.0]), np.arange(3.0)
    network = RNNRegressor((2,), solver="lbfgs", tol=0.1, random_state=0)
    with sklearn.config_context(enable_metadata_routing=True):
        network.set_fit_request(sample_weight=False)
        scaler = SequenceTransformer(StandardScaler().set_fit_request(sample_weight=True))
        model = make_pipeline(scaler, network).fit(sequences, y, sample_weight=weights)
        silent = SequenceTransformer(StandardScaler())
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            silent.fit(sequences, sample_weight=weights)
    expected = scaler.fit(sequences, sample_weight=weights)
    np.testing.assert_array_equal(model[0].transformer_.mean_, expected.transformer_.mean_)


# what the inner transformer has


def test_inverse_transform_brings_sequences_back(sequences):
    transformer = SequenceTransformer(StandardScaler()).fit(sequences)
    padded = as_padded(sequences)
    np.testing.assert_allclose(transformer.inverse_transform(transformer.transform(padded)), padded)


def test_methods_are_those_of_the_transformer(sequences):
    class Plain(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            self.is_fitted_ = True
            return self

        def transform(self, X):
            return X[:1]

    plain = SequenceTransformer(Plain())
    assert not hasattr(plain, "inverse_transform")
    assert not hasattr(plain, "get_feature_names_out")
    assert hasattr(SequenceTransformer(StandardScaler()), "inverse_transform")
    assert not hasattr(SequenceTransformer(StandardScaler()), "set_output")
    with pytest.raises(
        ValueError, match=r"transformer=Plain\(\).* shape \(1, 2\) for 8 timesteps; expected one row per timestep"
    ):
        plain.fit(sequences).transform(sequences)


def test_names_of_features(sequences):
    assert SequenceTransformer(PCA(1)).fit(sequences).get_feature_names_out().tolist() == ["pca0"]
    with pytest.raises(NotFittedError):
        SequenceTransformer(PCA(1)).get_feature_names_out()


def test_output_as_frames_becomes_arrays(sequences):
    with sklearn.config_context(transform_output="pandas"):
        assert type(SequenceTransformer(StandardScaler()).fit_transform(sequences)[0]) is np.ndarray


def test_tags_are_those_of_sequences_and_of_the_transformer():
    tags = get_tags(SequenceTransformer(StandardScaler()))
    assert tags.input_tags.three_d_array
    assert tags.input_tags.allow_nan
    assert tags.transformer_tags.preserves_dtype == get_tags(StandardScaler()).transformer_tags.preserves_dtype
    assert get_tags(SequenceTransformer(TargetEncoder())).target_tags.required
    assert get_tags(SequenceTransformer(OneHotEncoder())).input_tags.categorical


# as a scikit-learn estimator


def test_in_a_pipeline_and_its_grid(sequences):
    X, y = sequences * 4, list("ababababcaca")
    network = RNNClassifier((2,), solver="lbfgs", tol=0.1, random_state=0)
    model = make_pipeline(SequenceTransformer(make_pipeline(StandardScaler(), PCA())), network)
    grid = {"sequencetransformer__transformer__pca__n_components": [1, 2]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.predict(X)) == 12


def test_scales_windows_of_a_series():
    series = np.arange(6.0)[:, np.newaxis]
    windows = SlidingWindow(2).fit_transform(series)
    found = SequenceTransformer(StandardScaler()).fit_transform(windows)
    assert np.isnan(found[0, 0, 0])
    np.testing.assert_array_equal(found[1:, 0], found[:-1, 1])


def test_clone_and_pickle(sequences):
    transformer = SequenceTransformer(StandardScaler())
    assert clone(transformer).transformer is not transformer.transformer
    fitted = pickle.loads(pickle.dumps(transformer.fit(sequences)))
    assert_same_sequences(fitted.transform(sequences), transformer.transform(sequences))


def test_skops_trusts_the_class_alone(sequences):
    io = pytest.importorskip("skops.io")
    transformer = SequenceTransformer(StandardScaler()).fit(sequences)
    stored = io.dumps(transformer)
    untrusted = io.get_untrusted_types(data=stored)
    assert untrusted == ["skrnn.preprocessing._sequence_transformer.SequenceTransformer"]
    assert_same_sequences(io.loads(stored, trusted=untrusted).transform(sequences), transformer.transform(sequences))


def test_html_shows_the_transformer():
    html = SequenceTransformer(StandardScaler())._repr_html_()
    assert "SequenceTransformer" in html
    assert "StandardScaler" in html


def test_transformer_itself_is_never_fitted(sequences):
    inner = StandardScaler()
    transformer = SequenceTransformer(inner).fit(sequences)
    assert not hasattr(inner, "mean_")
    assert transformer.transformer_ is not inner


# refusals


class Interrupted(StandardScaler):
    """A scaler whose fit the user interrupts."""

    def fit(self, X, y=None):
        super().fit(X)
        raise KeyboardInterrupt


@pytest.mark.parametrize("inner", [Interrupted(), PCA(100)], ids=["interrupted", "refused"])
def test_fit_that_fails_leaves_what_was_fitted_before(sequences, inner):
    transformer = SequenceTransformer(StandardScaler()).fit(sequences).set_params(transformer=inner)
    before = pickle.dumps({name: value for name, value in vars(transformer).items() if name != "transformer"})
    with pytest.raises((KeyboardInterrupt, ValueError)):
        transformer.fit(np.zeros((3, 2, 5)))
    after = pickle.dumps({name: value for name, value in vars(transformer).items() if name != "transformer"})
    assert after == before


@pytest.mark.parametrize("inner", [None, 3, "passthrough", StandardScaler, RNNRegressor()], ids=str)
def test_what_is_no_transformer_is_refused(sequences, inner):
    with pytest.raises(TypeError, match=r"transformer is .*; expected an instance of a scikit-learn transformer"):
        SequenceTransformer(inner).fit(sequences)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "0 sample"),
        ([np.zeros((2, 2)), np.zeros((0, 2))], r"X has shape \(0, 2\) in sample 1"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], "X has 3 features per timestep in sample 1, but 2 .* in sample 0"),
        (np.zeros((2, 0, 3)), r"X has shape \(2, 0, 3\)"),
        (np.zeros((2, 2, 2, 2)), r"X has shape \(2, 2, 2, 2\)"),
        (np.full((2, 2, 2), NAN), "X has no timestep that is not masked"),
        (["abc", "abcd"], "Expected 2D array"),
        (np.ma.masked_equal(np.zeros((2, 2, 2)), 0.0), "X is a NumPy masked array"),
    ],
)
def test_wrong_input_is_refused(X, message):
    with pytest.raises(ValueError, match=rf"(?s){message}.*[Ee]xpected|[Ee]xpected.*{message}|{message}"):
        SequenceTransformer(StandardScaler()).fit(X)


def test_sparse_input_is_refused():
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        SequenceTransformer(StandardScaler()).fit(sparse.csr_matrix(np.eye(3)))
