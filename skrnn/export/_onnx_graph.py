"""A graph of ONNX operators, built node by node."""

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from skrnn.export._fitted_network import needing

#: Supported by onnx and onnxruntime since 1.12, with the intermediate representation of that time. Newer versions would
# add no operator that is needed here, and exclude older runtimes.
OPSET = 17
IR_VERSION = 8


@final
class Graph:
    """A graph of ONNX operators; tensors are identified by name.

    Parameters
    ----------
    dtype : dtype
        The dtype of real-valued inputs and outputs.
    """

    def __init__(self, dtype: np.dtype) -> None:
        with needing("onnx", "to_onnx"):
            import onnx
        self._onnx = onnx
        self.dtype = dtype
        self._nodes: list[Any] = []
        self._initializers: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._opsets = {"": OPSET}

    def input(self, name: str, dtype: Any, shape: Sequence[int | str], doc: str) -> str:
        """Add an input and return its name; an axis whose length is not fixed has a name."""
        self._inputs.append(self._value_info(name, dtype, shape, doc))
        return name

    def output(self, name: str, tensor: str, dtype: Any, shape: Sequence[int | str], doc: str) -> None:
        """Make a tensor an output."""
        self.add("Identity", tensor, output=name)
        self._outputs.append(self._value_info(name, dtype, shape, doc))

    def constant(self, array: Any, name: str = "") -> str:
        """Add a constant and return its name."""
        name = name or f"constant_{len(self._initializers)}"
        self._initializers.append(self._onnx.numpy_helper.from_array(np.asarray(array), name))
        return name

    def integers(self, numbers: int | Sequence[int]) -> str:
        """Add a constant of int64, a scalar or an array, and return its name."""
        return self.constant(np.array(numbers, dtype=np.int64))

    def add(self, operator: str, *inputs: str, output: str = "", n_outputs: int = 1, **attributes: Any) -> Any:
        """Add an operator and return the name of its output, or the names of its outputs if there are several."""
        first = output or f"{operator}_{len(self._nodes)}"
        outputs = [first, *(f"{first}_{number}" for number in range(1, n_outputs))]
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, outputs, name=first, **attributes))
        return first if n_outputs == 1 else outputs

    def cast(self, tensor: str, dtype: Any) -> str:
        """Convert a tensor to another dtype."""
        return self.add("Cast", tensor, to=self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def reshape(self, tensor: str, shape: Sequence[int]) -> str:
        """Reshape a tensor; 0 keeps the length of an axis."""
        return self.add("Reshape", tensor, self.integers(shape))

    def unsqueeze(self, tensor: str, *axes: int) -> str:
        """Add axes of length 1 to a tensor."""
        return self.add("Unsqueeze", tensor, self.integers(axes)) if axes else tensor

    def count(self, flags: str, axis: int) -> str:
        """Count the true values along an axis, which is removed."""
        return self.add("ReduceSum", self.cast(flags, np.int64), self.integers([axis]), keepdims=0)

    def range(self, end: str) -> str:
        """Add the integers from 0 to `end`, (1,), exclusive."""
        return self.add("Range", self.integers(0), self.add("Squeeze", end), self.integers(1))

    def inline(self, model: Any, tensor: str, prefix: str) -> str:
        """Apply a model with one input and one output to a tensor; return its output, in the graph's dtype."""
        graph = self._onnx.compose.add_prefix(model, prefix).graph
        self.add("Identity", tensor, output=graph.input[0].name)
        self._nodes.extend(graph.node)
        self._initializers.extend(graph.initializer)
        self._opsets |= {opset.domain: opset.version for opset in model.opset_import if opset.domain}
        return self.cast(graph.output[0].name, self.dtype)

    def model(self, name: str, doc: str, version: str) -> Any:
        """Return the graph as a checked ModelProto."""
        helper = self._onnx.helper
        graph = helper.make_graph(self._nodes, name, self._inputs, self._outputs, self._initializers)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(domain, version) for domain, version in self._opsets.items()],
            ir_version=IR_VERSION,
            producer_name="skrnn",
            producer_version=version,
            doc_string=doc,
        )
        self.check(model)
        return model

    def check(self, model: Any) -> None:
        """Raise unless a model is valid, including types and shapes."""
        self._onnx.checker.check_model(model, full_check=True)

    def _value_info(self, name: str, dtype: Any, shape: Sequence[int | str], doc: str) -> Any:
        element = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self._onnx.helper.make_tensor_value_info(name, element, shape, doc)
