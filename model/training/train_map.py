"""Trains the Map Module: it finds where the mask is."""

import numpy as np
import torch
from torch import Tensor

from unmask.model.data.batches import Batch
from unmask.model.inference.precision import probe_pictures
from unmask.model.networks.losses import bce_dice
from unmask.model.networks.networks import MAP, build_network

from .engine import Engine, TrainResult, step_seed
from .options import MapOptions
from .presets import MAP_PRESETS
from .session import Say, Session, open_session
from .trained import Trained
from .validation import MapJudge


def train_map(options: MapOptions, say: Say = print) -> TrainResult:
    """Train a Map Module, or go on with the one in ``options.run``.

    Parameters
    ----------
    options : MapOptions
    say : callable
        Takes each line for the person at the terminal.

    Raises
    ------
    UserError
        Naming the argument or file, before RUN is touched; later for a non-finite loss, for want of memory or disk.
    """
    with open_session(options, MAP, say) as session:
        training = MapTraining(session, options)
        for batch in training.engine.batches():
            training.engine.finish_step(training.step(batch))
        return training.engine.result()


class MapTraining:
    """Network, optimiser, validation pictures, and what a step does with them."""

    def __init__(self, session: Session, options: MapOptions) -> None:
        self.preset = MAP_PRESETS[options.preset]
        share = options.bare_share
        self.bare_share = self.preset.bare_share if share is None else share
        torch.manual_seed(step_seed(options.seed, 0, -1))
        network = build_network(self.preset.network)
        optimiser = torch.optim.AdamW(
            network.parameters(), self.preset.learning_rate, weight_decay=self.preset.weight_decay, fused=True
        )
        trained = Trained(self.preset.network, {MAP: network}, {MAP: optimiser}, main=MAP)
        sample = probe_pictures(options.batch_size, options.size, session.fabric.device)
        self.engine = Engine(
            session,
            trained,
            MapJudge(session),
            ("loss",),
            self.preset.learning_rate,
            lambda network: network(sample),
        )

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Learn from a batch; the losses by name."""
        picture, truth = some_bare(batch.pictures(), self.bare_share, self.engine.step_rng())
        with self.engine.autocast():
            logits = self.engine.trained.networks[MAP](picture)
        loss = bce_dice(logits.float(), truth, dice=self.preset.dice)
        self.engine.update(MAP, loss, batch)
        return {"loss": loss.detach()}


def some_bare(
    parts: tuple[Tensor, Tensor, Tensor], share: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Show some faces without their mask.

    Parameters
    ----------
    parts : tuple of Tensor
        (masked, map, clean), each (n, c, h, w).
    share : float
        Of the faces, in [0, 1]; each is drawn by itself.

    Returns
    -------
    picture, truth : Tensor
        Of a bare face the clean picture and an empty map.
    """
    masked, map_, clean = parts
    bare = torch.from_numpy(rng.random(len(masked)) < share).to(masked.device)[:, None, None, None]
    return torch.where(bare, clean, masked), torch.where(bare, 0.0, map_)
