"""What EfficientNet-lite2 sees in many pictures: perceptual distances, and features for KID and for attributes.

It is another network, with other weights, than the one that trainings measure perceptual distance with: what was
trained to please that one is judged by this one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # the name that all of torch's own documentation uses
from torch import Tensor

from unmask.datagen.pictures.arrays import F32, F64, U8, Bools
from unmask.datagen.pictures.picture import fit_picture
from unmask.model.networks.lite_variants import LITE2_CHANNELS
from unmask.model.networks.lpips import Lpips
from unmask.model.networks.perceptual import load_judge, unit_length

STRIDE_PX = 32  # the network halves its input five times
POOLED = 1280
# Of CelebA's framing the lower three quarters and the middle six eighths: the face. Twice as many numbers, or the
# last layer's, tell its attributes no better.
_FINE_CELLS, _FINE_ROWS, _FINE_COLUMNS = 8, slice(2, 8), slice(1, 7)
_COARSE_CELLS = 4
GRID = LITE2_CHANNELS[3] * 6 * 3 + LITE2_CHANNELS[2] * 4 * 2
CROP_PX = 96
CROP_MARGIN = 0.25
_CHUNK = 16  # what it computes on then fits a core's cache; twice as many take half as long again per picture


@dataclass(frozen=True, eq=False)
class Features:
    """Of n pictures of one size.

    Attributes
    ----------
    taps : tuple of Tensor
        (n, c, h / s, w / s) float32 for strides s of 2, 4, 8 and 16; each pixel's vector has length 1. For sides
        that are no multiples of 32 they reach over the picture's right and lower edge.
    pooled : float32 (n, 1280)
        Mean over the last layer's pixels: what the network classifies by.
    grid : float32 (n, 2544)
        For the classifier of attributes: the last two taps, not brought to length 1, as means over cells and over
        left and right.
    size : tuple of (int, int)
        Height and width of the pictures.
    """

    taps: tuple[Tensor, ...]
    pooled: F32
    grid: F32
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.pooled)


@dataclass(frozen=True, eq=False)
class PerceptualDistances:
    """Per picture, 0 for equal pictures, at most 4.

    Attributes
    ----------
    whole, mask : float64 (n,)
        Over all pixels, and over those in the mask; NaN where there are none.
    """

    whole: F64
    mask: F64


class FeatureNetwork:
    """EfficientNet-lite2 with its packaged weights, in float32.

    It always computes on 16 pictures at a time, the last ones filled up, so that what it finds in a picture
    depends, to the bit, neither on how many it is given nor on which. The number of threads may change the last
    digits.

    Raises
    ------
    UserError
        When the package of its weights is not installed or damaged.
    """

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        taps, rest = load_judge()
        self._taps, self._rest = taps.to(self.device), rest.to(self.device)
        self.name, self.sha256 = taps.name, taps.sha256

    @torch.inference_mode()
    def describe(self, pictures: U8) -> Features:
        """Return all that is known of pictures.

        Parameters
        ----------
        pictures : uint8 (n, h, w, 3)
            RGB, n at least 1. Sides that are no multiples of 32 are filled up at the right and at the bottom with
            the last pixel's colour; distances leave that out, the pooled features do not.
        """
        found = [self._layers(chunk) for chunk in self._chunks(pictures)]
        taps = [
            torch.cat(layer)[: len(pictures)] for layer in zip(*(layers for layers, _ in found), strict=True)
        ]
        deep = torch.cat([last for _, last in found])[: len(pictures)]
        grid = _numpy(_grid(taps))
        return Features(tuple(unit_length(tap) for tap in taps), _numpy(deep), grid, pictures.shape[1:3])

    @torch.inference_mode()
    def pooled(self, pictures: U8) -> F32:
        """Return `Features.pooled` alone, float32 (n, 1280), of pictures as for `describe`."""
        found = [self._layers(chunk)[1] for chunk in self._chunks(pictures)]
        return _numpy(torch.cat(found)[: len(pictures)])

    def _layers(self, chunk: Tensor) -> tuple[list[Tensor], Tensor]:
        taps = self._taps.features(chunk)
        return taps, self._rest(taps[-1]).mean(dim=(2, 3))

    def _chunks(self, pictures: U8) -> Iterator[Tensor]:
        if pictures.ndim != 4 or pictures.shape[3] != 3 or pictures.dtype != np.uint8 or not len(pictures):
            raise ValueError(f"expected pictures uint8 (n, h, w, 3), got {pictures.dtype} {pictures.shape}")
        for start in range(0, len(pictures), _CHUNK):
            chunk = torch.from_numpy(np.ascontiguousarray(pictures[start : start + _CHUNK])).to(self.device)
            n, h, w, _ = chunk.shape
            x = chunk.permute(0, 3, 1, 2).float() / 127.5 - 1
            x = F.pad(x, (0, -w % STRIDE_PX, 0, -h % STRIDE_PX), mode="replicate")
            yield F.pad(x, (0, 0, 0, 0, 0, 0, 0, _CHUNK - n))


@torch.inference_mode()
def perceptual_distances(a: Features, b: Features, masks: Sequence[Bools] | Bools) -> PerceptualDistances:
    """Compare pictures with pictures, the first with the first and so on.

    Parameters
    ----------
    a, b : Features
        Of n pictures each, all of one size.
    masks : bool (n, h, w)
        A feature's pixel counts by the share of its area that is in the mask.

    Returns
    -------
    PerceptualDistances
        For each pair what `PerceptualNetwork.forward` returns for it, without and with the mask as weight.
    """
    inside = torch.from_numpy(np.stack(list(masks))).to(a.taps[0].device).float()
    if a.size != b.size or inside.shape != (len(a), *a.size) or len(a) != len(b):
        raise ValueError(f"{len(a)} x {a.size}, {len(b)} x {b.size} and masks {tuple(inside.shape)} differ")
    weights = torch.stack([torch.ones_like(inside), inside], dim=1)
    weights = F.pad(weights, (0, -a.size[1] % STRIDE_PX, 0, -a.size[0] % STRIDE_PX))
    layers = [_weighted(one, other, weights) for one, other in zip(a.taps, b.taps, strict=True)]
    whole, mask = torch.stack(layers).mean(dim=0).cpu().double().numpy()
    return PerceptualDistances(whole, mask)


@torch.inference_mode()
def lpips_distances(network: Lpips, a: U8, b: U8, masks: Sequence[Bools] | Bools) -> PerceptualDistances:
    """Compare pictures with pictures by LPIPS, the first with the first and so on.

    Parameters
    ----------
    network : Lpips
    a, b : uint8 (n, h, w, 3)
        RGB, sides of at least 32.
    masks : bool (n, h, w)
        A feature's pixel counts by the share of its area that is in the mask.
    """
    found = []
    device = network.device
    for start in range(0, len(a), _CHUNK):
        part = slice(start, start + _CHUNK)
        one, other = (
            torch.from_numpy(np.ascontiguousarray(x[part])).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
            for x in (a, b)
        )
        inside = torch.from_numpy(np.stack(list(masks[part]))).to(device).float()[:, None]
        found.append(torch.stack([network(one, other), network(one, other, inside)]))
    whole, mask = torch.cat(found, dim=1).cpu().double().numpy()
    return PerceptualDistances(whole, mask)


def _grid(taps: Sequence[Tensor]) -> Tensor:
    fine = F.adaptive_avg_pool2d(taps[-1], _FINE_CELLS)[:, :, _FINE_ROWS, _FINE_COLUMNS]
    coarse = F.adaptive_avg_pool2d(taps[-2], _COARSE_CELLS)
    return torch.cat([_without_sides(fine).flatten(1), _without_sides(coarse).flatten(1)], dim=1)


def _without_sides(cells: Tensor) -> Tensor:
    return ((cells + cells.flip(3)) / 2)[..., : cells.shape[3] // 2]


def _weighted(a: Tensor, b: Tensor, weights: Tensor) -> Tensor:
    """Weighted means of the squared distances in one layer, (weightings, n)."""
    apart = (a - b).square().sum(dim=1)
    area = F.adaptive_avg_pool2d(weights, (apart.shape[-2], apart.shape[-1])).transpose(0, 1)
    return (apart * area).sum(dim=(2, 3)) / area.sum(dim=(2, 3))


def mask_crop(picture: U8, mask: Bools) -> U8 | None:
    """Cut out the mask with what is around it.

    A square around the mask's bounding box whose side is half as large again as the box's longer one, moved into
    the picture where it reaches over the edge and made smaller where it is larger than the picture.

    Parameters
    ----------
    picture : uint8 (h, w, 3)
    mask : bool (h, w)

    Returns
    -------
    uint8 (96, 96, 3) or None
        None for an empty mask.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    height, width = mask.shape
    longer = max(np.ptp(rows), np.ptp(columns)) + 1
    side = min(round(float(longer) * (1 + 2 * CROP_MARGIN)), height, width)
    top = _start(int(rows[0]), int(rows[-1]), side, height)
    left = _start(int(columns[0]), int(columns[-1]), side, width)
    return fit_picture(picture[top : top + side, left : left + side], (CROP_PX, CROP_PX))


def _start(first: int, last: int, side: int, limit: int) -> int:
    return min(max((first + last + 1 - side) // 2, 0), limit - side)


def _numpy(values: Tensor) -> F32:
    return np.asarray(values.float().cpu().numpy(), np.float32)
