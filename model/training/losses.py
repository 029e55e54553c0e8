"""Losses as pure functions: every one takes tensors and returns a scalar, in float32 even inside autocast."""

import math
from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F  # noqa: N812  # the name that all of torch's own documentation uses
from torch import Tensor

from unmask.model.networks.perceptual import weighted_mean

BCE, HINGE = "bce", "hinge"

SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
SSIM_MARGIN = SSIM_WINDOW // 2  # the map of a picture is smaller by this on every side
_DATA_RANGE = 2.0  # pictures are in [-1, 1]
_C1, _C2 = (0.01 * _DATA_RANGE) ** 2, (0.03 * _DATA_RANGE) ** 2
_DICE_SMOOTH_PX = 1.0  # an empty map, found as empty, is perfect


def bce_dice(logits: Tensor, truth: Tensor, dice: float = 1.0) -> Tensor:
    """Binary cross-entropy plus ``dice`` times the soft Dice loss.

    Parameters
    ----------
    logits : Tensor
        (n, 1, h, w).
    truth : Tensor
        (n, 1, h, w) in [0, 1]; soft edges are allowed.
    dice : float
        Weight of the Dice loss, 0 for none.

    Returns
    -------
    Tensor
        Scalar: the cross-entropy, a mean over pixels (nats), and the Dice loss, a mean over pictures.

    Notes
    -----
    Squares in the denominator (Milletari et al. 2016, V-Net): only so is a soft edge best matched by itself.
    """
    logits, truth = logits.float(), truth.float()
    found = logits.sigmoid()
    shared, ours, theirs = (
        (a * b).sum(dim=(1, 2, 3)) for a, b in ((found, truth), (found, found), (truth, truth))
    )
    overlap = (2 * shared + _DICE_SMOOTH_PX) / (ours + theirs + _DICE_SMOOTH_PX)
    return F.binary_cross_entropy_with_logits(logits, truth) + dice * (1 - overlap).mean()


def strap_loss(logits: Tensor, straps: Tensor, dice: float = 1.0) -> Tensor:
    """`bce_dice` of where the straps are, its Dice loss over all pictures of the batch at once.

    Parameters
    ----------
    logits, straps : Tensor
        (n, 1, h, w); ``straps`` in [0, 1]. Most pictures show some dozens of their pixels or none, so a Dice loss
        for each picture would be about single pixels.
    dice : float
        Weight of the Dice loss, 0 for none.
    """
    rows = (1, 1, -1, logits.shape[-1])
    return bce_dice(logits.reshape(rows), straps.reshape(rows), dice)


def hole_weight(paste: Tensor, hole: float) -> Tensor:
    """Weights that count a pixel under the mask ``hole`` times and one outside once.

    Parameters
    ----------
    paste : Tensor
        (n, 1, h, w) in [0, 1], 1 = under the mask.
    hole : float
        1 counts all pixels alike.

    Returns
    -------
    Tensor
        float32 (n, 1, h, w) between 1 and ``hole``. Every loss that takes weights divides by their sum, so ``hole``
        shifts attention and leaves the size of the loss alone.
    """
    return 1 + (hole - 1) * paste.float()


