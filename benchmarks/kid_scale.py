"""What KID of the mask's crop means: its value for pictures whose fault is known.

    python benchmarks/kid_scale.py DATASET [--edit perceptual] [--limit 299]

Under the true map the clean picture is blurred, or gets noise, or its coarse or fine part is exchanged for the one
that an Editing Module draws; the rest is the clean picture. `unmask-eval` has the masked picture there, with the
mask's shadow and its straps. KID (x 1000) and its standard deviation over subsets are by the same network as there.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from unmask.datagen.dataset.built_pictures import read_triplet
from unmask.datagen.dataset.built_rows import read_rows
from unmask.datagen.pictures.arrays import F32, U8
from unmask.model.checkpoints.shipped import find_weights
from unmask.model.evaluation.features import FeatureNetwork, mask_crop
from unmask.model.inference.aligned import restore_pictures
from unmask.model.inference.torch_modules import load_module
from unmask.model.metrics.kid import kid
from unmask.model.networks.spec import EDIT

BATCH = 16
SEED = 1


def coarse(picture: U8, sigma: float) -> F32:
    """What a Gaussian blur leaves, float32 (h, w, 3)."""
    return np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), sigma), np.float32)


def joined(low: U8, high: U8, sigma: float) -> F32:
    """The coarse part of one picture with the fine part of another."""
    return np.asarray(coarse(low, sigma) + high - coarse(high, sigma), np.float32)


def noisy(picture: U8, levels: float, row: int) -> F32:
    """With grey noise of this standard deviation."""
    grain = np.random.default_rng([SEED, row]).normal(0, levels, picture.shape[:2])
    return np.asarray(picture + grain[..., None], np.float32)


def main() -> None:
    """Print a line for each kind of fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--edit", default="perceptual")
    parser.add_argument("--limit", type=int, default=299)
    given = parser.parse_args()
    rows = read_rows(given.dataset)[: given.limit]
    masked, maps, clean = zip(*(read_triplet(given.dataset, row, None) for row in rows), strict=True)
    module, drawn = load_module(find_weights(given.edit), EDIT, torch.device("cpu")), []
    for start in range(0, len(rows), BATCH):
        part = slice(start, start + BATCH)
        drawn += [each.done for each in restore_pictures(module, masked[part], maps[part])]
    network = FeatureNetwork()

    def features(pictures: Sequence[U8]) -> F32:
        crops = [mask_crop(picture, map_ > 0) for picture, map_ in zip(pictures, maps, strict=True)]
        return network.pooled(np.stack([crop for crop in crops if crop is not None]))

    real = features(clean)

    def show(name: str, make: Callable[[int], F32 | U8]) -> None:
        made = [
            np.where(maps[i][..., None] > 0, np.clip(np.rint(make(i)), 0, 255), clean[i]).astype(np.uint8)
            for i in range(len(rows))
        ]
        found = kid(features(made), real, SEED, paired=True)
        print(f"{name:<60} {1e3 * found.mean:6.1f} ({1e3 * found.sd:.1f})", flush=True)

    show(f"drawn by {given.edit}", lambda i: drawn[i])
    for sigma in (0.5, 0.7, 1.0, 1.5):
        show(f"blurred, {sigma:g} px", lambda i, s=sigma: coarse(clean[i], s))
    for levels in (2, 4):
        show(f"noise of {levels} levels", lambda i, n=levels: noisy(clean[i], n, i))
    for sigma in (1, 2, 4, 8):
        show(f"drawn, finer than {sigma} px", lambda i, s=sigma: joined(clean[i], drawn[i], s))
        show(f"drawn, coarser than {sigma} px", lambda i, s=sigma: joined(drawn[i], clean[i], s))


if __name__ == "__main__":
    main()
