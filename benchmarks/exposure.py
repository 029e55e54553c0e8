"""Dark and bright faces: what it is worth to show them to the Editing Module in usual light.

    python benchmarks/exposure.py DATASET [--edit perceptual] [--limit 80]

Pictures of a dataset of `unmask-data build`, each as it is and darkened or brightened by a curve; what is under the
true map is drawn with and without `unmask.model.inference.exposure`, and compared with the clean picture in the
light of before: PSNR in the mask, mean; the difference by picture with its 95 % interval.
"""

import argparse
import csv
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import torch

from unmask.datagen.pictures.arrays import F64, U8
from unmask.datagen.pictures.picture import decode_picture
from unmask.model.checkpoints.shipped import find_weights
from unmask.model.inference import aligned
from unmask.model.inference.exposure import Exposure
from unmask.model.inference.torch_modules import load_module
from unmask.model.metrics.intervals import bootstrap_mean
from unmask.model.networks.spec import EDIT

CURVES = {
    "as it is": (1.0, 1.0),
    "half the light": (1.0, 0.5),
    "a third": (1.0, 0.3),
    "darker, gamma 2.5, 0.7": (2.5, 0.7),
    "dull and dark, gamma 1.5, 0.3": (1.5, 0.3),
    "brighter, gamma 0.5": (0.5, 1.0),
    "brighter, gamma 0.35": (0.35, 1.0),
}


def psnr(drawn: U8, clean: U8, map_: U8, curve: tuple[float, float]) -> float:
    """PSNR in the mask of two pictures whose light is brought back, dB."""
    gamma, gain = curve

    def lit(picture: U8) -> F64:
        return np.asarray(255 * np.clip(picture / 255 / gain, 0, 1) ** (1 / gamma), np.float64)

    error = ((lit(drawn) - lit(clean)) ** 2)[map_ >= 128].mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--edit", default="perceptual")
    parser.add_argument("--limit", type=int, default=80)
    arguments = parser.parse_args()
    editor = load_module(find_weights(arguments.edit), EDIT, torch.device("cpu"))
    with (arguments.dataset / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "ok"][: arguments.limit]
    masked, clean = (
        [decode_picture((arguments.dataset / row[part]).read_bytes()).image_rgb for row in rows]
        for part in ("masked", "clean")
    )
    maps = [cv2.imread(str(arguments.dataset / row["map"]), cv2.IMREAD_GRAYSCALE) for row in rows]
    for name, curve in CURVES.items():
        light = Exposure(*curve)
        dark, truth = [light.shown(one) for one in masked], [light.shown(one) for one in clean]
        with mock.patch.object(aligned, "exposure_of", lambda *_: Exposure()):
            before = [one.done for one in aligned.restore_pictures(editor, dark, maps)]
        after = [one.done for one in aligned.restore_pictures(editor, dark, maps)]
        scores = np.array(
            [[psnr(one, there, map_, curve) for one, there, map_ in zip(drawn, truth, maps, strict=True)]
             for drawn in (before, after)]
        )  # fmt: skip
        gain = scores[1] - scores[0]
        interval = bootstrap_mean(gain)
        means, shown = scores.mean(1), f"{(gain != 0).mean():.0%} shown in other light"
        span = f"{interval.mean:+.2f} [{interval.low:+.2f}, {interval.high:+.2f}]"
        print(f"{name:<32} {means[0]:.2f} -> {means[1]:.2f} dB  {span}  {shown}", flush=True)


if __name__ == "__main__":
    main()
