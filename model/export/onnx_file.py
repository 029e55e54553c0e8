"""A trained module as one ONNX file that takes and gives uint8 pictures: everything before and after is inside.

    Map Module       image -> probability, map     image     uint8 (n, height, width, 3), RGB
    Editing Module   image, map -> restored        map       uint8 (n, height, width), 255 = mask
                                                   restored  uint8 like image

``map`` of the first is `clean_map` of ``probability`` (float32 (n, height, width)) and may be given to the second.
A Map Module that knows straps gives ``straps_probability``, too. Any n, any height and width from 16: pictures are
scaled and padded to what the network was trained at, and its answer is brought back, as `unmask.model.inference`
does. The file's metadata says this, too.
"""

import json
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.checks import check_at_least
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.drawn_faces.demo import portrait_rgb
from unmask.datagen.pictures.arrays import F32, U8
from unmask.model.checkpoints.card import find_model, load_card
from unmask.model.checkpoints.checkpoint import load_model
from unmask.model.checkpoints.shipped import find_weights
from unmask.model.inference.aligned import STRAP_ZOOM, restore_pictures, see_pictures
from unmask.model.inference.cleaning import clean_map
from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.networks.spec import EDIT, MAP, MODULE_NAMES, NetworkSpec

from .int8 import SamplePictures, in_int8, read_samples
from .onnx_cleaning import OPSET, clean_map_model
from .onnx_frame import after_closer_model, after_edit_model, after_map_model, before_model
from .onnx_network import network_parts

if TYPE_CHECKING:  # of the extra 'export'
    import onnx

LEAST_PX = 16
TRIED = (218, 178)  # height and width of CelebA's frame: scaled, padded, and not square
_PACKAGES = ("onnx", "onnxruntime")
_SINGLE_PIXELS = (
    0.001  # of all: a map's pixel at one half may fall on either side, and what is drawn there with it
)
_MOST_APART = 4.0  # levels, of eight bits; shipped networks are apart by one or two
_PARTS = ("before", "asking", "network", "answering", "after", "cleaning")
_AGAIN = "again/"
_OUTPUTS = ("probability", "map", "straps_probability", "restored")  # in this order
_AXES = ("n", "height", "width")
_POLARITY = "map 255 = mask"
_SIZES = "height and width at least 16, below 2^24 pixels"  # up to there components are counted exactly
_ABOUT = {
    "image": f"uint8 (n, height, width, 3), RGB 0..255, framed like aligned CelebA; {_SIZES}",
    "map": "uint8 (n, height, width); 255 = mask, 0 = none; from 128 on a pixel counts as masked",
    "probability": "float32 (n, height, width), 0..1; 1 = mask",
    "straps_probability": "float32 (n, height, width), 0..1; 1 = strap; not cleaned: "
    "unmask.model.inference.strap_mask.clean_straps keeps what hangs together with map",
    "restored": "uint8 (n, height, width, 3), RGB 0..255; equal to image away from the map; in the network's "
    "colours, also in a grey photograph, where unmask.model.inference.tone.in_tone takes them out, and as it is "
    "lit, where unmask.model.inference.exposure shows very dark and very bright faces in usual light",
}


def export_onnx(run: str | Path, out: Path, size: int = 128, int8: Path | None = None) -> float:
    """Write the model of a run as an ONNX file, and try it beside torch.

    Parameters
    ----------
    run : str or Path
        A run's folder (``best``, else ``last``), a checkpoint's folder, a ``.safetensors`` file, or the name of
        shipped weights (`find_weights`); any module.
    out : Path
        The file, ``.onnx``; one that is there is replaced once the new one has been tried.
    size : int
        Side in pixels of the portrait that it is tried on, at least 16, beside one of 178 x 218. The file takes
        every size.
    int8 : Path or None
        A dataset, for a file whose convolutions are in eight bits (`unmask.model.export.int8`).

    Returns
    -------
    float
        Largest difference between onnxruntime and torch there, in levels of 1/255, single pixels (one in a
        thousand) left out; at most 1. In eight bits: mean difference where the mask is, on pictures of the dataset
        other than those that it was calibrated with; at most 4.

    Raises
    ------
    UserError
        When a package of the extra ``export`` is missing, there is no model, the file cannot be written, or eight
        bits do not do for this network.
    """
    _check_request(out, size)
    samples = None if int8 is None else read_samples(int8)
    found = find_model(find_weights(run))
    kind = EDIT if load_card(found)["network"].get("kind") == EDIT else MAP
    return export_module(TrainedModule(*load_model(found, kind), torch.device("cpu")), out, size, samples)


