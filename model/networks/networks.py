"""Networks by name: what a checkpoint's card says is what is built."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from unmask.datagen.common.errors import UserError

from .compact import CompactEditNet, CompactMapNet
from .discriminator import PatchDiscriminator
from .paper import PaperGenerator, PaperMapNet
from .pretrained import PretrainedMapNet

MAP, EDIT, DISCRIMINATOR = "map", "edit", "discriminator"
MODULE_NAMES = {MAP: "Map Module", EDIT: "Editing Module", DISCRIMINATOR: "discriminator"}


@dataclass(frozen=True)
class NetworkSpec:
    """Which network: enough to build it again.

    Attributes
    ----------
    kind : str
        ``map``, ``edit`` or ``discriminator``.
    name : str
        ``compact``, ``pretrained`` (map) or ``paper``; ``patch`` for the discriminator.
    width : int
        Channels of the first level; 0 where the published widths are fixed.
    """

    kind: str
    name: str
    width: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "NetworkSpec":
        """Rebuild it from `to_dict`; ValueError where that is not what it is."""
        try:
            return cls(str(data["kind"]), str(data["name"]), int(data["width"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a network's description: {data!r}") from error


_BUILDERS: dict[tuple[str, str], Callable[[int], nn.Module]] = {
    (MAP, "compact"): CompactMapNet,
    (MAP, "pretrained"): PretrainedMapNet,
    (MAP, "paper"): lambda _: PaperMapNet(),
    (EDIT, "compact"): CompactEditNet,
    (EDIT, "paper"): lambda _: PaperGenerator(),
    (DISCRIMINATOR, "patch"): lambda width: PatchDiscriminator(3, width),
}
DEFAULT_WIDTHS = {
    (MAP, "compact"): 24,
    (MAP, "pretrained"): 32,
    (EDIT, "compact"): 48,
    (DISCRIMINATOR, "patch"): 64,
}


def default_spec(kind: str, name: str) -> NetworkSpec:
    """Return the description of a network at its usual width."""
    return NetworkSpec(kind, name, DEFAULT_WIDTHS.get((kind, name), 0))


def build_network(spec: NetworkSpec) -> nn.Module:
    """Build a network with fresh weights (drawn from torch's default generator: seed it first).

    Raises
    ------
    UserError
        When there is no such network.
    """
    builder = _BUILDERS.get((spec.kind, spec.name))
    if builder is None:
        known = ", ".join(f"{kind}/{name}" for kind, name in _BUILDERS)
        raise UserError(f"network {spec.kind}/{spec.name} is not known; known: {known}")
    return builder(spec.width)


def count_parameters(module: nn.Module) -> int:
    """Return how many numbers training changes."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def origin_note(module: nn.Module) -> dict[str, Any]:
    """Return what a card says of weights that are not the checkpoint's own: ``encoder``, or nothing."""
    return {"encoder": module.origin} if isinstance(module, PretrainedMapNet) else {}
