"""How much a restored clip flickers, made steady and each frame by itself.

    python benchmarks/video_flicker.py PHOTO [--frames 36] [--size 256] [--strip strip.png]

The clip is one photograph, panned, turned and zoomed a little, with the noise of a sensor. The faces do not move in
it, so every change of the restored part in the face's own frame is flicker; visible skin changes by noise and
resampling alone.
"""

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

import unmask
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.open_picture import open_picture
from unmask.datagen.pictures.picture import encode_png
from unmask.model.video.restore import FrameRestorer, Steadiness

NOISE_LEVELS = 2.0


def moved(image_rgb: U8, frames: int, size: int) -> Iterator[U8]:
    """Yield frames, uint8 (size, size, 3), of a camera that moves over a photograph."""
    rng = np.random.default_rng(1)
    height, width = image_rgb.shape[:2]
    for number in range(frames):
        phase = 2 * math.pi * number / frames
        zoom = size / min(height, width) * (1.15 + 0.15 * math.sin(phase))
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 6 * math.sin(phase), zoom)
        matrix[:, 2] += size / 2 - np.array([width, height]) / 2 + size * 0.06 * np.array(
            [math.cos(phase), math.sin(2 * phase)]
        )  # fmt: skip
        seen = cv2.warpAffine(
            image_rgb, matrix, (size, size), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101
        )
        noisy = seen + rng.normal(0, NOISE_LEVELS, seen.shape)
        yield np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def main() -> None:
    """Measure, and print a line for each way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", type=Path)
    parser.add_argument("--frames", type=int, default=36)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--strip", type=Path, help="a picture of every sixth frame: input, alone, steady")
    given = parser.parse_args()
    photo, unmasker = open_picture(given.photo), unmask.Unmasker()
    rows = [list(moved(photo, given.frames, given.size))]
    for name, steadiness in (("by itself", Steadiness(memory_s=0.0)), ("steady", Steadiness())):
        restorer = FrameRestorer(unmasker, 25.0, steadiness=steadiness)
        start = time.monotonic()
        made = [restorer.restore(frame) for frame in rows[0]]
        seconds = (time.monotonic() - start) / len(made)
        off = all(
            np.array_equal(one.image[far], frame[far])
            for one, frame in zip(made, rows[0], strict=True)
            for far in [cv2.dilate(one.map | one.straps, np.ones((31, 31), np.uint8)) == 0]
        )
        flicker, tracks = restorer.meter.flicker, {face.track for one in made for face in one.faces}
        print(
            f"{name:10} {seconds:.2f} s a frame, {len(tracks)} faces, cuts {restorer.tracker.cuts}; change: drawn "
            f"{flicker.drawn:.2f}, skin {flicker.skin:.2f}, ratio {flicker.drawn / flicker.skin:.2f}; "
            f"off-mask pixels equal: {off}"
        )
        rows.append([one.image for one in made])
    if given.strip:
        given.strip.write_bytes(encode_png(np.vstack([np.hstack(row[::6]) for row in rows])))


if __name__ == "__main__":
    main()
