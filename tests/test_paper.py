from collections.abc import Iterator
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from unmask.model.networks.paper import PaperGenerator, PaperMapNet

Layer = TypeVar("Layer", bound=nn.Module)

SIZES = [(128, 128), (160, 112), (16, 192)]
PUBLISHED_PARAMETERS, PUBLISHED_MACS = 41.8e6, 12.6e9  # of the eleven-block generator, at 128x128


@pytest.fixture(scope="module")
def map_net() -> PaperMapNet:
    torch.manual_seed(1)
    return PaperMapNet().eval()


@pytest.fixture(scope="module")
def generator() -> PaperGenerator:
    torch.manual_seed(2)
    return PaperGenerator().eval()


def inputs(n: int = 1, h: int = 128, w: int = 128) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(3)
    picture = torch.rand(n, 3, h, w, generator=source) * 2 - 1
    map_ = torch.zeros(n, 1, h, w)
    map_[..., h // 2 :, w // 4 : -w // 4] = 1
    return picture, map_


def test_the_map_network_has_these_parameters_and_operations():
    with torch.device("meta"):
        network = PaperMapNet()
        assert parameters(network) == 14_126_561
        assert operations(network, torch.empty(1, 3, 128, 128)) == 3_954_704_384


def test_the_generator_has_the_parameters_and_operations_of_the_published_one_within_three_percent():
    with torch.device("meta"):
        network = PaperGenerator()
        count = operations(network, torch.empty(1, 3, 128, 128), torch.empty(1, 1, 128, 128))
    assert parameters(network) == 41_129_919
    assert count == 12_697_741_824
    assert parameters(network) == pytest.approx(PUBLISHED_PARAMETERS, rel=0.03)
    assert count == pytest.approx(PUBLISHED_MACS, rel=0.03)


def test_the_map_network_has_eleven_blocks_of_the_stated_shapes():
    with torch.device("meta"):
        shapes = block_shapes(PaperMapNet(), torch.empty(1, 3, 128, 128))
    assert shapes == {
        "down.0": ((3, 128), (64, 128)),
        "down.1": ((64, 128), (128, 64)),
        "down.2": ((128, 64), (256, 32)),
        "down.3": ((256, 32), (512, 16)),
        "down.4": ((512, 16), (512, 8)),
        "middle": ((512, 8), (512, 8)),
        "up.0": ((1024, 8), (512, 8)),
        "up.1": ((1024, 16), (256, 16)),
        "up.2": ((512, 32), (128, 32)),
        "up.3": ((256, 64), (64, 64)),
        "up.4": ((128, 128), (32, 128)),
    }


def test_the_generator_has_eleven_blocks_of_the_stated_shapes():
    with torch.device("meta"):
        shapes = block_shapes(PaperGenerator(), torch.empty(1, 3, 128, 128), torch.empty(1, 1, 128, 128))
    assert shapes == {
        "down.0": ((4, 128), (64, 128)),
        "down.1": ((64, 128), (128, 64)),
        "down.2": ((128, 64), (256, 32)),
        "down.3": ((256, 32), (512, 16)),
        "down.4": ((512, 16), (832, 16)),
        "middle": ((832, 16), (832, 16)),
        "up.0": ((1664, 16), (512, 16)),
        "up.1": ((1024, 16), (256, 16)),
        "up.2": ((512, 32), (128, 32)),
        "up.3": ((256, 64), (64, 64)),
        "up.4": ((128, 128), (32, 128)),
    }


def test_the_generators_middle_is_four_atrous_convolutions_and_nothing_else_is_dilated(
    generator: PaperGenerator,
):
    assert [conv.dilation for conv in convolutions(generator.body.middle)] == [
        (2, 2), (4, 4), (8, 8), (16, 16)
    ]  # fmt: skip
    assert sum(conv.dilation != (1, 1) for conv in convolutions(generator)) == 4


def test_squeeze_and_excitation_is_in_the_first_three_blocks_down_with_a_sixteenth_of_their_channels(
    generator: PaperGenerator,
):
    linear = {name: layer.weight.shape for name, layer in named(generator, nn.Linear)}
    assert [(name[:11], *shape) for name, shape in linear.items()] == [
        ("body.down.0", 4, 64), ("body.down.0", 64, 4),
        ("body.down.1", 8, 128), ("body.down.1", 128, 8),
        ("body.down.2", 16, 256), ("body.down.2", 256, 16),
    ]  # fmt: skip


def test_squeeze_and_excitation_scales_each_channel_of_each_picture_alike(generator: PaperGenerator):
    x = torch.rand(2, 64, 8, 8, generator=torch.Generator().manual_seed(5)) + 0.5
    with torch.no_grad():
        scale = generator.body.down[0][-1](x) / x
    assert ((scale > 0) & (scale < 1)).all()
    torch.testing.assert_close(scale, scale[..., :1, :1].expand_as(scale))
    assert scale[0, :, 0, 0].std() > 0.01


def test_activations_are_leaky_and_every_block_but_the_first_is_batch_normalised(
    map_net: PaperMapNet, generator: PaperGenerator
):
    for network, count in ((map_net, 11), (generator, 14)):
        leaky = {layer.negative_slope for _, layer in named(network, nn.LeakyReLU)}
        assert leaky == {0.2}
        assert not list(named(network, nn.ReLU))
        assert len(list(convolutions(network.body))) == count
        assert len(list(named(network, nn.BatchNorm2d))) == count - 1


def test_only_the_map_networks_two_innermost_blocks_up_drop_values(
    map_net: PaperMapNet, generator: PaperGenerator
):
    assert [(name[:9], layer.p) for name, layer in named(map_net, nn.Dropout)] == [
        ("body.up.0", 0.5),
        ("body.up.1", 0.5),
    ]
    assert not list(named(generator, nn.Dropout))


def test_no_transposed_convolution_leaves_a_checkerboard(map_net: PaperMapNet, generator: PaperGenerator):
    for network in (map_net, generator):
        assert not list(named(network, nn.ConvTranspose2d))


@pytest.mark.parametrize(("h", "w"), SIZES)
def test_any_multiple_of_sixteen_gives_logits_and_a_picture_of_that_size(
    map_net: PaperMapNet, generator: PaperGenerator, h: int, w: int
):
    picture, map_ = inputs(1, h, w)
    with torch.no_grad():
        logits, restored = map_net(picture), generator(picture, map_)
    assert logits.shape == (1, 1, h, w)
    assert restored.shape == (1, 3, h, w)
    assert restored.abs().max() <= 1


def test_the_picture_stays_in_range_however_strong_the_last_layer(generator: PaperGenerator):
    picture, map_ = inputs(1, 64, 64)
    handle = generator.head.register_forward_hook(lambda _module, _inputs, out: out * 1000)
    try:
        with torch.no_grad():
            restored = generator(picture, map_)
    finally:
        handle.remove()
    assert restored.abs().max() == 1


def test_logits_are_not_squashed(map_net: PaperMapNet):
    picture, _ = inputs(1, 32, 32)
    with torch.no_grad():
        before = map_net(picture)
        map_net.head.bias += 100
        after = map_net(picture)
        map_net.head.bias -= 100
    torch.testing.assert_close(after, before + 100, atol=1e-3, rtol=0)


def test_the_gradient_reaches_every_parameter():
    picture, map_ = inputs()
    torch.manual_seed(4)
    for network, given in ((PaperMapNet(), (picture,)), (PaperGenerator(), (picture, map_))):
        network(*given).square().mean().backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
            # Every weight, not only every tensor: zeros around 16x16 cells would leave a dilation of 16 a ninth.
            reached = (parameter.grad != 0).float().mean()
            assert reached > 0.99, f"{name}: {reached:.3f}"


def test_the_generator_uses_the_picture_and_the_map(generator: PaperGenerator):
    picture, map_ = (tensor.requires_grad_() for tensor in inputs(1, 64, 64))
    generator(picture, map_).square().mean().backward()
    for given in (picture, map_):
        assert given.grad is not None
        assert (given.grad != 0).float().mean() > 0.99


def test_evaluation_is_deterministic_and_looks_at_one_picture_at_a_time(
    map_net: PaperMapNet, generator: PaperGenerator
):
    picture, map_ = inputs(2, 64, 64)
    with torch.no_grad():
        for network, given in ((map_net, (picture,)), (generator, (picture, map_))):
            both = network(*given)
            assert torch.equal(network(*given), both)
            alone = network(*(tensor[:1] for tensor in given))
            torch.testing.assert_close(alone, both[:1], atol=1e-5, rtol=1e-4)


def test_dropout_makes_two_training_passes_of_the_map_network_differ():
    picture, _ = inputs(2, 64, 64)
    torch.manual_seed(6)
    network = PaperMapNet()
    with torch.no_grad():
        assert not torch.equal(network(picture), network(picture))
        for _, dropout in named(network, nn.Dropout):
            dropout.p = 0.0
        assert torch.equal(network(picture), network(picture))


def test_bfloat16_and_channels_last_give_nearly_the_same(map_net: PaperMapNet, generator: PaperGenerator):
    picture, map_ = inputs(1, 32, 48)
    with torch.no_grad():
        for network, given in ((map_net, (picture,)), (generator, (picture, map_))):
            expected = network(*given)
            last = [tensor.contiguous(memory_format=torch.channels_last) for tensor in given]
            torch.testing.assert_close(network(*last), expected, atol=1e-4, rtol=1e-3)
            with torch.autocast("cpu", torch.bfloat16):
                half = network(*last)
            assert (half.float() - expected).abs().mean() < 0.05 * expected.std()
    assert half.dtype == torch.float32  # the generator's pictures are never rounded to bfloat16


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def named(network: nn.Module, kind: type[Layer]) -> Iterator[tuple[str, Layer]]:
    return ((name, layer) for name, layer in network.named_modules() if isinstance(layer, kind))


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [layer for _, layer in named(network, nn.Conv2d)]


def operations(network: nn.Module, *given: Tensor) -> int:
    """Multiply-accumulates of all convolutions and linear layers: one for each weight and place."""
    counts = []

    def count(layer: nn.Module, _inputs: tuple[Tensor, ...], out: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        counts.append(layer.weight.numel() * out.numel() // out.shape[1])

    for _, layer in [*named(network, nn.Conv2d), *named(network, nn.Linear)]:
        layer.register_forward_hook(count)
    network(*given)
    return sum(counts)


def block_shapes(
    network: PaperMapNet | PaperGenerator, *given: Tensor
) -> dict[str, tuple[tuple[int, int], tuple[int, int]]]:
    """(channels, size) into and out of every block, in the order of their calls."""
    shapes: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {}
    body = network.body
    blocks = {f"down.{index}": block for index, block in enumerate(body.down)} | {"middle": body.middle}
    blocks |= {f"up.{index}": block for index, block in enumerate(body.up)}
    for name, block in blocks.items():

        def note(_block: nn.Module, given: tuple[Tensor, ...], out: Tensor, name: str = name) -> None:
            (into,) = given
            shapes[name] = ((into.shape[1], into.shape[2]), (out.shape[1], out.shape[2]))

        block.register_forward_hook(note)
    network(*given)
    assert list(shapes) == list(blocks)
    return shapes
