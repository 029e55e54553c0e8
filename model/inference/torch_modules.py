"""The networks at work in torch: on any device, in float32 or bfloat16."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.pictures.arrays import F32, U8
from unmask.model.checkpoints.checkpoint import load_model
from unmask.model.checkpoints.shipped import FINDER, frame_weights, shipped_weights
from unmask.model.common.limits import AUTO, BF16, FP32
from unmask.model.common.spare_threads import spare_threads
from unmask.model.networks.folded import folded
from unmask.model.networks.frame_net import load_frame_module
from unmask.model.networks.spec import FRAME

from .aligned import not_finite
from .compositing import paste_alpha
from .face_finder import FaceFinder


class TrainedModule:
    """A trained network and the width that it was trained at.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode; `folded`, or slower; of its own where ``bf16``, since it is changed.
    card : mapping
        ``model.json`` of its checkpoint.
    device : torch.device
    bf16 : bool
        Compute in bfloat16 where torch's autocast does; the weights are kept in it, or each look would cast them.
    """

    def __init__(
        self, network: nn.Module, card: Mapping[str, Any], device: torch.device, *, bf16: bool = False
    ) -> None:
        dtype = torch.bfloat16 if bf16 else torch.float32
        self.network = network.to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.card = card
        self.device = device
        self.side = int(card.get("size", 128))
        self.bf16 = bf16
        self.mirror_mean = bool(card.get("mirror_mean", False))  # of an Editing Module

    def probabilities(self, pictures: U8) -> F32:
        """What a Map Module says of pictures (n, h, w, 3) and their mirror images: (n, h, w, layers)."""
        return np.asarray(self._run(answer_probabilities, pictures), np.float32)

    def straps(self, pictures: U8) -> F32:
        """What a Map Module that knows straps says of them in pictures (n, h, w, 3) alone: (n, h, w)."""
        return np.asarray(
            self._run(lambda network, seen: network(seen)[:, 1].sigmoid(), pictures), np.float32
        )

    def faces(self, pictures: U8, maps: U8) -> U8:
        """What an Editing Module draws of pictures (n, h, w, 3) and maps (n, h, w): pictures."""
        answer = partial(answer_faces, mirror_mean=self.mirror_mean)
        return np.asarray(self._run(answer, pictures, maps), np.uint8)

    def cells(self, picture: U8) -> F32:
        """What the finder says of one picture (h, w, 3): (6, h / 8, w / 8), as `FinderNet`."""
        return np.asarray(self._run(lambda network, seen: network(seen)[0], picture[None]), np.float32)

    @spare_threads()
    @torch.inference_mode()
    def _run(self, answer: Callable[..., Tensor], *given: U8) -> Any:
        """Give stacks (n, h, w[, 3]) as tensors, pictures in [-1, 1] and maps in [0, 1], to ``answer``."""
        tensors = [_tensor(each, self.device) for each in given]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            return answer(self._answer, *tensors).cpu().numpy()

    def _answer(self, *given: Tensor) -> Tensor:
        output: Tensor = self.network(*given).float()
        if not bool(output.isfinite().all()):
            raise not_finite(self.card)
        return output


def answer_probabilities(network: Callable[[Tensor], Tensor], picture: Tensor) -> Tensor:
    """What a Map Module says of pictures (n, 3, h, w) and their mirror images: probabilities (n, h, w, layers)."""
    return _mirror_mean(lambda seen: network(seen).sigmoid(), picture).permute(0, 2, 3, 1)


def answer_faces(
    network: Callable[[Tensor, Tensor], Tensor], picture: Tensor, map_: Tensor, *, mirror_mean: bool
) -> Tensor:
    """What an Editing Module draws, uint8 (n, h, w, 3), of pictures and maps (n, 1, h, w) in [0, 1]."""
    alpha = paste_alpha(map_)
    raw = _mirror_mean(network, picture, alpha) if mirror_mean else network(picture, alpha)
    return to_levels(raw)


def _mirror_mean(network: Callable[..., Tensor], *given: Tensor) -> Tensor:
    # As one batch: small pictures alone take torch's slow convolutions.
    said = network(*(torch.cat([part, part.flip(3)]) for part in given))
    count = given[0].shape[0]
    return (said[:count] + said[count:].flip(3)) / 2


def to_levels(pictures: Tensor) -> Tensor:
    """Pictures (n, 3, h, w) in [-1, 1] as uint8 (n, h, w, 3), rounded."""
    levels = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous()


def _tensor(images: U8, device: torch.device) -> Tensor:
    stacked = torch.from_numpy(images).to(device)
    if stacked.ndim == 3:
        return stacked[:, None].float() / 255
    pictures = stacked.permute(0, 3, 1, 2).float() / 127.5 - 1
    return pictures.contiguous(memory_format=torch.channels_last)


class TorchBackend:
    """Loads modules for a device.

    Parameters
    ----------
    device : str, optional
        As for `choose_device`.
    precision : str
        ``fp32``, ``bf16`` or ``auto``.

    Raises
    ------
    UserError
        When there is no such device.
    """

    name = "torch"

    def __init__(self, device: str | None, precision: str) -> None:
        self.device = choose_device(device)
        self.bf16 = infers_in_bf16(precision, self.device)

    @property
    def precision(self) -> str:
        """``fp32`` or ``bf16``."""
        return BF16 if self.bf16 else FP32

    def load_module(self, path: Path, kind: str) -> TrainedModule:
        """Load a Map or Editing Module."""
        return load_module(path, kind, self.device, bf16=self.bf16)

    def load_finder(self) -> FaceFinder:
        """Load what finds the faces of photographs."""
        return load_finder(self.device)


def load_finder(device: torch.device) -> FaceFinder:
    """Load what finds the faces of photographs.

    Raises
    ------
    UserError
        When its weights are missing or damaged.
    """
    finder = load_module(shipped_weights(FINDER), FRAME, device)
    return FaceFinder(load_frame_module(frame_weights(), device), finder)


def load_module(path: Path, kind: str, device: torch.device, *, bf16: bool = False) -> TrainedModule:
    """Load a module: `unmask.model.checkpoints.checkpoint.load_model` on a device."""
    network, card = load_model(path, kind)
    return TrainedModule(folded(network), card, device, bf16=bf16)


def choose_device(name: str | None) -> torch.device:
    """Return a device by name; None and ``auto`` take a GPU where there is one.

    Raises
    ------
    UserError
        Naming ``device``, when there is no such device here.
    """
    if name in (None, AUTO):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(str(name))
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ArgumentError("device", f"{name}: not available here") from error
    return device


def infers_in_bf16(name: str, device: torch.device) -> bool:
    """Whether trained modules compute in bfloat16 on a device; ``auto`` does on a GPU alone.

    Not measured, as training does: what is slow for a moment must not change results.
    """
    return name == BF16 or (name == AUTO and device.type == "cuda")