def export_module(
    module: TrainedModule, out: Path, size: int = 128, samples: SamplePictures | None = None
) -> float:
    """Write a module as `export_onnx` does, with ``samples`` in eight bits; what its card says joins the metadata.

    The network is the one that the card describes, as it was trained (not `folded`), on the CPU and in float32; it
    is put in evaluation mode.
    """
    _check_request(out, size)
    module.network.eval()
    spec = NetworkSpec.from_dict(module.card["network"])
    kind, model = spec.kind, _whole(module, spec, samples)
    facts = {"network": json.dumps(module.card["network"]), "side": str(module.side)}
    if samples is not None:
        facts["convolutions"] = "int8"
    if "sha256" in module.card:
        facts["weights_sha256"] = str(module.card["sha256"])
    _describe(model, kind, facts)
    data = model.SerializeToString()
    difference = (
        _try_out(data, module, kind, size) if samples is None else _try_int8(data, module, kind, samples)
    )
    try:
        write_atomic(out, data)
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror})") from error
    return difference


def _check_request(out: Path, size: int) -> None:
    for name in _PACKAGES:
        try:
            import_module(name)
        except ImportError as error:
            raise UserError(f"export: {name} is not installed here; pip install 'unmask[export]'") from error
    check_at_least("size", size, LEAST_PX)
    if out.suffix != ".onnx":
        raise UserError(f"{out}: the file's name has to end in .onnx")
    if not out.parent.is_dir():
        raise UserError(f"{out}: {out.parent} is no folder")
    if out.is_dir():
        raise UserError(f"{out}: is a folder")


def _whole(module: TrainedModule, spec: NetworkSpec, samples: SamplePictures | None) -> "onnx.ModelProto":
    """The parts of a file put together."""
    from onnx import helper

    from unmask.model.networks.graph_networks import network_graph

    weights = {name: value.numpy() for name, value in module.network.state_dict().items()}
    graph = network_graph(spec, weights)[0]
    if samples is not None:
        sides = (module.side, STRAP_ZOOM * module.side) if spec.straps else (module.side,)
        graph = in_int8(graph, spec.kind, samples.calibration, sides)
    network = network_parts(graph, spec.kind, mirror_mean=module.mirror_mean or spec.kind == MAP)
    before = before_model(module.side, with_map=spec.kind == EDIT)
    if spec.kind == EDIT:
        chains = [_chain([before, *network, after_edit_model(module.side)])]
    else:
        chains = [
            _chain([before, *network, after_map_model(module.side, straps=spec.straps), clean_map_model()])
        ]
    if spec.straps:
        side, network = STRAP_ZOOM * module.side, network_parts(graph, MAP, mirror_mean=False)
        chains.append(
            _again(_chain([before_model(side, with_map=False), *network, after_closer_model(side)]))
        )
    nodes, constants, made = (
        [each for chain in chains for each in getattr(chain, field)]
        for field in ("node", "initializer", "output")
    )
    made.sort(key=lambda value: _OUTPUTS.index(value.name))
    graph = helper.make_graph(nodes, f"unmask_{spec.kind}", before.graph.input, made, constants)
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=before.ir_version)


def _chain(parts: "list[onnx.ModelProto]") -> "onnx.GraphProto":
    """Parts as one graph: an output of one is an input of later ones of that name; those of `_OUTPUTS` come out."""
    from onnx import compose, helper

    joined = [
        compose.add_prefix(part, f"{name}/", rename_inputs=False, rename_outputs=False)
        for part, name in zip(parts, _PARTS, strict=False)
    ]
    nodes = [node for part in joined for node in part.graph.node]
    constants = [each for part in joined for each in part.graph.initializer]
    made = {each.name: each for part in parts for each in part.graph.output}
    given = {each.name: each for part in parts for each in part.graph.input if each.name not in made}
    outputs = [each for name, each in made.items() if name in _OUTPUTS]
    return helper.make_graph(nodes, "chain", list(given.values()), outputs, constants)


