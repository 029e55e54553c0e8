"""The two networks at work on aligned faces: probabilities of the mask, and restored pictures, in batches.

Imports neither torch nor onnxruntime: `.torch_modules` and `.onnx_modules` run the networks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UserError
from unmask.datagen.pictures.arrays import F32, U8
from unmask.model.networks.spec import MODULE_NAMES

from .calibration import calibrated
from .cleaning import clean_map
from .edges import at_edges, edge_coefficients
from .exposure import exposure_of
from .network_frame import NetworkFrame
from .pasting import paste
from .strap_mask import clean_straps, joined_straps
from .tone import in_tone

# Straps are a pixel or two wide where the network sees a mask well. On pictures twice as large, as jitter showed it
# some in training, it finds them at an IoU of 0.59 instead of 0.39 (benchmarks/straps.py).
STRAP_ZOOM = 2


class FaceModule(Protocol):
    """A trained Map or Editing Module and the width that it was trained at; pictures are of one size."""

    @property
    def card(self) -> Mapping[str, Any]:
        """``model.json`` of its checkpoint."""

    @property
    def side(self) -> int:
        """Shorter side in pixels at which it was trained."""

    def probabilities(self, pictures: U8) -> F32:
        """What a Map Module says: pictures (n, h, w, 3) to probabilities (n, h, w, layers)."""

    def straps(self, pictures: U8) -> F32:
        """What it says of straps, if it knows them, without a mirror image: (n, h, w, 3) to (n, h, w)."""

    def faces(self, pictures: U8, maps: U8) -> U8:
        """What an Editing Module draws: pictures (n, h, w, 3) and maps (n, h, w) to pictures."""


@dataclass(frozen=True)
class Restoration:
    """What the Editing Module made of a picture, both uint8 (h, w, 3) at its size.

    Attributes
    ----------
    raw : U8
        The network's own picture.
    done : U8
        The same pasted where the map is; every other pixel is the masked picture's.
    """

    raw: U8
    done: U8


class Seen(NamedTuple):
    """What the Map Module sees in a picture: probabilities, float32 (h, w) in [0, 1].

    Attributes
    ----------
    body : F32
        Of the mask body.
    straps : F32 or None
        Of its straps; None where the network does not know straps. Of a face in a photograph: on a finer grid.
    """

    body: F32
    straps: F32 | None


def not_finite(card: Mapping[str, Any]) -> UserError:
    """Return the error of a network whose output is no number."""
    what = MODULE_NAMES.get(str(card.get("network", {}).get("kind")), "network")
    return UserError(f"the {what}'s output is not finite (NaN): its weights are of no use")


def see_pictures(module: FaceModule, pictures: Sequence[U8]) -> list[Seen]:
    """Probabilities of mask and straps in each pixel; the mask's end at the edges of the picture.

    Parameters
    ----------
    module : FaceModule
        A Map Module.
    pictures : sequence of uint8 (h, w, 3)
        RGB; of any sizes, but one size is faster.

    Returns
    -------
    list of Seen
        What `look_at` returns, the mask body calibrated and fitted to the picture's colours, straps joined with a
        closer look. On 40 photographs with hand-drawn maps the first two are worth 0.008 and 0.013 of IoU.
    """
    seen = _see_bodies(module, pictures)
    return _with_closer(seen, module, pictures, range(len(seen)))


def look_at(module: FaceModule, pictures: Sequence[U8]) -> list[Seen]:
    """What the Map Module itself says, as smooth as its own size makes it; parameters as for `see_pictures`.

    Returns
    -------
    list of Seen
        The mean of what the network finds in the picture and in its mirror image: on 40 photographs with hand-drawn
        maps that is worth 0.03 of IoU.
    """
    answers = _answers(pictures, module.side, module.probabilities)
    return [Seen(np.ascontiguousarray(each[..., 0]), _plane(each, 1)) for each in answers]


def see_closer(module: FaceModule, pictures: Sequence[U8]) -> list[F32]:
    """Probability of a strap, float32 (h, w), from pictures `STRAP_ZOOM` times as large as `look_at` takes.

    Of a network that knows straps; parameters as for `see_pictures`. The mirror image, worth 0.02 of IoU, is left
    out: it would take as long again, and this already takes longer than the rest of a map.
    """
    answers = _answers(pictures, STRAP_ZOOM * module.side, lambda stack: module.straps(stack)[..., None])
    return [np.ascontiguousarray(each[..., 0]) for each in answers]


def _with_closer(
    seen: Sequence[Seen], module: FaceModule, pictures: Sequence[U8], rows: Iterable[int]
) -> list[Seen]:
    """Join straps with a closer look in some of the pictures, where the network knows them."""
    rows = [row for row in rows if seen[row].straps is not None]
    closer = dict(zip(rows, see_closer(module, [pictures[row] for row in rows]), strict=True))
    return [Seen(each.body, joined_straps(each.straps, closer.get(row))) for row, each in enumerate(seen)]


def _see_bodies(module: FaceModule, pictures: Sequence[U8]) -> list[Seen]:
    """What `see_pictures` returns, without the closer look at straps."""

    def fitted(stack: U8) -> F32:
        said = module.probabilities(stack)
        places = [
            edge_coefficients(calibrated(body), seen) for body, seen in zip(said[..., 0], stack, strict=True)
        ]
        return np.concatenate([np.stack(places), said[..., 1:]], 3)

    answers = _answers(pictures, module.side, fitted)
    bodies = [
        np.clip(at_edges(each[..., :4], picture), 0, 1)
        for each, picture in zip(answers, pictures, strict=True)
    ]
    return [Seen(body, _plane(each, 4)) for body, each in zip(bodies, answers, strict=True)]


def _answers(pictures: Sequence[U8], side: int, answer: Callable[[U8], F32]) -> list[F32]:
    """Answers of the size of each picture, (h, w, layers)."""
    return [np.asarray(each, np.float32) for each in _by_size((pictures,), side, answer)]


def _by_size(
    parts: Sequence[Sequence[U8]], side: int, answer: Callable[..., NDArray[np.generic]]
) -> list[NDArray[np.generic]]:
    """Give each sequence of pictures or maps to ``answer`` as a stack, sizes apart; results in order.

    Parameters
    ----------
    parts : sequences of equal length
        Such as (pictures, maps): uint8 (h, w, 3) or (h, w), the parts of one item of one size.
    side : int
        Shorter side at which the network sees them.
    answer : callable
        Takes a stack (n, h, w[, 3]) for each of ``parts``; returns (n, h, w, c).
    """
    results: list[NDArray[np.generic] | None] = [None] * len(parts[0])
    sizes = [picture.shape[:2] for picture in parts[0]]
    for height, width in dict.fromkeys(sizes):
        rows = [row for row, size in enumerate(sizes) if size == (height, width)]
        frame = NetworkFrame(width, height, side)
        given = [np.stack([frame.shrink(part[row]) for row in rows]) for part in parts]
        for row, made in zip(rows, answer(*given), strict=True):
            results[row] = frame.enlarge(made)
    return [result for result in results if result is not None]


def _plane(layers: F32, number: int) -> F32 | None:
    return np.ascontiguousarray(layers[..., number]) if layers.shape[2] > number else None


def predict_probabilities(module: FaceModule, pictures: Sequence[U8]) -> list[F32]:
    """Probability of the mask body in each pixel, float32 (h, w); parameters as for `see_pictures`."""
    return [seen.body for seen in _see_bodies(module, pictures)]


class Maps(NamedTuple):
    """Cleaned maps of one picture, uint8 (h, w), 0 or 255: the mask body, and its straps beside it."""

    body: U8
    straps: U8

    @property
    def both(self) -> U8:
        """All that is taken off."""
        return self.body | self.straps


def find_maps(module: FaceModule, pictures: Sequence[U8]) -> list[Maps]:
    """Cleaned maps; parameters as for `see_pictures`. Straps are looked for where there is a mask."""
    seen = _see_bodies(module, pictures)
    bodies = [clean_map(each.body) for each in seen]
    masked = [row for row, body in enumerate(bodies) if body.any()]
    seen = _with_closer(seen, module, pictures, masked)
    return [_maps(body, each.straps) for body, each in zip(bodies, seen, strict=True)]


def maps_of(seen: Seen) -> Maps:
    """Cleaned maps of what was seen."""
    return _maps(clean_map(seen.body), seen.straps)


def _maps(body: U8, straps: F32 | None) -> Maps:
    return Maps(body, np.zeros_like(body) if straps is None else clean_straps(straps, body))


def restore_pictures(module: FaceModule, pictures: Sequence[U8], maps: Sequence[U8]) -> list[Restoration]:
    """Draw what is under the masks and paste it: in the light of the picture, and in its tone if it has only one.

    Parameters
    ----------
    module : FaceModule
        An Editing Module.
    pictures : sequence of uint8 (h, w, 3)
        RGB, each an aligned face.
    maps : sequence of uint8 (h, w)
        0..255: true coverage, or a cleaned map.
    """
    hidden = [map_ > 0 for map_ in maps]
    lights = [exposure_of(*each) for each in zip(pictures, hidden, strict=True)]
    shown = [light.shown(picture) for light, picture in zip(lights, pictures, strict=True)]
    raws = _by_size((shown, maps), module.side, module.faces)
    made = []
    for raw, light, picture, under, map_ in zip(raws, lights, pictures, hidden, maps, strict=True):
        toned = in_tone(light.back(np.asarray(raw, np.uint8)), picture, under)
        made.append(Restoration(toned, paste(toned, picture, map_)))
    return made
