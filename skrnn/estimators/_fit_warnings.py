"""Warnings about a fit: that it ended early, or that the network has learnt nothing, or will not, and why."""

from collections.abc import Sequence, Sized

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn._inputs._messages import is_own_data, warn
from skrnn.estimators._fitted_attributes import Outcome
from skrnn.estimators._interruption import tell_of_interruption
from skrnn.estimators._training import Training
from skrnn.estimators._training_data import TrainingData
from skrnn.exceptions import DataWarning
from skrnn.network._inference import hidden_states
from skrnn.solvers._registry import UPDATE_RULES

#: If the loss is still decreasing faster, more iterations may change predictions: see `recent_fall`.
_FALL_THAT_COUNTS = 0.01
#: Numbers of sequences whose outputs, and whose states, which take more memory, are examined.
_N_EXAMINED, _N_STATES_EXAMINED = 500, 20
#: Outputs are constant if their standard deviation, divided by that of the targets, is smaller.
_LEAST_SPREAD = 0.01
#: Relative improvement over the loss of a constant that counts as having learnt something.
_LEAST_GAIN = 0.01
#: States with a larger absolute value are saturated.
_SATURATED = 0.99
#: Fraction of saturated states above which hardly any gradient passes.
_MOST_SATURATED = 0.9
#: One of SciPy's methods that stops within so many iterations has hardly begun.
_FEW_ITERATIONS = 10
#: Root mean square of the weights below which the penalty dominates: stochastic steps keep them from zero.
_SMALL_WEIGHT = 1e-2
#: Root mean square of a scaled feature, usually 1, above which units may be saturated.
_FAR = 10.0


def warn_of_end(best: Outcome, outcomes: Sequence[Outcome], n_runs: int) -> None:
    """Warn if runs diverged, or if the user or a limit ended the solver before it had converged."""
    n_diverged = sum(outcome.error is not None for outcome in outcomes)
    if n_diverged:
        warn(
            f"The solver diverged in {n_diverged} of {len(outcomes)} starts; the best of the others is kept.",
            ConvergenceWarning,
        )
    if best.notice is not None:
        warn(best.notice)
    was_stopped = any(outcome.is_last for outcome in outcomes)
    if outcomes[-1].was_interrupted or (len(outcomes) < n_runs and not was_stopped):
        tell_of_interruption()
        when = f"{len(outcomes)} of {n_runs} starts"
        if outcomes[-1].was_interrupted:
            when = f"{outcomes[-1].n_iter} iterations" + (f" of start {len(outcomes)}" if n_runs > 1 else "")
        warn(f"Training interrupted by user after {when}; the best parameters so far are kept.")
    elif best.stopped_short is not None:
        fall = recent_fall(best.loss_curve)
        if fall is None or fall > _FALL_THAT_COUNTS:
            of_all = (
                "" if fall is None else f": the last tenth of them contributed {fall:.0%} of the decrease of the loss"
            )
            message = f"{best.stopped_short}, and the solver hasn't converged yet{of_all}. {best.advice}"
            warn(message, ConvergenceWarning)


