"""Speed of unmask-run: one aligned face, a folder of them, a photograph of 12 megapixels.

    python benchmarks/run_speed.py CELEBA_LIKE PHOTO [--map RUN|FILE] [--edit RUN|FILE] [--folder 999] [--parts]

CELEBA_LIKE is a folder of masked pictures of 178 x 218 (such as ``masked/`` of a dataset), PHOTO any photograph
with masked faces; it is enlarged to 4,000 x 3,000 and saved as JPEG. Printed are seconds of the clock and of the
processor: on a machine that is busy with other things the second number says more. With ``--parts`` the networks
alone, in torch (float32, bfloat16) and in onnxruntime: a face's map, both networks, the faces of the photograph.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as unmask-run does

import cv2
import numpy as np

from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.picture import decode_picture, encode_jpg
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.checkpoints.shipped import PERCEPTUAL, SHIPPED
from unmask.model.inference.unmasker import Unmasker
from unmask.model.run.job import run_job
from unmask.model.run.options import RunOptions

LARGE = (4000, 3000)
REPEATS = 20


def timed(work: Callable[[], object]) -> str:
    """Run and return how long it took, in words."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return f"{time.perf_counter() - clock:.3f} s ({time.process_time() - processor:.3f} s of processor)"


def best(work: Callable[[], object]) -> str:
    """The fastest of several runs, after one that is not counted."""
    work()
    took = []
    for _ in range(REPEATS):
        clock, processor = time.perf_counter(), time.process_time()
        work()
        took.append((time.perf_counter() - clock, time.process_time() - processor))
    clock, processor = (1e3 * min(column) for column in zip(*took, strict=True))
    return f"{clock:.1f} ms ({processor:.1f} ms of processor), best of {REPEATS}"


def measure_parts(face: U8, large: U8, map_: str, edit: str) -> None:
    """Print what the networks take, in every way to run them."""
    for backend, precision in (("torch", "fp32"), ("torch", "bf16"), ("onnx", "fp32")):
        unmasker = Unmasker(map_, edit, "cpu", precision, backend=backend)
        for what, work in (
            ("a map", partial(unmasker.segment, face)),
            ("both networks", partial(unmasker.restore, face)),
            ("faces of 12 megapixels", lambda finder=unmasker.finder: finder.find(PicturePyramid(large))),
        ):
            print(f"{backend} in {precision}, {what}: {best(work)}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("faces", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--map", default=SHIPPED)
    parser.add_argument("--edit", default=PERCEPTUAL)
    parser.add_argument("--folder", type=int, default=999)
    parser.add_argument("--parts", action="store_true", help="only the networks, in both ways to run them")
    options = parser.parse_args()
    face = decode_picture(next(iter(sorted(options.faces.glob("*.png")))).read_bytes()).image_rgb
    image = decode_picture(options.photo.read_bytes()).image_rgb
    enlarged = np.asarray(cv2.resize(image, LARGE, interpolation=cv2.INTER_CUBIC), np.uint8)
    if options.parts:
        measure_parts(face, enlarged, options.map, options.edit)
        return
    for precision in ("fp32", "bf16"):
        unmasker = Unmasker(options.map, options.edit, "cpu", precision)
        took = best(partial(unmasker.restore, face))
        print(f"one aligned face of {face.shape[1]} x {face.shape[0]}, {precision}: {took}")

    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.jpg"
        large.write_bytes(encode_jpg(enlarged, 90))
        for what, given, aligned in (
            ("a photograph of 12 megapixels", large, False),
            ("a folder", options.faces, True),
        ):
            job = RunOptions(
                (given,), Path(folder) / what, aligned=aligned, map_weights=options.map, edit_weights=options.edit,
                device="cpu", limit=options.folder,
            )  # fmt: skip
            report = None

            def work(job: RunOptions = job) -> None:
                nonlocal report
                report = run_job(job)

            took = timed(work)
            print(
                f"{what}: {took}; {report.done if report else 0} pictures, networks loaded and files written"
            )


if __name__ == "__main__":
    main()
