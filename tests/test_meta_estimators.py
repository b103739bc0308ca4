"""Tests of what scikit-learn builds around an estimator: which forms of X pass through it, and the way round.

The tables of docs/ecosystem.md say the same.
"""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_score,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skrnn import RNNClassifier, RNNRegressor
from tests.estimators.tasks import as_objects, make_ragged_task, make_regression_task

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_TIMESTEPS = 5
GRID = {"alpha": [0.001, 1.0]}


def regressor(**parameters):
    return RNNRegressor((3,), solver="lbfgs", max_iter=6, random_state=0, **parameters)


def classifier(**parameters):
    return RNNClassifier((3,), solver="lbfgs", max_iter=6, random_state=0, **parameters)


def members(make, n_timesteps):
    return [(cell, make(cell=cell, n_timesteps=n_timesteps)) for cell in ("rnn", "gru")]


def thirds(y):
    """Return classes 0, 1 and 2: the lowest, the middle and the highest third of the targets."""
    return np.argsort(np.argsort(y)) * 3 // len(y)


def halves(y):
    return (y > np.median(y)).astype(int)


def two_targets(y):
    return np.column_stack([y, 1 - 2 * y])


def two_labels(y):
    return np.column_stack([halves(y), y > np.quantile(y, 0.7)]).astype(int)


#: What takes every form, as (targets made of numbers, the meta-estimator of n_timesteps).
OF_EVERY_FORM = {
    "Pipeline": (np.asarray, lambda T: make_pipeline(FunctionTransformer(), regressor(n_timesteps=T))),
    "GridSearchCV": (np.asarray, lambda T: GridSearchCV(regressor(n_timesteps=T), GRID, cv=2)),
    "RandomizedSearchCV": (
        np.asarray,
        lambda T: RandomizedSearchCV(regressor(n_timesteps=T), GRID, n_iter=2, cv=2, random_state=0),
    ),
    "HalvingGridSearchCV": (
        np.asarray,
        lambda T: HalvingGridSearchCV(regressor(n_timesteps=T), GRID, cv=2, min_resources=12, random_state=0),
    ),
    "HalvingRandomSearchCV": (
        np.asarray,
        lambda T: HalvingRandomSearchCV(
            regressor(n_timesteps=T), GRID, n_candidates=2, cv=2, min_resources=12, random_state=0
        ),
    ),
    "HalvingGridSearchCV over iterations": (
        np.asarray,
        lambda T: HalvingGridSearchCV(
            regressor(n_timesteps=T), GRID, cv=2, resource="max_iter", max_resources=15, random_state=0
        ),
    ),
    "TransformedTargetRegressor": (
        np.exp,
        lambda T: TransformedTargetRegressor(regressor(n_timesteps=T), func=np.log, inverse_func=np.exp),
    ),
    "StackingRegressor": (np.asarray, lambda T: StackingRegressor(members(regressor, T), Ridge(), cv=2)),
    "StackingClassifier": (thirds, lambda T: StackingClassifier(members(classifier, T), LogisticRegression(), cv=2)),
    "VotingRegressor": (np.asarray, lambda T: VotingRegressor(members(regressor, T))),
    "VotingClassifier": (thirds, lambda T: VotingClassifier(members(classifier, T))),
    "VotingClassifier of probabilities": (thirds, lambda T: VotingClassifier(members(classifier, T), voting="soft")),
    "MultiOutputRegressor": (two_targets, lambda T: MultiOutputRegressor(regressor(n_timesteps=T))),
    "MultiOutputClassifier": (two_labels, lambda T: MultiOutputClassifier(classifier(n_timesteps=T))),
    "OneVsRestClassifier": (thirds, lambda T: OneVsRestClassifier(classifier(n_timesteps=T))),
    "CalibratedClassifierCV": (thirds, lambda T: CalibratedClassifierCV(classifier(n_timesteps=T), cv=2)),
    "TunedThresholdClassifierCV": (halves, lambda T: TunedThresholdClassifierCV(classifier(n_timesteps=T), cv=2)),
    "FixedThresholdClassifier": (halves, lambda T: FixedThresholdClassifier(classifier(n_timesteps=T))),
}
#: What takes arrays of three dimensions, but no lists of sequences of several lengths, and no NaN.
OF_3D = {
    "AdaBoostRegressor": (
        np.asarray,
        lambda T: AdaBoostRegressor(regressor(n_timesteps=T), n_estimators=2, random_state=0),
    ),
    "AdaBoostClassifier": (
        thirds,
        lambda T: AdaBoostClassifier(classifier(n_timesteps=T), n_estimators=2, random_state=0),
    ),
}
#: What takes tables alone, and of these such as are padded with NaN.
OF_2D = {
    "BaggingRegressor": (
        np.asarray,
        lambda T: BaggingRegressor(regressor(n_timesteps=T), n_estimators=2, random_state=0),
    ),
    "BaggingClassifier": (
        thirds,
        lambda T: BaggingClassifier(classifier(n_timesteps=T), n_estimators=2, random_state=0),
    ),
    "OneVsOneClassifier": (thirds, lambda T: OneVsOneClassifier(classifier(n_timesteps=T))),
    "OutputCodeClassifier": (thirds, lambda T: OutputCodeClassifier(classifier(n_timesteps=T), random_state=0)),
}
#: What takes tables alone, and adds columns to them.
CHAINS = {
    "RegressorChain": (two_targets, lambda T: RegressorChain(regressor(n_timesteps=T))),
    "ClassifierChain": (two_labels, lambda T: ClassifierChain(classifier(n_timesteps=T))),
}
#: Functions that fit, as (network, X, y) -> numbers, which take every form.
FUNCTIONS_OF_EVERY_FORM = {
    "cross_val_score": lambda network, X, y: cross_val_score(network, X, y, cv=2, error_score="raise"),
    "learning_curve": lambda network, X, y: learning_curve(
        network, X, y, cv=2, train_sizes=[0.5, 1.0], error_score="raise"
    )[2],
    "learning_curve of epochs": lambda network, X, y: learning_curve(
        network.set_params(solver="adam"), X, y, cv=2, train_sizes=[0.5, 1.0], exploit_incremental_learning=True
    )[2],
    "validation_curve": lambda network, X, y: validation_curve(
        network, X, y, param_name="alpha", param_range=[0.001, 1.0], cv=2, error_score="raise"
    )[1],
    "permutation_test_score": lambda network, X, y: permutation_test_score(
        network, X, y, cv=2, n_permutations=2, random_state=0
    )[1],
}
#: Functions of a fitted network and columns of X, which take tables alone.
FUNCTIONS_OF_2D = {
    "permutation_importance": lambda network, X, y: (
        permutation_importance(network.fit(X, y), X, y, n_repeats=3, random_state=0).importances_mean
    ),
    "partial_dependence": lambda network, X, y: partial_dependence(network.fit(X, y), X, [0], grid_resolution=3)[
        "average"
    ],
}


