"""How far the results of torch and of onnxruntime are apart on photographs, and what processor time each takes.

    python benchmarks/backends.py PHOTOS [--every N] [--edit perceptual]

Photographs whose longer side is above 1600 px are scaled to that. ``OMP_NUM_THREADS`` says how many threads run.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.open_picture import open_file
from unmask.datagen.pictures.tree import list_pictures
from unmask.model.inference.photo import Restored
from unmask.model.inference.unmasker import Unmasker

LONGEST_PX = 1600
BACKENDS = ("torch", "onnx")


def restore(unmasker: Unmasker, image_rgb: NDArray[np.uint8]) -> tuple[Restored, float]:
    """Return a result and the seconds of processor that it took."""
    start = time.process_time()
    return unmasker.restore_photo(image_rgb), time.process_time() - start


def main() -> None:
    """Print a line for each photograph whose results differ by more than a level, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th photograph")
    parser.add_argument("--edit", default="perceptual")
    arguments = parser.parse_args()
    unmaskers = {name: Unmasker(edit=arguments.edit, device="cpu", backend=name) for name in BACKENDS}
    seconds = {name: list[float]() for name in BACKENDS}
    farthest, masks = list[int](), 0
    for photo in list_pictures(arguments.photos, set()).names[:: arguments.every]:
        image = open_file(arguments.photos / photo)
        scale = LONGEST_PX / max(image.shape)
        if scale < 1:
            image = np.asarray(
                cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
            )
        made = {name: restore(unmaskers[name], image) for name in BACKENDS}
        for name, (_, spent) in made.items():
            seconds[name].append(spent)
        one, other = (made[name][0] for name in BACKENDS)
        apart = np.abs(one.image.astype(int) - other.image).max(axis=2)
        farthest.append(int(apart.max()))
        masks += sum(face.status == "ok" for face in one.faces)
        if apart.max() > 1:
            print(f"{photo}: {apart.max()} levels, {(apart > 1).sum()} px; {one.status}, {other.status}")
    print(f"{len(farthest)} photographs, {masks} masks taken off by torch")
    print(
        f"equal: {farthest.count(0)}; by one level: {farthest.count(1)}; more: {sum(f > 1 for f in farthest)}"
    )
    for name, spent in seconds.items():
        print(f"{name}: {np.mean(spent):.2f} s of processor for a photograph, median {np.median(spent):.2f}")


if __name__ == "__main__":
    main()
