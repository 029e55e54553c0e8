"""Other light, film and filters over whole pictures: masks must not be found by their colour alone."""

from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from unmask.datagen.pictures.arrays import F64

_DRAWS = 16
_LOOK_DRAWS = 4
_BLURRED, _SHARPENED, _SHARPEN_MOST = 0.3, 0.35, 1.5
_NOISY, _NOISE_MOST = 0.3, 0.12  # standard deviation, of the range [-1, 1]
_LUMA = (0.299, 0.587, 0.114)
# Shares of the pictures, and how far each change goes.
_GREY, _FADED = 0.13, 0.3
_CAST, _STRONG_CAST, _CAST_LOG, _STRONG_CAST_LOG = 0.5, 0.25, 0.2, 0.55
_TONE, _GAMMA_LOG, _CONTRAST_LOG, _BRIGHTNESS = 0.6, 0.5, 0.4, 0.15
_LIFT, _LIFT_MOST = 0.15, 0.25
_LIT_DRAWS = 6
_LIT_BRIGHTER, _LIT_LOG_LEAST, _LIT_LOG = 0.65, 0.25, 1.0
_LIT_SOFT, _LIT_BAND = (0.01, 0.1), (0.25, 1.5)  # of half the shorter side


def jitter_colours(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Change saturation, tone and colour cast of each picture as a whole.

    Some become grey, by a mixture of the channels that differs as that of films does, and with a cast on top sepia
    or blue; some fade or glow; many get a cast from a slight one to a coloured lamp's; many another gamma, contrast
    and brightness; some have black lifted to a colour, as photo filters do.

    Parameters
    ----------
    pictures : Tensor
        (n, 3, h, w) in [-1, 1].
    rng : np.random.Generator
        The same numbers are drawn for every picture, whatever becomes of it.

    Returns
    -------
    Tensor
        Of the same shape and range; new.
    """
    numbers = rng.random((len(pictures), _DRAWS)).T
    weights, saturation = _saturations(numbers[:5])
    gamma, contrast, brightness = _tones(numbers[5:9])
    gains, lift = _casts(numbers[9:])

    each = partial(_each, like=pictures)
    levels = ((pictures + 1) / 2).clamp(0, 1) ** each(gamma)
    levels = ((levels - 0.5) * each(contrast) + 0.5 + each(brightness)).clamp(0, 1)
    grey = (levels * each(weights)).sum(1, keepdim=True)
    levels = grey + (levels - grey) * each(saturation)
    levels = each(lift) + levels * (each(gains) - each(lift))
    return levels.clamp(0, 1) * 2 - 1


def jitter_sharpness(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Blur some pictures, sharpen others, and put noise on some.

    What drawing leaves at a mask's outline and in its cloth, and photographs do not have, is then no sure sign.

    Parameters
    ----------
    pictures : Tensor
        (n, 3, h, w) in [-1, 1].
    rng : np.random.Generator

    Returns
    -------
    Tensor
        Of the same shape and range; new.
    """
    kind, amount, noisy, noise = rng.random((len(pictures), _LOOK_DRAWS)).T
    seed = int(rng.integers(2**62))
    sharper = np.select(
        [kind < _BLURRED, kind < _BLURRED + _SHARPENED], [-amount, _SHARPEN_MOST * amount], 0.0
    )
    spread = np.where(noisy < _NOISY, _NOISE_MOST * noise**2, 0.0)

    each = partial(_each, like=pictures)
    made = pictures + each(sharper) * (pictures - _blurred(pictures))
    grains = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(seed)).to(pictures)
    return (made + each(spread) * grains).clamp(-1, 1)


