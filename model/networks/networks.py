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


# How each is built, and its usual width.
_BUILDERS: dict[tuple[str, str], tuple[Callable[[int], nn.Module], int]] = {
    (MAP, "compact"): (CompactMapNet, 24),
    (MAP, "pretrained"): (PretrainedMapNet, 32),
    (MAP, "paper"): (lambda _: PaperMapNet(), 0),
    (EDIT, "compact"): (CompactEditNet, 48),
    (EDIT, "paper"): (lambda _: PaperGenerator(), 0),
    (DISCRIMINATOR, "patch"): (lambda width: PatchDiscriminator(3, width), 64),
}


def default_spec(kind: str, name: str) -> NetworkSpec:
    """Return the description of a network at its usual width."""
    return NetworkSpec(kind, name, _BUILDERS.get((kind, name), (None, 0))[1])


def build_network(spec: NetworkSpec) -> nn.Module:
    """Build a network with fresh weights (drawn from torch's default generator: seed it first).

    Raises
    ------
    UserError
        When there is no such network.
    """
    if (spec.kind, spec.name) not in _BUILDERS:
        known = ", ".join(f"{kind}/{name}" for kind, name in _BUILDERS)
        raise UserError(f"network {spec.kind}/{spec.name} is not known; known: {known}")
    return _BUILDERS[spec.kind, spec.name][0](spec.width)


def count_parameters(module: nn.Module) -> int:
    """Return how many numbers training changes."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def origin_note(module: nn.Module) -> dict[str, Any]:
    """Return what a card says of weights that are not the checkpoint's own: ``encoder``, or nothing."""
    return {"encoder": module.origin} if isinstance(module, PretrainedMapNet) else {}
