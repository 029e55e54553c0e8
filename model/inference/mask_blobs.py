"""What the Map Module takes for masks in a whole photograph, at several sizes: guesses that no detector makes."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from unmask.datagen.pictures.arrays import F32, U8
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.common.limits import MULTIPLE_PX
from unmask.model.common.spare_threads import spare_threads

from .aligned import TrainedModule

SeeMask = Callable[[U8], F32]

# Longer sides at which the picture is shown. A mask is seen when the root of its area is between 20 and 100 px,
# best at 45 (what it has in aligned CelebA at 128 px): each mask is seen at three sizes or more.
SIDES_PX = (96, 136, 192, 272, 384, 544, 768)
LEAST_PX, BEST_PX, MOST_PX = 20, 45, 100
MOST_BLOBS = 14
_FINEST = 2.0  # a picture is enlarged no further
_OPENING = np.ones((3, 3), np.uint8)
_SAME = 0.5  # blobs whose middles are nearer than this share of the smaller one's side are one


@dataclass(frozen=True)
class Blob:
    """Something like a mask: middle and root of the area in pixels of the picture, and how good it looks (0..1)."""

    x: float
    y: float
    side: float
    quality: float


@spare_threads()
def see_masks(module: TrainedModule, image_rgb: U8) -> F32:
    """Probability of a mask in each pixel of any picture, at the size that it has.

    Parameters
    ----------
    module : TrainedModule
        A Map Module.
    image_rgb : uint8 (h, w, 3)

    Returns
    -------
    float32 (h, w) in [0, 1]
    """
    height, width = image_rgb.shape[:2]
    below, right = -height % MULTIPLE_PX, -width % MULTIPLE_PX
    padded = cv2.copyMakeBorder(image_rgb, 0, below, 0, right, cv2.BORDER_REFLECT_101)
    tensor = torch.from_numpy(padded).to(module.device).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode(), torch.autocast(module.device.type, torch.bfloat16, enabled=module.bf16):
        logits = module.checked(module.network(tensor.contiguous(memory_format=torch.channels_last)))
    probabilities = logits.sigmoid()[0, 0, :height, :width].cpu().numpy()
    return np.asarray(probabilities, np.float32)


def find_blobs(picture: PicturePyramid, see: SeeMask) -> list[Blob]:
    """Find what looks like masks, the best first; each thing once, at the size at which it looks best.

    Parameters
    ----------
    picture : PicturePyramid
        RGB.
    see : callable
        Probabilities of a mask, float32 (h, w), of a picture uint8 (h, w, 3), such as `see_masks` of a module.
    """
    longer = max(picture.levels[0].shape[:2])
    found: list[Blob] = []
    for side in SIDES_PX:
        if side <= _FINEST * longer or side == SIDES_PX[0]:
            small, factor = picture.shrunk(side)
            found += blobs_of(see(small), factor)
    kept: list[Blob] = []
    for blob in sorted(found, key=lambda blob: -blob.quality):
        if not any(_same(blob, other) for other in kept):
            kept.append(blob)
    return kept[:MOST_BLOBS]


def blobs_of(probabilities: F32, factor: float = 1.0) -> list[Blob]:
    """Return the blobs of one map whose size is one that the network knows.

    Parameters
    ----------
    probabilities : float32 (h, w) in [0, 1]
    factor : float
        Pixels of the picture for one of the map.
    """
    binary = cv2.morphologyEx((probabilities >= 0.5).astype(np.uint8), cv2.MORPH_OPEN, _OPENING)
    count, labels, stats, middles = cv2.connectedComponentsWithStats(binary, connectivity=8)
    sums = np.bincount(labels.ravel(), weights=probabilities.ravel(), minlength=count)
    blobs = []
    for number in range(1, count):
        area = int(stats[number, cv2.CC_STAT_AREA])
        side = area**0.5
        if LEAST_PX <= side <= MOST_PX:
            quality = sums[number] / area - 0.25 * abs(np.log(side / BEST_PX))
            x, y = (middles[number] + 0.5) * factor - 0.5
            blobs.append(Blob(float(x), float(y), side * factor, float(quality)))
    return blobs


def _same(blob: Blob, other: Blob) -> bool:
    near = np.hypot(blob.x - other.x, blob.y - other.y) < _SAME * min(blob.side, other.side)
    return bool(near and 0.5 < blob.side / other.side < 2)
