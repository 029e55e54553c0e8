"""Do maps end where masks do, and jaws where faces do? Drawn masks on CelebA test faces, where both are known.

    python benchmarks/pasting.py edges CELEBA [--n 40]
    python benchmarks/pasting.py ground CELEBA [--n 80]
    python benchmarks/pasting.py beyond CELEBA [--n 60] [--edit RUN]
    python benchmarks/pasting.py grain CELEBA [--n 120]

``edges`` enlarges faces five times, so that each pixel of the Map Module is seven of the photograph, and compares
the map that `segment_face` finds with the true one, with and without the step that follows the photograph's edges.
``ground`` takes faces before a light ground in masks that reach beyond the jaw, and compares what is pasted with
the clean picture, with and without the step that clears the ground: beyond the jaw, along it, and all over.
``beyond`` cuts pictures off through the mask, above the chin, and compares what is pasted with the clean picture,
where the map ends with the picture and where it is mirrored with it. ``grain`` changes faces in size and quality,
and compares the noise of what would be pasted with that of the clean picture under the mask.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.faces.detect import LandmarkFinder
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import load_templates
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.datagen.render.triplet import Triplet, make_triplet
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.datagen.sources.open_source import open_source
from unmask.model.inference import face_mask, photo
from unmask.model.inference.face_mask import FaceMask, segment_face
from unmask.model.inference.grain import noise_levels
from unmask.model.inference.photo_patch import Patch
from unmask.model.inference.unmasker import Unmasker
from unmask.model.metrics.metrics import boundary_f, score_map

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]
ENLARGED = 5
LIGHT = 170  # levels; of what lies to both sides of the jaw
LEAST_BEYOND_PX, BAND_PX, LOWEST_ROW = 120, 8, 192
CUT_PX = 20  # above the lowest row of the mask
MUCH = 1.5  # levels of noise too much: a rash
# Scale, noise in levels, quality of JPEG (0: none).
QUALITIES = {
    "as it is": (1.0, 0.0, 0),
    "half, quality 60": (0.5, 0.0, 60),
    "half, quality 85": (0.5, 0.0, 85),
    "three quarters, quality 70": (0.75, 0.0, 70),
    "twice, quality 70": (2.0, 0.0, 70),
    "noise of 6": (1.0, 6.0, 0),
    "noise of 3, quality 80": (1.0, 3.0, 80),
}


def drawn(
    celeba: Path, enlarged: int, wanted: Callable[[U8], bool] = lambda image: True
) -> Iterator[tuple[Triplet, U8, Landmarks]]:
    """Triplets of the test faces that are wanted, with the clean picture and the points that they were made of."""
    config = TripletConfig(11, None, load_recipe_config(), load_templates())
    finder = LandmarkFinder()
    for face in open_source(str(celeba)).faces:
        if face.split != "test":
            continue
        image = decode_picture(face.read_bytes()).image_rgb
        for found in finder.find(image, aligned=True)[:1] if wanted(image) else ():
            points = (np.asarray(found.points, np.float32) + 0.5) * enlarged - 0.5
            clean = cv2.resize(image, None, fx=enlarged, fy=enlarged, interpolation=cv2.INTER_CUBIC)
            marks = Landmarks(points, "enlarged")
            for variant in range(3 if enlarged == 1 else 1):
                made = make_triplet(clean, [marks], config, key=face.stem, variant=variant)
                if isinstance(made, Triplet):
                    yield made, clean, marks


def edges(celeba: Path, unmasker: Unmasker, count: int) -> None:
    """Print how near the found maps come to the true ones."""
    scores: dict[str, list[tuple[float, float]]] = {"as enlarged": [], "at edges": []}
    steps: dict[str, Callable[..., object]] = {
        "as enlarged": lambda probability, seen_rgb: np.dstack([0 * probability] * 3 + [probability]),
        "at edges": face_mask.edge_coefficients,
    }
    for made, _, _ in drawn(celeba, ENLARGED):
        picture = PicturePyramid(made.masked)
        faces = unmasker.finder.find(picture)
        for name, step in steps.items() if faces else ():
            with patch.object(face_mask, "edge_coefficients", step):
                mask = segment_face(unmasker.map_module, picture, faces[0].frame)
            if mask is not None:
                found = np.zeros_like(made.map)
                found[mask.body.place] = mask.body.pixels
                near = boundary_f(found > 0, made.map >= 128, ENLARGED)
                scores[name].append((score_map(found, made.map).iou, near))
        if len(scores["at edges"]) >= count:
            break
    for name, each in scores.items():
        iou, near = np.mean(each, axis=0)
        print(f"{name}: IoU {iou:.3f}, boundary F within a pixel of the frame {near:.3f} ({len(each)})")


def ground(celeba: Path, unmasker: Unmasker, count: int) -> None:
    """Print how far pasted pictures are from the clean ones, and on how many the step pays."""
    rows = []
    for made, clean, marks in drawn(celeba, 1, _has_light_side):
        places = _places(made, clean, marks)
        picture, frame = PicturePyramid(made.masked), np.eye(2, 3)
        mask = None if places is None else segment_face(unmasker.map_module, picture, frame)
        if places is None or mask is None:
            continue
        raw = photo.draw_face(unmasker.edit_module, picture, frame, mask)
        scores = []
        for step in (lambda drawn, below, alpha, scale: drawn, photo.clear_ground):
            done = made.masked.copy()
            with patch.object(photo, "clear_ground", step):
                photo.paste_face(raw, frame, mask, done)
            off = done.astype(float) - clean
            beyond, band, all_over = places
            scores.append((np.abs(off[beyond]).mean(), *(_decibel(off[place]) for place in (band, all_over))))
        rows.append(scores)
        if len(rows) >= count:
            break
    before, after = np.moveaxis(np.array(rows), 1, 0)
    for name, each in (("as drawn", before), ("cleared", after)):
        beyond, band, all_over = each.mean(0)
        print(f"{name}: {beyond:.1f} levels off beyond the jaw, {band:.2f} dB along it, {all_over:.2f} dB")
    print(f"nearer beyond the jaw on {(after[:, 0] < before[:, 0]).sum()} of {len(rows)}")


def beyond(celeba: Path, unmasker: Unmasker, count: int) -> None:
    """Print how near the pasted part of a cut picture comes to the clean one, by what the map is beyond the cut."""
    scores: dict[str, list[float]] = {"nothing": [], "mirrored": []}
    mirrored = FaceMask.cut

    def ended(self: FaceMask, matrix: F64, width: int, height: int, *, border: int) -> U8:
        return mirrored(self, matrix, width, height)

    cuts: dict[str, Callable[..., U8]] = {"nothing": ended, "mirrored": mirrored}
    for made, clean, _ in drawn(celeba, 1):
        bottom = int(np.flatnonzero((made.map >= 128).any(1))[-1])
        end = bottom - CUT_PX
        frame, whole = np.eye(2, 3), made.map[:end]
        if (whole[-1] >= 128).sum() < CUT_PX:
            continue
        mask = FaceMask.of_body(Patch(0, 0, np.where(whole >= 128, 255, 0).astype(np.uint8)))
        for name, cut in cuts.items():
            done = made.masked[:end].copy()
            with patch.object(FaceMask, "cut", cut):
                raw = photo.draw_face(unmasker.edit_module, PicturePyramid(made.masked[:end]), frame, mask)
            photo.paste_face(raw, frame, mask, done)
            scores[name].append(_decibel((done.astype(float) - clean[:end])[whole >= 128]))
        if len(scores["nothing"]) >= count:
            break
    before, after = np.array(scores["nothing"]), np.array(scores["mirrored"])
    print(f"beyond the cut nothing: {before.mean():.2f} dB in the mask; mirrored: {after.mean():.2f} dB")
    print(f"nearer on {(after > before).sum()} of {len(after)}")


def grain(celeba: Path, count: int) -> None:
    """Print how noisy a pasted part would be, beside what is there, in small, large, noisy, compressed pictures."""
    faces = [(made, clean) for (made, clean, _), _ in zip(drawn(celeba, 1), range(count), strict=False)]
    for name, (scale, noise, quality) in QUALITIES.items():
        after, there = [], []
        for number, (made, clean) in enumerate(faces):
            rng = np.random.default_rng(number)
            picture, masked = (_changed(each, scale, noise, quality, rng) for each in (clean, made.masked))
            map_ = cv2.resize(made.map, picture.shape[1::-1])
            alpha = (cv2.dilate(map_, np.ones((5, 5), np.uint8)) >= 128).astype(np.float32)
            smooth = cv2.bilateralFilter(picture, 9, 40, 5)  # in place of what is drawn
            grained = photo.add_grain(smooth, masked, alpha, number, scale)
            after.append(noise_levels(grained, alpha > 0))
            there.append(noise_levels(picture, alpha > 0))
        over = np.mean(np.subtract(after, there) > MUCH)
        print(
            f"{name:<28} there {np.median(there):.2f} levels, pasted {np.median(after):.2f}, "
            f"more than {MUCH} too much on {100 * over:.1f} %"
        )


def _changed(image_rgb: U8, scale: float, noise: float, quality: int, rng: np.random.Generator) -> U8:
    """A picture in another size, with grain, and compressed where ``quality`` is not 0."""
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(image_rgb, None, fx=scale, fy=scale, interpolation=method)
    noisy = np.clip(small + rng.normal(0, noise, (*small.shape[:2], 1)), 0, 255).astype(np.uint8)
    if not quality:
        return noisy
    data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _has_light_side(image_rgb: U8) -> bool:
    sides = (image_rgb[125:185, 3:20].mean(2), image_rgb[125:185, 158:175].mean(2))
    return max(float(np.percentile(side, 20)) for side in sides) >= LIGHT


def _places(made: Triplet, clean: U8, marks: Landmarks) -> tuple[U8, ...] | None:
    """Of the mask: what hides light ground, what lies along the jaw, and all; None where that is too little."""
    grey, rows = clean.mean(2), np.arange(clean.shape[0])[:, None]
    jaw = np.asarray(marks.points)[:17]
    outline = np.vstack([jaw, [(jaw[16, 0], 60), (jaw[0, 0], 60)]])
    face = np.zeros(grey.shape, np.uint8)
    cv2.fillPoly(face, [np.rint(outline).astype(np.int32)], 1)
    out, inside = (cv2.distanceTransform(each, cv2.DIST_L2, cv2.DIST_MASK_5) for each in (1 - face, face))
    masked = (made.map >= 128) & (rows < LOWEST_ROW)
    beyond = masked & (out > 2) & (grey > LIGHT)
    if beyond.sum() < LEAST_BEYOND_PX:
        return None
    return beyond, masked & (out < BAND_PX) & (inside < BAND_PX), made.map >= 128


def _decibel(off: NDArray[np.float64]) -> float:
    return float(-10 * np.log10((off**2).mean() / 255**2))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("edges", "ground", "beyond", "grain"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n", type=int)
    parser.add_argument("--edit", help="weights of the Editing Module: a run, a checkpoint, a name")
    options = parser.parse_args()
    if options.what == "grain":
        grain(options.folder, options.n or 120)
        return
    unmasker = Unmasker(None, options.edit, "cpu")
    measure, count = {"edges": (edges, 40), "ground": (ground, 80), "beyond": (beyond, 60)}[options.what]
    measure(options.folder, unmasker, options.n or count)


if __name__ == "__main__":
    main()
