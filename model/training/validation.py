"""Judges: how good a network is on the validation pictures, beside what a fool would get on the same ones."""

import copy
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.errors import UserError
from unmask.datagen.pictures.arrays import U8
from unmask.model.data.batches import Batch, fixed_batch
from unmask.model.data.tensors import to_network
from unmask.model.data.triplets import Triplets
from unmask.model.inference.cleaning import clean_map
from unmask.model.inference.compositing import composite, paste_alpha
from unmask.model.inference.torch_modules import to_levels
from unmask.model.metrics.baselines import MeanFace, do_nothing, nearest_fill
from unmask.model.metrics.metrics import MASKED, EditScores, mean_scores, score_edit, score_map
from unmask.model.networks.perceptual import PerceptualNetwork

from .folder import BASELINES_NAME
from .judge import Network, seconds_for
from .photo_judge import PhotoJudge
from .samples import draw_grid
from .seen_maps import predict_maps
from .session import Session

_LOG = logging.getLogger(__name__)

SHOWN = 8  # faces on a sheet
_BATCH = 32
_MEAN_FACES = 1000
_SHOWN_SCORES = ("psnr", "ssim", "mask_psnr", "mask_ssim", "raw_psnr")


def fixed_batches(triplets: Triplets, device: torch.device) -> list[Batch]:
    """All validation pictures, the same ones with the same masks every time, in batches on the device."""
    starts = range(0, len(triplets), _BATCH)
    return [
        fixed_batch(triplets, range(start, min(start + _BATCH, len(triplets)))).to(device) for start in starts
    ]


class _Judge(ABC):
    """What both judges know of themselves: how many pictures they look at, and how long that takes."""

    _batches: list[Batch]

    @property
    def pictures(self) -> int:
        """How many pictures a validation looks at."""
        return sum(len(batch.keys) for batch in self._batches)

    @abstractmethod
    def validate(self, network: Network) -> dict[str, float]:
        """Return a value for every column."""

    def estimate_s(self, network: Network) -> float:
        """Return about how many seconds `validate` takes, from a few pictures of it."""
        few = copy.copy(self)
        few._batches = [_first(self._batches)]
        return seconds_for(self.pictures, few, network)


