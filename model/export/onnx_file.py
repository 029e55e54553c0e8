"""A trained module as one ONNX file that takes and gives uint8 pictures: everything before and after is inside.

    Map Module       image -> probability, map        image     uint8 (n, height, width, 3), RGB
    Editing Module   image, map -> restored           map       uint8 (n, height, width), 255 = mask
                                                      restored  uint8 like image

``map`` of the first is `clean_map` of ``probability`` (float32 (n, height, width)) and may be given to the second,
which pastes as in validation. Any n; height and width are multiples of 16. The file's metadata says this, too.
"""

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.drawn_faces.demo import portrait_rgb
from unmask.model.checkpoints.checkpoint import find_model, load_card, load_model
from unmask.model.inference.cleaning import clean_map
from unmask.model.inference.compositing import composite, unchecked_paste_alpha
from unmask.model.networks.networks import EDIT, MAP, MODULE_NAMES

from .onnx_cleaning import OPSET, clean_map_model

if TYPE_CHECKING:  # of the extra 'export'
    import onnx

_PACKAGES = ("onnx", "onnxscript", "onnxruntime")  # torch writes ONNX through onnxscript
_MULTIPLE = 16
_TRACED_SHAPE = (2, 48, 64)  # any will do; 1 or equal sides would be taken for a property of the pictures
_AXES = ("n", "height", "width")
_CHANNELS = {"image": (3,), "map": ()}
_OUTPUT = {MAP: "probability", EDIT: "restored"}
_INPUTS = {MAP: ("image",), EDIT: ("image", "map")}
_POLARITY = "map 255 = mask"
_RANGES = {
    "image": "uint8 (n, height, width, 3), RGB 0..255; height and width are multiples of 16",
    "map": "uint8 (n, height, width); 255 = mask, 0 = none; from 128 on a pixel counts as masked",
    "probability": "float32 (n, height, width), 0..1; 1 = mask",
    "restored": "uint8 (n, height, width, 3), RGB 0..255; equal to image away from the map",
}


def export_onnx(run: Path, out: Path, size: int = 128) -> float:
    """Write the model of a run as an ONNX file, and try it beside torch.

    Parameters
    ----------
    run : Path
        A run's folder (``best``, else ``last``), a checkpoint's folder or a ``.safetensors`` file; any module.
    out : Path
        The file, ``.onnx``; one that is there is replaced once the new one has been tried.
    size : int
        Side in pixels of the portrait that it is tried on, a multiple of 16. The file takes every size.

    Returns
    -------
    float
        Largest difference between onnxruntime and torch there, in levels of 1/255; at most 1.

    Raises
    ------
    UserError
        When a package of the extra ``export`` is missing, there is no model, or the file cannot be written.
    """
    _check_request(out, size)
    kind = EDIT if load_card(find_model(run))["network"].get("kind") == EDIT else MAP
    module, card = load_model(run, kind)
    facts = {"network": json.dumps(card["network"]), "weights_sha256": str(card["sha256"])}
    return export_module(module, kind, out, size, facts)


def export_module(
    module: nn.Module, kind: str, out: Path, size: int = 128, facts: Mapping[str, str] | None = None
) -> float:
    """Write a network as `export_onnx` does; ``kind`` is ``map`` or ``edit``, ``facts`` join the metadata.

    The network is put in evaluation mode. It has to be on the CPU, in float32.
    """
    _check_request(out, size)
    pipeline = pipeline_of(module, kind)
    model = _to_onnx(pipeline, kind)
    if kind == MAP:
        _append_cleaning(model)
    _describe(model, kind, facts or {})
    data = model.SerializeToString()
    difference = _try_out(data, pipeline, kind, size)
    try:
        write_atomic(out, data)
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror})") from error
    return difference


