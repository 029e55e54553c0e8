"""What a training of the Editing Module is: it learns to draw what is under the mask."""

import logging
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from unmask.model.checkpoints.checkpoint import load_model
from unmask.model.data.batches import Batch, drawn_rows
from unmask.model.inference.compositing import paste_alpha
from unmask.model.inference.precision import probe_pictures
from unmask.model.networks.networks import build_network
from unmask.model.networks.perceptual import PerceptualNetwork, load_perceptual
from unmask.model.networks.spec import DISCRIMINATOR, EDIT, MAP, NetworkSpec

from .augmentation import cut_off, lit, mirrored, recoloured
from .engine import Engine
from .judged import MASK, WHOLE, JudgedPictures
from .objective import EditObjective
from .options import EditOptions
from .presets import PROJECTED, EditPreset
from .seeds import step_seed
from .seen_maps import SeenMaps
from .session import Session
from .trained import Trained
from .validation import EditJudge

_LOG = logging.getLogger(__name__)

GENERATOR = "generator"
_STRAPS_TOLD = 0.7  # share of the pictures
_LEAST_STRAP = 0.25  # what is fainter would only widen the erased band
_NAMES = ("loss", "l1", "l2", "ssim", "perceptual", WHOLE, MASK, "whole_matching", "mask_matching")


def check_edit_files(options: EditOptions) -> None:
    """Open what ``map_run`` and ``vgg19`` name, so that a wrong file is said before anything is written."""
    options.validate()
    if options.map_weights is not None:
        load_model(options.map_weights, MAP)
    if options.vgg19 is not None:
        load_perceptual(options.vgg19)


class EditTraining:
    """Networks, optimisers, losses, maps, validation pictures, and what a step does with them."""

    def __init__(self, session: Session, options: EditOptions) -> None:
        device = session.fabric.device
        self.preset = preset = options.load_preset()
        perceptual = _perceptual(preset, options, device)
        trained = _trained(preset, options.seed)
        discriminators = {name: trained.networks[name] for name in discriminator_names(preset)}
        self.maps = _seen_maps(session, options)
        self.starts = {WHOLE: preset.discriminator.whole_from, MASK: options.mask_discriminator_from}
        eyes = _eyes(preset, options, perceptual, device)
        self.objective = EditObjective(preset, discriminators, perceptual, eyes)
        self.judge = EditJudge(session, self.maps.network, perceptual, preset.validation.best)
        sample = probe_pictures(options.batch_size, options.size, device)
        paste = sample[:, :1].abs()
        self.engine = Engine(
            session, trained, self.judge, loss_columns(preset), preset, lambda network: network(sample, paste)
        )

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Learn from a batch; the losses by name."""
        engine, networks = self.engine, self.engine.trained.networks
        rng = engine.step_rng()
        parts = mirrored((*batch.pictures(), batch.strap_maps()), self.preset.batch.mirror, rng)
        picture, truth, clean, straps = parts
        picture, clean = recoloured((picture, clean), self.preset.batch.colours, rng)
        picture, clean = lit((picture, clean), self.preset.batch.light, rng)
        with engine.autocast():
            seen = self.maps.choose(picture, truth, rng)
        seen = torch.maximum(seen, some_straps(straps, rng))
        picture, clean, seen = cut_off((picture, clean, seen), self.preset.batch.cut_off, rng)
        paste = paste_alpha(seen, dilate_px=int(rng.integers(*self.preset.batch.dilate_px)))
        with engine.autocast():
            output = networks[GENERATOR](picture, paste)
        scene = JudgedPictures(picture, clean, paste, output.float())
        active = self.active_discriminators()
        with engine.autocast():
            losses = self.objective.generator(scene, active)
        engine.update(GENERATOR, losses["loss"], batch)
        for name in sorted(active):
            with engine.autocast():
                loss = self.objective.discriminator(networks[name], name, scene)
            engine.update(name, loss, batch)
            losses[f"{name}_discriminator"] = loss
        return {name: value.detach() for name, value in losses.items()}

    def active_discriminators(self) -> frozenset[str]:
        """Which discriminators take part in the present step."""
        spent = self.engine.clock.fraction
        names = discriminator_names(self.preset)
        return frozenset(name for name in names if spent >= self.starts[name])


def some_straps(straps: Tensor, rng: np.random.Generator) -> Tensor:
    """Straps (n, 1, h, w) as the network is told of them: in some pictures none, as if they were not found."""
    told = drawn_rows(_STRAPS_TOLD, straps, rng)
    return torch.where(told & (straps >= _LEAST_STRAP), straps, 0.0)


def discriminator_names(preset: EditPreset) -> tuple[str, ...]:
    """Which discriminators a preset has."""
    return tuple(
        name for name, weight in ((WHOLE, preset.losses.whole), (MASK, preset.losses.mask)) if weight > 0
    )


def loss_columns(preset: EditPreset) -> tuple[str, ...]:
    """Names of all the losses that a preset's steps can have."""
    losses = preset.losses
    weights: Mapping[str, float] = {
        "l2": losses.l2,
        "perceptual": losses.perceptual,
        WHOLE: losses.whole,
        MASK: losses.mask,
        "whole_matching": losses.matching * losses.whole,
        "mask_matching": losses.matching * losses.mask,
    }
    names = [name for name in _NAMES if weights.get(name, 1.0) > 0]
    return (*names, *(f"{name}_discriminator" for name in discriminator_names(preset)))


def _trained(preset: EditPreset, seed: int) -> Trained:
    torch.manual_seed(step_seed(seed, 0, -1))
    spec, adam = NetworkSpec(EDIT, **vars(preset.network)), preset.optimiser
    networks: dict[str, nn.Module] = {GENERATOR: build_network(spec)}
    for name in discriminator_names(preset):
        networks[name] = build_network(
            NetworkSpec(DISCRIMINATOR, preset.discriminator.network, preset.discriminator.width)
        )
    optimisers: dict[str, Optimizer] = {
        name: torch.optim.Adam(
            network.parameters(), adam.learning_rate, betas=(adam.beta1, adam.beta2), fused=True
        )
        for name, network in networks.items()
    }
    return Trained(spec, networks, optimisers, GENERATOR, adam.ema)


def _seen_maps(session: Session, options: EditOptions) -> SeenMaps:
    if options.map_weights is None:
        if options.predicted_share:
            _LOG.info("no `map_run`: trained on true maps only")
        return SeenMaps(None, 0.0)
    network, _ = load_model(options.map_weights, MAP, str(session.fabric.device))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs
    return SeenMaps(network.requires_grad_(False), options.predicted_share)


def _perceptual(preset: EditPreset, options: EditOptions, device: torch.device) -> PerceptualNetwork | None:
    if not preset.losses.perceptual:
        return None
    network = load_perceptual(options.vgg19).to(device)
    _LOG.info(f"perceptual network: {network.name}")
    return network


def _eyes(
    preset: EditPreset, options: EditOptions, perceptual: PerceptualNetwork | None, device: torch.device
) -> PerceptualNetwork | None:
    """What projected discriminators look through: always the packaged network, once."""
    if preset.discriminator.network != PROJECTED or not discriminator_names(preset):
        return None
    shared = perceptual if options.vgg19 is None else None
    return shared or load_perceptual(None).to(device)