class MapJudge(_Judge):
    """Judges a Map Module.

    Columns: IoU, Dice and boundary F-score of the cleaned map against the true one at 0.5, means over pictures; and
    IoU before cleaning; where the data have clean pictures, the share of the same faces, bare, on which something
    is found; IoU of the straps, over the pixels of all pictures, where the network finds them. Then those of
    `PhotoJudge`, where there is one.
    """

    def __init__(
        self,
        session: Session,
        best: str = "val_iou",
        photos: PhotoJudge | None = None,
        *,
        straps: bool = False,
    ) -> None:
        self.best = best
        self._photos, self._straps = photos, straps
        self._has_clean = session.splits.has_clean
        if not self._has_clean and best == "val_false_alarm":
            raise UserError("best = val_false_alarm: needs clean pictures, and `data` has none")
        self.columns: tuple[str, ...] = (
            *("val_iou", "val_dice", "val_boundary_f", "val_raw_iou"),
            *(("val_false_alarm",) if self._has_clean else ()),
            *(("val_straps_iou",) if straps else ()),
            *(photos.columns if photos is not None else ()),
        )
        self._batches = fixed_batches(session.splits.val, session.fabric.device)

    @torch.inference_mode()
    def validate(self, network: Network) -> dict[str, float]:
        """Return a value for every column."""
        scores, raw_scores, false_alarms = [], [], []
        strap_pixels = np.zeros(2)  # in both, in either
        for batch in self._batches:
            if self._has_clean:
                bare = network(batch.pictures()[2]).sigmoid()[:, 0].cpu().numpy()
                false_alarms += [bool(clean_map(probability).any()) for probability in bare]
            found = network(batch.pictures()[0]).sigmoid().cpu()
            probabilities = found[:, 0].numpy()
            if self._straps:
                ours, theirs = found[:, 1:] >= 0.5, batch.straps.cpu() >= MASKED
                strap_pixels += float((ours & theirs).sum()), float((ours | theirs).sum())
            for probability, truth in zip(probabilities, batch.map[:, 0].cpu().numpy(), strict=True):
                scores.append(score_map(clean_map(probability), truth))
                raw_scores.append(score_map(np.where(probability >= 0.5, 255, 0).astype(np.uint8), truth))
        mean, raw = mean_scores(scores), mean_scores(raw_scores)
        values = {
            "val_iou": mean["iou"], "val_dice": mean["dice"],
            "val_boundary_f": mean["boundary_f"], "val_raw_iou": raw["iou"],
        }  # fmt: skip
        if self._has_clean:
            values["val_false_alarm"] = float(np.mean(false_alarms))
        if self._straps:
            values["val_straps_iou"] = float(strap_pixels[0] / max(strap_pixels[1], 1))
        return values | (self._photos.validate(network, mean["iou"]) if self._photos is not None else {})

    def estimate_s(self, network: Network) -> float:
        """Return about how many seconds `validate` takes, from a few pictures of it."""
        drawn = copy.copy(self)
        drawn._photos = None
        seconds = super(MapJudge, drawn).estimate_s(network)
        return seconds + (self._photos.estimate_s(network) if self._photos is not None else 0.0)

    @torch.inference_mode()
    def draw(self, network: Network) -> U8:
        """Photograph, probability, cleaned map and true map of the first few faces."""
        batch = _first(self._batches)
        probabilities = network(batch.pictures()[0]).sigmoid()[:, 0].cpu().numpy()
        faces = zip(to_uint8(batch.pictures()[0]), probabilities, _maps(batch.map), strict=True)
        rows = [(masked, (p * 255).astype(np.uint8), clean_map(p), truth) for masked, p, truth in faces]
        return draw_grid(rows, ("masked", "probability", "cleaned", "true map"))