class _MapPipeline(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        probability: Tensor = self.network(_to_picture(image)).float().sigmoid()[:, 0]
        return probability


class _EditPipeline(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, map: Tensor) -> Tensor:  # noqa: A002 - the name of the graph's input
        picture = _to_picture(image)
        paste = unchecked_paste_alpha(map[:, None].float() / 255)
        done = composite(self.network(picture, paste).float(), picture, paste)
        return ((done.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)


def pipeline_of(module: nn.Module, kind: str) -> nn.Module:
    """Return a module that takes and gives what the ONNX file does (of a Map Module: ``probability`` alone)."""
    return (_MapPipeline if kind == MAP else _EditPipeline)(module).eval()


def _to_picture(image: Tensor) -> Tensor:
    return image.permute(0, 3, 1, 2).float() / 127.5 - 1


def _check_request(out: Path, size: int) -> None:
    for name in _PACKAGES:
        try:
            import_module(name)
        except ImportError as error:
            raise UserError(f"export: {name} is not installed here; pip install 'unmask[export]'") from error
    if size < _MULTIPLE or size % _MULTIPLE:
        raise ArgumentError("size", f"{size}: not a multiple of {_MULTIPLE}")
    if out.suffix != ".onnx":
        raise UserError(f"{out}: the file's name has to end in .onnx")
    if not out.parent.is_dir():
        raise UserError(f"{out}: {out.parent} is no folder")
    if out.is_dir():
        raise UserError(f"{out}: is a folder")


class _TraceableLinspace(TorchFunctionMode):
    """Gives `torch.linspace` a length that may vary: it takes a plain int, which would fix the pictures' size."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.linspace and len(args) == 3:
            start, end, steps = args
            numbers = torch.arange(steps, **{"dtype": torch.get_default_dtype(), **kwargs})
            return numbers * ((end - start) / (steps - 1)) + start
        return func(*args, **kwargs)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's words about its own insides from the user: deprecations, torchvision that is not there."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _to_onnx(pipeline: nn.Module, kind: str) -> "onnx.ModelProto":
    n, rows, columns = (torch.export.Dim(name) for name in ("n", "rows", "columns"))
    axes = {0: n, 1: _MULTIPLE * rows, 2: _MULTIPLE * columns}
    names = _INPUTS[kind]
    example = tuple(torch.zeros(*_TRACED_SHAPE, *_CHANNELS[name], dtype=torch.uint8) for name in names)
    with _quiet(), torch.no_grad():
        with _TraceableLinspace():
            # Not left to torch.onnx.export: where a size is fixed in the code, that falls back to a fixed size.
            program = torch.export.export(
                pipeline, example, dynamic_shapes=dict.fromkeys(names, axes), strict=False
            )
        written = torch.onnx.export(
            program,
            input_names=names,
            output_names=[_OUTPUT[kind]],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert written is not None  # it is for dynamo=True
    model: onnx.ModelProto = written.model_proto
    return model


def _append_cleaning(model: "onnx.ModelProto") -> None:
    from onnx import compose

    cleaning = compose.add_prefix(clean_map_model(), "clean_map/", rename_inputs=False, rename_outputs=False)
    model.graph.node.extend(cleaning.graph.node)
    model.graph.output.extend(cleaning.graph.output)


def _describe(model: "onnx.ModelProto", kind: str, facts: Mapping[str, str]) -> None:
    """Put names of axes and metadata in; take torch's notes out, which quote the source with its paths."""
    from onnx import checker, helper

    graph = model.graph
    del graph.value_info[:]
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer, graph):
        del part.metadata_props[:]
    values = (*graph.input, *graph.output)
    for value in values:
        for dim, name in zip(value.type.tensor_type.shape.dim, _AXES, strict=False):
            dim.dim_param = name
    graph.name = f"unmask_{kind}"
    model.producer_name, model.producer_version = "unmask", version("unmask")
    model.doc_string = f"{MODULE_NAMES[kind]} of unmask; {_POLARITY}"
    ranges = {value.name: _RANGES[value.name] for value in values}
    about = {"unmask": version("unmask"), "kind": kind, "polarity": _POLARITY}
    helper.set_model_props(model, about | ranges | dict(facts))
    checker.check_model(model, full_check=True)


def _try_out(data: bytes, pipeline: nn.Module, kind: str, size: int) -> float:
    """Run the file and torch on the portrait, square and not; the largest difference in levels of 1/255."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    levels = 255.0 if kind == MAP else 1.0
    largest = 0.0
    for width in (size, size + _MULTIPLE):
        feed = {name: _trial(size, width)[name] for name in _INPUTS[kind]}
        found = session.run(None, feed)
        with torch.inference_mode():
            truth = pipeline(*(torch.from_numpy(array) for array in feed.values())).numpy()
        largest = max(largest, levels * float(np.abs(found[0].astype(np.float32) - truth).max()))
        # Between torch and the file a pixel at one half may fall on either side; within the file it may not.
        if kind == MAP and not np.array_equal(
            found[1], np.stack([clean_map(probability) for probability in found[0]])
        ):
            raise RuntimeError("the map in the ONNX file is not clean_map's")
    if not largest <= 1:
        raise RuntimeError(f"the ONNX file differs from torch by {largest:.3g} levels of 255, more than 1")
    return largest


def _trial(height: int, width: int) -> dict[str, NDArray[np.uint8]]:
    """Two pictures of the portrait's face, one mirrored, with something like a mask's map."""
    face = cv2.resize(portrait_rgb()[:256, 96:352], (width, height), interpolation=cv2.INTER_AREA)
    map_ = np.zeros((height, width), np.uint8)
    map_[height // 2 : height * 7 // 8, width // 4 : width * 3 // 4] = 255
    map_[height // 2] //= 3  # a soft edge
    image = np.stack([face, face[:, ::-1]]).astype(np.uint8)
    return {"image": image, "map": np.stack([map_, map_])}
