"""What a training of the Map Module is: it learns to find where the mask is."""

import numpy as np
import torch
from torch import Tensor

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.model.data.batches import Batch, drawn_rows
from unmask.model.data.colour_jitter import jitter_colours, jitter_sharpness
from unmask.model.inference.precision import probe_pictures
from unmask.model.inference.torch_modules import load_finder, load_module
from unmask.model.networks.networks import build_network
from unmask.model.networks.spec import MAP, NetworkSpec

from .adaptation import ADAPT_SHARE, Adaptation, check_photos, label_photos
from .augmentation import lit
from .engine import Engine
from .losses import bce_dice, strap_loss, sure_loss
from .options import MapOptions
from .photo_judge import PhotoJudge, open_judge
from .seeds import step_seed
from .session import Session
from .trained import Trained
from .validation import MapJudge

_LIT = 0.15  # share of the pictures across which light or shadow falls


def check_map_files(options: MapOptions) -> None:
    """Read what ``judge`` and ``adapt`` name, so that a wrong file is said before anything is written."""
    options.validate()
    judged = [] if options.judge is None else open_judge(options.judge)
    if options.adapt is not None:
        check_photos(options.adapt, [photo for photo, _ in judged])


def open_adaptation(options: MapOptions, device: torch.device) -> Adaptation | None:
    """Look at the photographs of ``adapt`` with the weights of ``init_from``: alike in every session of a run."""
    if options.adapt is None or options.init_weights is None:
        return None
    teacher = load_module(options.init_weights, MAP, device)
    photos = check_photos(options.adapt)
    faces = label_photos(photos, load_finder(device).find, teacher)
    return Adaptation(faces, load_recipe_config(options.recipe, options.pins), options.size)


class MapTraining:
    """Network, optimiser, validation pictures, and what a step does with them."""

    def __init__(self, session: Session, options: MapOptions) -> None:
        self.preset = preset = options.load_preset()
        share = options.bare_share
        self.bare_share = preset.batch.bare_share if share is None else share
        if not session.splits.has_clean:
            if share:
                raise ArgumentError("bare_share", f"{share}: shows clean pictures, and `data` has none")
            self.bare_share = 0.0
        colours = options.colour_jitter
        self.colour_jitter = preset.batch.colour_jitter if colours is None else colours
        torch.manual_seed(step_seed(options.seed, 0, -1))
        self.straps = preset.losses.straps if session.splits.train.has_straps else 0.0
        spec = NetworkSpec(MAP, **vars(preset.network), straps=self.straps > 0)
        network = build_network(spec)
        adam = preset.optimiser
        rate, betas, decay = adam.learning_rate, (adam.beta1, adam.beta2), adam.weight_decay
        optimiser = torch.optim.AdamW(network.parameters(), rate, betas=betas, weight_decay=decay, fused=True)
        trained = Trained(spec, {MAP: network}, {MAP: optimiser}, MAP, adam.ema)
        device = session.fabric.device
        photos = None if options.judge is None else PhotoJudge(options.judge, options.size, device)
        best = "judge_iou" if options.best_by == "judge" else preset.validation.best
        sample = probe_pictures(options.batch_size, options.size, device)
        judge = MapJudge(session, best, photos, straps=self.straps > 0)
        self.adaptation = open_adaptation(options, device)
        self.adapt_share = ADAPT_SHARE if options.adapt_share is None else options.adapt_share
        extra = {"straps": self.straps > 0, "adapt": self.adaptation is not None}
        columns = ("loss", *(name for name, used in extra.items() if used))
        self.engine = Engine(session, trained, judge, columns, preset, lambda network: network(sample))

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Learn from a batch; the losses by name."""
        rng = self.engine.step_rng()
        picture, truth, straps = some_bare(batch, self.bare_share, rng)
        sure = None
        if self.adaptation is not None:
            count = min(max(1, round(self.adapt_share * len(picture))), len(picture) - 1)
            photos, sure = (part.to(picture) for part in self.adaptation.draw(count, rng))
            truth, straps = truth[count:], straps[count:]
            picture = torch.cat([picture[count:], photos])
        if self.colour_jitter:
            [picture] = lit([picture], _LIT, rng)
            picture = jitter_sharpness(jitter_colours(picture, rng), rng)
        with self.engine.autocast():
            logits = self.engine.trained.networks[MAP](picture)
        dice = self.preset.losses.dice
        drawn = logits[: len(truth)]
        losses = {"loss": bce_dice(drawn[:, :1], truth, dice=dice)}
        if self.straps:
            losses["straps"] = strap_loss(drawn[:, 1:], straps, dice)
            losses["loss"] = losses["loss"] + self.straps * losses["straps"]
        if sure is not None:
            losses["adapt"] = sure_loss(logits[len(truth) :, :1], sure, dice)
            losses["loss"] = torch.lerp(losses["loss"], losses["adapt"], len(sure) / len(logits))
        self.engine.update(MAP, losses["loss"], batch)
        return {name: value.detach() for name, value in losses.items()}


def some_bare(batch: Batch, share: float, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Show some faces without their mask.

    Parameters
    ----------
    batch : Batch
    share : float
        Of the faces, in [0, 1]; each is drawn by itself.

    Returns
    -------
    picture, truth, straps : Tensor
        (n, c, h, w); of a bare face the clean picture and empty maps.
    """
    masked, map_, clean = batch.pictures()
    bare = drawn_rows(share, masked, rng)
    return (
        torch.where(bare, clean, masked),
        torch.where(bare, 0.0, map_),
        torch.where(bare, 0.0, batch.strap_maps()),
    )
