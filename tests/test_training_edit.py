import logging
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from train_support import (
    AT_THE_END,
    BATCH,
    STEPS,
    outcome,
    train,
)

from unmask.model.data.batches import BatchStream
from unmask.model.metrics.table import score_of
from unmask.model.training import train_edit
from unmask.model.training.augmentation import cut_off, lit, mirrored, recoloured
from unmask.model.training.judged import JudgedPictures
from unmask.model.training.preset_files import load_preset, packaged_presets
from unmask.model.training.presets import EditPreset
from unmask.model.training.session import open_session
from unmask.model.training.train_edit import GENERATOR, EditTraining
from unmask.model.training.trained import bare

pytestmark = pytest.mark.usefixtures("narrow")

SCORES = ["val_psnr", "val_ssim", "val_mask_psnr", "val_mask_ssim", "val_raw_psnr"]


class Painted(nn.Module):
    """A Map Module that finds what a picture's first channel says."""

    def forward(self, picture: Tensor) -> Tensor:
        return 20 * picture[:, :1]


def masks(count: int) -> tuple[Tensor, Tensor]:
    """Pictures on which `Painted` finds a square, and true maps: the same square with a soft edge and a speck."""
    truth = torch.zeros(count, 1, 32, 32)
    truth[:, :, 8:20, 6:24] = 1
    truth[:, :, 7, 6:24] = 0.3
    truth[:, :, 30, 30] = 1
    return torch.cat([2 * truth - 1, torch.zeros(count, 2, 32, 32)], 1), truth


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_maps_are_true_ones_without_a_network_or_a_share():
    picture, truth = masks(5)
    assert torch.equal(train_edit.SeenMaps(None, 1.0).choose(picture, truth, rng()), truth)
    assert torch.equal(train_edit.SeenMaps(Painted(), 0.0).choose(picture, truth, rng()), truth)


def test_predicted_maps_are_cleaned_ones():
    picture, truth = masks(5)
    seen = train_edit.SeenMaps(Painted(), 1.0).choose(picture, truth, rng())
    wanted = torch.zeros_like(truth)
    wanted[:, :, 8:20, 6:24] = 1  # no soft edge, no speck
    assert torch.equal(seen, wanted)
    assert not torch.equal(truth, wanted)  # and the true ones are not written over


@pytest.mark.parametrize("found", ["nothing", "a corner", "elsewhere"])
def test_a_useless_prediction_gives_way_to_the_truth(found: str):
    picture, truth = masks(4)
    picture[1, 0] = -1
    if found == "a corner":
        picture[1, 0, 8:14, 6:15] = 1  # a quarter of the mask
    elif found == "elsewhere":
        picture[1, 0, 22:30] = 1
    seen = train_edit.SeenMaps(Painted(), 1.0).choose(picture, truth, rng())
    assert torch.equal(seen[1], truth[1])
    assert all(float(seen[row].max()) == 1 and not seen[row].eq(0.3).any() for row in (0, 2, 3))


def test_a_share_of_the_maps_is_predicted_and_the_generator_decides_which():
    picture, truth = masks(200)
    maps = train_edit.SeenMaps(Painted(), 0.3)
    seen = maps.choose(picture, truth, rng())
    predicted = ~seen.isclose(torch.tensor(0.3)).any(3).any(2).any(1)
    assert 40 <= int(predicted.sum()) <= 80
    assert torch.equal(seen, maps.choose(picture, truth, rng()))
    assert not torch.equal(seen, maps.choose(picture, truth, np.random.default_rng(4)))


def test_an_editing_module_is_trained_and_judged_with_a_map_modules_maps(
    short_run: Callable[..., Any], caplog: pytest.LogCaptureFixture
):
    mapper = short_run("map", "mapper", images=BATCH)
    train(mapper)
    whole, halves = (short_run("edit", name, map_run=mapper.run, predicted_share=1.0) for name in ("a", "b"))
    caplog.set_level(logging.INFO, "unmask")
    result = train(whole)
    assert list(result.metrics) == [*SCORES, "val_predicted_psnr", "val_predicted_mask_psnr"]
    assert not any("true maps only" in line for line in caplog.messages)
    train(halves, stop_in=2)
    train(halves)
    assert outcome(halves.run) == outcome(whole.run)


