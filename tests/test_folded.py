"""Networks rewritten for inference: the same numbers in less time."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.networks.doubled import doubled_kernel
from unmask.model.networks.folded import folded
from unmask.model.networks.frame_net import FrameNet
from unmask.model.networks.networks import build_network
from unmask.model.networks.spec import EDIT, FRAME, MAP, NetworkSpec

SPECS = [
    NetworkSpec(MAP, "compact", 8),
    NetworkSpec(MAP, "pretrained", 8, straps=True),
    NetworkSpec(MAP, "paper"),
    NetworkSpec(EDIT, "compact", 8),
    NetworkSpec(EDIT, "compact", 8, deeper=3),
    NetworkSpec(EDIT, "paper"),
    NetworkSpec(FRAME, "finder", 16),
]


def trained(network: nn.Module) -> nn.Module:
    """Statistics and weights as a training would leave them, in evaluation mode."""
    for name, value in network.state_dict().items():
        if name.endswith(("running_mean", "head.weight", "head.bias", "convolutions.2.weight")):
            value.uniform_(-0.3, 0.3)
        elif name.endswith("running_var"):
            value.uniform_(0.4, 1.6)
    return network.eval()


def pictures(spec: NetworkSpec, height: int, width: int) -> list[Tensor]:
    picture = torch.rand(2, 3, height, width) * 2 - 1
    map_ = torch.zeros(2, 1, height, width)
    map_[:, :, height // 2 :, width // 4 :] = 1
    return [picture, map_] if spec.kind == EDIT else [picture]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.kind}-{spec.name}-{spec.deeper}")
# Odd multiples of 16: a level is rounded up on the way down, and cut on the way up.
@pytest.mark.parametrize("size", [(64, 96), (80, 48), (16, 112)])
@torch.inference_mode()
def test_a_folded_network_says_the_same_at_every_size(spec: NetworkSpec, size: tuple[int, int]) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        network = trained(build_network(spec))
        given = pictures(spec, *size)
    said = network(*given)
    again = folded(copy.deepcopy(network))(*given)
    assert said.std() > 1e-3
    assert (again - said).abs().max() < 1e-4 * max(1.0, float(said.abs().max()))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.kind}-{spec.name}-{spec.deeper}")
def test_a_folded_network_in_bfloat16_says_nearly_the_same(spec: NetworkSpec) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        network = trained(build_network(spec))
        given = pictures(spec, 64, 96)
    half = TrainedModule(folded(copy.deepcopy(network)), {}, torch.device("cpu"), bf16=True)
    assert {weight.dtype for weight in half.network.parameters()} == {torch.bfloat16}
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        rough = half.network(*given).float()
    with torch.inference_mode():
        said = network(*given)
    assert (rough - said).abs().mean() < 0.05 * said.std()


@torch.inference_mode()
def test_the_frame_module_says_the_same_when_it_is_folded() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        network, crops = trained(FrameNet()), torch.rand(3, 3, 80, 80) * 2 - 1
    said = network(crops)
    assert torch.allclose(folded(copy.deepcopy(network))(crops), said, atol=1e-5)


def test_a_folded_network_has_no_normalisation_left_that_a_convolution_could_take() -> None:
    network = folded(trained(build_network(NetworkSpec(EDIT, "compact", 8))))
    assert not any(isinstance(part, nn.BatchNorm2d) for part in network.modules())
    assert not any(part.requires_grad for part in network.parameters())


def test_doubled_pixels_are_convolved_by_a_transposed_convolution() -> None:
    rng = np.random.default_rng(0)
    kernel, small = rng.normal(size=(5, 4, 3, 3)), torch.from_numpy(rng.normal(size=(1, 4, 6, 9)))
    large = functional.interpolate(small, scale_factor=2.0, mode="nearest")
    expected = functional.conv2d(large, torch.from_numpy(kernel), padding=1)
    made = functional.conv_transpose2d(small.float(), torch.from_numpy(doubled_kernel(kernel)), None, 2, 1)
    assert np.abs(made.numpy() - expected.numpy()).max() < 1e-4
