"""A running mean of a network's weights: what is judged, kept as `best` and used after training."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Ema:
    """Exponential moving average of a module's parameters; buffers (batch statistics) are the latest ones.

    Update n, counted from 0, takes ``d * mean + (1 - d) * weights`` with ``d = min(decay, (1 + n) / (10 + n))``:
    a short run is then not dominated by the weights it started from.

    Parameters
    ----------
    module : nn.Module
        The bare network, on its device, without the wrappers of DDP and ``torch.compile``, which rename weights.
    decay : float
        In [0, 1).
    """

    def __init__(self, module: nn.Module, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay {decay}: expected 0 <= decay < 1")
        self.decay = decay
        self.updates = 0
        self._parameters = frozenset(name for name, _ in module.named_parameters(remove_duplicate=False))
        # Means in float32: a step of 1/1000 of a difference is below what half precision can hold.
        self._shadow = {
            name: value.detach().clone() if name not in self._parameters else value.detach().float().clone()
            for name, value in module.state_dict().items()
        }

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take the module's present weights into the mean; call it after every step of the optimiser."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        means: list[Tensor] = []
        latest: list[Tensor] = []
        for name, value in module.state_dict().items():
            if name in self._parameters:
                means.append(self._shadow[name])
                latest.append(value.detach().float())
            else:
                self._shadow[name].copy_(value)
        if means:
            average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch leaves it so
            average(means, latest, self.updates)

    def weights(self) -> dict[str, Tensor]:
        """Return the mean under the names of ``module.state_dict()``; the tensors are the live ones, not copies."""
        return dict(self._shadow)

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` takes; the tensors are the live ones, not copies."""
        return {"decay": self.decay, "updates": self.updates, "weights": self.weights()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned; the decay stays the one given to this object.

        Raises
        ------
        ValueError
            When names or shapes are those of another network.
        """
        weights: Mapping[str, Tensor] = state["weights"]
        if {name: value.shape for name, value in weights.items()} != {
            name: value.shape for name, value in self._shadow.items()
        }:
            raise ValueError("the averaged weights are those of another network")
        with torch.no_grad():
            for name, value in weights.items():
                self._shadow[name].copy_(value)
        self.updates = int(state["updates"])

    def to(self, device: str | torch.device) -> None:
        """Move the mean to a device: the one that the module is updated on."""
        self._shadow = {name: value.to(device) for name, value in self._shadow.items()}

    @contextmanager
    def swapped(self, module: nn.Module) -> Iterator[nn.Module]:
        """Give the module the averaged weights inside the block, in evaluation mode; after it, exactly its own.

        Each part's training or evaluation mode comes back too.
        """
        modes = {part: part.training for part in module.modules()}
        own = {name: value.detach().clone() for name, value in module.state_dict().items()}
        try:
            module.load_state_dict(self._shadow)
            yield module.eval()
        finally:
            module.load_state_dict(own)
            for part, training in modes.items():
                part.training = training
