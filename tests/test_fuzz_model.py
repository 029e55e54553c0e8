"""Any bytes in any file that `unmask.model` and the command lines read; see test_fuzz_data.py."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from eval_support import write_module
from fuzz_support import damaged_bytes, damaged_csv, damaged_json, few, survives
from hypothesis import given
from hypothesis import strategies as st

from unmask.cli.train_config import read_config
from unmask.datagen.sources.open_source import open_source
from unmask.model.checkpoints.card import load_card
from unmask.model.checkpoints.checkpoint import load_model
from unmask.model.data.face_writer import ABOUT
from unmask.model.data.faces import open_face_cache
from unmask.model.evaluation.compare import compare_tables, read_metrics
from unmask.model.evaluation.folder import EvalFolder
from unmask.model.evaluation.groups import make_groupings
from unmask.model.evaluation.items import open_eval_set
from unmask.model.evaluation.options import EvalOptions
from unmask.model.inference.aligned import predict_probabilities
from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.run.results import CARD, JOURNAL, TABLE, open_results
from unmask.model.run.run_row import RunRow
from unmask.model.training.folder import CONFIG_NAME, ENVIRONMENT_NAME, LOG_NAME, RunFolder
from unmask.model.training.options import MapOptions
from unmask.model.training.preset_files import load_preset, packaged_presets, tables_of
from unmask.model.training.presets import EditPreset, MapPreset
from unmask.model.training.session import _keys_of_then


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_module(tmp_path_factory.mktemp("fuzz") / "map", "map")


@few
@given(st.data())
def test_any_model_card_is_a_network_at_work_or_one_line(module: Path, data: st.DataObject):
    card = module / "model.json"
    whole = card.read_bytes()
    card.write_bytes(data.draw(damaged_json(json.loads(whole))))
    picture = np.zeros((70, 50, 3), np.uint8)

    def work() -> None:
        network, about = load_model(module, "map")
        if about.get("size", 128) <= 256:  # larger ones are as good, and take long
            predict_probabilities(TrainedModule(network, about, torch.device("cpu")), [picture])

    try:
        survives(lambda: load_card(module), work)
    finally:
        card.write_bytes(whole)


@few
@given(st.data())
def test_any_manifest_and_tags_are_evaluated_or_one_line(
    built_once: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    folder = tmp_path_factory.mktemp("eval")
    out = folder / "out"
    out.mkdir()
    for name in ("masked", "map", "clean"):
        (out / name).symlink_to(built_once / name)
    manifest, tags = (
        (built_once / "manifest.csv").read_bytes(),
        b"key,hair,age\n000001_00,long,3\n000002_01,,4\n",
    )
    if data.draw(st.booleans()):
        tags = data.draw(damaged_csv(tags))
    else:
        manifest = data.draw(damaged_csv(manifest))
    (out / "manifest.csv").write_bytes(manifest)
    (folder / "tags.csv").write_bytes(tags)

    def read() -> None:
        import pandas as pd

        options = EvalOptions(
            data=out, out=folder / "r", map_module="shipped", split="all", tags=folder / "tags.csv"
        )
        items = open_eval_set(options).items
        make_groupings(pd.DataFrame([dict(item.tags) for item in items]))

    survives(read)
    shutil.rmtree(folder)


@few
@given(st.data())
def test_any_table_to_compare_with_is_compared_or_one_line(tmp_path: Path, data: st.DataObject):
    whole = b"key,family,pipe_psnr,pipe_ssim,map_iou\na,x,30.5,0.9,0.8\nb,y,31,0.91,0.7\nc,,,0.8,\n"
    (tmp_path / "metrics.csv").write_bytes(whole)
    ours = read_metrics(tmp_path)
    (tmp_path / "metrics.csv").write_bytes(data.draw(damaged_csv(whole)))
    survives(lambda: compare_tables(ours, read_metrics(tmp_path), "other"))


@few
@given(st.data())
def test_any_part_of_a_report_is_done_again_read_or_one_line(tmp_path: Path, data: st.DataObject):
    (tmp_path / ".parts").mkdir(exist_ok=True)
    folder = EvalFolder(tmp_path)
    folder.write_part("scores", 0, [{"key": "a", "pipe_psnr": float("nan")}], {"x": np.arange(5.0)})
    path = next((tmp_path / ".parts").iterdir())
    path.write_bytes(data.draw(damaged_bytes(path.read_bytes())))
    survives(lambda: folder.has_part("scores", 0) and folder.read_part("scores", 0))


@few
@given(st.data())
def test_any_table_and_journal_of_a_run_are_resumed_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    out, card = tmp_path_factory.mktemp("run") / "out", {"toolkit": "0", "aligned": False}
    with open_results(out, "resume", card) as results:
        results.add(RunRow("a", "/in/a.png", "ok", 1, 1, 0.5, "", "00"), ())
        results.add(RunRow("b/c", "/in/b/c.png", "unreadable", reason="no, it is not"), ())
        journal = (out / JOURNAL).read_bytes()
        results.finish()
    table = (out / TABLE).read_bytes()
    kind = data.draw(st.sampled_from([CARD, JOURNAL, TABLE]))
    lines = journal.splitlines()
    changed = {
        CARD: damaged_json(json.loads((out / CARD).read_bytes())),
        JOURNAL: st.one_of(damaged_json(json.loads(lines[0])), damaged_bytes(journal)),
        TABLE: damaged_csv(table),
    }
    (out / kind).write_bytes(data.draw(changed[kind]) + b"\n")

    def resume(existing: str) -> None:
        with open_results(out, existing, card) as results:
            results.finish()

    survives(lambda: resume("resume"), lambda: resume("overwrite"))
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    shutil.rmtree(out.parent)


@few
@given(st.data())
def test_any_folder_of_a_training_is_resumed_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    run = tmp_path_factory.mktemp("training") / "run"
    options = MapOptions(run=run, online="demo", images=8)
    tables = tables_of(options.load_preset())
    config = {"module": "map", **options.to_config(), **tables}
    folder = RunFolder(run)
    with folder.lock():
        folder.prepare(config, "resume")
        folder.write_environment()
    (run / LOG_NAME).write_bytes(b"step,images,loss\n1,8,0.5\n2,16,nan\n")
    kind = data.draw(st.sampled_from([CONFIG_NAME, ENVIRONMENT_NAME, LOG_NAME]))
    whole = (run / kind).read_bytes()
    damaged = damaged_csv(whole) if kind == LOG_NAME else damaged_json(json.loads(whole))
    (run / kind).write_bytes(data.draw(damaged))
    survives(
        lambda: folder.check(config, "resume", _keys_of_then(folder.read_config() or {}, options, tables)),
        folder.write_environment,
        folder.read_log,
        lambda: folder.open_log(["step", "images", "loss"]).truncate_after(1),
    )
    shutil.rmtree(run.parent)


@few
@given(st.data())
def test_any_preset_and_configuration_are_read_or_one_line(tmp_path: Path, data: st.DataObject):
    kind = data.draw(st.sampled_from([MapPreset, EditPreset]))
    packaged = packaged_presets("map" if kind is MapPreset else "edit")
    path = tmp_path / "mine.toml"
    path.write_bytes(
        data.draw(damaged_bytes(data.draw(st.sampled_from(list(packaged.values()))).read_bytes()))
    )
    config = tmp_path / "config.toml"
    config.write_bytes(
        data.draw(damaged_bytes(b'online = "demo"\nimages = 100\nset = ["worn=chin"]\nlr = 1e-3\n'))
    )
    survives(lambda: load_preset(kind, str(path)), lambda: read_config(config, MapOptions))


@few
@given(st.data())
def test_any_cache_of_faces_is_used_or_made_again(tmp_path: Path, data: st.DataObject):
    source = open_source("demo", limit=1)

    def make() -> None:
        assert len(open_face_cache(source, (64, 64), False, tmp_path, 1)) == 1

    make()
    about = next(tmp_path.glob(f"faces-*/{ABOUT}"))
    about.write_bytes(data.draw(damaged_json(json.loads(about.read_bytes()))))
    survives(lambda: open_face_cache(source, (64, 64), False, tmp_path, 1).notes)
    shutil.rmtree(about.parent)
