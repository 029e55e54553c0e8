"""ONNX files whose convolutions are in eight bits: near to torch, repeatable, refused where they would not do."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.built_pictures import read_triplet
from unmask.datagen.dataset.built_rows import read_rows
from unmask.model.checkpoints.checkpoint import save_checkpoint
from unmask.model.export import int8 as quantising
from unmask.model.export import onnx_file as export
from unmask.model.export.int8 import SamplePictures, read_samples
from unmask.model.export.onnx_file import export_module, export_onnx
from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.networks.networks import build_network
from unmask.model.networks.spec import NetworkSpec

SPECS = {
    "edit": NetworkSpec("edit", "compact", 8),
    "map": NetworkSpec("map", "compact", 8, straps=True),
}


def module_of(kind: str) -> TrainedModule:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        network: nn.Module = build_network(SPECS[kind]).eval()
    return TrainedModule(network, {"network": SPECS[kind].to_dict(), "size": 64}, torch.device("cpu"))


@pytest.fixture(scope="module")
def samples(built_once: Path) -> SamplePictures:
    pairs = tuple(read_triplet(built_once, row, (64, 64))[:2] for row in read_rows(built_once))
    return SamplePictures(pairs[:4], pairs[4:6])


@pytest.mark.parametrize("kind", ["edit", "map"])
def test_eight_bits_are_near_to_torch_on_pictures_that_did_not_calibrate(
    tmp_path: Path, samples: SamplePictures, kind: str
):
    whole, small = tmp_path / "whole.onnx", tmp_path / "small.onnx"
    export_module(module_of(kind), whole, 32)
    apart = export_module(module_of(kind), small, 32, samples)
    assert 0 < apart < 2
    assert small.stat().st_size < 0.75 * whole.stat().st_size
    told = {prop.key: prop.value for prop in onnx.load(small).metadata_props}
    assert told["convolutions"] == "int8" and "onnx.quant.pre_process" not in told
    names = [
        [value.name for value in onnxruntime.InferenceSession(path).get_outputs()] for path in (whole, small)
    ]
    assert names[0] == names[1]
    again = tmp_path / "again.onnx"
    export_module(module_of(kind), again, 32, samples)
    assert again.read_bytes() == small.read_bytes()


def test_single_convolutions_at_both_ends_stay_in_float(tmp_path: Path, samples: SamplePictures):
    export_module(module_of("edit"), tmp_path / "a.onnx", 32, samples)
    nodes = onnx.load(tmp_path / "a.onnx").graph.node
    eight = {name for node in nodes if node.op_type == "DequantizeLinear" for name in node.output}
    convolutions = [n for n in nodes if n.op_type == "Conv" and n.name.startswith("network/node")]
    convolutions.sort(key=lambda node: int(node.name.removeprefix("network/node")))  # as the graph was built
    in_eight = [node.input[1] in eight for node in convolutions]
    last = quantising._LAST_KEPT["edit"]
    assert not any([in_eight[0], *in_eight[-last:]])
    assert all(in_eight[1:-last])


def test_a_network_that_eight_bits_change_too_much_is_refused_and_nothing_is_written(
    tmp_path: Path, samples: SamplePictures, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(export, "_MOST_APART", 0.0)
    with pytest.raises(UserError, match=r"int8: eight bits change this network by .* levels of 255"):
        export_module(module_of("edit"), tmp_path / "a.onnx", 32, samples)
    assert not list(tmp_path.iterdir())


def test_samples_are_apart_and_the_same_every_time(built_once: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(quantising, "LEAST", 4)
    one, other = read_samples(built_once), read_samples(built_once)
    count = len(read_rows(built_once))
    assert len(one.calibration) + len(one.trial) == min(count, quantising.CALIBRATED + quantising.TRIED)
    assert len(one.trial) == min(quantising.TRIED, count // 3)
    for name in ("calibration", "trial"):
        for a, b in zip(getattr(one, name), getattr(other, name), strict=True):
            assert all(map(np.array_equal, a, b))


def test_what_cannot_calibrate_is_refused_in_one_line(
    tmp_path: Path, built_once: Path, monkeypatch: pytest.MonkeyPatch
):
    run = tmp_path / "run"
    run.mkdir()
    save_checkpoint(run / "best", module_of("edit").network.state_dict(), module_of("edit").card, None)
    with pytest.raises(UserError, match=r"int8 .*nowhere: no such folder"):
        export_onnx(run, tmp_path / "a.onnx", int8=tmp_path / "nowhere")
    monkeypatch.setattr(quantising, "LEAST", 10_000)
    with pytest.raises(
        UserError, match=r"int8 .*: \d+ pictures, too few to calibrate with; 10000 are needed"
    ):
        export_onnx(run, tmp_path / "a.onnx", int8=built_once)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
