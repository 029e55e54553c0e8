"""Which network: the kinds of modules, and what a checkpoint's card says of one. Imports no torch."""

from dataclasses import asdict, dataclass
from itertools import cycle, islice
from typing import Any

MAP, EDIT, FRAME, DISCRIMINATOR = "map", "edit", "frame", "discriminator"
REFINER = "refiner"  # of `FRAME`: the Frame Module, which settles what the other network finds
MODULE_NAMES = {
    MAP: "Map Module",
    EDIT: "Editing Module",
    FRAME: "finder of faces",
    DISCRIMINATOR: "discriminator",
}


@dataclass(frozen=True)
class NetworkSpec:
    """Which network: enough to build it again.

    Attributes
    ----------
    kind : str
        ``map``, ``edit``, ``frame`` or ``discriminator``.
    name : str
        ``compact``, ``pretrained`` (map), ``thawed`` (map: the same, with an encoder that learns) or ``paper``;
        ``finder`` or ``refiner`` (frame; the latter is the Frame Module); ``patch`` or ``projected`` for the
        discriminator.
    width : int
        Channels of the first level; 0 where the published widths are fixed.
    straps : bool
        Of a Map Module: a second output says where the straps are.
    deeper : int
        Of a compact Editing Module: residual blocks at the bottom, besides the two that all have.
    """

    kind: str
    name: str
    width: int = 0
    straps: bool = False
    deeper: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        # Cards of older versions have neither of the last two; what is usual stays out.
        return {key: value for key, value in asdict(self).items() if value or key not in ("straps", "deeper")}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "NetworkSpec":
        """Rebuild it from `to_dict`; ValueError where that is not what it is."""
        try:
            straps, deeper = bool(data.get("straps", False)), int(data.get("deeper", 0))
            return cls(str(data["kind"]), str(data["name"]), int(data["width"]), straps, deeper)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a network's description: {data!r}") from error


def edit_dilations(deeper: int = 0) -> tuple[int, ...]:
    """Return the dilation of each block at the bottom of a compact Editing Module."""
    return (2, 4, *islice(cycle((1, 2)), deeper))
