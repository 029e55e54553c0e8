"""Which network: the kinds of modules, and what a checkpoint's card says of one. Imports no torch."""

from dataclasses import asdict, dataclass
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
    """

    kind: str
    name: str
    width: int = 0
    straps: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        data = asdict(self)
        return data if self.straps else {key: data[key] for key in ("kind", "name", "width")}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "NetworkSpec":
        """Rebuild it from `to_dict`; ValueError where that is not what it is."""
        try:
            straps = bool(data.get("straps", False))  # cards of older versions lack it
            return cls(str(data["kind"]), str(data["name"]), int(data["width"]), straps)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a network's description: {data!r}") from error