class EditJudge(_Judge):
    """Judges an Editing Module on composited pictures, with true maps and, where there is a Map Module, its own.

    Columns: PSNR and SSIM of the whole composited picture, PSNR and SSIM in the mask, PSNR of the raw output,
    perceptual distance on the mask where the preset has such a network, PSNR with predicted maps.
    """

    def __init__(
        self,
        session: Session,
        map_network: nn.Module | None,
        perceptual: PerceptualNetwork | None,
        best: str,
    ) -> None:
        self.best = best
        self._map_network = map_network
        self._perceptual = perceptual
        self._session = session
        self._batches = fixed_batches(session.splits.val, session.fabric.device)
        self.columns: tuple[str, ...] = (
            *(f"val_{name}" for name in _SHOWN_SCORES),
            *(("val_perceptual",) if perceptual is not None else ()),
            *(("val_predicted_psnr", "val_predicted_mask_psnr") if map_network is not None else ()),
        )  # fmt: skip

    @torch.inference_mode()
    def validate(self, network: Network) -> dict[str, float]:
        """Return a value for every column."""
        scores, predicted, distances = [], [], []
        for batch in self._batches:
            picture, truth, clean = batch.pictures()
            raw, done = restore(network, picture, truth)
            scores += _score(raw, done, batch)
            if self._perceptual is not None:
                distances.append(float(self._perceptual(done, clean, paste_alpha(truth))) * len(batch.keys))
            if self._map_network is not None:
                found = predict_maps(self._map_network, picture)
                predicted += _score(*restore(network, picture, found), batch)
        values = _columns("val_", mean_scores(scores))
        if distances:
            values["val_perceptual"] = sum(distances) / len(scores)
        if predicted:
            mean = _columns("val_predicted_", mean_scores(predicted))
            values |= {name: mean[name] for name in self.columns if name in mean}
        return {name: values[name] for name in self.columns}

    @torch.inference_mode()
    def draw(self, network: Network) -> U8:
        """Photograph, map, raw and composited output and the clean picture of the first few faces."""
        batch = _first(self._batches)
        picture, truth, clean = batch.pictures()
        raw, done = restore(network, picture, truth)
        columns = [to_uint8(picture), _maps(batch.map), to_uint8(raw), to_uint8(done), to_uint8(clean)]
        headers = ["masked", "true map", "raw", "composited", "clean"]
        if self._map_network is not None:
            found = predict_maps(self._map_network, picture)
            columns.append(to_uint8(restore(network, picture, found)[1]))
            headers.append("with predicted map")
        return draw_grid(list(zip(*columns, strict=True)), headers)

    def write_baselines(self) -> dict[str, dict[str, float]]:
        """Score do-nothing, nearest pixel, mean face and the ceiling on the same pictures; keeps floors.json.

        The ceiling is the clean picture pasted by the same rule: what a perfect network would get, short of
        perfection by straps and shadows, which the map leaves out.
        """
        path = self._session.options.run / BASELINES_NAME
        mean_face = MeanFace.fit(_clean_pictures(self._session.splits.train))
        fills = {"do nothing": do_nothing, "nearest pixel": nearest_fill, "mean face": mean_face.fill}
        scores: dict[str, list[EditScores]] = {name: [] for name in (*fills, "ceiling")}
        coverage = []
        for batch in self._batches:
            picture, truth, clean = (part.cpu() for part in batch.pictures())
            paste = paste_alpha(truth)
            for name, fill in fills.items():
                filled = [
                    fill(masked, np.where(alpha > 0, 255, 0).astype(np.uint8))
                    for masked, alpha in zip(to_uint8(picture), paste[:, 0].numpy(), strict=True)
                ]
                output = to_network(np.stack(filled))
                scores[name] += _score(output, composite(output, picture, paste), batch)
            scores["ceiling"] += _score(clean, composite(clean, picture, paste), batch)
            coverage += [float((map_ >= MASKED).mean()) for map_ in _maps(batch.map)]
        baselines = {name: _columns("val_", mean_scores(values)) for name, values in scores.items()}
        report = {"pictures": len(coverage), "coverage": float(np.mean(coverage)), "floors": baselines}
        write_atomic(path, (json.dumps(report, indent=2) + "\n").encode())
        for name, values in baselines.items():
            _LOG.info(f"{name}: " + "  ".join(f"{key} {value:.4g}" for key, value in values.items()))
        _LOG.info(f"mean coverage of the validation masks: {report['coverage']:.1%} of the picture")
        return baselines


def restore(network: Network, picture: Tensor, map_: Tensor) -> tuple[Tensor, Tensor]:
    """(raw, composited) pictures of an Editing Module in evaluation mode, float32 (n, 3, h, w) in [-1, 1].

    Parameters
    ----------
    picture : Tensor
        (n, 3, h, w) in [-1, 1].
    map_ : Tensor
        (n, 1, h, w) in [0, 1]: true, or predicted and cleaned.
    """
    paste = paste_alpha(map_)
    raw = network(picture, paste)
    return raw, composite(raw, picture, paste)


def to_uint8(pictures: Tensor) -> list[U8]:
    """Pictures (n, 3, h, w) in [-1, 1] as a list of uint8 (h, w, 3), rounded."""
    return list(to_levels(pictures).cpu().numpy())


def _maps(maps: Tensor) -> list[U8]:
    return list(maps[:, 0].cpu().numpy())


def _score(raw: Tensor, done: Tensor, batch: Batch) -> list[EditScores]:
    clean = batch.clean.permute(0, 2, 3, 1).cpu().contiguous().numpy()
    parts = zip(to_uint8(raw), to_uint8(done), clean, _maps(batch.map), strict=True)
    return [score_edit(*part) for part in parts]


def _columns(prefix: str, mean: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}{name}": mean[name] for name in _SHOWN_SCORES}


def _first(batches: Sequence[Batch]) -> Batch:
    batch = batches[0]
    return batch[:SHOWN]


def _clean_pictures(triplets: Triplets) -> Iterator[U8]:
    for index in np.linspace(0, len(triplets) - 1, min(_MEAN_FACES, len(triplets))).astype(int):
        yield triplets.get(int(index), 0).clean
