import ast
import os
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import distribution, version
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("api", "datagen", "model", "cli", "assets")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def package_of(folder: str) -> str:
    return "unmask" if folder == "api" else "unmask." + folder.replace("/", ".")


def python_files() -> list[Path]:
    return [
        path for folder in (*FOLDERS, "tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))
    ]


def test_packages_in_pyproject_are_the_folders_with_an_init():
    found = {
        package_of(path.parent.relative_to(ROOT).as_posix())
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == found


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_package_is_typed_here_and_where_it_is_installed(folder: str):
    assert (ROOT / folder / "py.typed").is_file()
    assert (files(package_of(folder)) / "py.typed").is_file()


def test_there_is_no_folder_that_would_shadow_the_package():
    assert not (ROOT / "unmask").exists()


def test_no_module_imports_a_folder_by_its_bare_name():
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            assert not {name.split(".")[0] for name in names} & set(FOLDERS), path


def test_the_version_is_that_of_pyproject():
    assert version("unmask") == PYPROJECT["project"]["version"]


def test_every_dependency_says_what_it_is_for():
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    bare = [
        line for line in lines if line.startswith('  "') and '",' in line and ">=" in line and "#" not in line
    ]
    assert bare == []


def test_packaged_data_is_installed():
    assets = files("unmask.assets")
    there = {
        path.relative_to(ROOT / "assets")
        for pattern in ("masks/*/*.*", "pages/*", "serve/*")
        for path in (ROOT / "assets").glob(pattern)
    }
    assert {Path("serve/photograph.js"), Path("pages/report.html")} < there
    for path in [*there, Path("recipes/default.toml")]:
        assert (assets / path.as_posix()).is_file(), path


def test_tests_run_on_the_package_that_is_installed():
    datagen = Path(str(files("unmask.datagen")))
    for name in ("dataset/build.py", "render/triplet.py", "dataset/worker.py"):
        assert (datagen / name).read_text(encoding="utf-8") == (ROOT / "datagen" / name).read_text(
            encoding="utf-8"
        ), "installed files are older than the folder; run make test"


def test_the_commands_are_installed():
    scripts = [
        entry.name for entry in distribution("unmask").entry_points if entry.group == "console_scripts"
    ]
    assert {"unmask-data", "unmask-train", "unmask-serve"} <= set(scripts)


HEAVY = {"cv2", "dlib", "pandas", "scipy", "skimage", "numpy", "torch", "lightning_fabric", "safetensors"}


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("data", ["--help"]),
        ("train", ["--help"]),
        ("serve", ["--help"]),
        ("train", ["map", "--help"]),
        ("train", ["edit", "run", "--online", "demo", "--minutes", "1", "--print-config"]),
    ],
)
def test_looking_loads_none_of_the_heavy_libraries(module: str, arguments: list[str]):
    code = f"import sys; from unmask.cli.{module} import main; assert main({arguments}) == 0; "
    code += f"print(sorted(set({sorted(HEAVY)}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("command", "words", "completed"),
    [
        ("data", "bu", ["build"]),
        ("data", "build --see", ["--seed"]),
        ("train", "ma", ["map"]),
        ("eval", "--comp", ["--compare"]),
        ("run", "--side", ["--side-by-side"]),
        ("serve", "--por", ["--port"]),
    ],
)
def test_a_shell_completes_commands_and_flags_without_the_heavy_libraries(
    command: str, words: str, completed: list[str]
) -> None:
    name, count = f"unmask-{command}", words.count(" ") + 1
    code = f"import atexit, sys; from unmask.cli.{command} import main; "
    code += f"atexit.register(lambda: print(*set({sorted(HEAVY)}) & sys.modules.keys(), file=sys.stderr)); main([])"
    asked = {
        f"_{name.replace('-', '_').upper()}_COMPLETE": "complete_bash",
        "COMP_WORDS": f"{name} {words}",
        "COMP_CWORD": str(count),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | asked, check=False
    )
    assert done.stdout.split() == completed
    assert done.stderr.split() == []


@pytest.mark.parametrize("command", ["data", "train", "eval", "run", "serve"])
def test_every_command_knows_its_version(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main = import_module(f"unmask.cli.{command}").main
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"unmask-{command} {version('unmask')}\n"
