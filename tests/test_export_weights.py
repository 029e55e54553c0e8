import json
from pathlib import Path

import pytest
import torch
from eval_support import write_module

from unmask.cli.train import main
from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.checkpoint import load_model, load_weights
from unmask.model.export.weights import export_weights


@pytest.mark.parametrize("kind", ["map", "edit"])
def test_half_precision_weights_load_and_answer_almost_the_same(kind: str, tmp_path: Path) -> None:
    run = write_module(tmp_path / "run", kind)
    size = export_weights(run, tmp_path / "out/small.safetensors")
    assert size < 0.55 * (run / "model.safetensors").stat().st_size
    whole, small = (load_model(path, kind)[0] for path in (run, tmp_path / "out/small.safetensors"))
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    arguments = (picture,) if kind == "map" else (picture, picture[:, :1].abs())
    with torch.inference_mode():
        assert torch.allclose(whole(*arguments), small(*arguments), atol=0.05)
    card = json.loads((tmp_path / "out/small.json").read_text(encoding="utf-8"))
    assert card["stored"] == "float16"
    assert card["network"]["kind"] == kind


def test_a_weight_beyond_half_precision_is_refused(tmp_path: Path) -> None:
    def spoil(weights: dict[str, torch.Tensor]) -> None:
        weights["head.bias"].fill_(1e6)

    run = write_module(tmp_path / "run", "map", change=spoil)
    with pytest.raises(UserError, match=r"head\.bias: a weight is too large"):
        export_weights(run, tmp_path / "small.safetensors")


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = write_module(tmp_path / "run", "edit"), tmp_path / "edit.safetensors"
    assert main(["export", str(run), str(out)]) == 0
    assert "half precision" in capsys.readouterr().out
    assert main(["export", str(tmp_path / "nowhere"), str(out)]) == 2
    assert "no such file or folder" in capsys.readouterr().err


def test_the_mean_of_runs_is_written_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def triple(weights: dict[str, torch.Tensor]) -> None:
        for value in weights.values():
            if value.is_floating_point():
                value *= 3

    one, three = write_module(tmp_path / "one", "map"), write_module(tmp_path / "three", "map", change=triple)
    out = tmp_path / "mean.safetensors"
    assert main(["export", str(one), str(out), "--average", str(three)]) == 0
    single, mean = (load_weights(path) for path in (one, out))
    for name, value in single.items():
        if value.is_floating_point():
            whole = (value + load_weights(three)[name]) / 2
            assert torch.allclose(mean[name].float(), whole, rtol=2e-3, atol=1e-6), name
    card = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert len(card["average_of"]) == 2
    assert "metrics" not in card
    capsys.readouterr()
    assert main(["export", str(one), str(out), "--average", "fidelity"]) == 2
    assert "--average" in capsys.readouterr().err
    assert main(["export", str(one), str(tmp_path / "mean.onnx"), "--average", str(three)]) == 2
