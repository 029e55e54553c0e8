"""Both modules behind three calls: where is the mask, what is under it, and the same for a whole photograph."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from unmask.datagen.common.checks import check_choice
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.pictures.arrays import F32, U8
from unmask.datagen.pictures.open_picture import PictureOrPath, open_picture
from unmask.model.checkpoints.checkpoint import load_model
from unmask.model.checkpoints.shipped import (
    FINDER,
    PERCEPTUAL,
    SHIPPED,
    find_weights,
    shipped_weights,
    weights_folder,
)
from unmask.model.common.limits import PRECISIONS
from unmask.model.networks.networks import EDIT, FRAME, MAP

from .aligned import TrainedModule, find_maps, predict_probabilities, restore_pictures
from .precision import AUTO, infers_in_bf16

if TYPE_CHECKING:
    from .face_finder import FaceFinder
    from .photo import Restored

FRAME_FILE = "frame.safetensors"  # the Frame Module's weights


class Unmasker:
    """Takes masks off pictures.

    Parameters
    ----------
    map, edit : str or Path, optional
        Runs, checkpoints or weights of the two modules; ``edit`` may also be the name of a shipped preset. None:
        the shipped Map Module, the shipped ``perceptual`` Editing Module.
    device : str, optional
        Such as ``cpu`` or ``cuda``; None takes a GPU where there is one.
    precision : str
        ``fp32``, ``bf16`` (a quarter faster on CPUs that know it), or ``auto``: bf16 on a GPU, fp32 elsewhere.

    Raises
    ------
    UserError
        When weights are missing, damaged or of the other module, or there is no such device or precision.

    Examples
    --------
    >>> import unmask
    >>> unmasker = unmask.Unmasker()
    >>> result = unmasker.restore_photo("photo.jpg")
    >>> result.status, result.image.shape, result.map.shape
    ('ok', (512, 512, 3), (512, 512))
    """

    def __init__(
        self,
        map: str | Path | None = None,  # noqa: A002 - the module's name everywhere else, too
        edit: str | Path | None = None,
        device: str | None = None,
        precision: str = AUTO,
    ) -> None:
        check_choice("precision", precision, PRECISIONS)
        self.device = choose_device(device)
        bf16 = infers_in_bf16(precision, self.device)
        map_path, edit_path = find_weights(map or SHIPPED), find_weights(edit or PERCEPTUAL)
        self.map_module = load_module(map_path, MAP, self.device, bf16=bf16)
        self.edit_module = load_module(edit_path, EDIT, self.device, bf16=bf16)

    @cached_property
    def finder(self) -> "FaceFinder":
        """Finds the faces of photographs; its networks are loaded when they are first needed."""
        return load_finder(self.device)

    def segment(self, image_rgb: PictureOrPath) -> F32:
        """Find the mask of one aligned face.

        Parameters
        ----------
        image_rgb : uint8 (h, w, 3), PIL picture, or path of a file
            RGB, framed roughly like aligned CelebA; any size.

        Returns
        -------
        float32 (h, w) in [0, 1]
            Probability that a pixel is mask; binary map: at least 0.5, cleaned by
            `unmask.model.inference.cleaning.clean_map`.
        """
        return predict_probabilities(self.map_module, [open_picture(image_rgb)])[0]

    def restore(self, image_rgb: PictureOrPath, alpha: F32 | U8 | None = None) -> U8:
        """Take the mask off one aligned face.

        Parameters
        ----------
        image_rgb : uint8 (h, w, 3), PIL picture, or path of a file
            RGB, framed like aligned CelebA; any size.
        alpha : (h, w), optional
            What is taken off: float in [0, 1] or uint8 in 0..255. Where it is not given: the mask that is found,
            with its straps.

        Returns
        -------
        uint8 (h, w, 3)
            Pixels that are further than 4 px from the map are those of ``image_rgb``; all of them where the map is
            empty.

        Raises
        ------
        ValueError
            When an array has another shape, type or range.
        UserError
            When a file cannot be read.
        """
        image = open_picture(image_rgb)
        map_ = find_maps(self.map_module, [image])[0].both if alpha is None else _levels(alpha, image)
        if not map_.any():
            return image.copy()
        return restore_pictures(self.edit_module, [image], [map_])[0].done

    def restore_photo(self, image_rgb: PictureOrPath) -> "Restored":
        """Find the masked faces of a photograph and take their masks off: see `.photo.restore_photo`.

        The photograph is an array, uint8 (h, w, 3) RGB, a PIL picture, or the path of a file.
        """
        from .photo import restore_photo

        return restore_photo(self, open_picture(image_rgb))


def load_finder(device: torch.device) -> "FaceFinder":
    """Load what finds the faces of photographs.

    Raises
    ------
    UserError
        When its weights are missing or damaged.
    """
    from unmask.model.networks.frame_net import load_frame_module

    from .face_finder import FaceFinder

    finder = load_module(shipped_weights(FINDER), FRAME, device)
    return FaceFinder(load_frame_module(weights_folder() / FRAME_FILE, device), finder)


def load_module(path: Path, kind: str, device: torch.device, *, bf16: bool = False) -> TrainedModule:
    """Load a module: `unmask.model.checkpoints.checkpoint.load_model` on a device."""
    network, card = load_model(path, kind)
    return TrainedModule(network, card, device, bf16=bf16)


def choose_device(name: str | None) -> torch.device:
    """Return a device by name; None and ``auto`` take a GPU where there is one.

    Raises
    ------
    UserError
        Naming ``device``, when there is no such device here.
    """
    if name in (None, "auto"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(str(name))
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ArgumentError("device", f"{name}: not available here") from error
    return device


def _levels(alpha: F32 | U8, image_rgb: U8) -> U8:
    if alpha.shape != image_rgb.shape[:2]:
        raise ValueError(f"map of {alpha.shape} does not fit a picture of {image_rgb.shape}")
    if alpha.dtype == np.uint8:
        return np.asarray(alpha, np.uint8)
    if not (np.isfinite(alpha).all() and alpha.min(initial=0) >= 0 and alpha.max(initial=0) <= 1):
        raise ValueError("a map's values are floats in [0, 1] or uint8 in 0..255")
    return np.asarray(np.rint(alpha * 255), np.uint8)
