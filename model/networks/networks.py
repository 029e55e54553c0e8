"""Networks by name: what a checkpoint's card says is what is built."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from unmask.datagen.common.errors import UserError

from .compact import DEEPER_KEYS, CompactEditNet, CompactMapNet
from .discriminator import PatchDiscriminator
from .finder_net import FinderNet
from .frame_net import FrameNet
from .paper import PaperGenerator, PaperMapNet
from .pretrained import PretrainedMapNet
from .projected import ProjectedDiscriminator
from .spec import DISCRIMINATOR, EDIT, FRAME, MAP, REFINER, NetworkSpec

UNLEARNT_LOGIT = -4.0  # straps are rare: the first steps need not learn that

# How each is built, and its usual width.
_BUILDERS: dict[tuple[str, str], tuple[Callable[[NetworkSpec], nn.Module], int]] = {
    (MAP, "compact"): (lambda spec: CompactMapNet(spec.width, 1 + spec.straps), 24),
    (MAP, "pretrained"): (lambda spec: PretrainedMapNet(spec.width, 1 + spec.straps), 32),
    (MAP, "thawed"): (lambda spec: PretrainedMapNet(spec.width, 1 + spec.straps, frozen=False), 32),
    (MAP, "paper"): (lambda spec: PaperMapNet(1 + spec.straps), 0),
    (EDIT, "compact"): (lambda spec: CompactEditNet(spec.width, spec.deeper), 48),
    (EDIT, "paper"): (lambda _: PaperGenerator(), 0),
    (FRAME, "finder"): (lambda spec: FinderNet(spec.width), 96),
    (FRAME, REFINER): (lambda spec: FrameNet(spec.width), 16),
    (DISCRIMINATOR, "patch"): (lambda spec: PatchDiscriminator(3, spec.width), 64),
    (DISCRIMINATOR, "projected"): (lambda spec: ProjectedDiscriminator(spec.width), 32),
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
    return _BUILDERS[spec.kind, spec.name][0](spec)


def fit_outputs(weights: Mapping[str, Tensor], spec: NetworkSpec) -> dict[str, Tensor]:
    """Give a Map Module's weights the outputs of ``spec``: straps that nobody has learnt yet, or none any more.

    Parameters
    ----------
    weights : mapping of str to Tensor
        Of a network that differs from ``spec`` in its outputs at most; others come back as they are.
    """
    fitted, wanted = dict(weights), 1 + spec.straps
    for name, unlearnt in (("head.weight", 0.0), ("head.bias", UNLEARNT_LOGIT)):
        value = fitted.get(name)
        if spec.kind == MAP and value is not None and len(value) < wanted:
            fitted[name] = torch.cat([value, torch.full_like(value[:1], unlearnt)])
        elif spec.kind == MAP and value is not None:
            fitted[name] = value[:wanted]
    return fitted


def fit_depth(weights: Mapping[str, Tensor], fresh: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give a compact Editing Module's weights the blocks that a deeper one has besides: the identity.

    Parameters
    ----------
    weights, fresh : mapping of str to Tensor
        Of the network, and of a new one.
    """
    return {**{name: value for name, value in fresh.items() if name.startswith(DEEPER_KEYS)}, **weights}


def count_parameters(module: nn.Module) -> int:
    """Return how many numbers training changes."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def origin_note(module: nn.Module) -> dict[str, Any]:
    """Return what a card says of weights that are not the checkpoint's own: ``encoder``, or nothing."""
    if isinstance(module, FinderNet) or (isinstance(module, PretrainedMapNet) and module.frozen):
        return {"encoder": module.origin}
    return {}
