import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.checkpoint import load_model, save_checkpoint
from unmask.model.export import onnx_file as export
from unmask.model.export.onnx_file import export_module, export_onnx, pipeline_of
from unmask.model.inference.cleaning import clean_map
from unmask.model.networks.networks import NetworkSpec, build_network
from unmask.model.training.validation import restore, to_uint8

SPEC = NetworkSpec("edit", "compact", 4)


class LowerHalf(nn.Module):
    """A Map Module that finds what is dark or far down, and halves and doubles on the way as real ones do."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 4, 3, 2, 1)
        self.up = nn.Conv2d(7, 1, 3, padding=1)

    def forward(self, picture: Tensor) -> Tensor:
        small = torch.relu(self.down(picture))
        large = nn.functional.interpolate(small, scale_factor=2.0, mode="nearest")
        place = torch.linspace(-3, 2, picture.shape[2])[:, None]
        logits: Tensor = self.up(torch.cat([large, picture], 1)) + place - picture.mean(1, keepdim=True)
        return logits


def run_file(path: Path, **feed: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(None, feed)
    return found


@pytest.fixture(scope="module")
def map_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module]:
    torch.manual_seed(2)
    network, path = LowerHalf(), tmp_path_factory.mktemp("map") / "map.onnx"
    assert export_module(network, "map", path, 32) < 0.01
    return path, network


@pytest.fixture(scope="module")
def edit_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the compact Editing Module, exported beside itself."""
    torch.manual_seed(3)
    run = tmp_path_factory.mktemp("edit") / "run"
    run.mkdir()
    network = build_network(SPEC)
    for name, buffer in network.named_buffers():
        if name.endswith("running_var"):
            buffer.fill_(0.3)  # as trained: batch norm does something
    card = {"network": SPEC.to_dict(), "step": 1}
    save_checkpoint(run / "best", network.state_dict(), card, None)
    assert export_onnx(run, run.with_suffix(".onnx"), 32) <= 1
    return run


@pytest.fixture
def faces(draw_face: Callable) -> np.ndarray:
    """Three drawn faces, uint8 (3, 112, 96, 3): neither square nor of the size that any export was tried on."""
    return np.stack([cv2.resize(draw_face(index)[0], (96, 112)) for index in range(3)])


def test_the_map_files_outputs_are_torchs_probability_and_clean_map_of_its_own(
    map_file: tuple[Path, nn.Module], faces: np.ndarray
):
    path, network = map_file
    probability, map_ = run_file(path, image=faces)
    with torch.inference_mode():
        picture = torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 127.5 - 1
        truth = network(picture).sigmoid()[:, 0].numpy()
    assert probability.dtype == np.float32
    assert map_.dtype == np.uint8
    assert np.abs(probability - truth).max() < 1e-5
    assert np.array_equal(map_, np.stack([clean_map(probability) for probability in probability]))
    assert 0.05 < (map_ > 0).mean() < 0.95  # there was something to clean
    assert not np.array_equal(map_ > 0, probability >= 0.5)


def test_a_drawn_face_through_both_files_is_restored_as_by_torch(
    map_file: tuple[Path, nn.Module], edit_run: Path, faces: np.ndarray
):
    _, map_ = run_file(map_file[0], image=faces)
    (restored,) = run_file(edit_run.with_suffix(".onnx"), image=faces, map=map_)
    network, _ = load_model(edit_run, "edit")
    with torch.inference_mode():
        picture = torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 127.5 - 1
        _, done = restore(network, picture, torch.from_numpy(map_)[:, None].float() / 255)
    assert restored.dtype == np.uint8
    assert np.abs(restored.astype(int) - np.stack(to_uint8(done))).max() <= 1
    changed = (restored != faces).any(3)
    assert changed[map_ > 0].mean() > 0.9
    beyond = np.stack([cv2.dilate(part, np.ones((9, 9), np.uint8)) == 0 for part in map_])
    assert beyond.any()
    assert not changed[beyond].any()  # dilated and feathered by 2 pixels each


@pytest.mark.parametrize("shape", [(1, 16, 16), (5, 16, 48), (2, 128, 128)])
def test_one_file_takes_any_number_of_pictures_of_any_multiple_of_16(
    map_file: tuple[Path, nn.Module], edit_run: Path, shape: tuple[int, int, int]
):
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    map_ = np.zeros(shape, np.uint8)
    map_[:, 4:12, 3:9] = rng.integers(0, 256, (8, 6))
    for path, network, names in (
        (map_file[0], pipeline_of(map_file[1], "map"), ("image",)),
        (
            edit_run.with_suffix(".onnx"),
            pipeline_of(load_model(edit_run, "edit")[0], "edit"),
            ("image", "map"),
        ),
    ):
        feed = {name: array for name, array in (("image", image), ("map", map_)) if name in names}
        found = run_file(path, **feed)[0]
        with torch.inference_mode():
            truth = network(*map(torch.from_numpy, feed.values())).numpy()
        assert found.shape == truth.shape
        scale = 255 if len(names) == 1 else 1
        assert scale * np.abs(found.astype(np.float32) - truth).max() <= 1