def recent_fall(losses: Sequence[float]) -> float | None:
    """Return how much the loss has fallen in the last tenth of the iterations, as a share of its fall in all.

    None where there are too few iterations to say, or where it has not fallen in all.
    """
    n_last = max(1, len(losses) // 10)
    if len(losses) <= n_last or losses[0] <= losses[-1]:
        return None
    return (losses[-1 - n_last] - losses[-1]) / (losses[0] - losses[-1])


def warn_if_features_are_far(distances: np.ndarray) -> None:
    """Warn if a scaled feature, of which these are the root mean squares, is far from zero."""
    kept = "partial_fit and warm starts keep the scaling of the first fit, so units may be saturated"
    _warn_if_far(distances, "Feature {} of X", kept)


def warn_if_targets_are_far(distances: np.ndarray) -> None:
    """Warn if an output of the standardised targets, of which these are the root mean squares, is far from zero."""
    kept = "partial_fit keeps the scaling of the first fit, so it may take very many epochs to learn these targets"
    _warn_if_far(distances, "Output {} of y", kept)


def _warn_if_far(distances: np.ndarray, what: str, consequence: str) -> None:
    farthest = int(np.argmax(distances))
    if distances[farthest] > _FAR:
        warn(
            f"{what.format(farthest)} is on average more than {_FAR:g} standard deviations from its mean in the first "
            f"fit. {consequence}. Begin with representative data, or refit.",
            DataWarning,
        )


def warn_if_nothing_was_learnt(training: Training, best: Outcome) -> None:
    """Warn if predictions for the training data are constant, or no better than their mean, and say why."""
    if is_own_data():  # such as residuals, which may be noise
        return
    data = training.data.take(_some_of(training.data, _N_EXAMINED))
    # BLAS threads are not limited here: after the fit, somebody else may have set a limit.
    with np.errstate(all="ignore"):  # as in the fit
        what = _fault_of_predictions(training, best, data)
        if what is None:
            return
        some = data.sequences.take(_some_of(data, _N_STATES_EXAMINED))
        states = hidden_states(training.network, best.theta, some, map)
        varies = _some_feature_varies(data)
    reason = _reason(training, best, states) if varies else "no feature of X varies. Use other features."
    warn(f"The predictions are {what}: {reason}", ConvergenceWarning)


def _fault_of_predictions(training: Training, best: Outcome, data: TrainingData) -> str | None:
    """Return what the predictions for these data are if nothing was learnt, else None."""
    objective = training.objective(data, map)
    targets = objective.targets
    spread = targets.values.std(axis=1)
    is_varied = spread > 0.0
    if not is_varied.any():
        return None
    raw = objective.raw(best.theta)
    if (raw.std(axis=1) < _LEAST_SPREAD * spread)[is_varied].all():
        return "constant"
    if best.stopped_short is not None or training.task is not None or training.estimator.early_stopping:
        return None  # callbacks or a validation score ended the fit early
    constants = np.repeat(raw.mean(axis=1, keepdims=True), len(targets), axis=1)
    loss, of_constants = (objective.sum_losses(targets, outputs, np.empty_like(raw)) for outputs in (raw, constants))
    if loss < (1.0 - _LEAST_GAIN) * of_constants:
        return None
    return "worse than a constant" if loss > (1.0 + _LEAST_GAIN) * of_constants else "hardly better than a constant"


def _some_feature_varies(data: TrainingData) -> bool:
    """Tell whether some feature differs between timesteps or sequences; a constant one may be rounded by scaling."""
    rows = np.concatenate(list(data.sequences.arrays()))
    return bool((np.ptp(rows, axis=0) > 8.0 * np.finfo(rows.dtype).eps * np.abs(rows).max(axis=0)).any())


def _some_of(samples: Sized, n_most: int) -> np.ndarray:
    """Return the indices of at most `n_most` samples, evenly spaced."""
    return np.unique(np.linspace(0, len(samples) - 1, n_most).astype(np.intp))


def _reason(training: Training, best: Outcome, states: np.ndarray) -> str:
    """Return the reason, and what to change."""
    estimator = training.estimator
    is_stochastic = estimator.solver in UPDATE_RULES
    weights = best.theta[training.network.layout.is_weight()]
    if estimator.alpha and np.sqrt(np.mean(np.square(weights))) < _SMALL_WEIGHT:
        return f"the penalty has reduced the weights to zero. Use a smaller alpha than {estimator.alpha:g}."
    if estimator.activation == "tanh" and (np.abs(states) > _SATURATED).mean() > _MOST_SATURATED:
        cure = "Use a smaller learning_rate_init" if is_stochastic else "Use a larger alpha, or another random_state"
        cure = cure if estimator.normalize_X else "Scale X, or set normalize_X=True"
        return f"the units are saturated, so no error reaches the weights. {cure}."
    if estimator.activation == "relu" and not states.any():
        rate = " a smaller learning_rate_init," if is_stochastic else ""
        return f"no unit is active. Use another random_state,{rate} or activation='tanh'."
    if not is_stochastic and best.n_iter <= _FEW_ITERATIONS and best.stopped_short is None:
        return "the gradient was below tol almost immediately. Use a smaller tol, or another random_state."
    rate = "larger max_iter or learning_rate_init" if is_stochastic else "larger max_iter, another random_state"
    return f"no relation between X and the targets was found. A {rate}, another solver, or other features may help."
