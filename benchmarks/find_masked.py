"""How many masked faces are found, how well are they framed, and how often is a mask seen where none is.

    python benchmarks/find_masked.py real PHOTOS [--map RUN|FILE]
    python benchmarks/find_masked.py drawn DATA [--map RUN|FILE] [--n 200]
    python benchmarks/find_masked.py bare CELEBA [--map RUN|FILE] [--n 200]

``real`` looks for the faces whose eyes are marked in ``masked_faces.csv`` (photographs with one clear face, chosen
and marked by a person) with dlib's detectors as `LandmarkFinder` runs them, and as `unmask-run` does: finder, Frame
Module, Map Module. Found is a face whose eyes are both within half an eye distance of the marks. ``drawn`` takes
masked pictures from a dataset of `unmask-data build` at CelebA's size, turns, scales and pastes them onto larger
ones, and compares the frame that is known from that with the one found. ``bare`` takes CelebA faces of the test
split, as they are and on larger ones, and counts where a mask is seen: the Map Module's cleaned map is not empty;
`restore_photo` takes something off.
"""

import argparse
import csv
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.faces.detect import LandmarkFinder
from unmask.datagen.faces.frame import frame_corners, frame_distance, frame_scale, frame_turn_deg
from unmask.datagen.faces.landmarks import eye_centres
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.datagen.sources.open_source import open_source
from unmask.model.inference.aligned import find_maps
from unmask.model.inference.photo import OK, restore_photo
from unmask.model.inference.unmasker import Unmasker

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]
LABELS = Path(__file__).with_name("masked_faces.csv")
NEAR = 0.5  # eye distances


def read_labels() -> dict[str, F64]:
    """Stem of the photograph to the middles of both eyes, (2, 2)."""
    with LABELS.open(encoding="utf-8") as file:
        return {
            row["photo"]: np.array(
                [[row["left_x"], row["left_y"]], [row["right_x"], row["right_y"]]], np.float64
            )
            for row in csv.DictReader(file)
        }


def near(eyes: F64, marked: F64, eye_dist_px: float) -> bool:
    """Whether both eyes are where they are marked."""
    return bool(np.hypot(*(eyes - marked).T).max() < NEAR * eye_dist_px)


def real(photos: Path, unmasker: Unmasker) -> None:
    """Print who finds how many of the marked faces."""
    bare = LandmarkFinder()
    found: dict[str, list[str]] = {"LandmarkFinder": [], "unmask-run": []}
    unmasker.edit_module = None  # only maps are wanted
    seconds = dict.fromkeys(found, 0.0)
    others = 0
    labels = read_labels()
    for name, marked in labels.items():
        path = next(photos.glob(f"{name}.*"))
        image = decode_picture(path.read_bytes()).image_rgb
        start = time.process_time()
        points = [face.points for face in bare.find(image, aligned=False)]
        middle = time.process_time()
        faces = restore_photo(unmasker, image).faces
        seconds["LandmarkFinder"] += middle - start
        seconds["unmask-run"] += time.process_time() - middle
        dist = float(np.hypot(*(marked[1] - marked[0])))
        if any(near(np.array(eye_centres(one)), marked, dist) for one in points):
            found["LandmarkFinder"].append(name)
        hits = [near(frame_corners(face.frame)[:2], marked, face.eye_dist_px) for face in faces]
        others += len(hits) - sum(hits)
        if any(hits):
            found["unmask-run"].append(name)
    for finder, names in found.items():
        missed = " ".join(name for name in labels if name not in names)
        print(f"{finder}: {len(names)} of {len(labels)} found ({len(names) / len(labels):.1%}), "
              f"{seconds[finder] / len(labels):.2f} s of processor each; missed: {missed}")  # fmt: skip
    print(f"unmask-run: {others} other finds in these photographs (second people, and what is no face)")


