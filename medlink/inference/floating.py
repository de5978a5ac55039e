"""Models that compute in int8, made to compute in fp32 where that is faster: on a GPU.

CUDA has no product of unsigned and signed int8; ONNX Runtime would compute each on the CPU.
"""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


def multiply_in_fp32(data: bytes) -> bytes:
    """Let a model that ``medlink.training.quantization.quantize`` made multiply in fp32, its weights still int8.

    Arguments:
        data: The content of an ``.onnx`` file.

    Returns:
        The content of the other model; the same where it has no such products, or onnx is not installed.
    """
    if b"MatMulInteger" not in data:  # told without reading the graph: the classifier and GLiNER have none
        return data
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError:
        log.warning("models of the linker are slow on a GPU without onnx; run 'pip install onnx'")
        return data
    model = onnx.load_from_string(data)
    # By the name of what comes out of it: the activations and the weights of each product.
    products = {
        node.output[0].removesuffix(".int32"): (node.input[0].removesuffix(".uint8"), node.input[1])
        for node in model.graph.node
        if node.op_type == "MatMulInteger"
    }
    nodes = []
    unpacked: set[str] = set()
    for node in model.graph.node:
        if node.output[0] not in products:
            nodes.append(node)
            continue
        activations, stored = products[node.output[0]]
        weight = stored.removesuffix(".int8")
        if weight not in unpacked:
            nodes += [
                helper.make_node("Cast", [stored], [f"{weight}.float"], to=TensorProto.FLOAT),
                helper.make_node("Mul", [f"{weight}.float", f"{weight}.scale"], [weight]),
            ]
        unpacked.add(weight)
        nodes.append(helper.make_node("MatMul", [activations, weight], [node.output[0]]))
    needed = {output.name for output in model.graph.output}
    kept = []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.output):
            kept.append(node)
            needed.update(node.input)
    constants = [tensor for tensor in model.graph.initializer if tensor.name in needed]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(reversed(kept))
    model.graph.initializer.extend(constants)
    return bytes(model.SerializeToString())
