"""Does the variety transfer? A small network learns to find our masks and is judged on real photographs.

    python benchmarks/transfer.py --source CELEBA --real REAL [--steps 1200] [--recipes default homogeneous]

For each recipe a 0.5 M-parameter U-Net is trained on 128 x 128 triplets rendered on the fly (with the recipe's
own jitter; train split only) for the same number of steps of 16, then measured on held-out synthetic pictures of
the same recipe (val split) and on REAL (`images/`, `maps/`), squashed to 128 x 128. Printed is the mean IoU at 0.5
with its 95 % bootstrap interval. A quick check during work on the renderer, not the map module of the toolkit.
"""

import argparse
import time
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unmask.datagen.online import TripletDataset
from unmask.datagen.recipe_config import load_recipe_config
from unmask.datagen.template import load_templates
from unmask.datagen.triplet import TripletConfig

SIDE = 128
Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class UNet(nn.Module):
    """Four levels, base 16, batch norm: about half a million parameters."""

    def __init__(self) -> None:
        super().__init__()
        widths = (16, 32, 64, 128)
        self.down = nn.ModuleList(_block(a, b) for a, b in pairwise((3, *widths)))
        self.up = nn.ModuleList(_block(a + b, a) for a, b in pairwise(widths))
        self.head = nn.Conv2d(16, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, 1, h, w) of pictures (n, 3, h, w) in -1..1."""
        skips = []
        for block in self.down:
            x = block(x if not skips else nn.functional.max_pool2d(x, 2))
            skips.append(x)
        for block, skip in zip(reversed(self.up), reversed(skips[:-1]), strict=True):
            x = block(torch.cat([nn.functional.interpolate(x, scale_factor=2), skip], 1))
        return self.head(x)


def _block(inside: int, outside: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inside, outside):
        layers += [nn.Conv2d(channels, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU()]
    return nn.Sequential(*layers)


def render(order: tuple[str, str, str, int, int, list[str]]) -> Pair:
    """Masked pictures and maps, uint8 (n, 128, 128, 3) and (n, 128, 128), one new mask per picture."""
    source, split, recipe, start, count, pins = order
    cv2.setNumThreads(1)
    data = _dataset(source, split, recipe, tuple(pins))
    images, maps = [], []
    for number in range(start, start + count):
        epoch, index = divmod(number * 7919, len(data))  # a prime stride: neighbours are other people
        data.set_epoch(epoch)
        item = data[index]
        images.append(item["masked"])
        maps.append(item["map"])
    return np.stack(images), np.stack(maps)


_OPEN: dict[tuple[str, str, str, tuple[str, ...]], TripletDataset] = {}


def _dataset(source: str, split: str, recipe: str, pins: tuple[str, ...]) -> TripletDataset:
    from unmask.datagen.source import open_source

    key = (source, split, recipe, pins)
    if key not in _OPEN:
        config = TripletConfig(
            21, (SIDE, SIDE), load_recipe_config(recipe, pins), load_templates(), "largest", True
        )
        _OPEN[key] = TripletDataset(open_source(source, split=split), config)
    return _OPEN[key]


def train(source: str, recipe: str, steps: int, batch: int, pins: list[str]) -> UNet:
    """Train on pictures that one other process renders; bfloat16 autocast."""
    torch.manual_seed(0)
    model = UNet().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    orders = [(source, "train", recipe, step * batch, batch, pins) for step in range(steps)]
    with get_context("spawn").Pool(1) as pool:
        for images, maps in pool.imap(render, orders, chunksize=4):
            x, truth = _tensors(images), torch.from_numpy(maps[:, None]).float() / 255
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(x).float()
            chance = logits.sigmoid()
            dice = 1 - (2 * (chance * truth).sum() + 1) / (chance.sum() + truth.sum() + 1)
            loss = nn.functional.binary_cross_entropy_with_logits(logits, truth) + dice
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def _tensors(images: NDArray[np.uint8]) -> torch.Tensor:
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    return x.to(memory_format=torch.channels_last)


def measure(model: UNet, pairs: Pair) -> NDArray[np.float64]:
    """IoU of every picture at 0.5."""
    found = []
    with torch.inference_mode():
        for image, truth in zip(*pairs, strict=True):
            seen = model(_tensors(image[None]))[0, 0].numpy() > 0
            real = truth >= 128
            found.append((seen & real).sum() / max((seen | real).sum(), 1))
    return np.array(found)


def real_pictures(folder: Path) -> Pair:
    """Photographs and maps, squashed to 128 x 128."""
    paths = sorted((folder / "images").iterdir())
    images = [cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) for path in paths]
    maps = [cv2.imread(str(folder / "maps" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE) for path in paths]
    small = [
        [cv2.resize(p, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for p in part] for part in (images, maps)
    ]
    return np.stack(small[0]), np.stack(small[1])


def main() -> None:
    """Print a line for each recipe."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True, help="aligned CelebA folder with its partition file")
    parser.add_argument("--real", required=True, type=Path, help="folder with images/ and maps/")
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--recipes", nargs="+", default=["default", "homogeneous"])
    parser.add_argument("--set", nargs="*", default=[], dest="pins", help="KEY=VALUE pins for every recipe")
    options = parser.parse_args()
    real = real_pictures(options.real)
    for recipe in options.recipes:
        start = time.perf_counter()
        model = train(options.source, recipe, options.steps, 16, options.pins)
        own = measure(model, render((options.source, "val", recipe, 0, 200, options.pins)))
        line = f"{recipe:12s} {' '.join(options.pins):24s} own held-out {own.mean():.3f}"
        values = measure(model, real)
        draws = np.random.Generator(np.random.PCG64(0)).choice(values, (2000, len(values))).mean(1)
        low, high = np.percentile(draws, [2.5, 97.5])
        seconds = time.perf_counter() - start
        print(f"{line}   real {values.mean():.3f} [{low:.3f}, {high:.3f}]   {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