def test_mirroring_turns_photograph_map_and_clean_picture_alike():
    ramp = torch.linspace(-1, 1, 16).expand(40, 1, 4, 16)
    parts = (ramp.repeat(1, 3, 1, 1), (ramp + 1) / 2, -ramp.repeat(1, 3, 1, 1))
    turned = mirrored(parts, 0.5, rng())
    assert [part.shape for part in turned] == [part.shape for part in parts]
    which = turned[0][:, 0, 0, 0] > 0
    assert 10 < int(which.sum()) < 30
    for before, after in zip(parts, turned, strict=True):
        assert torch.equal(after[which], before[which].flip(3))
        assert torch.equal(after[~which], before[~which])
    again = mirrored(parts, 0.5, rng())
    assert all(torch.equal(one, other) for one, other in zip(turned, again, strict=True))


# ---- the published objective --------------------------------------------------------------------------------


def test_the_papers_loss_is_the_sum_it_says_and_the_mask_discriminator_joins_at_two_fifths(
    short_run: Callable[..., Any], steps_seen: list[tuple[float, dict[str, float]]]
):
    train(short_run("edit", preset="paper", images=5 * BATCH, **AT_THE_END))
    assert [share for share, _ in steps_seen] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    always = {"loss", "l1", "ssim", "perceptual", "whole", "whole_discriminator"}
    for share, losses in steps_seen:
        joined = {"mask", "mask_discriminator"} if share >= 0.4 else set()
        assert losses.keys() == always | joined
        similar = 100 * (losses["l1"] + losses["ssim"] + losses["perceptual"])
        adversarial = 0.3 * losses["whole"] + 0.7 * losses.get("mask", 0.0)
        assert losses["loss"] == pytest.approx(similar + adversarial, rel=1e-5)
        assert min(losses.values()) > 0


@pytest.mark.parametrize(("share", "first"), [(0.0, 0), (0.5, 2), (1.0, STEPS)])
def test_the_mask_discriminator_joins_when_it_is_told_to(
    share: float,
    first: int,
    short_run: Callable[..., Any],
    steps_seen: list[tuple[float, dict[str, float]]],
):
    train(short_run("edit", preset="paper", mask_discriminator_from=share, **AT_THE_END))
    assert ["mask" in losses for _, losses in steps_seen] == [step >= first for step in range(STEPS)]


@pytest.fixture
def training(short_run: Callable[..., Any]) -> Iterator[EditTraining]:
    """The paper's losses, both discriminators at work from the first step."""
    asked = short_run("edit", preset="paper", mask_discriminator_from=0.0)
    with open_session(asked, "edit") as session:
        yield EditTraining(session, asked)


def test_each_networks_step_leaves_the_others_alone(training: EditTraining, monkeypatch: pytest.MonkeyPatch):
    engine = training.engine
    batch = BatchStream(engine.session.splits.train, BATCH, seed=0).make_batch(0)
    networks = {name: bare(network) for name, network in engine.trained.networks.items()}
    changed: list[tuple[str, set[str], set[str]]] = []
    update = engine.update

    def watched(name: str, loss: Tensor, shown: Any) -> None:
        before = {other: state_of(network) for other, network in networks.items()}
        gradients = {other: gradients_of(network) for other, network in networks.items()}
        update(name, loss, shown)
        changed.append(
            (
                name,
                {other for other, network in networks.items() if before[other] != state_of(network)},
                {other for other, network in networks.items() if gradients[other] != gradients_of(network)},
            )
        )

    monkeypatch.setattr(engine, "update", watched)
    for _ in range(2):  # in the second step all have gradients from the first
        training.step(batch)
    once = [(name, {name}, {name}) for name in (GENERATOR, "mask", "whole")]
    assert changed == once * 2
    assert all(value.requires_grad for network in networks.values() for value in network.parameters())


def state_of(network: nn.Module) -> list[bytes]:
    # of the parameters: a generator's forward pass moves its own batch statistics before any update
    return [value.detach().numpy().tobytes() for value in network.parameters()]