def test_soft_maps_are_composited_as_in_validation(edit_run: Path, faces: np.ndarray):
    map_ = np.zeros(faces.shape[:3], np.uint8)
    map_[0, 40:90, 20:70] = (
        np.arange(256).repeat(10)[:2500].reshape(50, 50)
    )  # every level; the second stays empty
    map_[2] = 255
    (restored,) = run_file(edit_run.with_suffix(".onnx"), image=faces, map=map_)
    network, _ = load_model(edit_run, "edit")
    with torch.inference_mode():
        picture = torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 127.5 - 1
        _, done = restore(network, picture, torch.from_numpy(map_)[:, None].float() / 255)
    assert np.abs(restored.astype(int) - np.stack(to_uint8(done))).max() <= 1
    assert np.array_equal(restored[1], faces[1])


def test_the_file_says_what_it_is_and_which_way_round_its_map_is(
    map_file: tuple[Path, nn.Module], edit_run: Path
):
    model = onnx.load(edit_run.with_suffix(".onnx"))
    about = {prop.key: prop.value for prop in model.metadata_props}
    assert about["kind"] == "edit"
    assert about["polarity"] == "map 255 = mask"
    assert json.loads(about["network"]) == SPEC.to_dict()
    card = json.loads((edit_run / "best" / "model.json").read_text())
    assert about["weights_sha256"] == card["sha256"]
    assert about["unmask"] == model.producer_version
    assert about["map"].startswith("uint8 (n, height, width); 255 = mask")
    session = onnxruntime.InferenceSession(str(map_file[0]))
    assert session.get_modelmeta().custom_metadata_map["polarity"] == "map 255 = mask"
    values = {value.name: (value.type, value.shape) for value in session.get_inputs() + session.get_outputs()}
    plane = ["n", "height", "width"]
    assert values == {
        "image": ("tensor(uint8)", [*plane, 3]),
        "probability": ("tensor(float)", plane),
        "map": ("tensor(uint8)", plane),
    }


def test_the_file_tells_no_paths_of_the_machine_that_wrote_it(map_file: tuple[Path, nn.Module]):
    data = map_file[0].read_bytes()
    assert b".py" not in data
    assert str(Path.home()).encode() not in data


def drift(image: Tensor) -> Tensor:
    """Another picture inside the traced graph than outside: what an exporter's fault would look like."""
    scale = 90 if torch.compiler.is_exporting() else 127.5
    return image.permute(0, 3, 1, 2).float() / scale - 1


@pytest.mark.parametrize(
    ("name", "fault", "words"),
    [
        ("clean_map", lambda probability: np.full(probability.shape, 7, np.uint8), "is not clean_map's"),
        ("_to_picture", drift, r"differs from torch by .* levels of 255"),
    ],
)
def test_a_file_that_differs_from_torch_does_not_replace_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, fault: Callable, words: str
):
    out = tmp_path / "map.onnx"
    out.write_bytes(b"the earlier one")
    monkeypatch.setattr(export, name, fault)
    with pytest.raises(RuntimeError, match=words):
        export_module(nn.Conv2d(3, 1, 1), "map", out, 16)
    assert out.read_bytes() == b"the earlier one"
    assert list(tmp_path.iterdir()) == [out]


def test_a_network_in_training_mode_is_exported_as_in_use(tmp_path: Path, faces: np.ndarray):
    network = nn.Sequential(nn.Conv2d(3, 1, 1), nn.Dropout(0.9), nn.BatchNorm2d(1)).train()
    export_module(network, "map", tmp_path / "map.onnx", 16)
    first, second = (run_file(tmp_path / "map.onnx", image=faces)[0] for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("out", "size", "words"),
    [
        ("map.onnx", 100, "size 100: not a multiple of 16"),
        ("map.onnx", 0, "size 0: not a multiple of 16"),
        ("map.onnx", -16, "size -16: not a multiple of 16"),
        ("map.pt", 128, r"map\.pt: the file's name has to end in \.onnx"),
        ("nowhere/map.onnx", 128, r"nowhere/map\.onnx: .*nowhere is no folder"),
        ("folder.onnx", 128, r"folder\.onnx: is a folder"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_before_any_work(
    tmp_path: Path, edit_run: Path, out: str, size: int, words: str
):
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(UserError, match=words) as refused:
        export_onnx(edit_run, tmp_path / out, size)
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.onnx"]


def test_a_missing_or_damaged_model_is_named(tmp_path: Path, edit_run: Path):
    with pytest.raises(UserError, match="nowhere: no such file or folder"):
        export_onnx(tmp_path / "nowhere", tmp_path / "a.onnx")
    with pytest.raises(UserError, match="holds no model"):
        export_onnx(tmp_path, tmp_path / "a.onnx")
    folder = tmp_path / "best"
    folder.mkdir()
    for name in ("model.json", "model.safetensors"):
        (folder / name).write_bytes((edit_run / "best" / name).read_bytes()[:-40])
    with pytest.raises(UserError, match=r"best/model\.json"):
        export_onnx(tmp_path, tmp_path / "a.onnx")


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_of_the_extra_is_named_with_the_command(
    tmp_path: Path, edit_run: Path, package: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"{package} is not installed here; pip install 'unmask\[export\]'"):
        export_onnx(edit_run, tmp_path / "a.onnx")


def test_a_file_that_cannot_be_written_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(export, "write_atomic", full)
    with pytest.raises(UserError, match=r"map\.onnx: cannot be written \(No space left on device\)"):
        export_module(nn.Conv2d(3, 1, 1), "map", tmp_path / "map.onnx", 16)
