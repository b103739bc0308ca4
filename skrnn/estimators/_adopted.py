"""Estimators that are fitted by parameters from elsewhere, without training."""

from dataclasses import replace
from typing import Any

import numpy as np

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._build import make_network
from skrnn.estimators._fitted import join_theta
from skrnn.estimators._sequence_format import learn_features
from skrnn.estimators._training import Outcome
from skrnn.estimators._validation import check_parameters, read_random_state


def adopt(
    estimator: BaseRNN,
    layers: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    readout_weights: np.ndarray,
    readout_bias: np.ndarray,
    n_targets: int | None,
    classes: Any = None,
) -> None:
    """Make an estimator whose parameters describe the network a fitted one that has these arrays.

    It is what a fit would have left that found them after no iteration, on targets of location 0 and scale 1: it
    predicts, and `partial_fit` and a warm start go on from there.

    Parameters
    ----------
    estimator : BaseRNN
        Not fitted yet.
    layers : list of (input weights, recurrent weights, biases)
        Of each direction of each layer, in the form of the public attributes.
    readout_weights, readout_bias : ndarray of shape (n_outputs, readout_size) and (n_outputs,)
        Of the readout; their dtype is that of the network, unless the estimator has one.
    n_targets : int or None
        Columns of the targets that the network was made for, or None if they are 1-D.
    classes : array-like of shape (n_classes,), default=None
        Of a classifier.
    """
    check_parameters(estimator)
    dtype = np.dtype(estimator.dtype or readout_weights.dtype)
    n_features = layers[0][0].shape[1]
    learn_features(estimator, n_features)
    n_outputs = len(readout_bias)
    encoder = replace(
        estimator._encoder_type.new(estimator).with_form(n_targets, classes),
        location=np.zeros(n_outputs),
        scale=np.ones(n_outputs),
    )
    network = make_network(estimator, n_features, n_outputs)
    untrained = Outcome(
        theta=join_theta(network.layout, layers, readout_weights, readout_bias, dtype),
        loss=np.nan,
        merits=(),
        loss_curve=[],
        validation_loss_curve=[],
        validation_scores=[],
        n_iter=0,
        stopped_short=None,
        n_samples_seen=0,
        solver_state=[],
        rng_state=list(read_random_state(estimator.random_state).get_state()),
    )
    estimator._store(network, encoder, untrained, [untrained])
