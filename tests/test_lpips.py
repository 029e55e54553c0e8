"""LPIPS: the published formula on weights that are made up here, in the forms in which people have them."""

from pathlib import Path

import pytest
import torch
from lpips_support import ALEX, drawn, made_up, saved
from torch import Tensor
from torch.nn import functional

from unmask.datagen.common.errors import UserError
from unmask.model.networks import lpips
from unmask.model.networks.lpips import Lpips, load_lpips


@pytest.fixture(scope="module")
def whole() -> dict[str, Tensor]:
    return made_up()


@pytest.fixture(scope="module")
def network(whole: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Lpips:
    return load_lpips(saved(tmp_path_factory.mktemp("weights"), whole))


def pictures(seed: int, side: int = 64) -> Tensor:
    return (drawn(2, 3, side, side, seed=seed) * 10).clamp(-1, 1)


def as_published(weights: dict[str, Tensor], a: Tensor, b: Tensor) -> Tensor:
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    x, y = (((p.permute(0, 2, 3, 1) - shift) / scale).permute(0, 3, 1, 2) for p in (a, b))
    total = torch.zeros(len(a))
    for layer, (number, _, _, _, stride, padding, part) in enumerate(ALEX):
        if number in (3, 6):
            x, y = (functional.max_pool2d(z, 3, 2) for z in (x, y))
        filters = (weights[f"net.slice{part}.{number}.{kind}"] for kind in ("weight", "bias"))
        weight, bias = filters
        x, y = (functional.conv2d(z, weight, bias, stride, padding).relu() for z in (x, y))
        apart = (x / (x.norm(dim=1, keepdim=True) + 1e-10) - y / (y.norm(dim=1, keepdim=True) + 1e-10)) ** 2
        linear = weights[f"lin{layer}.model.1.weight"].flatten()
        total += torch.einsum("nchw,c->nhw", apart, linear).mean(dim=(1, 2))
    return total


def test_the_distance_is_the_published_one(network: Lpips, whole: dict[str, Tensor]) -> None:
    a, b = pictures(1), pictures(2)
    found = network(a, b)
    torch.testing.assert_close(found, as_published(whole, a, b), rtol=1e-4, atol=1e-6)
    assert (found > 0.01).all()
    assert network(a, a).tolist() == [0, 0]


def test_equal_weights_change_nothing_and_a_mask_looks_only_where_it_is(network: Lpips) -> None:
    a, b = pictures(1, 128), pictures(1, 128).clone()
    b[:, :, :32] = pictures(2, 128)[:, :, :32]
    everywhere = torch.full((2, 1, 128, 128), 3.0)
    torch.testing.assert_close(network(a, b, everywhere), network(a, b))
    upper, lower = torch.zeros(2, 1, 128, 128), torch.zeros(2, 1, 128, 128)
    upper[:, :, :32], lower[:, :, 96:] = 1, 1
    assert (network(a, b, upper) > 2 * network(a, b)).all()
    assert (network(a, b, lower) < network(a, b)).all()
    assert network(a, b, torch.zeros_like(upper)).isnan().all()


def test_weights_are_read_in_all_the_forms_in_which_people_have_them(
    network: Lpips, whole: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import safetensors.torch

    a, b = pictures(1), pictures(2)
    wanted = network(a, b)
    listed = {key.replace("lin", "lins.", 1) if key.startswith("lin") else key: whole[key] for key in whole}
    safetensors.torch.save_file(whole, tmp_path / "lpips.safetensors")
    learned = {key: value for key, value in whole.items() if key.startswith("lin")}
    trunk = {f"features.{key.split('.', 2)[2]}": whole[key] for key in whole if key.startswith("net.")}
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    with pytest.raises(UserError, match=r"^lpips .*holds the learned part alone.*no alexnet-\*\.pth"):
        load_lpips(saved(tmp_path, learned, "alex.pth"))
    saved(tmp_path / "hub/checkpoints", trunk, "alexnet-made_up.pth")
    for path in (
        saved(tmp_path, listed, "listed.pth"),
        tmp_path / "lpips.safetensors",
        tmp_path / "alex.pth",
    ):
        torch.testing.assert_close(load_lpips(path)(a, b), wanted)
    assert "alex.pth" in load_lpips(tmp_path / "alex.pth").name


def test_a_vgg16_is_known_by_its_shapes(tmp_path: Path) -> None:
    weights = {}
    channels = {1: (64, (0, 2)), 2: (128, (5, 7)), 3: (256, (10, 12, 14)), 4: (512, (17, 19, 21)),
                5: (512, (24, 26, 28))}  # fmt: skip
    taken = 3
    for part, (made, numbers) in channels.items():
        weights[f"lin{part - 1}.model.1.weight"] = torch.ones(1, made, 1, 1).half()
        for number in numbers:
            weights[f"net.slice{part}.{number}.weight"] = torch.full((made, taken, 3, 3), 0.01).half()
            weights[f"net.slice{part}.{number}.bias"] = torch.zeros(made).half()
            taken = made
    network = load_lpips(saved(tmp_path, weights))
    assert "VGG16" in network.name
    assert [len([layer for layer in stage if hasattr(layer, "weight")]) for stage in network._stages] == [
        2,
        2,
        3,
        3,
        3,
    ]
    assert network(pictures(1, 32), pictures(2, 32)).isfinite().all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"lin2.model.1.weight": None},
            "no tensor lin2.model.1.weight, so it is not the state dict of an lpips",
        ),
        ({"net.slice3.6.bias": torch.zeros(3)}, "net.slice3.6.bias has shape (3,), that of LPIPS is (384,)"),
        ({"lin0.model.1.weight": torch.full((1, 64, 1, 1), float("nan"))}, "damaged (lin0.model.1.weight"),
    ],
)
def test_other_files_are_refused_in_one_line(
    whole: dict[str, Tensor], tmp_path: Path, change: dict[str, Tensor | None], says: str
) -> None:
    weights = {key: value for key, value in {**whole, **change}.items() if value is not None}
    with pytest.raises(UserError) as caught:
        load_lpips(saved(tmp_path, weights))
    message = str(caught.value)
    assert says in message and message.startswith("lpips ") and "\n" not in message


def test_a_missing_file_and_one_of_another_kind_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^lpips .*none\.pth: cannot be read"):
        load_lpips(tmp_path / "none.pth")
    (tmp_path / "photo.pth").write_bytes(b"not weights")
    with pytest.raises(UserError, match="not a plain state dict"):
        load_lpips(tmp_path / "photo.pth")
    assert lpips.ARGUMENT == "lpips"
