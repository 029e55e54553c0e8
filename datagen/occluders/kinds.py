"""What can lie in front of a face; each kind is drawn around a point near the mouth."""

from collections.abc import Callable
from dataclasses import dataclass

from .canvas import Canvas
from .hand import draw_fingers, draw_fist, draw_hand
from .look import Look
from .strand import draw_hair
from .things import draw_cup, draw_microphone, draw_phone

Draw = Callable[[Canvas, Look], None]


@dataclass(frozen=True)
class Kind:
    """How a kind is drawn and held.

    Attributes
    ----------
    draw : callable
    middle : (right, down)
        Its usual place from the middle of the mouth along the head's own axes, IOD; right is the side from which
        it reaches in.
    turn : float
        Factor on the drawn turn: nobody drinks from a cup that lies on its side.
    of_hair : bool
        Whether it is the face's own hair, and so needs its colour.
    """

    draw: Draw
    middle: tuple[float, float]
    turn: float
    of_hair: bool = False


KINDS: dict[str, Kind] = {
    "hand": Kind(draw_hand, (0.4, 0.45), 1.0),
    "fist": Kind(draw_fist, (0.2, 0.35), 0.6),
    "fingers": Kind(draw_fingers, (0.15, -0.2), 0.8),
    "cup": Kind(draw_cup, (0.1, 0.35), 0.2),
    "microphone": Kind(draw_microphone, (0.1, 0.3), 0.8),
    "phone": Kind(draw_phone, (0.3, 0.5), 0.35),
    "hair": Kind(draw_hair, (0.0, 0.0), 0.1, of_hair=True),
}
