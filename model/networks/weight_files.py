"""Weights that a person names: plain state dicts of well-known networks, read without running any code."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from unmask.datagen.common.errors import ArgumentError


def read_state_dict(path: Path, argument: str) -> Mapping[str, object]:
    """Read a .safetensors, or what ``torch.save`` wrote of a state dict.

    Raises
    ------
    UserError
        Naming the argument, for anything else.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a file of another kind fails in any way while it is unpickled
        raise ArgumentError(
            argument,
            f"{path}: not a plain state dict (pickled code is refused): "
            "write it with torch.save(network.state_dict(), FILE)",
        ) from error
    if not isinstance(content, Mapping):
        raise ArgumentError(argument, f"{path}: holds a {type(content).__name__}, not a state dict")
    return content


def pick_tensor(
    weights: Mapping[str, object],
    keys: Sequence[str],
    shape: torch.Size,
    path: Path,
    argument: str,
    words: tuple[str, str],
) -> Tensor:
    """Return a tensor of a state dict, as float32.

    Parameters
    ----------
    weights : mapping
        From `read_state_dict`.
    keys : sequence of str
        Under one of which it is; messages name the first.
    shape : torch.Size
        That it must have.
    path : Path
    argument : str
        Of the file, for messages.
    words : (str, str)
        What is to be said where it is missing, and whose shape is expected.

    Raises
    ------
    UserError
        When it is missing, of another shape, or holds values that are not finite.
    """
    value = next((weights[key] for key in keys if key in weights), None)
    if not isinstance(value, Tensor):
        raise ArgumentError(argument, f"{path}: no tensor {keys[0]}, {words[0]}")
    if value.shape != shape:
        raise ArgumentError(
            argument, f"{path}: {keys[0]} has shape {tuple(value.shape)}, {words[1]} {tuple(shape)}"
        )
    if not value.isfinite().all():
        raise ArgumentError(argument, f"{path}: damaged ({keys[0]} holds values that are not finite)")
    return value.float()
