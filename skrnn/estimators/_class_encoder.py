"""Targets that are labels: one of several classes, or several yes-or-no labels."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, ClassVar, Self, final

import numpy as np
from scipy.special import log_expit, log_softmax
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from skrnn._inputs._messages import naming, warn
from skrnn._inputs._values import as_array, check_weights, find_missing, from_objects, is_nullable, refuse_masked
from skrnn.estimators._target_encoder import TargetColumns, TargetEncoder, check_n_samples
from skrnn.exceptions import DataWarning
from skrnn.losses._losses import LOSSES
from skrnn.sequences._targets import Targets


@final
@dataclass(frozen=True, kw_only=True)
class ClassEncoder(TargetEncoder):
    """The targets of a classifier: one class label each, or several columns of yes-or-no labels (multilabel)."""

    has_classes: ClassVar[bool] = True

    class_weight: Any  # the parameter
    classes: np.ndarray = field(default_factory=lambda: np.empty(0))  # sorted labels, or column indices

    @classmethod
    def new(cls, estimator: Any) -> Self:
        """Return an encoder with the estimator's parameters that has not learnt anything yet."""
        return cls(
            who=type(estimator).__name__,
            per_timestep=bool(estimator.return_sequences),
            loss=LOSSES["multinomial_log_loss"](),
            class_weight=estimator.class_weight,
        )

    def _with_stored_form(self, estimator: Any) -> Self:
        return self._of_columns(estimator.classes_) if estimator._is_multilabel else self._of_labels(estimator.classes_)

    def with_form(self, n_targets: int | None, classes: Any = None) -> Self:
        """Return an encoder of labels of these classes, or of `n_targets` columns of yes-or-no labels."""
        if n_targets is None:
            return self._of_labels(_read_classes(classes))
        encoder = self._of_columns(np.arange(n_targets))
        encoder.check_classes(classes)
        return encoder

    def _of_columns(self, numbers: np.ndarray) -> Self:
        """Return an encoder of columns of yes-or-no labels."""
        of_columns: dict[str, Any] = {"kind": "labels", "shape": numbers.shape, "loss": LOSSES["binary_log_loss"]()}
        return replace(self, n_targets=len(numbers), n_outputs=len(numbers), classes=numbers, **of_columns)

    def _of_labels(self, labels: np.ndarray, given: str = "classes have") -> Self:
        """Return an encoder of these sorted classes; for two classes there is one output, for the second."""
        if len(labels) < 2:
            raise ValueError(f"{given} only one class, {labels[0]}; expected at least two classes.")
        of_labels: dict[str, Any] = {"kind": "classes", "n_outputs": len(labels)}
        if len(labels) == 2:
            of_labels = {"kind": "two classes", "n_outputs": 1, "loss": LOSSES["binary_log_loss"]()}
        return replace(self, n_targets=None, classes=labels, shape=labels.shape, **of_labels)

    def learn(self, columns: TargetColumns, classes: Any = None, *, incremental: bool = False) -> Self:
        """Return an encoder of the classes in the targets, or of `classes`, which `incremental` requires."""
        y = columns.counted()
        if y.ndim == 2:
            _warn_of_one_hot(y)
            return self.with_form(y.shape[1], classes)
        if classes is not None:
            return self.with_form(None, classes)
        if incremental:
            raise ValueError(
                "classes is None in the first call of partial_fit; expected all classes that may occur in any call."
            )
        return self._of_labels(unique_labels(y), "y has")

    def check_classes(self, classes: Any) -> None:
        """Raise ValueError unless `classes`, if given, are those that were learnt."""
        if classes is not None and self.classes.tolist() != _read_classes(classes).tolist():
            raise ValueError(f"classes are {classes!r}; expected {self.classes}, as in the first call or in y.")

    def require_all_classes(self, columns: TargetColumns) -> None:
        """Raise ValueError unless the targets contain every class that was learnt."""
        found = set() if self.is_multilabel else set(columns.counted().tolist())
        missing = [] if self.is_multilabel else [label for label in self.classes.tolist() if label not in found]
        if missing:
            raise ValueError(
                f"y lacks the classes {missing}; expected all of {self.classes.tolist()}, as in the previous fit, "
                "with warm_start=True. partial_fit accepts samples of only some classes."
            )

    def store(self, estimator: Any) -> None:
        """Store what has been learnt as attributes of the estimator."""
        super().store(estimator)
        estimator.classes_, estimator._is_multilabel = self.classes, self.is_multilabel

    @property
    def is_multilabel(self) -> bool:
        """Whether there are columns of yes-or-no labels."""
        return self.n_targets is not None

    def _read_values(self, y: Any, n_samples: int, name: str) -> np.ndarray:
        with naming(name, "class labels (n_samples,), or zeros and ones (n_samples, n_outputs)"):
            if is_nullable(y):  # which scikit-learn would convert to floats
                y = from_objects(np.asarray(y, dtype=object))
            labels = _check_labels(y, name)
            # check_array handles the dtypes of data frame columns.
            y = labels if isinstance(y, list | tuple) else y
            y = check_array(y, ensure_2d=False, dtype=None, input_name=name, estimator=self.who)
            check_n_samples(y, n_samples, name)
            if y.dtype.kind == "S":
                raise TypeError(f"{name} has dtype {y.dtype}, bytes; expected strings or integers as labels.")
            if y.dtype.kind == "f" and y.dtype.itemsize > 8:
                y = check_array(y, ensure_2d=False, dtype=np.float64, input_name=name, estimator=self.who)
            if type_of_target(y) == "multiclass-multioutput":
                raise ValueError(
                    f"{name} has {y.shape[1]} columns with several classes each. Expected class labels (n_samples,), "
                    "or zeros and ones (n_samples, n_outputs); MultiOutputClassifier fits one classifier per column."
                )
            check_classification_targets(y)
            unique_labels(y)  # raises for labels of several types
        if y.ndim == 2 and y.shape[1] == 1:
            return column_or_1d(y, warn=True)
        return y

    def _encode(self, y: np.ndarray, name: str) -> np.ndarray:
        if y.shape[1:] != (self.shape if self.is_multilabel else ()):
            expected = f"(n_samples, {self.n_targets}), multilabel" if self.is_multilabel else "(n_samples,)"
            raise ValueError(f"{name} has shape {y.shape}; expected {expected}, as in the first training data.")
        if self.is_multilabel:
            return y.T.astype(np.float64, order="C")
        codes = {label: code for code, label in enumerate(self.classes.tolist())}
        labels = y.tolist()
        unknown = sorted({label for label in labels if label not in codes}, key=str)
        if unknown:
            raise ValueError(f"{name} contains the unknown classes {unknown}; expected only {list(codes)}.")
        is_class = np.zeros((len(codes), len(labels)))
        is_class[[codes[label] for label in labels], np.arange(len(labels))] = 1.0
        return is_class[1:] if len(codes) == 2 else is_class

    def _codes(self, targets: Targets) -> np.ndarray | None:
        """Return the index of each target's class, (n_columns,), or None for multilabel targets."""
        if self.is_multilabel:
            return None
        values = targets.values
        return values[0].astype(np.intp) if len(values) == 1 else values.argmax(axis=0)

    def strata(self, targets: Targets) -> np.ndarray | None:
        """Return the classes, (n_samples,), for a stratified validation split, or None."""
        codes = None if self.per_timestep else self._codes(targets)
        if codes is not None:
            single = self.classes[np.bincount(codes, minlength=len(self.classes)) == 1].tolist()
            if single:
                raise ValueError(
                    f"y has only one sample of class {single[0]!r}, which cannot be in both parts of the stratified "
                    "split for early_stopping=True. Expected at least two per class, or X_val and y_val, or "
                    "validation_split='last'."
                )
        return codes

    def training_weights(self, targets: Targets) -> np.ndarray | None:
        """Return the targets' weights, (n_columns,), times the class weights, if any."""
        if self.class_weight is None:
            return targets.weights
        given = np.ones(len(targets)) if targets.weights is None else targets.weights
        codes = self._codes(targets)
        if isinstance(self.class_weight, str) and self.class_weight == "balanced" and codes is not None:
            # Frequencies include the sample weights, so that a weight of two is equivalent to the sample twice.
            totals = np.bincount(codes, given, minlength=len(self.classes))
            counted = given > 0.0
            weights = np.zeros(len(given))
            shares = given[counted] / totals[codes[counted]]  # within a class, whatever the scale of its weights
            weights[counted] = shares * (given.sum() / np.count_nonzero(totals))
        else:
            with naming("class_weight", "one number >= 0 per class"):
                for of_labels in self.class_weight if isinstance(self.class_weight, list) else [self.class_weight]:
                    _check_labels(list(of_labels) if isinstance(of_labels, dict) else [], "class_weight")
                if codes is None:
                    weights = self._weigh_labels(targets, given > 0.0)
                else:
                    weights = self._weights_of_classes()[codes]
            with np.errstate(over="ignore"):
                product = weights * given
            # If it overflows, its scale does not matter: the penalty is negligible in either case. In their own unit,
            # weights of samples are less than 2**10.
            weights = product if np.isfinite(product).all() else 2.0**-10 * weights * given
        check_weights(weights, "class_weight")
        return weights

    def _weights_of_classes(self) -> np.ndarray:
        """Return the weight of each class, (n_classes,), also of those that a batch of partial_fit lacks."""
        weights = np.asarray(compute_sample_weight(self.class_weight, self.classes), np.float64)
        if np.count_nonzero(weights) == 1 and weights.max() > 0.0:  # the other classes would never be predicted
            raise ValueError(
                f"class_weight is {self.class_weight!r}, zero for every class but {self.classes[weights.argmax()]}; "
                "expected positive weights of at least two classes."
            )
        return weights

    def _weigh_labels(self, targets: Targets, counted: np.ndarray) -> np.ndarray:
        """Return the product of the weights of each column's labels, (n_columns,), without missing labels."""
        labels = targets.values.astype(int)
        if targets.present is None:
            weights = np.zeros(len(targets))
            weights[counted] = compute_sample_weight(self.class_weight, labels.T[counted])
            return weights
        of_labels = self.class_weight if isinstance(self.class_weight, list) else [self.class_weight] * len(labels)
        weights = np.ones(len(targets))
        for of_label, values, present in zip(of_labels, labels, targets.present > 0.0, strict=True):
            weights[present] *= compute_sample_weight(of_label, values[present])
        return weights

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return the most probable class, (n_columns,), or 1 for each label above one half, (n_columns, n_labels)."""
        if self.is_multilabel:
            return (raw.T > 0.0).astype(np.intp)
        return self.classes[(raw[0] > 0.0).astype(np.intp) if len(raw) == 1 else raw.argmax(axis=0)]

    def predict_proba(self, raw: np.ndarray) -> np.ndarray:
        """Return the probability of each class, (n_columns, n_classes)."""
        return self._of_both(self.loss.predict, raw) if self.kind == "two classes" else self.loss.predict(raw).T

    def predict_log_proba(self, raw: np.ndarray) -> np.ndarray:
        """Return the logarithm of the probability of each class, (n_columns, n_classes)."""
        if self.kind == "two classes":
            return self._of_both(log_expit, raw)
        return log_expit(raw.T) if self.is_multilabel else log_softmax(raw.T, axis=1)

    @staticmethod
    def _of_both(function: Callable[[np.ndarray], np.ndarray], raw: np.ndarray) -> np.ndarray:
        """Return a function of the scores of both classes, (n_columns, 2); of -raw for the first, as 1 - p may be 0."""
        return np.column_stack([function(-raw)[0], function(raw)[0]])

    def raw_from(self, averages: np.ndarray) -> np.ndarray:
        """Return outputs for which `predict` gives the most probable classes, from probabilities (n_columns, ...)."""
        if self.is_multilabel:
            return averages.T - 0.5
        return averages[:, 1:].T - averages[:, :1].T if self.kind == "two classes" else averages.T

    def score(self, raw: np.ndarray, columns: TargetColumns) -> float:
        """Return the accuracy of raw outputs."""
        predictions = self.predict(raw)
        with naming("y", "labels of the same kind as in fit"):
            if columns.y.dtype.kind in "mM" and predictions.dtype.kind not in "mM":
                raise ValueError(f"labels of dtype {columns.y.dtype} among classes of dtype {predictions.dtype}.")
            unique_labels(columns.y, predictions)
        if predictions.shape != columns.y.shape:
            over = " over all timesteps" if self.per_timestep else ""
            raise ValueError(f"y has shape {columns.y.shape}{over}; expected {predictions.shape}.")
        is_right = predictions == columns.y
        if columns.missing is not None:
            is_right |= columns.missing
        is_right = is_right if is_right.ndim == 1 else is_right.all(axis=1)
        weights = None if columns.weights is None else columns.weights[columns.is_counted]
        return float(np.average(is_right[columns.is_counted], weights=weights))


def _warn_of_one_hot(y: np.ndarray) -> None:
    """Warn if each row of yes-or-no labels, (n_columns, n_labels), has a single yes."""
    if len(y) > 1 and (np.sum(y, axis=1) == 1).all():
        warn(
            f"y has {y.shape[1]} columns with a single 1 in each row, which are interpreted as independent labels. If "
            "they are one-hot encoded classes, pass numpy.asarray(y).argmax(axis=-1).",
            DataWarning,
        )


def _read_classes(classes: Any) -> np.ndarray:
    """Return the distinct classes, sorted."""
    refuse_masked(classes, "classes")
    with naming("classes", "class labels (n_classes,)"):
        return np.asarray(unique_labels(_check_labels(classes, "classes")))


def _check_labels(labels: Any, name: str) -> np.ndarray:
    """Return labels as an array, or raise ValueError if one is missing, or if they are of several kinds.

    Such labels cannot be sorted. NumPy would convert a list with a string to strings: None would be a class "None".
    """
    array = as_array(labels)
    if array.dtype.kind not in "OmM":
        return array
    missing = find_missing(array)
    if missing is not None:
        where = int(np.argmax(missing.any(axis=1) if missing.ndim == 2 else missing))
        raise ValueError(
            f"{name} contains {array[missing][0]} at position {where}; expected a label at every position."
        )
    if array.dtype != object:
        return array
    first_of_kind: dict[str, Any] = {}
    for label in array.ravel():
        first_of_kind.setdefault(_kind_of_label(label), label)
    found = ", ".join(f"{label!r} ({type(label).__name__})" for label in first_of_kind.values())
    if len(first_of_kind) > 1:
        raise ValueError(f"{name} contains labels of several kinds, {found}; expected only strings, or only integers.")
    if not {"string", "bytes"} & set(first_of_kind) and getattr(labels, "dtype", array.dtype) == array.dtype:
        # "Unknown label type" is what scikit-learn's check_dtype_object looks for.
        raise ValueError(f"Unknown label type: {name} contains {found}; expected strings, or an array of integers.")
    return array


def _kind_of_label(label: Any) -> str:
    if isinstance(label, str):
        return "string"
    return "number" if isinstance(label, Real | np.bool_) else type(label).__name__
