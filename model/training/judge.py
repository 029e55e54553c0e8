"""What an engine asks of those that judge a training: one for each network."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Network = Callable[..., Tensor]  # a judged network: averaged, in evaluation mode, float32 out


class Judge(Protocol):
    """Says how good the averaged network is on the validation pictures."""

    columns: tuple[str, ...]
    best: str  # the column that decides

    @property
    def pictures(self) -> int:
        """How many pictures a validation looks at."""

    def estimate_s(self, network: Network) -> float:
        """Return about how many seconds `validate` takes, from a few pictures of it."""

    def validate(self, network: Network) -> dict[str, float]:
        """Return a value for every column."""

    def draw(self, network: Network) -> NDArray[np.uint8]:
        """Return a sheet of the same few faces as every time."""
