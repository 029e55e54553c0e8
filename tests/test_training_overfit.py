"""Can the compact networks learn at all? Four faces by heart, with the presets' own losses."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from picture_scores import psnr
from torch import Tensor, nn
from train_support import short

from unmask.model.data.batches import Batch, fixed_batch
from unmask.model.data.triplets import open_triplets
from unmask.model.inference.cleaning import clean_map
from unmask.model.inference.compositing import paste_alpha
from unmask.model.metrics.metrics import iou
from unmask.model.networks.networks import build_network
from unmask.model.networks.spec import NetworkSpec
from unmask.model.training.budget import learning_rate
from unmask.model.training.judged import JudgedPictures
from unmask.model.training.losses import bce_dice
from unmask.model.training.objective import EditObjective
from unmask.model.training.preset_files import load_preset
from unmask.model.training.presets import EditPreset, MapPreset
from unmask.model.training.validation import restore, to_uint8

WARMUP_STEPS = 100


@pytest.fixture(scope="module")
def batch(face_cache: Path) -> Batch:
    """Four drawn faces."""
    triplets = open_triplets(short("edit", Path("no run"), face_cache)).train
    return fixed_batch(triplets, range(4))


def learn(network: nn.Module, loss: Callable[[], Tensor], peak: float, beta1: float, steps: int) -> None:
    optimiser = torch.optim.Adam(network.parameters(), peak, betas=(beta1, 0.999), fused=True)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step / steps, peak, WARMUP_STEPS, step)
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
    network.eval()


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build().to(memory_format=torch.channels_last)


def test_the_editing_module_learns_four_faces_by_heart(batch: Batch):
    preset = load_preset(EditPreset, "fidelity")
    network = seeded(lambda: build_network(NetworkSpec("edit", **vars(preset.network))))
    objective = EditObjective(preset, {}, None)
    picture, truth, clean = batch.pictures()
    paste = paste_alpha(truth)

    def loss() -> Tensor:
        scene = JudgedPictures(picture, clean, paste, network(picture, paste))
        return objective.generator(scene, frozenset())["loss"]

    learn(network, loss, 3e-3, preset.optimiser.beta1, steps=230)
    with torch.inference_mode():
        _, restored = restore(network, picture, truth)
    pairs = zip(to_uint8(restored), to_uint8(clean), batch.map[:, 0].numpy(), strict=True)
    assert np.mean([psnr(ours, theirs, map_ >= 128) for ours, theirs, map_ in pairs]) > 35


def test_the_map_module_learns_four_masks_by_heart(batch: Batch):
    preset = load_preset(MapPreset, "compact")
    network = seeded(lambda: build_network(NetworkSpec("map", **vars(preset.network))))
    picture, truth, _ = batch.pictures()
    learn(network, lambda: bce_dice(network(picture), truth, preset.losses.dice), 1e-2, 0.9, steps=100)
    with torch.inference_mode():
        found = network(picture).sigmoid()[:, 0].numpy()
    pairs = zip(found, batch.map[:, 0].numpy(), strict=True)
    assert np.mean([iou(clean_map(chance) > 0, map_ >= 128) for chance, map_ in pairs]) > 0.97