def l1(output: Tensor, clean: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean absolute difference of pictures (n, 3, h, w) in [-1, 1], with weights (n, 1, h, w) if given."""
    return weighted_mean((output.float() - clean.float()).abs(), weight)


def l2(output: Tensor, clean: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean squared difference of pictures (n, 3, h, w) in [-1, 1], with weights (n, 1, h, w) if given."""
    return weighted_mean((output.float() - clean.float()).square(), weight)


def masked_ssim_loss(output: Tensor, clean: Tensor, weight: Tensor | None = None) -> Tensor:
    """1 - SSIM, its map weighted by what ``weight`` (n, 1, h, w) says of the pixel in the middle of each window."""
    if weight is not None:
        weight = weight[..., SSIM_MARGIN:-SSIM_MARGIN, SSIM_MARGIN:-SSIM_MARGIN]
    return weighted_mean(1 - ssim_map(output, clean), weight)


def ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity around every pixel, without padding.

    Wang et al. 2004: Gaussian window of 11 px, sigma 1.5, K1 = 0.01, K2 = 0.03. The mean is what scikit-image
    returns with ``gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=2``; h, w 11 at least.

    Parameters
    ----------
    a, b : Tensor
        (n, c, h, w) in [-1, 1].

    Returns
    -------
    Tensor
        float32 (n, c, h - 10, w - 10), at most 1.
    """
    # Depthwise convolution is several times faster on a CPU where channels are last.
    a, b = (image.float().contiguous(memory_format=torch.channels_last) for image in (a, b))
    mean_a, mean_b = _blur(a), _blur(b)
    means_product, means_squared = mean_a * mean_b, mean_a.square() + mean_b.square()
    # The formula needs the variances' sum only: one blur less.
    covariance = _blur(a * b) - means_product
    variances = _blur(a.square() + b.square()) - means_squared
    likeness = (2 * means_product + _C1) * (2 * covariance + _C2)
    return likeness / ((means_squared + _C1) * (variances + _C2))


def _blur(image: Tensor) -> Tensor:
    channels = image.shape[1]
    window = image.new_tensor(_gaussian()).expand(channels, 1, 1, SSIM_WINDOW)
    # bfloat16's 8 bits drown a difference of squares
    with torch.autocast(image.device.type, enabled=False):
        across = F.conv2d(image, window, groups=channels)
        return F.conv2d(across, window.transpose(2, 3), groups=channels)


@cache
def _gaussian() -> tuple[float, ...]:
    bell = [math.exp(-0.5 * (x / SSIM_SIGMA) ** 2) for x in range(-SSIM_MARGIN, SSIM_MARGIN + 1)]
    return tuple(value / sum(bell) for value in bell)


def discriminator_loss(
    kind: str, real_logits: Tensor, fake_logits: Tensor, weight: Tensor | None = None
) -> Tensor:
    """What a discriminator gets wrong about real and about generated pictures: the sum of two means.

    Parameters
    ----------
    kind : str
        ``bce``: cross-entropy, log(1 + e^-real) + log(1 + e^fake) (Goodfellow et al. 2014; the published method).
        ``hinge``: max(0, 1 - real) + max(0, 1 + fake) (Lim and Ye 2017).
    real_logits, fake_logits : Tensor
        Any shape.
    weight : Tensor, optional
        Of each logit (n, 1, h, w), of both alike: see `weighted_mean`.
    """
    real, fake = real_logits.float(), fake_logits.float()
    if kind == BCE:
        return weighted_mean(F.softplus(-real), weight) + weighted_mean(F.softplus(fake), weight)
    if kind == HINGE:
        return weighted_mean(F.relu(1 - real), weight) + weighted_mean(F.relu(1 + fake), weight)
    raise ValueError(f"unknown adversarial loss {kind!r}")


def generator_adversarial_loss(kind: str, fake_logits: Tensor, weight: Tensor | None = None) -> Tensor:
    """How well a discriminator sees through generated pictures.

    Parameters
    ----------
    kind : str
        ``bce``: log(1 + e^-fake), the form that does not saturate. ``hinge``: -fake, which may fall below 0.
    fake_logits : Tensor
        Any shape.
    weight : Tensor, optional
        Of each logit (n, 1, h, w): see `weighted_mean`.
    """
    fake = fake_logits.float()
    if kind == BCE:
        return weighted_mean(F.softplus(-fake), weight)
    if kind == HINGE:
        return -weighted_mean(fake, weight)
    raise ValueError(f"unknown adversarial loss {kind!r}")


def feature_matching(real_feats: Sequence[Tensor], fake_feats: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of a discriminator's features, averaged over elements, then over layers.

    Wang et al. 2018 (pix2pixHD). No gradient flows into ``real_feats``.
    """
    pairs = zip(real_feats, fake_feats, strict=True)
    return torch.stack([l1(fake, real.detach()) for real, fake in pairs]).mean()
