"""Models written in ONNX's own text, with functions of the domain ``unmask``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .onnx_cleaning import OPSET

if TYPE_CHECKING:  # of the extra 'export'
    import onnx


def function_model(
    graph: str, functions: str, values: Mapping[str, object] | None = None
) -> "onnx.ModelProto":
    """Return a graph as a model, the functions that it calls put into it.

    Parameters
    ----------
    graph, functions : str
    values : mapping of str to object, optional
        What stands in them for these names; ``OPSET`` is there anyway.
    """
    import onnx
    from onnx import inliner

    text = f'<ir_version: 8, opset_import: ["": OPSET, "unmask": 1]>\n{graph}{functions}'
    for name, value in {**(values or {}), "OPSET": OPSET}.items():
        text = text.replace(name, str(value))
    model = inliner.inline_local_functions(onnx.parser.parse_model(text))
    onnx.checker.check_model(model, full_check=True)
    return model
