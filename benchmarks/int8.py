"""ONNX files in float32 and in eight bits: how long a face takes on one thread, and how good the results are.

    python benchmarks/int8.py DATASET [--limit 120] [--map shipped] [--edit fidelity perceptual]

DATASET is one of ``unmask-data build``; a part of its pictures calibrates, the others are judged. Both files of a
module see the same pictures in turn. Printed are the median and the least of the times, IoU of the map or PSNR
under the mask, and the ratio of the two.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as unmask-run does

import numpy as np
import onnxruntime

from unmask.datagen.dataset.built_pictures import read_triplet
from unmask.datagen.dataset.built_rows import BuiltRow, read_rows
from unmask.datagen.dataset.splits import stable_order
from unmask.datagen.pictures.arrays import U8
from unmask.model.export.int8 import CALIBRATED
from unmask.model.export.onnx_file import export_onnx
from unmask.model.metrics.metrics import iou, score_regions
from unmask.model.metrics.similarity import Windowed


@dataclass(frozen=True)
class Measured:
    """Of one file: milliseconds and scores, a value for each picture."""

    ms: list[float]
    scores: list[float]


def session(path: Path) -> onnxruntime.InferenceSession:
    """A file on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def map_iou(answer: Sequence[Any], _: U8, map_: U8) -> float:
    """Of the cleaned map with the true one, both at one half."""
    return iou(answer[1][0] > 0, map_ >= 128)


def mask_psnr(answer: Sequence[Any], clean: U8, map_: U8) -> float:
    """Under the mask, dB."""
    return score_regions(answer[0][0], Windowed(clean), map_ > 0)["mask_psnr"]


def measure(
    files: Sequence[Path], folder: Path, rows: Sequence[BuiltRow], score: Callable[..., float]
) -> list[Measured]:
    """Run all files on each picture in turn."""
    sessions, found = [session(path) for path in files], [Measured([], []) for _ in files]
    for row in rows:
        masked, map_, clean = read_triplet(folder, row, None)
        given = {"image": masked[None], "map": map_[None]}
        for one, into in zip(sessions, found, strict=True):
            feed = {each.name: given[each.name] for each in one.get_inputs()}
            start = time.perf_counter()
            answer = one.run(None, feed)
            into.ms.append(1e3 * (time.perf_counter() - start))
            into.scores.append(score(answer, clean, map_))
    return found


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--limit", type=int, default=120)
    parser.add_argument("--map", default="shipped")
    parser.add_argument("--edit", nargs="*", default=["fidelity", "perceptual"])
    given = parser.parse_args()
    rows = read_rows(given.dataset)
    order = stable_order([row.key for row in rows])[CALIBRATED:]
    judged = [rows[index] for index in order[: given.limit]]
    for name, score, what in [(given.map, map_iou, "IoU"), *((name, mask_psnr, "dB") for name in given.edit)]:
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"]
            export_onnx(name, files[0])
            export_onnx(name, files[1], int8=given.dataset)
            megabytes = [path.stat().st_size / 1e6 for path in files]
            found = measure(files, given.dataset, judged, score)
        for label, one, size in zip(("float32", "int8"), found, megabytes, strict=True):
            times = f"{np.median(one.ms):.1f} ms (least {min(one.ms):.1f})"
            print(f"{name:<12} {label:<8} {times:<26} {np.mean(one.scores):.3f} {what}  {size:.1f} MB")
        ratio = np.median(np.array(found[0].ms) / np.array(found[1].ms))
        print(f"{name:<12} int8 is {ratio:.2f} times as fast, {len(judged)} pictures")


if __name__ == "__main__":
    main()
