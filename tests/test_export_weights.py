import json
from pathlib import Path

import pytest
import torch
from eval_support import write_module

from unmask.cli.train import main
from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.checkpoint import load_model
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
