"""Losses against values worked out by hand, and SSIM against scikit-image."""

from collections.abc import Callable
from math import exp, log

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from unmask.model.training.losses import (
    bce_dice,
    discriminator_loss,
    feature_matching,
    generator_adversarial_loss,
    hole_weight,
    l1,
    masked_ssim_loss,
    ssim_map,
    weighted_mean,
)


def ssim(a: Tensor, b: Tensor) -> Tensor:
    return ssim_map(a, b).mean()


def picture(*rows: list[float]) -> Tensor:
    """One grey picture, (1, 3, h, w), with these rows."""
    return torch.tensor([rows]).expand(1, 3, -1, -1).contiguous()


def chart(*rows: list[float]) -> Tensor:
    """One map, (1, 1, h, w), with these rows."""
    return torch.tensor([[rows]])


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    """Two similar pictures, (2, 3, 37, 52) in [-1, 1]."""
    rng = np.random.default_rng(3)
    a = rng.uniform(-1, 1, (2, 3, 37, 52))
    b = np.clip(0.8 * a + rng.normal(0, 0.2, a.shape), -1, 1)
    return torch.from_numpy(a).float(), torch.from_numpy(b).float()


def test_cross_entropy_is_the_mean_over_pixels() -> None:
    found = bce_dice(chart([0.0, 2.0], [-1.0, 3.0]), chart([1.0, 1.0], [0.0, 0.0]), dice=0.0)
    by_hand = (log(2) + log(1 + exp(-2)) + log(1 + exp(-1)) + log(1 + exp(3))) / 4
    assert float(found) == pytest.approx(by_hand, rel=1e-6)


def test_dice_of_even_chances_is_worked_out_by_hand() -> None:
    logits, truth = chart([0.0, 0.0], [0.0, 0.0]), chart([1.0, 1.0], [1.0, 0.0])
    dice = float(bce_dice(logits, truth, dice=1.0) - bce_dice(logits, truth, dice=0.0))
    # shared 3 * 0.5, ours 4 * 0.25, theirs 3, and one pixel of smoothing
    assert dice == pytest.approx(1 - (2 * 1.5 + 1) / (1 + 3 + 1), rel=1e-5)


def test_dice_is_averaged_over_pictures_whatever_their_masks_sizes() -> None:
    logits = torch.full((2, 1, 4, 4), -50.0)
    truth = torch.zeros(2, 1, 4, 4)
    truth[1] = 1  # the first picture's empty map is found, the second's mask is missed entirely
    dice = bce_dice(logits, truth, dice=1.0) - bce_dice(logits, truth, dice=0.0)
    assert float(dice) == pytest.approx((0 + 1 - 1 / 17) / 2, abs=1e-5)


def test_a_perfect_map_costs_nothing() -> None:
    truth = chart([1.0, 0.0, 0.0], [1.0, 1.0, 0.0])
    assert float(bce_dice((truth - 0.5) * 100, truth)) == pytest.approx(0, abs=1e-6)


def test_dice_of_disjoint_maps_is_one_but_for_the_smoothing() -> None:
    truth = chart([1.0] * 50, [0.0] * 50)
    logits = (0.5 - truth) * 100
    dice = bce_dice(logits, truth, dice=1.0) - bce_dice(logits, truth, dice=0.0)
    assert float(dice) == pytest.approx(1 - 1 / 101, abs=1e-4)


def test_a_soft_edge_is_best_matched_by_itself() -> None:
    truth = chart([0.0, 0.2, 0.5, 0.8, 1.0])

    def cost(found: Tensor) -> float:
        logits = torch.logit(found.clamp(1e-6, 1 - 1e-6))
        return float(bce_dice(logits, truth, dice=1.0) - bce_dice(logits, truth, dice=0.0))

    assert cost(truth) == pytest.approx(0, abs=1e-5)
    assert cost((truth >= 0.5).float()) > 0.01
    assert cost(truth * 0.9) > 0.001


def test_a_hole_weight_counts_masked_pixels_so_many_times() -> None:
    weight = hole_weight(chart([0.0, 0.5, 1.0]), 7.0)
    assert weight.tolist() == [[[[1.0, 4.0, 7.0]]]]
    assert hole_weight(chart([0.0, 0.5, 1.0]), 1.0).tolist() == [[[[1.0, 1.0, 1.0]]]]