def drawn(data: Path, unmasker: Unmasker, count: int, seed: int) -> None:
    """Print how far the frames found are from the true ones."""
    rng = np.random.default_rng(seed)
    paths = sorted((data / "masked").glob("*.png"))[:count]
    gaps, scales, turns = [], [], []
    for path in paths:
        image = decode_picture(path.read_bytes()).image_rgb
        scale, turn = (
            float(np.exp(rng.uniform(np.log(0.5), np.log(3.0)))),
            float(np.clip(rng.normal() * 12, -35, 35)),
        )
        canvas, frame = onto_canvas(image, scale, turn, rng)
        faces = unmasker.finder.find(PicturePyramid(canvas))
        best = min(faces, key=lambda face: frame_distance(frame, face.frame), default=None)
        gaps.append(frame_distance(frame, best.frame) if best else np.inf)
        scales.append(abs(np.log(frame_scale(best.frame) / frame_scale(frame))) if best else np.inf)
        turns.append(frame_turn_deg(best.frame) - turn if best else np.inf)
    gap = np.array(gaps)
    near_ones = gap < NEAR
    scale_off = np.median(np.array(scales)[near_ones])
    turn_off = np.median(np.abs(np.array(turns)[near_ones]))
    print(f"{len(gap)} drawn masks: {near_ones.mean():.1%} framed within {NEAR} IOD")
    print(f"off by {np.median(gap):.3f} IOD (median), {np.percentile(gap, 90):.3f} (90 %); ", end="")
    print(f"scale by {scale_off:.1%}, turn by {turn_off:.1f} degrees (medians)")


def bare(celeba: Path, unmasker: Unmasker, count: int, seed: int) -> None:
    """Print on how many faces without masks one is seen."""
    rng = np.random.default_rng(seed)
    faces = [face for face in open_source(str(celeba)).faces if face.split == "test"][:count]
    aligned, taken_off = [], 0
    for face in faces:
        image = decode_picture(face.read_bytes()).image_rgb
        aligned.append((find_maps(unmasker.map_module, [image])[0].body > 0).mean())
        canvas, _ = onto_canvas(image, float(np.exp(rng.uniform(np.log(0.5), np.log(3.0)))), 0.0, rng)
        taken_off += unmasker.restore_photo(canvas).status == OK
    covered = np.array(aligned)
    print(
        f"{len(faces)} bare faces: a map on {(covered > 0).mean():.1%}, over 2 % of the picture on ", end=""
    )
    print(f"{(covered > 0.02).mean():.1%}; on larger pictures a mask taken off {taken_off / len(faces):.1%}")


def onto_canvas(image: U8, scale: float, turn_deg: float, rng: np.random.Generator) -> tuple[U8, F64]:
    """A larger picture with ``image`` in it, on a blurred copy of itself, and the frame of its face."""
    height, width = image.shape[:2]
    side = int(max(height, width) * scale * rng.uniform(1.5, 2.5))
    angle = np.radians(turn_deg)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([side, side]) * rng.uniform(0.42, 0.58, 2)
    frame = np.column_stack([matrix, centre - matrix @ [(width - 1) / 2, (height - 1) / 2]])
    ground = cv2.GaussianBlur(cv2.resize(image, (side, side)), (0, 0), side / 12)
    pasted = cv2.warpAffine(
        image, frame, (side, side), flags=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    )
    cover = cv2.warpAffine(np.full((height, width), 255, np.uint8), frame, (side, side))[..., None] == 255
    return np.where(cover, pasted, ground), frame


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("real", "drawn", "bare"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--map", help="Map Module; the shipped one by default")
    parser.add_argument("--edit", help="Editing Module; not used, but loaded")
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    unmasker = Unmasker(options.map, options.edit, "cpu")
    if options.what == "real":
        real(options.folder, unmasker)
    elif options.what == "bare":
        bare(options.folder, unmasker, options.n, options.seed)
    else:
        drawn(options.folder, unmasker, options.n, options.seed)


if __name__ == "__main__":
    main()
