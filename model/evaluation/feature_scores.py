"""Perceptual distances, features for KID and a classifier's answers of a batch of outcomes."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import U8, Bools
from unmask.datagen.pictures.picture import fit_picture
from unmask.model.networks.lpips import Lpips

from .attributes import SIDE_PX, AttributeProbe
from .features import FeatureNetwork, Features, lpips_distances, mask_crop, perceptual_distances
from .folder import Arrays
from .scores import Row, mask_of
from .systems import Outcome

CLEAN, SHIFTED = "clean", "shifted"
WHOLE_FEATURES, CROP_FEATURES, ANSWERS, ANSWERED = "whole", "crop", "yes", "answered"


class FeatureMeter:
    """Looks at outcomes through a network that knows ImageNet.

    Parameters
    ----------
    network : FeatureNetwork
    probe : AttributeProbe or None
        None leaves attributes out.
    lpips : Lpips or None
        None leaves that distance out.
    """

    def __init__(
        self, network: FeatureNetwork, probe: AttributeProbe | None, lpips: Lpips | None = None
    ) -> None:
        self.network = network
        self.probe = probe
        self.lpips = None if lpips is None else lpips.to(network.device)

    def measure(self, outcomes: Sequence[Outcome], rows: Sequence[Row]) -> Arrays:
        """Add ``<system>_perceptual`` and ``<system>_mask_perceptual`` to the rows that have a clean picture.

        And the same of ``lpips``, where there is one.

        Returns
        -------
        dict of str to array
            ``whole_<system>``, ``crop_<system>`` (n, 1280) float16 and ``yes_<system>`` (n, attributes) bool, for
            every system and ``clean``; ``yes_shifted`` for the clean picture moved by a pixel. A picture without
            such a result is left out. With a probe, ``answered``: the keys of the answers' pictures.
        """
        found: dict[str, list[NDArray[np.generic]]] = defaultdict(list)
        sizes: dict[object, list[int]] = defaultdict(list)
        for index, outcome in enumerate(outcomes):
            if outcome.picture.clean is not None:
                sizes[outcome.picture.clean.shape, tuple(outcome.done)].append(index)
        for indices in sizes.values():
            chosen = [outcomes[index] for index in indices]
            for name, values in self._measure_one_size(chosen, [rows[index] for index in indices]).items():
                found[name].append(values)
        return {name: np.concatenate(values) for name, values in found.items()}

    def _measure_one_size(self, outcomes: Sequence[Outcome], rows: Sequence[Row]) -> Arrays:
        cleans = np.stack(
            [outcome.picture.clean for outcome in outcomes if outcome.picture.clean is not None]
        )
        masks = np.stack([mask_of(outcome) for outcome in outcomes])
        clean = self.network.describe(cleans)
        arrays = self._arrays(CLEAN, clean, cleans, masks)
        if self.probe is not None:
            arrays[ANSWERED] = np.array([outcome.picture.item.key for outcome in outcomes])
            moved = np.roll(cleans, 1, axis=2)
            arrays[f"{ANSWERS}_{SHIFTED}"] = self._answers(self.probe, None, moved)
        for system in outcomes[0].done:
            pictures = np.stack([outcome.done[system] for outcome in outcomes])
            seen = self.network.describe(pictures)
            apart = perceptual_distances(seen, clean, masks)
            for row, whole, mask in zip(rows, apart.whole, apart.mask, strict=True):
                row[f"{system}_perceptual"], row[f"{system}_mask_perceptual"] = float(whole), float(mask)
            if self.lpips is not None:
                far = lpips_distances(self.lpips, pictures, cleans, masks)
                for row, whole, mask in zip(rows, far.whole, far.mask, strict=True):
                    row[f"{system}_lpips"], row[f"{system}_mask_lpips"] = float(whole), float(mask)
            arrays |= self._arrays(system, seen, pictures, masks)
        return arrays

    def _arrays(self, system: str, seen: Features, pictures: U8, masks: Bools) -> Arrays:
        arrays: Arrays = {f"{WHOLE_FEATURES}_{system}": seen.pooled.astype(np.float16)}
        crops = [
            crop
            for picture, mask in zip(pictures, masks, strict=True)
            if (crop := mask_crop(picture, mask)) is not None
        ]
        if crops:
            pooled = self.network.pooled(np.stack(crops))
            arrays[f"{CROP_FEATURES}_{system}"] = pooled.astype(np.float16)
        if self.probe is not None:
            arrays[f"{ANSWERS}_{system}"] = self._answers(self.probe, seen, pictures)
        return arrays

    def _answers(self, probe: AttributeProbe, seen: Features | None, pictures: U8) -> Bools:
        size = (SIDE_PX, SIDE_PX)
        if seen is None or pictures.shape[1:3] != size:
            seen = self.network.describe(np.stack([fit_picture(picture, size) for picture in pictures]))
        return probe.predict(seen)
