"""What a step of the Editing Module's training is judged by: pictures, and what was seen in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torch import Tensor

WHOLE, MASK = "whole", "mask"


@dataclass(frozen=True)
class JudgedPictures:
    """One step's pictures: float32, (n, 3, h, w) in [-1, 1]; ``paste`` (n, 1, h, w) in [0, 1].

    Attributes
    ----------
    picture : Tensor
        What the network saw: the masked photograph.
    clean : Tensor
    paste : Tensor
        The map that the network got: dilated, feathered.
    output : Tensor
        The network's own picture, everywhere.
    """

    picture: Tensor
    clean: Tensor
    paste: Tensor
    output: Tensor
    _seen: dict[str, Sequence[Tensor]] = field(default_factory=dict, repr=False, compare=False)

    def remember(self, what: str, look: Callable[[], Sequence[Tensor]]) -> Sequence[Tensor]:
        """Return features by name; looks for them the first time only."""
        if what not in self._seen:
            self._seen[what] = look()
        return self._seen[what]
