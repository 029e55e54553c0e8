"""How much a restored clip flickers, made steady and each frame by itself.

    python benchmarks/video_flicker.py PHOTO [--frames 36] [--size 256] [--strip strip.png]

The clip is one photograph, panned, turned and zoomed a little, with the noise of a sensor. The face does not move
in it, and the camera's way is known: what changes where the face was drawn is flicker, and visible skin changes by
noise and resampling alone.
"""

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

import unmask
from unmask.datagen.pictures.arrays import F64, U8
from unmask.datagen.pictures.open_picture import open_picture
from unmask.datagen.pictures.picture import encode_png
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.inference.face_mask import FaceMask
from unmask.model.inference.photo_patch import Patch
from unmask.model.video.flicker import Flicker, FlickerMeter
from unmask.model.video.restore import FrameRestorer, RestoredFrame, Steadiness

NOISE_LEVELS = 2.0


def moved(image_rgb: U8, frames: int, size: int) -> Iterator[tuple[U8, F64]]:
    """Yield frames, uint8 (size, size, 3), of a camera that moves over a photograph, and where that takes it."""
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
        yield np.clip(np.rint(noisy), 0, 255).astype(np.uint8), matrix


def flicker(made: Sequence[RestoredFrame], frames: Sequence[F64]) -> Flicker:
    """Measure a clip by the true frames of its face."""
    meter = FlickerMeter()
    for one, frame in zip(made, frames, strict=True):
        mask = FaceMask.of_body(Patch(0, 0, one.map | one.straps))
        meter.add(PicturePyramid(one.image), {1: (frame, mask)} if mask.body.pixels.any() else {})
    return meter.flicker


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
    clip = list(moved(photo, given.frames, given.size))
    face = unmasker.restore_photo(photo).faces[0].frame
    true = [
        np.column_stack([way[:, :2] @ face[:, :2], way[:, :2] @ face[:, 2] + way[:, 2]]) for _, way in clip
    ]
    rows = [[frame for frame, _ in clip]]
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
        change, tracks = flicker(made, true), {face.track for one in made for face in one.faces}
        print(
            f"{name:10} {seconds:.2f} s a frame, {len(tracks)} faces, cuts {restorer.tracker.cuts}; change: drawn "
            f"{change.drawn:.2f}, skin {change.skin:.2f}, ratio {change.drawn / change.skin:.2f}; "
            f"off-mask pixels equal: {off}"
        )
        rows.append([one.image for one in made])
    if given.strip:
        given.strip.write_bytes(encode_png(np.vstack([np.hstack(row[::6]) for row in rows])))


if __name__ == "__main__":
    main()
