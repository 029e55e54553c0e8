"""What an occluder takes from the photograph and from its recipe."""

from dataclasses import dataclass

import numpy as np

from .canvas import F32


@dataclass(frozen=True)
class Look:
    """Colours as linear light, float32 (3,), of surfaces that face the camera in the photograph's own light.

    Attributes
    ----------
    skin, hair : float32 (3,)
        Of this face.
    colour : float32 (3,)
        Drawn: of the thing itself, or of the sleeve.
    white : float32 (3,)
        Of a white thing.
    gloved : bool
        Whether hands are in gloves, whose colour is then ``skin``.
    seed : int
        Decides what is left: how the fingers lie, whether a cup has a lid.
    """

    skin: F32
    hair: F32
    colour: F32
    white: F32
    gloved: bool
    seed: int

    def generator(self) -> np.random.Generator:
        """Return the generator of the small things; every call gives the same numbers."""
        return np.random.Generator(np.random.PCG64(self.seed))
