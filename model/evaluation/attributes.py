"""What a small classifier reads off a face: CelebA's attributes, and which of them a restoration has changed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.errors import UserError
from unmask.datagen.pictures.arrays import F32, Bools
from unmask.model.checkpoints.shipped import weights_folder
from unmask.model.common.checked_files import read_json, read_tensors
from unmask.model.metrics.clusters import Codes, cluster_codes
from unmask.model.metrics.intervals import Interval, share_interval

from .features import Features

WEIGHTS_NAME, CARD_NAME = "attributes.safetensors", "attributes.json"
SIDE_PX = 128  # of the pictures it is trained on
KNOWN_FROM = 0.75  # balanced accuracy from which an answer is worth reading; guessing has 0.5


@dataclass(frozen=True, eq=False)
class AttributeProbe:
    """A linear classifier per attribute.

    Attributes
    ----------
    names : tuple of str
        Of the attributes.
    weights : float32 (d, attributes)
        For `Features.grid`.
    thresholds : float32 (attributes,)
        The answer is yes above them.
    card : mapping
        What ``attributes.json`` says: training, accuracy, terms.
    """

    names: tuple[str, ...]
    weights: F32
    thresholds: F32
    card: Mapping[str, Any]

    def predict(self, features: Features) -> Bools:
        """Return the answers, bool (n, attributes).

        Parameters
        ----------
        features : Features
            Of faces as ``fit_picture`` frames aligned CelebA at 128 x 128; the stated accuracy holds for these.
        """
        return np.asarray(features.grid @ self.weights > self.thresholds, np.bool_)

    @property
    def known(self) -> tuple[str, ...]:
        """The attributes whose answers are worth reading: balanced accuracy of `KNOWN_FROM` or more."""
        accuracy = self.card["accuracy"]
        return tuple(name for name in self.names if accuracy[name]["balanced"] >= KNOWN_FROM)

    def changes(
        self, clean: Bools, restored: Bools, clusters: Codes | None = None
    ) -> dict[str, dict[str, float | int | None]]:
        """Compare answers about clean pictures with those about restored ones.

        Parameters
        ----------
        clean, restored : bool (n, attributes)
            From `predict`, of the same faces in the same order.
        clusters : intp (n,), optional
            Equal for pictures that belong together; without it each stands by itself.

        Returns
        -------
        dict of str to dict
            For each attribute ``lost`` (the share of yes that became no, None where there was no yes), ``gained``
            (the share of no that became yes), the ends of their 95 % intervals (``lost_low``, ``lost_high`` and so
            on), ``n`` (pictures), ``yes`` (those of them whose clean one has it), and the clusters that pictures
            with and without it are of (``yes_clusters``, ``no_clusters``).
        """
        if clean.shape != restored.shape or clean.shape[1:] != (len(self.names),):
            raise ValueError(f"answers {clean.shape} and {restored.shape} to {len(self.names)} attributes")
        codes = cluster_codes(clusters, len(clean))
        found: dict[str, dict[str, float | int | None]] = {}
        for index, name in enumerate(self.names):
            had, has = clean[:, index], restored[:, index]
            lost, gained = share_interval(~has[had], codes[had]), share_interval(has[~had], codes[~had])
            found[name] = {
                **_limits("lost", lost),
                **_limits("gained", gained),
                "n": len(clean),
                "yes": lost.n,
                "yes_clusters": lost.clusters,
                "no_clusters": gained.clusters,
            }
        return found

    def describe(self) -> dict[str, Any]:
        """Return what a report says about the classifier, JSON-able: training, accuracy, `known`, terms."""
        return {
            "trained_on": self.card["data"],
            "pictures": self.card["pictures"]["fitted"],
            "judged_on": self.card["judged_on"],
            "accuracy": dict(self.card["accuracy"]),
            "known": list(self.known),
            "terms": self.card["terms"],
        }


def _limits(name: str, share: Interval) -> dict[str, float | int | None]:
    ends = {name: share.mean, f"{name}_low": share.low, f"{name}_high": share.high}
    return {key: value if share.n else None for key, value in ends.items()}


def save_probe(folder: Path, weights: NDArray[np.float16], thresholds: F32, card: Mapping[str, Any]) -> None:
    """Write ``attributes.safetensors`` and ``attributes.json``, which gets the sha256 of the first."""
    data = safetensors.numpy.save({"weights": weights, "thresholds": thresholds})
    text = json.dumps({**card, "sha256": hashlib.sha256(data).hexdigest()}, indent=2) + "\n"
    write_atomic(folder / WEIGHTS_NAME, data)
    write_atomic(folder / CARD_NAME, text.encode("utf-8"))


def load_probe(folder: Path | None = None) -> AttributeProbe:
    """Load a classifier.

    Parameters
    ----------
    folder : Path, optional
        What ``unmask-train attributes`` wrote; by default the one that comes with the package.

    Raises
    ------
    UserError
        When a file is missing or damaged.
    """
    where = weights_folder() if folder is None else folder
    card = read_json(where / CARD_NAME)
    try:
        tensors = read_tensors(where / WEIGHTS_NAME, str(card["sha256"]))
        names: Sequence[str] = card["attributes"]
        weights, thresholds = (tensors[key].float().numpy() for key in ("weights", "thresholds"))
    except KeyError as error:
        raise UserError(f"{where}: no classifier of attributes ({error} is missing)") from error
    if weights.shape[1:] != (len(names),) or thresholds.shape != (len(names),):
        raise UserError(f"{where / WEIGHTS_NAME}: other shapes than {CARD_NAME} says")
    return AttributeProbe(tuple(names), weights, thresholds, card)