def table(X):
    """Return sequences of equal length as a table, (n_samples, n_timesteps * n_features)."""
    return X.reshape(len(X), -1)


def padded(X):
    """Return a list of sequences as an array of equal lengths, NaN before the shorter ones."""
    array = np.full((len(X), max(map(len, X)), X[0].shape[1]), np.nan)
    for row, sequence in zip(array, X, strict=True):
        row[-len(sequence) :] = sequence
    return array


#: What passes lists on in a way of its own: the others inherit theirs from one of these.
OF_LISTS = (
    "Pipeline",
    "GridSearchCV",
    "HalvingGridSearchCV",
    "TransformedTargetRegressor",
    "StackingClassifier",
    "VotingRegressor",
    "VotingClassifier",
    "MultiOutputClassifier",
    "OneVsRestClassifier",
    "CalibratedClassifierCV",
    "TunedThresholdClassifierCV",
    "FixedThresholdClassifier",
)


def of(cases, quick=None):
    cases = {name: pytest.param(*case, id=name) for name, case in cases.items()}
    chosen = None if quick is None else [cases[name] for name in quick]
    return pytest.mark.axis(("make_targets", "make"), cases.values(), quick=chosen)


def of_functions(functions):
    return pytest.mark.axis("function", functions.values(), ids=functions.keys())


@of(OF_EVERY_FORM | OF_3D)
def test_3d_as_2d(make_targets, make):
    X, numbers = make_regression_task()
    y = make_targets(numbers)
    of_array = make(None).fit(X, y)
    of_table = make(N_TIMESTEPS).fit(table(X), y)
    assert of_array.score(X, y) > 0.5
    np.testing.assert_allclose(of_array.predict(X), of_table.predict(table(X)), rtol=1e-12)


@of(OF_EVERY_FORM, quick=OF_LISTS)
@pytest.mark.axis("hold", [list, as_objects])
def test_lists_as_padded_arrays(make_targets, make, hold):
    X, numbers = make_ragged_task(RNNRegressor, n_samples=36)
    y = make_targets(numbers)
    predictions = make(None).fit(hold(X), y).predict(hold(X))
    np.testing.assert_allclose(predictions, make(None).fit(padded(X), y).predict(padded(X)), rtol=1e-12)


