import pytest
import torch
from torch import Tensor, nn

from unmask.model.data.batches import Batch
from unmask.model.networks.discriminator import PatchDiscriminator, mask_region, mask_views, whole_views

CLEAN, CLOTH, OUTPUT = -0.5, 0.875, 0.25  # what the pictures below are made of


@pytest.fixture(scope="module")
def network() -> PatchDiscriminator:
    torch.manual_seed(1)
    return PatchDiscriminator()


def scene(n: int = 2, h: int = 32, w: int = 48) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(output, clean, picture, map): flat colours, the cloth exactly where the map is 1."""
    map_ = torch.zeros(n, 1, h, w)
    map_[..., h // 2 :, 8:-8] = 1
    clean = torch.full((n, 3, h, w), CLEAN)
    picture = torch.where(map_ > 0, CLOTH, clean)
    return torch.full((n, 3, h, w), OUTPUT), clean, picture, map_


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(4)) * 2 - 1


def test_parameters_follow_from_the_published_widths():
    with torch.device("meta"):
        counts = [parameters(PatchDiscriminator(3, width)) for width in (64, 32)]
        pairs = parameters(PatchDiscriminator(6))
    assert counts == [2_765_633, 694_689]
    assert pairs == counts[0] + 3 * 64 * 16


def test_a_picture_of_128_gives_14x14_logits_through_64_128_256_512_channels():
    with torch.device("meta"):
        logits, features = PatchDiscriminator()(torch.empty(2, 3, 128, 128), features=True)
    assert logits.shape == (2, 1, 14, 14)
    assert [tuple(seen.shape) for seen in features] == [
        (2, 64, 64, 64),
        (2, 128, 32, 32),
        (2, 256, 16, 16),
        (2, 512, 15, 15),
    ]


def test_layers_are_4x4_convolutions_with_leaky_activations(network: PatchDiscriminator):
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.kernel_size for layer in layers] == [(4, 4)] * 5
    assert [layer.stride[0] for layer in layers] == [2, 2, 2, 1, 1]
    slopes = [layer.negative_slope for layer in network.modules() if isinstance(layer, nn.LeakyReLU)]
    assert slopes == [0.2] * 4
    assert not [layer for layer in network.modules() if isinstance(layer, nn.ConvTranspose2d)]


@pytest.mark.parametrize(("h", "w"), [(128, 128), (160, 112), (256, 256), (32, 48)])
def test_other_sizes_give_a_logit_every_eight_pixels(h: int, w: int):
    with torch.device("meta"):
        assert PatchDiscriminator(3, 16)(torch.empty(1, 3, h, w)).shape == (1, 1, h // 8 - 2, w // 8 - 2)


def test_a_logit_judges_a_patch_of_70_pixels():
    torch.manual_seed(2)
    network = PatchDiscriminator(3, 4)
    for layer in list(network.layers)[1:]:
        assert isinstance(layer, nn.Sequential)
        layer[1] = nn.Identity()  # normalisation looks at the whole picture
    picture = noise(1, 3, 128, 128).requires_grad_()
    network(picture)[0, 0, 7, 7].backward()
    assert picture.grad is not None
    rows, columns = picture.grad[0].abs().sum(0).nonzero().unbind(1)
    assert int(rows.max() - rows.min()) + 1 == 70
    assert int(columns.max() - columns.min()) + 1 == 70


def test_features_are_what_the_layers_gave_and_leave_the_logits_alone(network: PatchDiscriminator):
    picture = noise(2, 3, 64, 48)
    logits, features = network(picture, features=True)
    assert torch.equal(network(picture), logits)
    x = picture
    for layer, seen in zip(network.layers, features, strict=True):
        x = layer(x)
        assert torch.equal(x, seen)
        assert (seen < 0).any()  # leaky
    assert torch.equal(network.head(x), logits)


def test_the_gradient_reaches_every_parameter_and_the_picture(network: PatchDiscriminator):
    picture = noise(2, 3, 64, 64).requires_grad_()
    network.zero_grad()
    network(picture).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad != 0).float().mean() > 0.99, name
    assert picture.grad is not None
    assert (picture.grad != 0).float().mean() > 0.99


def test_a_picture_is_judged_alike_whatever_shares_its_batch(network: PatchDiscriminator):
    real, fake = noise(2, 3, 64, 64), 0.3 * noise(2, 3, 64, 64) + 0.5
    together = network(torch.cat([real, fake]))
    apart = torch.cat([network(real), network(fake)])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(*together.chunk(2), atol=0.01)


def test_training_and_evaluation_modes_are_the_same_and_nothing_is_remembered(network: PatchDiscriminator):
    picture = noise(2, 3, 64, 64)
    try:
        learning = network.train()(picture)
        assert torch.equal(network.eval()(picture), learning)
    finally:
        network.train()
    assert not list(network.buffers())


def test_bfloat16_and_channels_last_give_nearly_the_same(network: PatchDiscriminator):
    picture = noise(1, 3, 64, 64)
    expected = network(picture)
    last = picture.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(network(last), expected, atol=1e-4, rtol=1e-3)
    with torch.autocast("cpu", torch.bfloat16):
        half = network(last)
    assert (half.float() - expected).abs().mean() < 0.1 * expected.std()


def test_the_whole_discriminators_real_picture_is_the_clean_one_and_shows_no_cloth():
    output, clean, picture, map_ = scene()
    real, fake = whole_views(output, clean, picture, map_)
    assert torch.equal(real, clean)
    assert not (real == CLOTH).any()
    assert not (fake == CLOTH).any()
    assert torch.equal(fake, torch.where(map_ > 0, OUTPUT, clean))


def test_the_mask_discriminators_real_picture_shows_no_cloth_either():
    output, clean, picture, map_ = scene()
    real, fake = mask_views(output, clean, picture, map_)
    assert torch.equal(real, clean)
    assert torch.equal(fake, torch.where(map_ > 0, OUTPUT, clean))


def test_around_the_map_both_pictures_of_the_mask_discriminator_are_the_photograph():
    output, clean, _, map_ = scene()
    picture = noise(2, 3, 32, 48)  # straps and shadows: not the clean picture
    real, fake = mask_views(output, clean, picture, map_)
    assert torch.equal(*(torch.where(map_ > 0, 0, view) for view in (real, picture)))
    assert torch.equal(real == fake, (map_ == 0).expand_as(real))


@pytest.mark.parametrize("views", [whole_views, mask_views])
def test_under_a_map_of_ones_fake_is_the_output_and_real_the_clean_picture_exactly(views):
    output, clean, picture = noise(3, 2, 3, 16, 16)
    real, fake = views(output, clean, picture, torch.ones(2, 1, 16, 16))
    assert torch.equal(fake, output)
    assert torch.equal(real, clean)


@pytest.mark.parametrize("views", [whole_views, mask_views])
def test_a_stored_map_of_255_reaches_the_discriminators_as_ones(views):
    stored = torch.randint(0, 256, (2, 2, 3, 16, 16), generator=torch.Generator().manual_seed(5)).byte()
    map_ = torch.full((2, 1, 16, 16), 255, dtype=torch.uint8)
    batch = Batch(stored[0], map_, stored[1], 0 * map_, ("a", "b"))
    picture, map_, clean = batch.pictures()
    output = noise(2, 3, 16, 16)
    # Divided by 255 twice, a map would still lie in [0, 1], and the fake picture would be the masked photograph.
    real, fake = views(output, clean, picture, map_)
    assert torch.equal(fake, output)
    assert torch.equal(real, clean)


def test_under_a_map_of_zeros_nothing_of_the_output_is_seen():
    output, clean, picture = noise(3, 2, 3, 16, 16)
    nothing = torch.zeros(2, 1, 16, 16)
    assert torch.equal(whole_views(output, clean, picture, nothing)[1], picture)
    real, fake = mask_views(output, clean, picture, nothing)
    assert torch.equal(real, picture)
    assert torch.equal(fake, picture)


def test_a_soft_edge_mixes_by_its_share():
    output, _, picture, _ = scene(1, 16, 32)
    mixed = mask_region(output, picture, torch.full((1, 1, 16, 32), 0.25))
    torch.testing.assert_close(mixed, 0.75 * picture + 0.25 * output)


@pytest.mark.parametrize("views", [whole_views, mask_views])
def test_the_gradient_leads_through_fake_to_the_output_under_the_map_only(views):
    output, clean, picture, map_ = scene()
    output.requires_grad_()
    real, fake = views(output, clean, picture, map_)
    assert not real.requires_grad
    fake.sum().backward()
    assert output.grad is not None
    assert torch.equal(output.grad, map_.expand_as(output))


@pytest.mark.parametrize("views", [whole_views, mask_views])
@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda map_: 255 * map_, id="0 to 255"),
        pytest.param(lambda map_: (255 * map_).byte(), id="bytes"),
        pytest.param(lambda map_: map_.byte(), id="bytes of 0 and 1"),
        pytest.param(lambda map_: 2 * map_ - 1, id="-1 to 1"),
        pytest.param(lambda map_: map_ * float("nan"), id="not a number"),
    ],
)
def test_a_map_outside_0_to_1_is_refused(views, wrong):
    output, clean, picture, map_ = scene()
    with pytest.raises(ValueError, match=r"floats in \[0, 1\]"):
        views(output, clean, picture, wrong(map_))


@pytest.mark.parametrize("shape", [(3, 32, 48), (3, 3, 32, 48), (1, 1, 32, 48), (3, 1, 1, 1)])
def test_a_map_that_would_be_broadcast_is_refused(shape: tuple[int, ...]):
    output, clean, picture, _ = scene(3)
    with pytest.raises(ValueError, match=r"a map \(n, 1, h, w\) expected"):
        mask_views(output, clean, picture, torch.ones(shape))


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
