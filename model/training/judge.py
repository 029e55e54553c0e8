"""What an engine asks of those that judge a training: one for each network."""

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Network = Callable[..., Tensor]  # a judged network: averaged, in evaluation mode, float32 out


class Validator(Protocol):
    """Says how good a network is on some pictures."""

    @property
    def pictures(self) -> int:
        """How many pictures a validation looks at."""

    def validate(self, network: Network) -> dict[str, float]:
        """Return a value for every column."""


class Judge(Validator, Protocol):
    """Says how good the averaged network is on the validation pictures."""

    columns: tuple[str, ...]
    best: str  # the column that decides

    def estimate_s(self, network: Network) -> float:
        """Return about how many seconds `validate` takes, from a few pictures of it."""

    def draw(self, network: Network) -> NDArray[np.uint8]:
        """Return a sheet of the same few faces as every time."""


def seconds_for(pictures: int, few: Validator, network: Network) -> float:
    """Return about how many seconds a validation of so many pictures takes, from one of ``few`` of them."""
    few.validate(network)  # the first time chooses kernels
    began = time.perf_counter()
    few.validate(network)
    return (time.perf_counter() - began) * pictures / few.pictures
