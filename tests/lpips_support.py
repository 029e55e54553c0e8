"""The weights of an LPIPS that are made up: AlexNet's shapes, other numbers."""

from pathlib import Path

import torch
from torch import Tensor

# torchvision's AlexNet: number in `features`, channels in and out, side, stride, padding; slice of lpips
ALEX = ((0, 3, 64, 11, 4, 2, 1), (3, 64, 192, 5, 1, 2, 2), (6, 192, 384, 3, 1, 1, 3),
        (8, 384, 256, 3, 1, 1, 4), (10, 256, 256, 3, 1, 1, 5))  # fmt: skip


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.05


def made_up() -> dict[str, Tensor]:
    """The state dict of an lpips.LPIPS(net="alex"), with other numbers."""
    weights = {"scaling_layer.shift": torch.zeros(1, 3, 1, 1), "scaling_layer.scale": torch.ones(1, 3, 1, 1)}
    for number, taken, made, side, _, _, part in ALEX:
        weights[f"net.slice{part}.{number}.weight"] = drawn(made, taken, side, side, seed=number)
        weights[f"net.slice{part}.{number}.bias"] = drawn(made, seed=100 + number)
        weights[f"lin{part - 1}.model.1.weight"] = drawn(1, made, 1, 1, seed=200 + number).abs()
    return weights


def saved(folder: Path, weights: dict[str, Tensor], name: str = "lpips.pth") -> Path:
    torch.save(weights, folder / name)
    return folder / name