def _again(chain: "onnx.GraphProto") -> "onnx.GraphProto":
    """A chain under other names, beside a first one whose network's weights it takes."""
    from onnx import compose

    again = compose.add_prefix_graph(chain, _AGAIN, rename_inputs=False, rename_outputs=False)
    weights = f"{_AGAIN}{_PARTS[2]}/"
    shared = {
        each.name: each.name.removeprefix(_AGAIN)
        for each in again.initializer
        if each.name.startswith(weights)
    }
    for node in again.node:
        node.input[:] = [shared.get(name, name) for name in node.input]
    own = [each for each in again.initializer if each.name not in shared]
    del again.initializer[:]
    again.initializer.extend(own)
    return again


def _describe(model: "onnx.ModelProto", kind: str, facts: Mapping[str, str]) -> None:
    """Put names of axes and metadata in."""
    from onnx import checker, helper

    graph = model.graph
    values = (*graph.input, *graph.output)
    for value in values:
        for dim, name in zip(value.type.tensor_type.shape.dim, _AXES, strict=False):
            dim.dim_param = name
    model.producer_name, model.producer_version = "unmask", version("unmask")
    model.doc_string = f"{MODULE_NAMES[kind]} of unmask; {_POLARITY}"
    ranges = {value.name: _ABOUT[value.name] for value in values}
    about = {"unmask": version("unmask"), "kind": kind, "polarity": _POLARITY}
    helper.set_model_props(model, about | ranges | dict(facts))
    checker.check_model(model, full_check=True)


def _try_out(data: bytes, module: TrainedModule, kind: str, size: int) -> float:
    """Run the file and torch on the portrait, square and not; the largest difference in levels of 1/255."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    levels = 255.0 if kind == MAP else 1.0
    apart = []
    for height, width in ((size, size), TRIED):
        images, maps = _trial(height, width)
        if kind == EDIT:
            found = session.run(["restored"], {"image": images, "map": maps})
            truth = [
                np.stack([each.done for each in restore_pictures(module, list(images), list(maps))]).astype(
                    np.float32
                )
            ]
        else:
            probabilities, map_, *straps = session.run(None, {"image": images})
            # Between torch and the file a pixel at one half may fall on either side; within the file it may not.
            if not np.array_equal(map_, np.stack([clean_map(each) for each in probabilities])):
                raise RuntimeError("the map in the ONNX file is not clean_map's")
            found = [probabilities, *straps]
            truth = _layers(module, images)
        for one, other in zip(found, truth, strict=True):
            differences = levels * np.abs(one.astype(np.float32) - other)
            apart.append(np.quantile(differences, 1 - _SINGLE_PIXELS))
    largest = float(np.max(apart))
    if not largest <= 1:
        raise RuntimeError(f"the ONNX file differs from torch by {largest:.3g} levels of 255, more than 1")
    return largest


def _try_int8(data: bytes, module: TrainedModule, kind: str, samples: SamplePictures) -> float:
    """Run the file and torch on pictures that it was not calibrated with: mean difference in the mask, levels."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    apart = []
    for picture, map_ in samples.trial:
        if kind == EDIT:
            (found,) = session.run(["restored"], {"image": picture[None], "map": map_[None]})
            difference = found[0].astype(np.float32) - restore_pictures(module, [picture], [map_])[0].done
        else:
            (found,) = session.run(["probability"], {"image": picture[None]})
            difference = 255 * (found[0] - see_pictures(module, [picture])[0].body)
        if (map_ > 0).any():
            apart.append(np.abs(difference[map_ > 0]).mean())
    mean = float(np.mean(apart))
    if not mean <= _MOST_APART:
        raise ArgumentError("int8", f": eight bits change this network by {mean:.1f} levels of 255, too much")
    return mean


def _layers(module: TrainedModule, images: U8) -> list[F32]:
    seen = see_pictures(module, list(images))
    layers = zip(*((each.body, each.straps) for each in seen), strict=True)
    return [np.stack(layer) for layer in layers if layer[0] is not None]


def _trial(height: int, width: int) -> tuple[U8, U8]:
    """Two pictures of the portrait's face, one mirrored, with something like a mask's map."""
    face = cv2.resize(portrait_rgb()[:256, 96:352], (width, height), interpolation=cv2.INTER_AREA)
    map_ = np.zeros((height, width), np.uint8)
    map_[height // 2 : height * 7 // 8, width // 4 : width * 3 // 4] = 255
    map_[height // 2] //= 3  # a soft edge
    return np.stack([face, face[:, ::-1]]).astype(np.uint8), np.stack([map_, map_])
