"""Does a Map Module look at more than colour? The same photographs in other light, film and filters.

    python benchmarks/photo_colours.py PHOTOS --map RUN|FILE [--map ANOTHER ...] [--size PX ...]

PHOTOS has subfolders ``images`` and ``maps``. Each photograph is seen as it is and in grey, sepia, a quarter of its
saturation, green, cool and warm light; given are the mean IoU of the cleaned map, how many pictures stay under 0.8,
and the mean difference to the same pictures in colour with its 95 % bootstrap interval. With several sizes the
network looks at each, and its probabilities are averaged.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from unmask.datagen.pictures.pairs import mapped_photos, read_mapped
from unmask.model.checkpoints.shipped import find_weights
from unmask.model.inference.aligned import predict_probabilities
from unmask.model.inference.cleaning import clean_map
from unmask.model.inference.torch_modules import TrainedModule, load_module
from unmask.model.metrics.metrics import score_map
from unmask.model.networks.spec import MAP

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]
LUMA = np.array([0.299, 0.587, 0.114])
GREY = np.tile(LUMA, (3, 1))
SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
LIGHTS: dict[str, F64] = {  # matrices on RGB
    "colour": np.eye(3),
    "grey": GREY,
    "sepia": SEPIA,
    "saturation x0.25": 0.25 * np.eye(3) + 0.75 * GREY,
    "green": np.diag([0.65, 1.0, 0.65]),
    "cool": np.diag([0.75, 0.95, 1.2]),
    "warm": np.diag([1.2, 0.95, 0.7]),
}


def in_light(image_rgb: U8, matrix: F64) -> U8:
    """Apply a matrix to the levels of a picture, uint8 (h, w, 3)."""
    return (image_rgb @ matrix.T).round().clip(0, 255).astype(np.uint8)


def interval(differences: F64) -> tuple[float, float]:
    """95 % bootstrap interval of the mean."""
    rows = np.random.default_rng(0).integers(0, len(differences), (2000, len(differences)))
    low, high = np.quantile(differences[rows].mean(1), (0.025, 0.975))
    return float(low), float(high)


def seen_at(module: TrainedModule, photos: Sequence[U8], sizes: Sequence[int]) -> list[U8]:
    """Cleaned maps of the mean of what the network sees at several sizes, uint8 (h, w) each."""
    looks = []
    for size in sizes:
        module.side = size
        looks.append(predict_probabilities(module, photos))
    means = (np.mean(each, axis=0, dtype=np.float32) for each in zip(*looks, strict=True))
    return [clean_map(mean) for mean in means]


def main() -> None:
    """Read the command line, score, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument(
        "--map", action="append", required=True, help="run, checkpoint or weights; or: shipped"
    )
    parser.add_argument(
        "--size",
        type=int,
        nargs="+",
        metavar="PX",
        help="shorter sides that the network sees; that of training by default",
    )
    arguments = parser.parse_args()
    read = [read_mapped(*pair) for pair in mapped_photos(arguments.photos)]
    photos, truths = zip(*read, strict=True)
    for name in arguments.map:
        module = load_module(find_weights(name), MAP, torch.device("cpu"))
        sizes = arguments.size or [module.side]
        print(f"{name}, {', '.join(map(str, sizes))} px, {len(photos)} photographs")
        usual: F64 | None = None
        for light, matrix in LIGHTS.items():
            maps = seen_at(module, [in_light(photo, matrix) for photo in photos], sizes)
            ious = np.array([score_map(map_, truth).iou for map_, truth in zip(maps, truths, strict=True)])
            usual = ious if usual is None else usual
            low, high = interval(ious - usual)
            under = int((ious < 0.8).sum())
            print(
                f"  {light:<17} IoU {ious.mean():.3f}  under 0.8: {under:2d}"
                f"  difference {(ious - usual).mean():+.3f} [{low:+.3f}, {high:+.3f}]"
            )


if __name__ == "__main__":
    main()