def gradients_of(network: nn.Module) -> list[bytes | None]:
    return [None if value.grad is None else value.grad.numpy().tobytes() for value in network.parameters()]


def test_the_gradient_of_an_adversarial_loss_reaches_the_generator(training: EditTraining):
    engine = training.engine
    batch = BatchStream(engine.session.splits.train, BATCH, seed=0).make_batch(0)
    picture, truth, clean = batch.pictures()
    output = torch.zeros_like(clean).requires_grad_(True)
    scene = JudgedPictures(picture, clean, truth, output)
    terms = training.objective.generator(scene, frozenset({"whole", "mask"}))
    for name in ("whole", "mask"):
        (gradient,) = torch.autograd.grad(terms[name], output, retain_graph=True)
        assert gradient.abs().sum() > 0
        inside = (truth > 0).expand_as(gradient)
        assert gradient[~inside].abs().max() == 0  # elsewhere the photograph is shown, not the output
    assert training.objective.discriminator(
        training.objective.discriminators["whole"], "whole", scene
    ).requires_grad


def test_presets_with_discriminators_are_judged_by_distance_and_the_others_by_psnr():
    assert {name: load_preset(EditPreset, name).validation.best for name in packaged_presets("edit")} == {
        "fidelity": "val_psnr",
        "perceptual": "val_perceptual",
        "projected": "val_perceptual",
        "paper": "val_perceptual",
    }
    assert [score_of(column).sign for column in ("val_psnr", "val_perceptual")] == [1, -1]


def test_masked_and_clean_picture_change_colours_together_and_most_keep_theirs():
    pictures = torch.rand(400, 3, 4, 4, generator=torch.Generator().manual_seed(3)) * 2 - 1
    one, other = recoloured((pictures, pictures.clone()), 0.25, rng())
    assert torch.equal(one, other)
    changed = (one != pictures).flatten(1).any(1).float().mean()
    assert 0.15 < changed < 0.3
    assert all(map(torch.equal, recoloured((pictures,), 0.0, rng()), (pictures,)))


def test_light_falls_on_masked_and_clean_picture_alike_and_without_it_nothing_is_drawn():
    pictures = torch.zeros(400, 3, 16, 16)
    one, other = lit((pictures, pictures.clone()), 0.25, rng())
    assert torch.equal(one, other)
    assert 0.15 < (one != pictures).flatten(1).any(1).float().mean() < 0.3
    without, untouched = rng(), rng()
    assert all(map(torch.equal, lit((pictures,), 0.0, without), (pictures,)))
    assert without.random() == untouched.random()


def test_faces_that_are_cut_off_are_mirrored_where_unmask_run_would_mirror_them():
    rows, columns = np.mgrid[:40, :30].astype(np.float32)
    places = torch.from_numpy(np.stack([rows, columns])).repeat(600, 1, 1, 1)
    one, other = cut_off((places, places[:, 1:]), 0.25, rng())
    assert torch.equal(one[:, 1:], other)
    changed = (one != places).flatten(1).any(1)
    assert 0.15 < changed.float().mean() < 0.25  # of those drawn, 0.6 ** 4 keep all sides
    for shown in one[changed].numpy().astype(int):
        (top, left), (bottom, right) = shown.min((1, 2)), shown.max((1, 2))
        assert (bottom - top + 1) >= 0.3 * 40 and (right - left + 1) >= 0.3 * 30
        # What is left of the picture lies where it lay, and OpenCV mirrors the rest in the same way.
        kept = np.ascontiguousarray(places[0].numpy().transpose(1, 2, 0)[top : bottom + 1, left : right + 1])
        mirrored_beyond = cv2.copyMakeBorder(kept, top, 39 - bottom, left, 29 - right, cv2.BORDER_REFLECT_101)
        np.testing.assert_array_equal(shown, mirrored_beyond.transpose(2, 0, 1))
    without, untouched = rng(), rng()
    assert all(map(torch.equal, cut_off((places,), 0.0, without), (places,)))
    assert without.random() == untouched.random()
