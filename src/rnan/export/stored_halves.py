"""ONNX graphs whose weights are stored in 16 bits and computed with in 32."""

from rnan.errors import MissingExtraError

_LEAST = 256
"""Numbers from which on a tensor is worth it."""


def stored_in_halves(content: bytes) -> bytes:
    """The same graph in half of the bytes; bundled weights are of 16 bits, so nothing is lost.

    Each tensor of weights becomes one of float16 and a ``Cast``, which programs carry out once,
    when they load the graph.

    Args:
        content: An ONNX file, its weights float32.

    Raises:
        MissingExtraError: ``onnx`` is not installed.
    """
    try:
        from onnx import TensorProto, helper, load_from_string, numpy_helper
    except ImportError as error:
        raise MissingExtraError("onnx", "onnx") from error
    model = load_from_string(content)
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < _LEAST:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype("float16"), f"{name}_16"))
        casts.append(helper.make_node("Cast", [f"{name}_16"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())
