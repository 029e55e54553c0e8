"""Does the border give the renderer away? A small network on border strips, asked to tell two pasting modes apart.

    python benchmarks/fingerprint.py --source CELEBA [--limit 800]

The same faces are masked by the `default` recipe and by `default` pinned to one other way of pasting; patches of
24 x 24 px are cut along the mask's border from both. A three-layer network is trained on two thirds of the faces;
printed is its area under the ROC curve on the other third, pooled per picture. 0.5 is chance: the closer, the less
a network trained on the data can lean on the border itself.
"""

import argparse
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unmask.datagen.dataset.online import TripletDataset
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import load_templates
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.datagen.sources.open_source import open_source

SIDE = 24
PATCHES = 8
OTHERS = {
    "sRGB blend": ["sensor.srgb=1"],
    "linear blend": ["sensor.srgb=0"],
    "no JPEG on the mask": ["sensor.jpeg=0"],
    "no noise on the mask": ["sensor.noise=0"],
    "no contact shadow": ["shadow.strength=0"],
    "hard paste (no blur, noise, JPEG, shadow)": [
        "sensor.blur=0", "sensor.wrong_blur=0", "sensor.edge=0", "sensor.noise=0", "sensor.jpeg=0",
        "shadow.strength=0",
    ],
}  # fmt: skip


def strips(source: str, limit: int, pins: list[str]) -> NDArray[np.uint8]:
    """Border patches, uint8 (pictures, 8, 24, 24, 3), in the order of the faces."""
    config = TripletConfig(11, None, load_recipe_config("default", pins), load_templates(), "largest")
    opened = open_source(source)
    step = max(len(opened.faces) // limit, 1)
    data = TripletDataset(replace(opened, faces=opened.faces[::step][:limit]), config)
    return np.stack([_patches(data[i]["masked"], data[i]["map"], i) for i in range(len(data))])


def _patches(image: NDArray[np.uint8], alpha: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
    half = SIDE // 2
    border = (alpha >= 128) & ~(np.roll(alpha, 1, 0) >= 128) | (alpha >= 128) & ~(np.roll(alpha, 1, 1) >= 128)
    rows, cols = np.nonzero(border[half:-half, half:-half])
    if not len(rows):
        return np.zeros((PATCHES, SIDE, SIDE, 3), np.uint8)
    pick = np.random.Generator(np.random.PCG64(index)).integers(len(rows), size=PATCHES)
    return np.stack([image[r : r + SIDE, c : c + SIDE] for r, c in zip(rows[pick], cols[pick], strict=True)])


def network() -> nn.Sequential:
    """Three convolutions and a pooled decision."""
    layers: list[nn.Module] = []
    for inside, outside in ((3, 16), (16, 32), (32, 48)):
        layers += [
            nn.Conv2d(inside, outside, 3, padding=1),
            nn.BatchNorm2d(outside),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(48 * 9, 1))


def separate(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Area under the ROC curve on the last third of the faces, of a network trained on the first two thirds."""
    torch.manual_seed(0)
    cut = len(one) * 2 // 3
    pixels = torch.from_numpy(np.concatenate([one[:cut], other[:cut]]).reshape(-1, SIDE, SIDE, 3))
    pixels = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
    truth = torch.cat([torch.zeros(cut * PATCHES), torch.ones(cut * PATCHES)])
    model = network()
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-3)
    for _ in range(12):
        for batch in torch.randperm(len(pixels)).split(128):
            turned = pixels[batch].flip(3) if torch.rand(()) < 0.5 else pixels[batch]
            loss = nn.functional.binary_cross_entropy_with_logits(model(turned)[:, 0], truth[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    model.eval()
    with torch.inference_mode():
        scores = []
        for part in (one[cut:], other[cut:]):
            held = torch.from_numpy(part.reshape(-1, SIDE, SIDE, 3)).permute(0, 3, 1, 2).float() / 127.5 - 1
            scores.append(model(held)[:, 0].reshape(len(part), PATCHES).mean(1).numpy())
    return float((scores[1][:, None] > scores[0][None, :]).mean())


def main() -> None:
    """Print a line for each other way of pasting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True, help="aligned CelebA folder")
    parser.add_argument("--limit", type=int, default=800, help="faces (default 800)")
    options = parser.parse_args()
    default = strips(options.source, options.limit, [])
    print(f"{len(default)} faces; AUC of telling default from default pinned to:")
    for name, pins in OTHERS.items():
        print(
            f"  {name:44s} {separate(default, strips(options.source, options.limit, pins)):.3f}", flush=True
        )


if __name__ == "__main__":
    main()
