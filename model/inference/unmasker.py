"""Both modules behind three calls: where is the mask, what is under it, and the same for a whole photograph."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unmask.datagen.pictures.arrays import F32, U8
from unmask.datagen.pictures.open_picture import PictureOrPath, open_file, open_picture
from unmask.model.checkpoints.shipped import PERCEPTUAL, SHIPPED, find_weights
from unmask.model.common.limits import AUTO
from unmask.model.networks.spec import EDIT, MAP

from .aligned import find_maps, predict_probabilities, restore_pictures
from .backends import choose_backend

if TYPE_CHECKING:
    from .face_finder import FaceFinder
    from .photo import Restored


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
    backend : str
        ``torch``; ``onnx``: onnxruntime, on the CPU and in fp32; or ``auto``: torch where it is installed.

    Raises
    ------
    UserError
        When weights are missing, damaged or of the other module, or there is no such device, precision or backend.

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
        backend: str = AUTO,
    ) -> None:
        self.backend = choose_backend(backend, device, precision)
        map_path, edit_path = find_weights(map or SHIPPED), find_weights(edit or PERCEPTUAL)
        self.map_module = self.backend.load_module(map_path, MAP)
        self.edit_module = self.backend.load_module(edit_path, EDIT)

    @cached_property
    def finder(self) -> "FaceFinder":
        """Finds the faces of photographs; its networks are loaded when they are first needed."""
        return self.backend.load_finder()

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

    def restore(self, image_rgb: PictureOrPath, alpha: F32 | U8 | str | os.PathLike[str] | None = None) -> U8:
        """Take the mask off one aligned face.

        Parameters
        ----------
        image_rgb : uint8 (h, w, 3), PIL picture, or path of a file
            RGB, framed like aligned CelebA; any size.
        alpha : (h, w) or path of a file, optional
            What is taken off: bool, float in [0, 1], or uint8 in 0..255 (or of 0 and 1 alone). Where it is not
            given: the mask that is found, with its straps.

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


def _levels(given: F32 | U8 | str | os.PathLike[str], image_rgb: U8) -> U8:
    alpha = open_file(Path(given))[..., 0] if isinstance(given, str | os.PathLike) else np.asarray(given)
    if alpha.shape != image_rgb.shape[:2]:
        raise ValueError(f"map of {alpha.shape} does not fit a picture of {image_rgb.shape}")
    if alpha.dtype == np.uint8:
        # Coverage of at most 1 in 255 is none: such a map has two values.
        return np.asarray(alpha * 255 if alpha.max(initial=0) == 1 else alpha, np.uint8)
    if not (np.isfinite(alpha).all() and alpha.min(initial=0) >= 0 and alpha.max(initial=0) <= 1):
        raise ValueError("a map's values are floats in [0, 1] or uint8 in 0..255")
    return np.asarray(np.rint(alpha * 255), np.uint8)
