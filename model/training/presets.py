"""What a preset says: all that is tuned of a training, as tables. `.preset_files` reads them. Imports no torch."""

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from unmask.model.common.limits import MOST_DEEPER

_MOST = 1e6
PATCH, PROJECTED = "patch", "projected"


def _within(low: float, high: float) -> Any:
    return field(metadata={"limits": (low, high)})


def _one_of(*choices: str) -> Any:
    return field(metadata={"choices": choices})


@dataclass(frozen=True)
class Network:
    """Of `unmask.model.networks.networks`: its name, and the channels of its first level (0: it has fixed ones)."""

    name: str
    width: int = _within(0, 1024)


@dataclass(frozen=True)
class EditNetwork(Network):
    """Residual blocks at the bottom besides; `compact` alone has them."""

    deeper: int = _within(0, MOST_DEEPER)


@dataclass(frozen=True)
class Optimiser:
    """Adam's peak rate and running means; the norm that gradients are cut to; the decay of the weights' mean."""

    learning_rate: float = _within(1e-9, 1)
    beta1: float = _within(0, 0.99999)
    beta2: float = _within(0, 0.99999)
    clip_norm: float = _within(1e-6, _MOST)
    ema: float = _within(0, 0.999999)


@dataclass(frozen=True)
class MapOptimiser(Optimiser):
    """AdamW's decay besides."""

    weight_decay: float = _within(0, 1)


@dataclass(frozen=True)
class Schedule:
    """Steps of the linear warm-up; the last rate as a share of the peak."""

    warmup_steps: int = _within(0, _MOST)
    floor: float = _within(0, 1)


@dataclass(frozen=True)
class MapLosses:
    """Weights of the Dice loss beside binary cross-entropy, and of the straps beside the mask body (0: none)."""

    dice: float = _within(0, _MOST)
    straps: float = _within(0, _MOST)


@dataclass(frozen=True)
class FrameLosses:
    """Weight of where, how large and how turned a face is, beside whether there is one."""

    place: float = _within(0, _MOST)


@dataclass(frozen=True)
class EditLosses:
    """Weights; a loss of weight 0 is not computed, but for L1 and SSIM, which are always logged.

    L1, squared difference, 1 - SSIM, perceptual distance, the whole-region and the mask-region discriminator,
    feature matching. ``hole`` is how much more a pixel under the mask weighs in the first four than one outside.
    """

    l1: float = _within(0, _MOST)
    l2: float = _within(0, _MOST)
    ssim: float = _within(0, _MOST)
    perceptual: float = _within(0, _MOST)
    whole: float = _within(0, _MOST)
    mask: float = _within(0, _MOST)
    matching: float = _within(0, _MOST)
    hole: float = _within(0, _MOST)


@dataclass(frozen=True)
class Discriminator:
    """Network, loss, width, and the share of the budget after which the whole-region one joins."""

    network: str = _one_of(PATCH, PROJECTED)
    loss: str = _one_of("bce", "hinge")
    width: int = _within(1, 1024)
    whole_from: float = _within(0, 1)


@dataclass(frozen=True)
class MapBatch:
    """Whether whole pictures change colours; share of those shown without their mask, with an empty map."""

    colour_jitter: bool
    bare_share: float = _within(0, 0.999)


@dataclass(frozen=True)
class FrameBatch:
    """Scenes drawn of each picture of a step; share of their faces that wear no mask."""

    scenes: int = _within(1, 64)
    bare_share: float = _within(0, 1)


@dataclass(frozen=True)
class EditBatch:
    """Shares of pictures that are mirrored, recoloured, partly lit, and cut off by an edge; growth of maps.

    Maps grow by a number of pixels from the first of ``dilate_px`` to below the second.
    """

    mirror: float = _within(0, 1)
    colours: float = _within(0, 1)
    light: float = _within(0, 1)
    cut_off: float = _within(0, 1)
    dilate_px: tuple[int, int] = _within(0, 32)


@dataclass(frozen=True)
class MapValidation:
    """Column of the validation that ``best`` follows."""

    best: str = _one_of("val_iou", "val_dice", "val_boundary_f", "val_raw_iou", "val_false_alarm")


@dataclass(frozen=True)
class FrameValidation:
    """Column of the validation that ``best`` follows."""

    best: str = _one_of("val_ap", "val_recall", "val_precision")


@dataclass(frozen=True)
class EditValidation:
    """Column of the validation that ``best`` follows."""

    best: str = _one_of(
        "val_psnr", "val_ssim", "val_mask_psnr", "val_mask_ssim", "val_raw_psnr", "val_perceptual"
    )


@dataclass(frozen=True)
class EditInference:
    """Whether a restored face is the mean of the picture's and its mirror image's: nearer to the truth, softer."""

    mirror_mean: bool


@dataclass(frozen=True)
class MapPreset:
    """How a Map Module is trained: one field per table."""

    network: Network
    optimiser: MapOptimiser
    schedule: Schedule
    losses: MapLosses
    batch: MapBatch
    validation: MapValidation


@dataclass(frozen=True)
class FramePreset:
    """How the finder of faces is trained: one field per table."""

    network: Network
    optimiser: MapOptimiser
    schedule: Schedule
    losses: FrameLosses
    batch: FrameBatch
    validation: FrameValidation


@dataclass(frozen=True)
class EditPreset:
    """How an Editing Module is trained: one field per table."""

    network: EditNetwork
    optimiser: Optimiser
    schedule: Schedule
    losses: EditLosses
    discriminator: Discriminator
    batch: EditBatch
    validation: EditValidation
    inference: EditInference


Preset = MapPreset | EditPreset | FramePreset
Kind = TypeVar("Kind", MapPreset, EditPreset, FramePreset)
TABLES = frozenset(part.name for kind in (MapPreset, EditPreset, FramePreset) for part in fields(kind))
"""Names of tables; ``--set`` knows by them what is a preset's and what a recipe's."""
