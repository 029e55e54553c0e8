import errno
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.card import load_card
from unmask.model.checkpoints.checkpoint import load_model, save_checkpoint
from unmask.model.checkpoints.shipped import shipped_weights
from unmask.model.export import onnx_file as export
from unmask.model.export import onnx_network
from unmask.model.export.onnx_file import export_module, export_onnx
from unmask.model.inference.aligned import find_maps, restore_pictures, see_pictures
from unmask.model.inference.cleaning import clean_map
from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.networks.networks import build_network
from unmask.model.networks.spec import NetworkSpec

SPEC = NetworkSpec("edit", "compact", 4)


class LowerHalf(nn.Module):
    """A Map Module that finds what is dark or far down, and halves and doubles on the way as real ones do."""

    def __init__(self, outputs: int = 1) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 4, 3, 2, 1)
        self.up = nn.Conv2d(7, outputs, 3, padding=1)

    def forward(self, picture: Tensor) -> Tensor:
        small = torch.relu(self.down(picture))
        large = nn.functional.interpolate(small, scale_factor=2.0, mode="nearest")
        place = torch.linspace(-3, 2, picture.shape[2])[:, None]
        logits: Tensor = self.up(torch.cat([large, picture], 1)) + place - picture.mean(1, keepdim=True)
        return logits


SIZES = [  # height, width: smaller and larger than the network's side, halved, padded, kept, extreme
    (218, 178),
    (512, 512),
    (131, 97),
    (768, 1024),
    (40, 33),
    (16, 16),
    (64, 64),
    (128, 128),
    (90, 64),
    (300, 75),
    (33, 200),
]


def run_file(path: Path, **feed: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(None, feed)
    return found


def trained(network: nn.Module, kind: str, **card: object) -> TrainedModule:
    """A module that works at 64 pixels."""
    return TrainedModule(network.eval(), {"network": {"kind": kind}, "size": 64, **card}, torch.device("cpu"))


@pytest.fixture(scope="module")
def map_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainedModule]:
    torch.manual_seed(2)
    module, path = trained(LowerHalf(), "map"), tmp_path_factory.mktemp("map") / "map.onnx"
    assert export_module(module, path, 32) < 0.01
    return path, module


@pytest.fixture(scope="module")
def edit_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the compact Editing Module, exported beside itself; its faces are means with the mirror image's."""
    torch.manual_seed(3)
    run = tmp_path_factory.mktemp("edit") / "run"
    run.mkdir()
    network = build_network(SPEC)
    for name, buffer in network.named_buffers():
        if name.endswith("running_var"):
            buffer.fill_(0.3)  # as trained: batch norm does something
    card = {"network": SPEC.to_dict(), "step": 1, "size": 64, "mirror_mean": True}
    save_checkpoint(run / "best", network.state_dict(), card, None)
    assert export_onnx(run, run.with_suffix(".onnx"), 32) <= 1
    return run


@pytest.fixture
def edit_module(edit_run: Path) -> TrainedModule:
    return TrainedModule(*load_model(edit_run, "edit"), torch.device("cpu"))


@pytest.fixture
def faces(draw_face: Callable) -> np.ndarray:
    """Three drawn faces, uint8 (3, 117, 90, 3): neither square nor of the size that any export was tried on."""
    return np.stack([cv2.resize(draw_face(index)[0], (90, 117)) for index in range(3)])


