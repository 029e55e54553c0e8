"""Do the masks look like real ones? KID between our pictures and real photographs, technique by technique.

    python benchmarks/realism.py --source CELEBA --real REAL [--limit 600]

REAL holds `images/` and `maps/` of photographs of people who wear masks, with equal names and maps of the mask.
Features are the pooled last layer of EfficientNet-lite2 trained on ImageNet (packaged weights), of
the crop around the map (mask crop) and of a square twice as large (face crop). Real pictures are first brought to
the size at which ours show a mask. KID is the unbiased squared MMD with the cubic kernel (Binkowski et al., 2018),
times 1000; the interval comes from resampling the real pictures. Lower is closer. Not comparable with published
KID, which uses Inception.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.dataset.online import TripletDataset
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import load_templates
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.datagen.sources.open_source import open_source
from unmask.model.evaluation.features import FeatureNetwork
from unmask.model.metrics.kid import kid

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
SIDE = 128
MASK_PX = 95  # width of a mask in an aligned CelebA picture
# What each line switches off, as pins on the default recipe.
WITHOUT = {
    "light": ["light.shading=0", "light.cast=0", "light.wrong=0"],
    "folds": ["fold.pleat=0", "fold.wrinkle=0", "fold.tension=0", "fold.breath=0", "fold.pinch=0"],
    "contact shadow": ["shadow.strength=0"],
    "blur match": ["sensor.blur=0", "sensor.wrong_blur=0", "sensor.edge=0"],
    "noise and JPEG": ["sensor.noise=0", "sensor.jpeg=0"],
    "prints and grain": ["texture=plain", "texture.weave=0", "texture.free=0"],
    "palette": ["colour.free=1"],
    "in front": ["front.keep=0"],
    "worn wrong": ["worn=proper"],
    "shape": ["shape.own=0", "shape.width=1.0", "shape.top=0", "shape.bottom=0", "shape.bulge=1.0"],
}


def crops(image_rgb: U8, mask: NDArray[np.bool_]) -> tuple[U8, U8] | None:
    """The square around the mask and one twice as large, both 128 x 128; None for an empty map."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    if width < 8 or height < 8:
        return None
    middle = np.array([x + width / 2, y + height / 2])
    side = max(width, height)
    return _square(image_rgb, middle, side * 1.1), _square(image_rgb, middle - [0, 0.3 * side], side * 2.0)


def _square(image_rgb: U8, middle: F64, side: float) -> U8:
    x0, y0 = np.rint(middle - side / 2).astype(int)
    pad = round(side)
    wide = cv2.copyMakeBorder(image_rgb, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    x0, y0 = (
        int(np.clip(v, -pad, limit)) for v, limit in ((x0, image_rgb.shape[1]), (y0, image_rgb.shape[0]))
    )
    square = wide[y0 + pad : y0 + pad + pad, x0 + pad : x0 + pad + pad]
    return np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def real_pictures(folder: Path) -> Iterator[tuple[U8, NDArray[np.bool_]]]:
    """Photographs and maps, at the size at which ours show a mask."""
    for path in sorted((folder / "images").iterdir()):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        mask = cv2.imread(str(folder / "maps" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        if image is None or mask is None:
            raise SystemExit(f"error: --real: {path.name} has no map, or one of them cannot be read")
        scale = min(MASK_PX / max(cv2.boundingRect(mask)[2], 1), 1.0)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        shrunk = cv2.resize(mask, small.shape[1::-1], interpolation=cv2.INTER_AREA)
        yield small, shrunk >= 128


def our_pictures(
    source: str, limit: int, recipe: str, pins: list[str]
) -> Iterator[tuple[U8, NDArray[np.bool_]]]:
    """Masked pictures and maps of a recipe, with the same faces and seed for every recipe."""
    config = TripletConfig(5, None, load_recipe_config(recipe, pins), load_templates(), "largest")
    opened = open_source(source)
    step = max(len(opened.faces) // limit, 1)
    data = TripletDataset(replace(opened, faces=opened.faces[::step][:limit]), config)
    for index in range(len(data)):
        item = data[index]
        yield item["masked"], item["map"] >= 128


def kid1000(ours: F32, real: F32) -> float:
    """KID of all pictures, times 1000."""
    return 1000 * kid(ours, real, 0, paired=False, subsets=1).full


def interval(ours: F32, real: F32, repeats: int = 200) -> tuple[float, float]:
    """80 % subsets of the real pictures: the middle 95 % of KID."""
    rng = np.random.Generator(np.random.PCG64(0))
    size = max(int(0.8 * len(real)), 2)
    values = [kid1000(ours, real[rng.permutation(len(real))[:size]]) for _ in range(repeats)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True, help="aligned CelebA folder")
    parser.add_argument("--real", required=True, type=Path, help="folder with images/ and maps/")
    parser.add_argument("--limit", type=int, default=600, help="our pictures per line (default 600)")
    options = parser.parse_args()
    network = FeatureNetwork()

    def describe(pictures: Iterator[tuple[U8, NDArray[np.bool_]]]) -> tuple[F32, F32]:
        pairs = [pair for image, mask in pictures if (pair := crops(image, mask)) is not None]
        masks, faces = (np.stack(cut) for cut in zip(*pairs, strict=True))
        return network.pooled(masks), network.pooled(faces)

    real = describe(real_pictures(options.real))
    print(f"{len(real[0])} real photographs, {options.limit} of ours per line; KID x 1000 [95 %]")
    lines = {"default": ("default", []), "wild": ("wild", []), "homogeneous": ("homogeneous", [])}
    lines |= {f"default without {name}": ("default", pins) for name, pins in WITHOUT.items()}
    print(f"{'':34s} {'mask crop':>22s} {'face crop':>22s}")
    for name, (recipe, pins) in lines.items():
        ours = describe(our_pictures(options.source, options.limit, recipe, pins))
        cells = []
        for one, other in zip(ours, real, strict=True):
            low, high = interval(one, other)
            cells.append(f"{kid1000(one, other):6.1f} [{low:5.1f}, {high:5.1f}]")
        print(f"{name:34s} {cells[0]:>22s} {cells[1]:>22s}", flush=True)


if __name__ == "__main__":
    main()
