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
from onnx import numpy_helper
from PIL import Image
from torch import nn

from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.card import load_card
from unmask.model.checkpoints.checkpoint import load_model, save_checkpoint
from unmask.model.checkpoints.shipped import shipped_weights
from unmask.model.export import onnx_file as export
from unmask.model.export.onnx_file import export_module, export_onnx
from unmask.model.export.onnx_network import network_parts
from unmask.model.inference.aligned import find_maps, restore_pictures, see_pictures
from unmask.model.inference.cleaning import clean_map
from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.networks.networks import build_network
from unmask.model.networks.spec import NetworkSpec

SPEC = NetworkSpec("edit", "compact", 4)
MAP_SPEC = NetworkSpec("map", "compact", 4)


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


def about(path: Path) -> dict[str, str]:
    """What a file says of itself."""
    return {prop.key: prop.value for prop in onnx.load(path).metadata_props}


def drawn(spec: NetworkSpec) -> nn.Module:
    """A network with drawn weights and statistics, as trained: batch norm does something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        network = build_network(spec)
        for name, value in network.state_dict().items():
            if name.endswith(("running_mean", "running_var")):
                value.uniform_(0.2, 0.8)
    return network


def as_module(spec: NetworkSpec, **card: object) -> TrainedModule:
    """A module that works at 64 pixels; a Map Module finds half of a portrait."""
    network, about = drawn(spec).eval(), {"network": spec.to_dict(), "size": 64, **card}
    module = TrainedModule(network, about, torch.device("cpu"))
    if spec.kind == "map":
        images, _ = export._trial(64, 64)
        weights = network.state_dict()
        said = torch.from_numpy(module.probabilities(images)).logit()
        weights["head.weight"] *= 3
        weights["head.bias"] -= said.flatten(0, 2).median(0).values
        weights["head.bias"] *= 3
    return module


@pytest.fixture(scope="module")
def map_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainedModule]:
    module, path = as_module(MAP_SPEC), tmp_path_factory.mktemp("map") / "map.onnx"
    assert export_module(module, path, 32) < 0.01
    return path, module


@pytest.fixture(scope="module")
def edit_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the compact Editing Module, exported beside itself; its faces are means with the mirror image's."""
    run = tmp_path_factory.mktemp("edit") / "run"
    run.mkdir()
    card = {"network": SPEC.to_dict(), "step": 1, "size": 64, "mirror_mean": True}
    save_checkpoint(run / "best", drawn(SPEC).state_dict(), card, None)
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
    module = as_module(NetworkSpec("map", "compact", 4, straps=True))
    export_module(module, tmp_path / "map.onnx", 32)
    found = run_file(tmp_path / "map.onnx", image=faces)
    seen = see_pictures(module, faces)
    assert apart(found[0], np.stack([each.body for each in seen])).max() <= 1 / 255
    assert apart(found[2], np.stack([each.straps for each in seen])).max() <= 1 / 255
    assert "not cleaned" in about(tmp_path / "map.onnx")["straps_probability"]


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
    said = {prop.key: prop.value for prop in model.metadata_props}
    assert said["kind"] == "edit"
    assert said["polarity"] == "map 255 = mask"
    assert json.loads(said["network"]) == SPEC.to_dict()
    card = json.loads((edit_run / "best" / "model.json").read_text())
    assert said["weights_sha256"] == card["sha256"]
    assert said["unmask"] == model.producer_version
    assert said["side"] == "64"
    assert said["map"].startswith("uint8 (n, height, width); 255 = mask")
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


def test_the_same_weights_give_the_same_bytes(edit_run: Path, tmp_path: Path):
    export_onnx(edit_run, tmp_path / "again.onnx", 32)
    assert (tmp_path / "again.onnx").read_bytes() == edit_run.with_suffix(".onnx").read_bytes()


@pytest.mark.parametrize(
    ("spec", "mirror_mean"),
    [
        (SPEC, False),
        (NetworkSpec("edit", "paper"), True),
        (NetworkSpec("map", "thawed", 8, straps=True), False),
    ],
    ids=["compact", "paper", "thawed"],
)
def test_other_networks_can_be_exported(
    spec: NetworkSpec, mirror_mean: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(export, "TRIED", (48, 33))
    module = as_module(spec, mirror_mean=mirror_mean)
    if spec.kind == "edit":
        assert module.faces(*export._trial(48, 48)).std() > 1
    assert export_module(module, tmp_path / "a.onnx", 48) <= 1
    assert json.loads(about(tmp_path / "a.onnx")["network"]) == spec.to_dict()


def drift(graph: onnx.ModelProto, kind: str, *, mirror_mean: bool) -> list[onnx.ModelProto]:
    """Other weights in the file than in torch: what a graph's fault would look like."""
    other = onnx.ModelProto()
    other.CopyFrom(graph)
    for weights in other.graph.initializer:
        array = numpy_helper.to_array(weights)
        if array.ndim == 4:
            weights.CopyFrom(numpy_helper.from_array(1.5 * array, weights.name))
    return network_parts(other, kind, mirror_mean=mirror_mean)


@pytest.mark.parametrize(
    ("place", "name", "fault", "words"),
    [
        (export, "clean_map", lambda soft: np.full(soft.shape, 7, np.uint8), "is not clean_map's"),
        (export, "network_parts", drift, r"differs from torch by .* levels of 255"),
    ],
)
def test_a_file_that_differs_from_torch_does_not_replace_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: object, name: str, fault: Callable, words: str
):
    out = tmp_path / "map.onnx"
    out.write_bytes(b"the earlier one")
    monkeypatch.setattr(place, name, fault)
    with pytest.raises(RuntimeError, match=words):
        export_module(as_module(MAP_SPEC), out, 16)
    assert out.read_bytes() == b"the earlier one"
    assert list(tmp_path.iterdir()) == [out]


def test_a_network_in_training_mode_is_exported_as_in_use(tmp_path: Path, faces: np.ndarray):
    module = as_module(MAP_SPEC)
    before = {name: value.clone() for name, value in module.network.state_dict().items()}
    module.network.train()
    export_module(module, tmp_path / "map.onnx", 16)
    assert all(torch.equal(value, before[name]) for name, value in module.network.state_dict().items())
    found = run_file(tmp_path / "map.onnx", image=faces)[0]
    assert apart(found, np.stack([each.body for each in see_pictures(module, faces)])).max() <= 1 / 255


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


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
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
        export_module(as_module(MAP_SPEC), tmp_path / "map.onnx", 16)
