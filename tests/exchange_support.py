from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from unmask.datagen.exchange.export import ExportReport, export
from unmask.datagen.exchange.options import ExportOptions

EXTRA = "the extra 'interchange' is not installed"


def exported(data: Path, format_: str, dest: Path, **options: Any) -> ExportReport:
    return export(ExportOptions(data, format_, dest, **options))


def read_map(path: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))


def read_rgb(path: Path) -> np.ndarray:
    return np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def contents(folder: Path, but: Callable[[str], bool] = lambda name: False) -> dict[str, bytes]:
    """The files of an export, without its notes."""
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes() for name, path in names.items() if name != ".files.jsonl" and not but(name)
    }
