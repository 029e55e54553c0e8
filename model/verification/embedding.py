"""What makes a face comparable: dlib's descriptor, which comes along, or any embedding in an ONNX file."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from unmask.datagen.common.cores import available_cores
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.faces.arcface import CHIP_PX, arcface_chip
from unmask.datagen.pictures.arrays import F32, F64, U8
from unmask.model.evaluation.identity import IdentityMeter, identity_distances

from .options import VerifyOptions

_LEAST_NUMBERS = 16  # of an embedding: fewer are rather a few classes, or points
_TRIED = 2


class Embedding(Protocol):
    """Makes numbers of faces.

    Attributes
    ----------
    name : str
    facts : dict
        What the report says of it; JSON-able.
    """

    name: str
    facts: dict[str, Any]

    def describe(self, pictures: Sequence[U8], points: Sequence[F32]) -> F32:
        """Return the embeddings (n, d) of one face for each picture (h, w, 3), its 68 points in pixels."""

    def compare(self, left: F32, right: F32) -> F64:
        """Return similarities (n,) of embeddings, row by row; higher for one person."""


def open_embedding(options: VerifyOptions, device: torch.device) -> Embedding:
    """Open what was asked for, and try it.

    Raises
    ------
    UserError
        Naming ``embedding``: onnxruntime is not installed, or the file is no embedding.
    """
    return DlibEmbedding(device) if options.embedding is None else OnnxEmbedding(options.embedding, options)


class DlibEmbedding:
    """dlib's descriptor, 128 numbers; compared by Euclidean distance, 0.6 of which dlib calls another person."""

    def __init__(self, device: torch.device) -> None:
        self._meter = IdentityMeter(device)
        self.name = "dlib's face descriptor"
        self.facts: dict[str, Any] = {"similarity": "minus Euclidean distance", "face_px": 150}

    def describe(self, pictures: Sequence[U8], points: Sequence[F32]) -> F32:
        """As of `Embedding`."""
        return self._meter.describe(pictures, points)

    def compare(self, left: F32, right: F32) -> F64:
        """As of `Embedding`."""
        return -identity_distances(left, right)


class OnnxEmbedding:
    """An embedding in an ONNX file, of faces aligned as insightface aligns them; compared by cosine."""

    def __init__(self, path: Path, options: VerifyOptions) -> None:
        self._path, self._options = path, options
        self._session = _open_session(self._path)
        self._input = self._session.get_inputs()[0].name
        self._side, self._channels_last, self._one_by_one = self._read_shape()
        numbers = self._try_out()
        self.name = self._path.name
        self.facts: dict[str, Any] = {
            "similarity": "cosine",
            "face_px": self._side,
            "mean": options.embedding_mean,
            "std": options.embedding_std,
            "channels": "BGR" if options.embedding_bgr else "RGB",
            "numbers": numbers,
            "sha256": hashlib.sha256(self._path.read_bytes()).hexdigest(),
        }

    def describe(self, pictures: Sequence[U8], points: Sequence[F32]) -> F32:
        """As of `Embedding`."""
        chips = [arcface_chip(*each, self._side) for each in zip(pictures, points, strict=True)]
        if not self._one_by_one:
            return self._run(chips)
        return np.concatenate([self._run([chip]) for chip in chips])

    def compare(self, left: F32, right: F32) -> F64:
        """As of `Embedding`."""
        one, two = (part.astype(np.float64) for part in (left, right))
        norms = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
        return np.asarray((one * two).sum(axis=1) / np.maximum(norms, 1e-12), np.float64)

    def _run(self, chips: Sequence[U8]) -> F32:
        levels = np.stack(chips).astype(np.float32)
        if self._options.embedding_bgr:
            levels = levels[..., ::-1]
        given = (levels - self._options.embedding_mean) / self._options.embedding_std
        if not self._channels_last:
            given = given.transpose(0, 3, 1, 2)
        inputs = {self._input: np.ascontiguousarray(given, np.float32)}
        return np.asarray(self._session.run(None, inputs)[0], np.float32)

    def _read_shape(self) -> tuple[int, bool, bool]:
        """Side of the face, whether channels come last, and whether it takes one face at a time."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(each.name for each in inputs)
            raise self._refuse(f"takes {len(inputs)} inputs ({names}), an embedding one")
        shape = list(inputs[0].shape)
        if inputs[0].type != "tensor(float)" or len(shape) != 4 or 3 not in (shape[1], shape[3]):
            raise self._refuse(
                f"takes {inputs[0].type} {shape}, not float32 (n, 3, side, side) or (n, side, side, 3)"
            )
        last = shape[1] != 3
        sides = {side for side in (shape[1:3] if last else shape[2:]) if isinstance(side, int)}
        asked = self._options.embedding_size
        if len(sides) > 1 or (sides and asked not in (None, *sides)):
            told = "x".join(map(str, sorted(sides)))
            raise ArgumentError("embedding_size", f"{asked or CHIP_PX}: {self._path} takes faces of {told}")
        return next(iter(sides), asked or CHIP_PX), last, shape[0] == 1

    def _try_out(self) -> int:
        """See that two faces give two rows of numbers; returns how many numbers."""
        chips = list(np.random.default_rng(0).integers(0, 256, (_TRIED, self._side, self._side, 3), np.uint8))
        batches = [chips[:1], chips[1:]] if self._one_by_one else [chips]
        try:
            rows = [self._run(batch) for batch in batches]
        except Exception as error:  # onnxruntime's own are of no one class
            raise self._refuse(
                f"cannot be run on a face of {self._side} pixels: {_first_line(error)}"
            ) from error
        wanted = [len(batch) for batch in batches]
        shapes = [each.shape for each in rows]
        if [s[0] for s in shapes if len(s) == 2 and s[1] >= _LEAST_NUMBERS] != wanted:
            raise self._refuse(
                f"gives {shapes[0]} for {wanted[0]} of them, not a row of {_LEAST_NUMBERS} numbers or more for each"
            )
        found = np.concatenate(rows)
        if not np.isfinite(found).all() or np.array_equal(found[0], found[1]):
            raise self._refuse("gives the same for every face, or numbers that are not finite")
        return int(found.shape[1])

    def _refuse(self, words: str) -> ArgumentError:
        return ArgumentError("embedding", f"{self._path}: no embedding of faces: it {words}")


def _open_session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        words = f"{path}: needs the extra 'export': pip install 'unmask[export]'"
        raise ArgumentError("embedding", words) from error
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = available_cores()
    settings.log_severity_level = 4  # what is wrong is said in one line
    try:
        return onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ArgumentError(
            "embedding", f"{path}: no ONNX file that can be run: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
