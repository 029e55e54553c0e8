"""Discriminators that look through the frozen network: heads, what each is asked, what a step looks at."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from unmask.model.networks.lite_variants import LITE0_CHANNELS
from unmask.model.networks.perceptual import PerceptualNetwork
from unmask.model.networks.projected import ProjectedDiscriminator
from unmask.model.training.adversaries import ProjectedAdversaries
from unmask.model.training.judged import MASK, WHOLE, JudgedPictures

CHANNELS = (4, 6)


def noise(*shape: int, seed: int = 4) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


class Counting(PerceptualNetwork):
    """A small frozen network that counts how many batches of pictures it was shown."""

    def __init__(self) -> None:
        torch.manual_seed(3)
        stages = (nn.Conv2d(3, CHANNELS[0], 1), nn.Sequential(nn.Conv2d(*CHANNELS, 2, 2), nn.ReLU()))
        super().__init__(stages, (0.5,) * 3, (0.5,) * 3, unit=True, name="small", sha256="")
        self.looks = 0

    def features(self, picture: Tensor) -> list[Tensor]:
        self.looks += 1
        return super().features(picture)


def scene(output: Tensor | None = None) -> JudgedPictures:
    paste = torch.zeros(2, 1, 16, 16)
    paste[..., 8:, :] = 1
    clean = noise(2, 3, 16, 16)
    picture = torch.where(paste > 0, 0.9, clean)
    return JudgedPictures(picture, clean, paste, noise(2, 3, 16, 16, seed=5) if output is None else output)


@pytest.fixture
def network() -> ProjectedDiscriminator:
    torch.manual_seed(1)
    return ProjectedDiscriminator(8, CHANNELS)


def features_of(*sizes: int) -> list[Tensor]:
    return [noise(2, channels, size, size) for channels, size in zip(CHANNELS, sizes, strict=True)]


def test_every_depth_gives_its_own_logits(network: ProjectedDiscriminator):
    assert [tuple(one.shape) for one in network(features_of(16, 8))] == [(2, 1, 16, 16), (2, 1, 8, 8)]
    depths = [noise(1, channels, 8, 8) for channels in LITE0_CHANNELS[:-1]]
    assert len(ProjectedDiscriminator(4)(depths)) == len(depths)
    with pytest.raises(ValueError, match="shorter"):
        network(features_of(16, 8)[:1])


def test_the_strength_of_features_says_nothing(network: ProjectedDiscriminator):
    network.eval()  # no step of the spectral norm between the two
    seen = features_of(16, 8)
    for one, other in zip(network(seen), network([30 * feature for feature in seen]), strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


def test_mixtures_are_kept_and_never_learn(network: ProjectedDiscriminator):
    mixtures = {name for name in network.state_dict() if name.endswith("mixture")}
    assert len(mixtures) == len(CHANNELS)
    network.requires_grad_(False).requires_grad_(True)  # what a step does
    assert not mixtures & {name for name, _ in network.named_parameters()}
    torch.stack([one.square().mean() for one in network(features_of(16, 8))]).sum().backward()
    assert all(value.grad is not None and value.grad.any() for value in network.parameters())


def test_the_mask_regions_verdict_counts_under_the_mask_alone(network: ProjectedDiscriminator):
    adversaries = ProjectedAdversaries("hinge", Counting())
    network.eval()
    logits = {}
    for name in (WHOLE, MASK):
        shown: list[Sequence[Tensor]] = []
        network.register_forward_hook(lambda _m, _i, out, shown=shown: shown.append(out))
        (value,) = adversaries.generator(network, name, scene()).values()
        logits[name] = (float(value.detach()), [one.detach() for one in shown[-1]])
    value, outputs = logits[MASK]
    lower = [-one[..., one.shape[-2] // 2 :, :].mean() for one in outputs]
    assert value == pytest.approx(float(torch.stack(lower).mean()), abs=1e-5)
    value, outputs = logits[WHOLE]
    assert value == pytest.approx(float(-torch.stack([one.mean() for one in outputs]).mean()), abs=1e-5)


def test_the_generators_gradient_stays_under_the_mask_and_the_discriminators_leaves_it_alone(
    network: ProjectedDiscriminator,
):
    adversaries = ProjectedAdversaries("hinge", Counting())
    output = noise(2, 3, 16, 16, seed=5).requires_grad_()
    judged = scene(output)
    terms = [adversaries.generator(network, name, judged)[name] for name in (WHOLE, MASK)]
    (gradient,) = torch.autograd.grad(torch.stack(terms).sum(), output)
    assert gradient[..., 8:, :].abs().sum() > 0
    assert gradient[..., :8, :].abs().max() == 0
    adversaries.discriminator(network, MASK, judged).backward()
    assert output.grad is None


def test_a_step_looks_at_each_picture_once(network: ProjectedDiscriminator):
    eyes = Counting()
    adversaries, judged = ProjectedAdversaries("hinge", eyes), scene()
    adversaries.clean_features(judged)  # for the perceptual distance
    for name in (WHOLE, MASK):
        adversaries.generator(network, name, judged)
        adversaries.discriminator(network, name, judged)
    assert eyes.looks == 3  # clean, clean with the photograph around it, restored


def test_it_learns_to_tell_generated_from_real(network: ProjectedDiscriminator):
    adversaries, judged = ProjectedAdversaries("hinge", Counting()), scene()
    adam = torch.optim.Adam(network.parameters(), 3e-3, betas=(0.5, 0.999))
    losses = []
    for _ in range(60):
        loss = adversaries.discriminator(network, MASK, judged)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