def jitter_light(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Let sunlight or a shadow with an edge fall across pictures, so that a part of a mask is glaring or dim.

    Parameters
    ----------
    pictures : Tensor
        (n, 3, h, w) in [-1, 1].
    rng : np.random.Generator

    Returns
    -------
    Tensor
        Of the same shape and range; new.
    """
    turn, place, softness, band, brighter, strength = rng.random((len(pictures), _LIT_DRAWS)).T
    logs = (_LIT_LOG_LEAST + (_LIT_LOG - _LIT_LOG_LEAST) * strength) * np.where(
        brighter < _LIT_BRIGHTER, 1, -1
    )

    each = partial(_each, like=pictures)
    across, down = (
        torch.arange(side, device=pictures.device, dtype=pictures.dtype) - (side - 1) / 2
        for side in (pictures.shape[3], pictures.shape[2])
    )
    half = min(pictures.shape[2:]) / 2
    ahead = each(np.cos(2 * np.pi * turn)) * across + each(np.sin(2 * np.pi * turn)) * down[:, None]
    ahead = ahead / half - each(place * 1.2 - 0.6)
    soft = each(_LIT_SOFT[0] + (_LIT_SOFT[1] - _LIT_SOFT[0]) * softness)
    wide = each(_LIT_BAND[0] + (_LIT_BAND[1] - _LIT_BAND[0]) * band)
    light = torch.sigmoid(ahead / soft) * torch.sigmoid((wide - ahead) / soft)
    gain = torch.exp(each(logs) * light)
    return ((pictures + 1) * gain - 1).clamp(-1, 1)


def _each(values: F64, like: Tensor) -> Tensor:
    """Numbers of n pictures, (n,) or (n, channels), as (n, 1 or channels, 1, 1) beside pictures (n, c, h, w)."""
    return torch.from_numpy(values).to(like).reshape(len(like), -1, 1, 1)


def _blurred(pictures: Tensor) -> Tensor:
    """Blur with a standard deviation of 1.2 pixels."""
    taps = torch.exp(-torch.arange(-3.0, 4.0).square() / (2 * 1.2**2)).to(pictures)
    kernel = (taps / taps.sum()).expand(3, 1, 1, 7)
    rows = functional.conv2d(functional.pad(pictures, (3, 3, 0, 0), "reflect"), kernel, groups=3)
    padded = functional.pad(rows, (0, 0, 3, 3), "reflect")
    return functional.conv2d(padded, kernel.transpose(2, 3), groups=3)


def _saturations(numbers: F64) -> tuple[F64, F64]:
    """Weights (n, 3) of the channels in grey, and factors (n,) on what differs from grey."""
    kind, amount, *mixture = numbers
    mixed = np.array(_LUMA) * np.exp(np.stack(mixture, 1) * 3 - 1.5)
    usual = 0.6 + 0.9 * amount
    saturation = np.select([kind < _GREY, kind < _GREY + _FADED], [np.zeros_like(amount), amount], usual)
    return mixed / mixed.sum(1, keepdims=True), saturation


def _tones(numbers: F64) -> tuple[F64, ...]:
    """Gamma, contrast and brightness, (n,) each."""
    chosen = numbers[0] < _TONE
    gamma, contrast, brightness = chosen * (numbers[1:] * 2 - 1)
    return np.exp(_GAMMA_LOG * gamma), np.exp(_CONTRAST_LOG * contrast), _BRIGHTNESS * brightness


def _casts(numbers: F64) -> tuple[F64, F64]:
    """Gains (n, 3) on the channels and what black becomes (n, 3)."""
    kind, hue, amount, lifted, lift_hue, lift_amount, dark = numbers
    reach = np.select([kind < _STRONG_CAST, kind < _STRONG_CAST + _CAST], [_STRONG_CAST_LOG, _CAST_LOG], 0.0)
    logs = (reach * amount)[:, None] * _direction(hue)
    gains = np.exp(logs - np.maximum(logs.max(1, keepdims=True), 0) * dark[:, None])
    strength = np.where(lifted < _LIFT, _LIFT_MOST * lift_amount, 0.0)
    return gains, strength[:, None] * (1 + _direction(lift_hue)) / 2


def _direction(hue: F64) -> F64:
    """Red, green and blue (n, 3) of a hue in [0, 1): -1 to 1, their sum 0."""
    return np.asarray(np.cos(2 * np.pi * (hue[:, None] - np.array([0, 1 / 3, 2 / 3]))), np.float64)
