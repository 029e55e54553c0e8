"""Everything that a training changes: networks, their optimisers, the running mean of the weights."""

from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from unmask.datagen.common.errors import UserError
from unmask.model.networks.networks import fit_depth, fit_outputs
from unmask.model.networks.spec import NetworkSpec

from .ema import Ema


@dataclass
class Trained:
    """Networks and optimisers by name.

    Attributes
    ----------
    spec : NetworkSpec
        Of the main network, the one that a run is about and whose weights are averaged.
    networks, optimisers : dict
        An optimiser has the name of the network whose parameters it changes.
    main : str
    ema_decay : float
    ema : Ema
    """

    spec: NetworkSpec
    networks: dict[str, nn.Module]
    optimisers: dict[str, Optimizer]
    main: str
    ema_decay: float
    ema: Ema = field(init=False)

    def __post_init__(self) -> None:
        self.ema = Ema(self.networks[self.main], self.ema_decay)

    @property
    def main_network(self) -> nn.Module:
        """The main network itself, without what Fabric wrapped around it."""
        return bare(self.networks[self.main])

    def start_from(self, weights: dict[str, Tensor], where: str) -> None:
        """Begin with the weights of another run; UserError naming ``where`` when they do not fit."""
        network, fitted = self.networks[self.main], fit_outputs(weights, self.spec)
        if self.spec.deeper:
            fitted = fit_depth(fitted, network.state_dict())
        load_into(network, fitted, where)
        self.ema = Ema(self.networks[self.main], self.ema_decay)

    def to_device(self, fabric: Fabric, *, compiled: bool) -> None:
        """Move everything to Fabric's device, channels last, and let it share gradients across processes."""
        for name, network in self.networks.items():
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs
            if compiled:
                network.compile()
            optimiser_state = self.optimisers[name].state_dict()
            wrapped, optimiser = fabric.setup(network, self.optimisers[name])
            optimiser.load_state_dict(optimiser_state)  # its tensors follow the parameters to the device
            self.networks[name], self.optimisers[name] = wrapped, optimiser
        self.ema.to(fabric.device)

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` takes."""
        return {
            "networks": {name: bare(network).state_dict() for name, network in self.networks.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "ema": self.ema.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned; call it before `to_device`."""
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
            self.optimisers[name].load_state_dict(state["optimisers"][name])
        self.ema.load_state_dict(state["ema"])


def bare(network: nn.Module) -> nn.Module:
    """Return the network itself, without what Fabric wrapped around it."""
    inner = getattr(network, "module", network)
    return inner if isinstance(inner, nn.Module) else network


def load_into(network: nn.Module, weights: dict[str, Tensor], where: str) -> None:
    """Load weights, or say in one line how they differ from the network's."""
    own = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in weights.items()}
    wrong = [name for name in own | given if own.get(name) != given.get(name)]
    if wrong:
        raise UserError(
            f"{where}: the weights are another network's: {len(wrong)} of {len(own)} differ, first {wrong[0]} "
            f"({given.get(wrong[0], 'missing')}, expected {own.get(wrong[0], 'nothing')})"
        )
    network.load_state_dict(weights)
