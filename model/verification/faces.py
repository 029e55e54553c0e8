"""Embeddings of the pictures that are compared: bare, masked, and with the masks taken off."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from unmask.datagen.common.cores import available_cores
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.executors import open_threads
from unmask.datagen.pictures.arrays import F32, U8
from unmask.model.evaluation.evaluate import Progress, load_chosen
from unmask.model.evaluation.items import DATASET, EvalItem, EvalSet, open_eval_set
from unmask.model.evaluation.options import EvalOptions
from unmask.model.evaluation.pictures import EvalPicture, read_item
from unmask.model.inference.aligned import find_maps, restore_pictures
from unmask.model.inference.torch_modules import TrainedModule, infers_in_bf16
from unmask.model.networks.spec import EDIT, MAP

from .embedding import Embedding
from .options import VerifyOptions

BARE, MASKED = "bare", "masked"


def unmasked(edit_module: str) -> str:
    """Return what pictures are called that a module took the masks off."""
    return f"unmasked ({edit_module})"


@dataclass(frozen=True, eq=False)
class Unmaskers:
    """The Map Module, and the Editing Modules by what they were called."""

    map_module: TrainedModule
    edit_modules: dict[str, TrainedModule]

    def run(self, pictures: Sequence[U8]) -> dict[str, list[U8]]:
        """Take the masks off aligned faces: a list of pictures for each Editing Module, as `unmasked` calls it."""
        maps = [each.both for each in find_maps(self.map_module, pictures)]
        return {
            unmasked(name): [made.done for made in restore_pictures(module, pictures, maps)]
            for name, module in self.edit_modules.items()
        }


def load_unmaskers(options: VerifyOptions, device: torch.device) -> Unmaskers:
    """Load the modules; UserError naming ``map_module`` or ``edit_modules`` where one cannot be."""
    bf16 = infers_in_bf16(options.precision, device)
    map_module = load_chosen("map_module", options.map_module, MAP, device, bf16=bf16)
    edit_modules = {
        name: load_chosen("edit_modules", name, EDIT, device, bf16=bf16) for name in options.edit_modules
    }
    return Unmaskers(map_module, edit_modules)


def open_faces(options: VerifyOptions) -> tuple[EvalSet, list[EvalItem]]:
    """List the pictures of a dataset that can be compared: the first mask of each source picture.

    Raises
    ------
    UserError
        Naming ``data``: no dataset, or one without clean pictures or points.
    """
    opened = open_eval_set(EvalOptions(options.data, options.out, options.map_module, split=options.split))
    if opened.kind != DATASET:
        raise ArgumentError("data", f"{options.data}: not a dataset of unmask-data build")
    first: dict[str, EvalItem] = {}
    for item in opened.items:
        if item.clean is not None and item.points:
            first.setdefault(item.tags["source"], item)
    if not first:
        raise ArgumentError(
            "data", f"{options.data}: no picture with a clean one and the points of its face: was it adopted?"
        )
    return opened, list(first.values())


def embed_faces(
    items: Sequence[EvalItem],
    chosen: NDArray[np.intp],
    unmaskers: Unmaskers,
    embedding: Embedding,
    batch_size: int,
    progress: Progress,
) -> dict[str, F32]:
    """Embed the chosen pictures.

    Points are those of the clean picture, for all of them: what is judged is the face, not who finds it.

    Returns
    -------
    dict of str to float32 (pictures, d)
        ``bare``, ``masked``, and one for each Editing Module as `unmasked` calls it; NaN for pictures that were
        not chosen.
    """
    found: dict[str, F32] = {}
    done = 0
    for numbers, pictures in _batches(items, chosen, batch_size):
        points = [each.landmarks.points for each in pictures if each.landmarks is not None]
        masked = [each.masked for each in pictures]
        shown = {BARE: [each.clean for each in pictures if each.clean is not None], MASKED: masked}
        for kind, images in (shown | unmaskers.run(masked)).items():
            numbers_of_each = embedding.describe(images, points)
            if kind not in found:
                found[kind] = np.full((len(items), numbers_of_each.shape[1]), np.nan, np.float32)
            found[kind][numbers] = numbers_of_each
        done += len(numbers)
        progress(done, len(chosen), 0)
    return found


def _batches(
    items: Sequence[EvalItem], chosen: NDArray[np.intp], size: int
) -> Iterator[tuple[NDArray[np.intp], list[EvalPicture]]]:
    with open_threads(available_cores()) as pool:
        for start in range(0, len(chosen), size):
            numbers = chosen[start : start + size]
            yield numbers, list(pool.map(lambda number: read_item(items[number], None), numbers.tolist()))
