"""Straps: how well they are found on drawn masks, and what taking them off is worth on their pixels.

    python benchmarks/straps.py --source CELEBA --map shipped --edit fidelity

Faces of the source's test split, masks of the default recipe. A pixel counts of which a strap covers a quarter or
more beside the mask body. IoU, precision and recall are over the pixels of all pictures, the latter two give or
take a pixel, since straps are one or two wide. PSNR is over their pixels: between the clean picture and the masked
one, the one that both modules made with the body alone taken off, and the one with both taken off.
"""

import argparse
import itertools

import cv2
import numpy as np
import torch

import unmask
from unmask.datagen.pictures.arrays import F64, Bools
from unmask.model.checkpoints.shipped import find_weights
from unmask.model.data.training_triplet import seen_straps
from unmask.model.inference.aligned import find_maps, restore_pictures
from unmask.model.inference.torch_modules import load_module
from unmask.model.networks.spec import EDIT, MAP

QUARTER, SHOWN_PX = 64, 12
BATCH = 32


def psnr(error: F64) -> float:
    """PSNR in dB of squared errors in levels."""
    return float(10 * np.log10(255**2 / max(float(error.mean()), 1e-9)))


def wider(region: Bools) -> Bools:
    """The region and the pixels around it."""
    return cv2.dilate(region.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", default="demo")
    parser.add_argument("--map", default="shipped")
    parser.add_argument("--edit", default="fidelity")
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--size", type=int, default=128, help="of the pictures, in pixels")
    parser.add_argument("--recipe", default="default")
    arguments = parser.parse_args()
    cpu = torch.device("cpu")
    map_module = load_module(find_weights(arguments.map), MAP, cpu)
    edit_module = load_module(find_weights(arguments.edit), EDIT, cpu)
    split = None if arguments.source == "demo" else "test"
    data = unmask.TripletDataset(
        arguments.source,
        split=split,
        limit=arguments.limit,
        size=arguments.size,
        seed=7,
        recipe=arguments.recipe,
    )
    shared = either = 0.0
    near = np.zeros(4)  # found beside true ones, found, true beside found ones, true
    errors: dict[str, list[F64]] = {"left": [], "body": [], "both": []}
    shown = 0
    numbers = iter(range(len(data)))
    while some := list(itertools.islice(numbers, BATCH)):
        made = [data.triplet(number)[0] for number in some]
        masked = [one.masked for one in made]
        maps = find_maps(map_module, masked)
        body = restore_pictures(edit_module, masked, [each.body for each in maps])
        both = restore_pictures(edit_module, masked, [each.both for each in maps])
        for one, each, without, with_ in zip(made, maps, body, both, strict=True):
            truth = seen_straps(one.layers) >= QUARTER
            found = each.straps > 0
            shared, either = shared + (truth & found).sum(), either + (truth | found).sum()
            near += (found & wider(truth)).sum(), found.sum(), (truth & wider(found)).sum(), truth.sum()
            if truth.sum() >= SHOWN_PX:
                shown += 1
                clean = one.clean[truth].astype(np.float64)
                for name, picture in (("left", one.masked), ("body", without.done), ("both", with_.done)):
                    errors[name].append((picture[truth] - clean) ** 2)
    precision, recall = near[0] / max(near[1], 1), near[2] / max(near[3], 1)
    print(f"{shown} of {len(data)} pictures show straps; IoU of the straps {shared / max(either, 1):.3f}")
    print(f"  give or take a pixel: precision {precision:.3f}, recall {recall:.3f}")
    for name, words in (("left", "left as they are"), ("body", "body taken off"), ("both", "both taken off")):
        print(f"  {words:<17} {psnr(np.concatenate(errors[name])):.2f} dB on the straps' pixels")


if __name__ == "__main__":
    main()