def apart(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    assert found.shape == truth.shape
    assert found.dtype == truth.dtype
    return np.abs(found.astype(np.float32) - truth)


@pytest.mark.parametrize("size", SIZES)
def test_one_file_sees_the_mask_in_a_picture_of_any_size_as_the_toolkit_does(
    map_file: tuple[Path, TrainedModule], draw_face: Callable, size: tuple[int, int]
):
    path, module = map_file
    image = cv2.resize(draw_face(1)[0], size[::-1], interpolation=cv2.INTER_AREA)
    probability, map_ = (each[0] for each in run_file(path, image=image[None]))
    truth = see_pictures(module, [image])[0].body
    assert apart(probability, truth).max() <= 1 / 255
    assert np.array_equal(map_, clean_map(probability))
    assert (map_ != find_maps(module, [image])[0].body).mean() <= 0.001  # pixels at one half


@pytest.mark.parametrize("size", SIZES)
def test_one_file_restores_a_picture_of_any_size_as_the_toolkit_does(
    edit_run: Path, edit_module: TrainedModule, draw_face: Callable, size: tuple[int, int]
):
    height, width = size
    image = cv2.resize(draw_face(1)[0], (width, height), interpolation=cv2.INTER_AREA)
    map_ = np.zeros(size, np.uint8)
    cv2.ellipse(map_, (width // 2, height * 2 // 3), (width // 4, height // 5), 10, 0, 360, 255, -1)
    map_[height // 2] //= 3  # a soft edge
    (restored,) = run_file(edit_run.with_suffix(".onnx"), image=image[None], map=map_[None])
    truth = restore_pictures(edit_module, [image], [map_])[0].done
    differences = apart(restored[0], truth)
    assert np.quantile(differences, 0.999) <= 1
    assert differences.max() <= 4
    assert (truth != image).any()
    beyond = cv2.dilate(map_, np.ones((9, 9), np.uint8)) == 0
    assert np.array_equal(restored[0][beyond], image[beyond])  # dilated by 1 and feathered by 2 pixels


def test_a_drawn_face_through_both_files_is_restored_as_by_the_toolkit(
    map_file: tuple[Path, TrainedModule], edit_run: Path, edit_module: TrainedModule, faces: np.ndarray
):
    _, map_ = run_file(map_file[0], image=faces)
    assert 0.05 < (map_ > 0).mean() < 0.95
    (restored,) = run_file(edit_run.with_suffix(".onnx"), image=faces, map=map_)
    maps = [found.body for found in find_maps(map_file[1], faces)]
    truth = np.stack([made.done for made in restore_pictures(edit_module, faces, maps)])
    assert apart(restored, truth).max() <= 1
    assert (restored != faces).any(3)[map_ > 0].mean() > 0.9


def test_soft_full_and_empty_maps_are_pasted_as_by_the_toolkit(
    edit_run: Path, edit_module: TrainedModule, faces: np.ndarray
):
    map_ = np.zeros(faces.shape[:3], np.uint8)
    map_[0, 40:90, 20:70] = (
        np.arange(256).repeat(10)[:2500].reshape(50, 50)
    )  # every level; the second is empty
    map_[2] = 255
    (restored,) = run_file(edit_run.with_suffix(".onnx"), image=faces, map=map_)
    truth = np.stack([made.done for made in restore_pictures(edit_module, faces, map_)])
    assert apart(restored, truth).max() <= 1
    assert np.array_equal(restored[1], faces[1])


def test_straps_are_an_output_where_the_network_knows_them(tmp_path: Path, faces: np.ndarray):
    torch.manual_seed(4)
    module = trained(LowerHalf(outputs=2), "map")
    export_module(module, tmp_path / "map.onnx", 32)
    found = run_file(tmp_path / "map.onnx", image=faces)
    seen = see_pictures(module, faces)
    assert apart(found[0], np.stack([each.body for each in seen])).max() <= 1 / 255
    assert apart(found[2], np.stack([each.straps for each in seen])).max() <= 1 / 255
    about = {prop.key: prop.value for prop in onnx.load(tmp_path / "map.onnx").metadata_props}
    assert "not cleaned" in about["straps_probability"]


@pytest.mark.parametrize("name", ["shipped", "fidelity"])
def test_shipped_weights_are_exported_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    given: list[TrainedModule] = []
    monkeypatch.setattr(export, "export_module", lambda module, *_: given.append(module))
    export_onnx(name, tmp_path / "a.onnx")
    assert given[0].card["sha256"] == load_card(shipped_weights(name))["sha256"]


def snippet(heading: str) -> str:
    """The first indented block of Python below a heading of docs/training.md."""
    text = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
    below = text[text.index(heading) :]
    block = re.search(r"```python\n(.*?)```", below, re.DOTALL)
    assert block is not None
    return block[1]


def test_the_lines_in_the_docs_take_a_mask_off_with_onnxruntime_alone(
    map_file: tuple[Path, TrainedModule],
    edit_run: Path,
    edit_module: TrainedModule,
    faces: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    shutil.copy(map_file[0], tmp_path / "map.onnx")
    shutil.copy(edit_run.with_suffix(".onnx"), tmp_path / "edit.onnx")
    Image.fromarray(faces[0]).save(tmp_path / "face.png")
    monkeypatch.chdir(tmp_path)
    exec(snippet("## One file for inference"), {})  # the lines are the test
    with Image.open(tmp_path / "bare.png") as made:
        restored = np.asarray(made)
    maps = [find_maps(map_file[1], faces[:1])[0].body]
    assert apart(restored, restore_pictures(edit_module, faces[:1], maps)[0].done).max() <= 1
    assert (restored != faces[0]).any()


def test_the_file_says_what_it_is_and_which_way_round_its_map_is(
    map_file: tuple[Path, TrainedModule], edit_run: Path
):
    model = onnx.load(edit_run.with_suffix(".onnx"))
    about = {prop.key: prop.value for prop in model.metadata_props}
    assert about["kind"] == "edit"
    assert about["polarity"] == "map 255 = mask"
    assert json.loads(about["network"]) == SPEC.to_dict()
    card = json.loads((edit_run / "best" / "model.json").read_text())
    assert about["weights_sha256"] == card["sha256"]
    assert about["unmask"] == model.producer_version
    assert about["side"] == "64"
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


def test_the_file_tells_no_paths_of_the_machine_that_wrote_it(map_file: tuple[Path, TrainedModule]):
    data = map_file[0].read_bytes()
    assert b".py" not in data
    assert str(Path.home()).encode() not in data


def drift(image: Tensor) -> Tensor:
    """Another picture inside the traced graph than outside: what an exporter's fault would look like."""
    scale = 90 if torch.compiler.is_exporting() else 127.5
    return image.permute(0, 3, 1, 2).float() / scale - 1


@pytest.mark.parametrize(
    ("place", "name", "fault", "words"),
    [
        (export, "clean_map", lambda soft: np.full(soft.shape, 7, np.uint8), "is not clean_map's"),
        (onnx_network, "_to_picture", drift, r"differs from torch by .* levels of 255"),
    ],
)
def test_a_file_that_differs_from_torch_does_not_replace_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: object, name: str, fault: Callable, words: str
):
    out = tmp_path / "map.onnx"
    out.write_bytes(b"the earlier one")
    monkeypatch.setattr(place, name, fault)
    with pytest.raises(RuntimeError, match=words):
        export_module(trained(nn.Conv2d(3, 1, 1), "map"), out, 16)
    assert out.read_bytes() == b"the earlier one"
    assert list(tmp_path.iterdir()) == [out]


def test_a_network_in_training_mode_is_exported_as_in_use(tmp_path: Path, faces: np.ndarray):
    network = nn.Sequential(nn.Conv2d(3, 1, 1), nn.Dropout(0.9), nn.BatchNorm2d(1))
    module = trained(network, "map")
    network.train()
    export_module(module, tmp_path / "map.onnx", 16)
    first, second = (run_file(tmp_path / "map.onnx", image=faces)[0] for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("out", "size", "words"),
    [
        ("map.onnx", 15, "size 15: .*16"),
        ("map.onnx", -16, "size -16: .*16"),
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
        export_module(trained(nn.Conv2d(3, 1, 1), "map"), tmp_path / "map.onnx", 16)
