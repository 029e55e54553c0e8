"""What runs the networks: torch, or onnxruntime where torch is not installed or not wanted."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from unmask.datagen.common.checks import check_choice
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.light_install import MissingPackageError, is_missing
from unmask.model.common.limits import AUTO, BACKENDS, BF16, ONNX, PRECISIONS, TORCH

from .aligned import FaceModule

if TYPE_CHECKING:
    from .face_finder import FaceFinder

_ON_CPU = (None, AUTO, "cpu")


class Backend(Protocol):
    """Loads trained modules to run in one way."""

    @property
    def name(self) -> str:
        """``torch`` or ``onnx``."""

    @property
    def precision(self) -> str:
        """In which numbers: ``fp32`` or ``bf16``."""

    def load_module(self, path: Path, kind: str) -> FaceModule:
        """Load a Map or Editing Module.

        Raises
        ------
        UserError
            When it is missing, damaged, of the other kind, or a network that cannot be run in this way.
        """

    def load_finder(self) -> "FaceFinder":
        """Load what finds the faces of photographs; UserError when its weights are missing or damaged."""


def choose_backend(name: str, device: str | None, precision: str) -> Backend:
    """Return what runs the networks.

    Parameters
    ----------
    name : str
        ``torch``, ``onnx``, or ``auto``: torch where it is installed.
    device : str or None
        None and ``auto`` take a GPU where there is one; onnxruntime works on the CPU.
    precision : str
        ``fp32``, ``bf16``, or ``auto``: bf16 on a GPU, fp32 elsewhere.

    Raises
    ------
    UserError
        When there is no such backend, device or precision, or what it needs is not installed.
    """
    check_choice("backend", name, BACKENDS)
    check_choice("precision", precision, PRECISIONS)
    has_torch = importlib.util.find_spec("torch") is not None
    if name == TORCH or (name == AUTO and has_torch):
        if not has_torch:
            raise ArgumentError("backend", f"{TORCH}: {is_missing(TORCH)}")
        from .torch_modules import TorchBackend

        return TorchBackend(device, precision)
    why = f"the backend {ONNX} runs on the CPU alone, in fp32" + (
        "" if has_torch else f"; {is_missing(TORCH)}"
    )
    if device not in _ON_CPU:
        raise ArgumentError("device", f"{device}: {why}")
    if precision == BF16:
        raise ArgumentError("precision", f"{precision}: {why}")
    for package in (ONNX, "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise MissingPackageError(f"{package} is not installed here; pip install 'unmask[onnx]'")
    from .onnx_modules import OnnxBackend

    return OnnxBackend()