def test_l1_is_the_mean_absolute_difference() -> None:
    assert float(l1(picture([0.5, -1.0]), picture([0.0, 1.0]))) == pytest.approx((0.5 + 2) / 2)


def test_weighted_l1_is_worked_out_by_hand() -> None:
    found = l1(picture([0.5, -1.0]), picture([0.0, 1.0]), hole_weight(chart([1.0, 0.0]), 9.0))
    assert float(found) == pytest.approx((9 * 0.5 + 1 * 2) / 10)


@pytest.mark.parametrize("loss", [l1, masked_ssim_loss])
def test_only_the_ratios_of_weights_matter(loss: Callable[..., Tensor], pair: tuple[Tensor, Tensor]) -> None:
    weight = torch.rand(2, 1, 37, 52, generator=torch.Generator().manual_seed(1)) + 0.1
    torch.testing.assert_close(loss(*pair, weight), loss(*pair, 5 * weight))
    torch.testing.assert_close(loss(*pair, torch.full_like(weight, 0.3)), loss(*pair))


@pytest.mark.parametrize("loss", [l1, masked_ssim_loss])
def test_a_batch_costs_the_mean_of_what_its_pictures_cost_alone(
    loss: Callable[..., Tensor], pair: tuple[Tensor, Tensor]
) -> None:
    weight = torch.ones(2, 1, 37, 52)
    weight[1, :, :10] = 20
    alone = [loss(pair[0][i : i + 1], pair[1][i : i + 1], weight[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(loss(*pair, weight), torch.stack(alone).mean())


def test_a_picture_without_weight_adds_nothing_and_its_gradient_is_finite() -> None:
    values = torch.ones(2, 3, 4, 4, requires_grad=True)
    weight = torch.zeros(2, 1, 4, 4)
    weight[0, 0, 0, 0] = 2
    found = weighted_mean(values, weight)
    found.backward()
    assert found.item() == pytest.approx(0.5)
    assert values.grad is not None and values.grad[1].abs().max() == 0
    assert values.grad[0, :, 0, 0].tolist() == pytest.approx([1 / 6] * 3)


def test_ssim_equals_scikit_images(pair: tuple[Tensor, Tensor]) -> None:
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 2}
    arrays = [[image.permute(1, 2, 0).double().numpy() for image in images] for images in pair]
    theirs = [structural_similarity(a, b, channel_axis=-1, **settings) for a, b in zip(*arrays, strict=True)]
    assert float(ssim(*pair)) == pytest.approx(np.mean(theirs), abs=1e-6)
    _, full = structural_similarity(arrays[0][1], arrays[1][1], channel_axis=-1, full=True, **settings)
    ours = ssim_map(*pair)[1].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(ours, full[5:-5, 5:-5], atol=1e-5)


def test_ssim_of_flat_pictures_is_worked_out_by_hand() -> None:
    a, b = torch.full((1, 3, 12, 14), 0.5), torch.full((1, 3, 12, 14), -0.2)
    c1 = (0.01 * 2) ** 2  # the second factor is C2 / C2
    assert float(ssim(a, b)) == pytest.approx((2 * 0.5 * -0.2 + c1) / (0.25 + 0.04 + c1), rel=1e-3)


def test_ssim_of_equal_pictures_is_one(pair: tuple[Tensor, Tensor]) -> None:
    assert float(ssim(pair[0], pair[0])) == pytest.approx(1, abs=1e-6)
    assert ssim_map(*pair).shape == (2, 3, 27, 42)


def test_masked_ssim_without_weights_is_one_minus_ssim(pair: tuple[Tensor, Tensor]) -> None:
    torch.testing.assert_close(masked_ssim_loss(*pair), 1 - ssim(*pair))


def test_masked_ssim_reads_the_map_at_the_weighted_pixel(pair: tuple[Tensor, Tensor]) -> None:
    weight = torch.zeros(2, 1, 37, 52)
    weight[:, :, 20, 30] = 4
    wanted = 1 - ssim_map(*pair)[:, :, 15, 25].mean()
    torch.testing.assert_close(masked_ssim_loss(*pair, weight), wanted)


def test_hinge_losses_are_worked_out_by_hand() -> None:
    real, fake = torch.tensor([2.0, 0.5, -1.0, 1.0]), torch.tensor([-2.0, 0.5, -0.5])
    assert float(discriminator_loss("hinge", real, fake)) == pytest.approx(
        (0 + 0.5 + 2 + 0) / 4 + (0 + 1.5 + 0.5) / 3
    )
    assert float(generator_adversarial_loss("hinge", fake)) == pytest.approx(2 / 3)


def test_cross_entropy_losses_are_worked_out_by_hand() -> None:
    real, fake = torch.tensor([0.0, 3.0]), torch.tensor([0.0, -2.0, 1.0])
    wrong = (log(2) + log(1 + exp(-3))) / 2 + (log(2) + log(1 + exp(-2)) + log(1 + exp(1))) / 3
    assert float(discriminator_loss("bce", real, fake)) == pytest.approx(wrong, rel=1e-6)
    seen_through = (log(2) + log(1 + exp(2)) + log(1 + exp(-1))) / 3
    assert float(generator_adversarial_loss("bce", fake)) == pytest.approx(seen_through, rel=1e-6)


@pytest.mark.parametrize("kind", ["bce", "hinge"])
def test_discriminator_and_generator_pull_fake_logits_apart(kind: str) -> None:
    real, fake = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    discriminator_loss(kind, real, fake).backward()
    assert real.grad is not None and (real.grad < 0).all()
    assert fake.grad is not None and (fake.grad > 0).all()
    fake.grad = None
    generator_adversarial_loss(kind, fake).backward()
    assert (fake.grad < 0).all()


def test_an_unknown_adversarial_loss_is_refused() -> None:
    with pytest.raises(ValueError, match="'wasserstein'"):
        discriminator_loss("wasserstein", torch.zeros(1), torch.zeros(1))
    with pytest.raises(ValueError, match="'wasserstein'"):
        generator_adversarial_loss("wasserstein", torch.zeros(1))


def test_feature_matching_counts_each_layer_alike_and_pulls_only_the_fake() -> None:
    real = [torch.zeros(2, 4, 8, 8, requires_grad=True), torch.ones(2, 1, 1, 1, requires_grad=True)]
    fake = [torch.full((2, 4, 8, 8), 0.5, requires_grad=True), torch.full((2, 1, 1, 1), -2.0)]
    found = feature_matching(real, fake)
    found.backward()
    assert found.item() == pytest.approx((0.5 + 3) / 2)
    assert fake[0].grad is not None
    assert real[0].grad is None and real[1].grad is None


def test_losses_are_the_same_inside_autocast(pair: tuple[Tensor, Tensor]) -> None:
    weight = hole_weight(torch.zeros(2, 1, 37, 52), 3.0)
    logits, truth = pair[0][:, :1] * 5, (pair[1][:, :1] > 0).float()

    def all_of_them() -> list[Tensor]:
        return [
            l1(*pair, weight),
            ssim(*pair),
            masked_ssim_loss(*pair, weight),
            bce_dice(logits, truth),
            discriminator_loss("bce", logits, truth),
            generator_adversarial_loss("hinge", logits),
            feature_matching([pair[0]], [pair[1]]),
        ]

    plain = all_of_them()
    with torch.autocast("cpu", torch.bfloat16):
        inside = all_of_them()
    for one, other in zip(plain, inside, strict=True):
        assert one.dtype == other.dtype == torch.float32 and one.shape == ()
        assert torch.equal(one, other)


def test_half_precision_input_is_computed_in_float32(pair: tuple[Tensor, Tensor]) -> None:
    half = [image.bfloat16() for image in pair]
    for loss in (l1, ssim, masked_ssim_loss):
        assert torch.equal(loss(*half), loss(*(image.float() for image in half)))


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: l1(x, x.detach()),
        lambda x: masked_ssim_loss(x, x.detach(), torch.ones(1, 1, 16, 16)),
        lambda x: masked_ssim_loss(x, -x.detach()),
        lambda x: bce_dice(x * 1e4, torch.ones_like(x)),
        lambda x: bce_dice(x * 1e4, torch.zeros_like(x)),
        lambda x: discriminator_loss("bce", x * 1e4, x * -1e4),
        lambda x: discriminator_loss("hinge", x * 1e4, x * -1e4),
        lambda x: generator_adversarial_loss("bce", x * 1e4),
    ],
)
@pytest.mark.parametrize("level", [-1.0, 0.0, 1.0])
def test_gradients_are_finite_in_extreme_cases(loss: Callable[[Tensor], Tensor], level: float) -> None:
    x = torch.full((1, 3, 16, 16), level, requires_grad=True)
    value = loss(x)
    value.backward()
    assert value.isfinite()
    assert x.grad is not None and x.grad.isfinite().all()