@of(OF_3D)
@pytest.mark.axis("form", [list, as_objects, padded, lambda X: table(padded(X))])
def test_no_unequal_lengths(make_targets, make, form):
    X, numbers = make_ragged_task(RNNRegressor)
    with pytest.raises(ValueError, match=r"inhomogeneous|Expected 2D array|Input X contains NaN"):
        make(7).fit(form(X), make_targets(numbers))


@of(OF_2D)
def test_tables_alone(make_targets, make):
    X, numbers = make_regression_task()
    y = make_targets(numbers)
    with pytest.raises(ValueError, match="Found array with dim 3"):
        make(None).fit(X, y)
    assert make(N_TIMESTEPS).fit(table(X), y).score(table(X), y) > 0.5


@of(OF_2D)
def test_lists_as_padded_tables(make_targets, make):
    X, numbers = make_ragged_task(RNNRegressor)
    y = make_targets(numbers)
    with pytest.raises(ValueError, match="inhomogeneous"):
        make(None).fit(X, y)
    X = table(padded(X))
    assert make(7).fit(X, y).score(X, y) > 0.3


@of(CHAINS)
def test_chains_add_the_targets_before_as_timesteps(make_targets, make):
    X, numbers = make_regression_task(n_features=1)
    y = make_targets(numbers)
    with pytest.raises(ValueError, match="Found array with dim 3"):
        make(None).fit(X, y)
    with pytest.raises(ValueError, match="n_timesteps"):  # 6 columns, five timesteps and a target, are not 5 timesteps
        make(N_TIMESTEPS).fit(table(X), y)
    chain = make(None).fit(table(X), y)
    assert [network.n_features_in_ for network in chain.estimators_] == [N_TIMESTEPS, N_TIMESTEPS + 1]
    assert chain.score(table(X), y) > 0.5


def test_no_raw_sequences_beside_predictions_in_stacking():
    X, y = make_regression_task()
    stacks = {T: StackingRegressor(members(regressor, T), Ridge(), cv=2, passthrough=True) for T in (None, N_TIMESTEPS)}
    with pytest.raises(ValueError, match="same number of dimensions"):
        stacks[None].fit(X, y)
    assert stacks[N_TIMESTEPS].fit(table(X), y).final_estimator_.n_features_in_ == 2 + 10


def test_no_scaler_of_sequences():
    X, y = make_regression_task()
    with pytest.raises(ValueError, match="Found array with dim 3"):
        make_pipeline(StandardScaler(), regressor()).fit(X, y)
    assert make_pipeline(StandardScaler(), regressor(n_timesteps=N_TIMESTEPS)).fit(table(X), y).score(table(X), y) > 0.5


@of_functions(FUNCTIONS_OF_EVERY_FORM)
def test_functions_of_3d_as_2d(function):
    X, y = make_regression_task()
    of_array = function(regressor(), X, y)
    assert np.isfinite(of_array).all()
    np.testing.assert_allclose(of_array, function(regressor(n_timesteps=N_TIMESTEPS), table(X), y), rtol=1e-12)


@of_functions(FUNCTIONS_OF_EVERY_FORM)
def test_functions_of_lists_as_padded_arrays(function):
    X, y = make_ragged_task(RNNRegressor)
    np.testing.assert_allclose(function(regressor(), X, y), function(regressor(), padded(X), y), rtol=1e-12)


@of_functions(FUNCTIONS_OF_2D)
@pytest.mark.axis("form", [np.asarray, list])
def test_functions_of_columns_refuse_sequences(function, form):
    X, y = make_regression_task()
    with pytest.raises(ValueError, match=r"dim 3|2D"):
        function(regressor(), form(X), y)


def test_importance_of_columns():
    X, y = make_regression_task()  # of the last timestep the second feature counts twice, at all others not at all
    importances = FUNCTIONS_OF_2D["permutation_importance"](regressor(n_timesteps=N_TIMESTEPS), table(X), y)
    assert importances.argmax() == table(X).shape[1] - 1


def test_dependence_on_a_column():
    X, y = make_regression_task()
    (averages,) = FUNCTIONS_OF_2D["partial_dependence"](regressor(n_timesteps=N_TIMESTEPS), table(X), y)
    assert (np.diff(averages) > 0).all()  # the target is a sum in which the column stands


@pytest.mark.parametrize("function", FUNCTIONS_OF_2D.values(), ids=FUNCTIONS_OF_2D.keys())
def test_functions_of_columns_refuse_padding(function):
    X, y = make_ragged_task(RNNRegressor)
    with pytest.raises(ValueError, match="NaN in some features"):  # a hole where a column of another sample went
        function(regressor(n_timesteps=7), table(padded(X)), y)
