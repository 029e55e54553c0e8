"""The networks at work in onnxruntime, on the CPU and in float32, without torch: the same as `.torch_modules`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import safetensors.numpy
from numpy.typing import NDArray
from onnx import ModelProto
from safetensors import SafetensorError

from unmask.datagen.common.cores import available_cores
from unmask.datagen.common.errors import UserError
from unmask.datagen.pictures.arrays import F32, U8
from unmask.model.checkpoints.card import (
    described_network,
    load_card,
    model_files,
    not_its_weights,
    other_encoder,
    resolve_model,
)
from unmask.model.checkpoints.shipped import FINDER, frame_weights, shipped_weights
from unmask.model.common.checked_files import read_arrays
from unmask.model.common.limits import FP32, ONNX
from unmask.model.networks.frame_look import FrameModule
from unmask.model.networks.graph import MisfitError
from unmask.model.networks.graph_networks import frame_graph, network_graph
from unmask.model.networks.spec import FRAME

from .aligned import not_finite
from .face_finder import FaceFinder
from .pasting import paste_alpha


class OnnxModule:
    """A trained network and the width that it was trained at.

    Parameters
    ----------
    model : onnx.ModelProto
        From `unmask.model.networks.graph_networks`.
    card : mapping
        ``model.json`` of its checkpoint.
    """

    def __init__(self, model: ModelProto, card: Mapping[str, Any]) -> None:
        self.card = card
        self.side = int(card.get("size", 128))
        self.mirror_mean = bool(card.get("mirror_mean", False))  # of an Editing Module
        self._session = _session(model)

    def probabilities(self, pictures: U8) -> F32:
        """What a Map Module says of pictures (n, h, w, 3) and their mirror images: (n, h, w, layers)."""
        said, mirrored = (self._run(pictures=each) for each in (pictures, pictures[:, :, ::-1]))
        return np.asarray((said + mirrored[:, :, ::-1]) / 2, np.float32)

    def straps(self, pictures: U8) -> F32:
        """What a Map Module that knows straps says of them in pictures (n, h, w, 3) alone: (n, h, w)."""
        return self._run(pictures=pictures)[..., 1]

    def faces(self, pictures: U8, maps: U8) -> U8:
        """What an Editing Module draws of pictures (n, h, w, 3) and maps (n, h, w): pictures."""
        alpha = np.stack([paste_alpha(map_) for map_ in maps])[:, None]
        raw = self._run(pictures=pictures, alpha=alpha)
        if self.mirror_mean:
            mirrored = self._run(pictures=pictures[:, :, ::-1], alpha=alpha[..., ::-1])
            raw = np.asarray((raw + mirrored[:, :, ::-1]) / 2, np.float32)
        return np.asarray(np.rint((raw + 1) * 127.5), np.uint8)

    def cells(self, picture: U8) -> F32:
        """What the finder says of one picture (h, w, 3): (6, h / 8, w / 8)."""
        return np.asarray(self._run(pictures=picture[None])[0], np.float32)

    def _run(self, **given: NDArray[Any]) -> F32:
        (output,) = self._session.run(
            None, {name: np.ascontiguousarray(each) for name, each in given.items()}
        )
        if not np.isfinite(output).all():
            raise not_finite(self.card)
        return np.asarray(output, np.float32)


class OnnxBackend:
    """Loads modules for onnxruntime."""

    name, precision = ONNX, FP32

    def load_module(self, path: Path, kind: str) -> OnnxModule:
        """Load a Map or Editing Module; UserError also where its network is not one that is known here."""
        return _load(path, kind)

    def load_finder(self) -> FaceFinder:
        """Load what finds the faces of photographs."""
        return FaceFinder(_load_frame_module(frame_weights()), _load(shipped_weights(FINDER), FRAME))


def _load(path: Path, kind: str) -> OnnxModule:
    found = resolve_model(path, kind)
    card = load_card(found)
    weights_path, card_path = model_files(found)
    spec = described_network(card, card_path)
    try:
        model, lite = network_graph(spec, read_arrays(weights_path, card["sha256"]))
    except MisfitError as error:
        raise not_its_weights(weights_path, spec) from error
    if lite is not None and card.get("encoder") != {"package": lite.variant.package, "sha256": lite.sha256}:
        raise other_encoder(card_path, lite.variant.package)
    return OnnxModule(model, card)


def _load_frame_module(path: Path) -> FrameModule:
    try:
        session = _session(frame_graph(safetensors.numpy.load(path.read_bytes())))
    except (SafetensorError, MisfitError) as error:
        raise UserError(f"{path}: not the weights of the Frame Module") from error
    return FrameModule(lambda crops: np.asarray(session.run(None, {"pictures": crops})[0], np.float32))


def _session(model: ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    asked = os.environ.get("OMP_NUM_THREADS", "")
    cores = available_cores()
    options.intra_op_num_threads = min(cores, int(asked)) if asked.isdigit() and int(asked) else cores
    # Threads that spin while they wait for one whose core another program has make a busy machine many times as
    # slow: `unmask.model.common.spare_threads`.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
