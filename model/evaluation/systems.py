"""What stands beside each other in an evaluation: the modules, and the baselines that know nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from unmask.datagen.pictures.arrays import F32, U8
from unmask.model.inference import aligned
from unmask.model.inference.face_finder import FaceFinder
from unmask.model.inference.pasting import paste, paste_alpha
from unmask.model.inference.photo import PhotoModules, restore_photo
from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.metrics.baselines import MeanFace, nearest_fill, telea_fill

from .pictures import EvalPicture

EDIT, PIPE, MAP = "edit", "pipe", "map"
FALSE_ALARM = f"{MAP}_false_alarm"
SYSTEM_NAMES = {
    EDIT: "Editing Module, true maps",
    PIPE: "both modules, predicted maps",
    "nothing": "do nothing",
    "nearest": "nearest pixel",
    "telea": "Telea fill",
    "mean_face": "mean face",
}


@dataclass(frozen=True, eq=False)
class Found:
    """What the Map Module makes of a picture.

    Attributes
    ----------
    probability : float32 (h, w) or None
        Of the mask body; None in a photograph, where faces are looked at apart.
    map, straps : uint8 (h, w)
        Cleaned, 0 or 255.
    """

    probability: F32 | None
    map: U8
    straps: U8


@dataclass(frozen=True, eq=False)
class Outcome:
    """What all systems make of a picture.

    Attributes
    ----------
    picture : EvalPicture
    found : Found or None
        None without a Map Module.
    done : mapping of str to uint8 (h, w, 3)
        Composited picture of every system.
    raw : mapping of str to uint8 (h, w, 3)
        The Editing Module's own picture, of ``edit`` and ``pipe``; none of a photograph.
    status : str
        Of a photograph: ``ok`` where a mask was taken off, else ``no_face``, ``no_mask``, ``too_small`` or
        ``turned_away``.
    """

    picture: EvalPicture
    found: Found | None
    done: dict[str, U8]
    raw: dict[str, U8]
    status: str = ""


@dataclass(frozen=True)
class PhotoParts:
    """What `restore_photo` works with."""

    map_module: TrainedModule
    edit_module: TrainedModule | None
    finder: FaceFinder


@dataclass(frozen=True)
class Systems:
    """Everything that is evaluated.

    Attributes
    ----------
    map_module, edit_module : TrainedModule or None
    mean_face : MeanFace or None
    photos : PhotoModules or None
        Looks for faces in every picture and frames them, as ``unmask-run`` does; None takes pictures as framed.
    """

    map_module: TrainedModule | None
    edit_module: TrainedModule | None
    mean_face: MeanFace | None
    photos: PhotoModules | None = None

    def run(self, pictures: Sequence[EvalPicture]) -> list[Outcome]:
        """Let the networks work on a batch; baselines are added by `fill_baselines`.

        Raises
        ------
        unmask.datagen.common.errors.UserError
            When a network's output is not finite.
        """
        if not pictures:
            return []
        if self.photos is not None:
            return [_run_photo(self.photos, picture) for picture in pictures]
        masked = [picture.masked for picture in pictures]
        found: list[Found | None] = [None] * len(pictures)
        if self.map_module is not None:
            seen = aligned.see_pictures(self.map_module, masked)
            found = [Found(each.body, *aligned.maps_of(each)) for each in seen]
        outcomes = [Outcome(picture, seen, {}, {}) for picture, seen in zip(pictures, found, strict=True)]
        if self.edit_module is not None:
            self._restore(EDIT, outcomes, lambda outcome: outcome.picture.map)
            self._restore(
                PIPE,
                outcomes,
                lambda outcome: None if outcome.found is None else outcome.found.map | outcome.found.straps,
            )
        return outcomes

    def _restore(
        self, name: str, outcomes: Sequence[Outcome], map_of: Callable[[Outcome], U8 | None]
    ) -> None:
        chosen = [
            (o, map_) for o in outcomes if o.picture.clean is not None and (map_ := map_of(o)) is not None
        ]
        if not chosen or self.edit_module is None:
            return
        masked, maps = [o.picture.masked for o, _ in chosen], [map_ for _, map_ in chosen]
        made = aligned.restore_pictures(self.edit_module, masked, maps)
        for (outcome, _), restoration in zip(chosen, made, strict=True):
            outcome.done[name], outcome.raw[name] = restoration.done, restoration.raw

    def fill_baselines(self, outcome: Outcome) -> None:
        """Add what the baselines make of a picture, pasted by the modules' own rule."""
        picture = outcome.picture
        if picture.clean is None:
            return
        outcome.done["nothing"] = picture.masked
        if picture.map is None:
            return
        alpha = paste_alpha(picture.map)
        hole = np.where(alpha > 0, 255, 0).astype(np.uint8)
        fills: dict[str, Callable[[U8, U8], U8]] = {"nearest": nearest_fill, "telea": telea_fill}
        # Pictures of another size are framed otherwise: there is no mean face for them.
        if self.mean_face is not None and self.mean_face.image_rgb.shape == picture.masked.shape:
            fills["mean_face"] = self.mean_face.fill
        for name, fill in fills.items():
            outcome.done[name] = paste(fill(picture.masked, hole), picture.masked, picture.map)


def _run_photo(photos: PhotoModules, picture: EvalPicture) -> Outcome:
    """What ``unmask-run`` makes of a photograph, and of its true map where there is an Editing Module."""
    made = restore_photo(photos, picture.masked)
    found = Found(None, made.map, made.straps)
    done: dict[str, U8] = {}
    if photos.edit_module is not None and picture.clean is not None:
        done[PIPE] = made.image
        if picture.map is not None:
            done[EDIT] = restore_photo(photos, picture.masked, picture.map).image
    return Outcome(picture, found, dict(sorted(done.items())), {}, made.status)
