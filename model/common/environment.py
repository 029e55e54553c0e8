"""What a training ran on: versions, processor, GPUs, the toolkit's revision, the command."""

import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import torch

from unmask.datagen.common.cores import available_cores

_PACKAGES = ("unmask", "torch", "numpy", "safetensors", "lightning-fabric")


def describe_environment() -> dict[str, Any]:
    """Return the JSON-able description of this process: one session of a training."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(sys.argv),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": package_versions(),
        "git": git_revision(Path(__file__)),
        "cpu": _cpu_name(),
        "cores": available_cores(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }


def package_versions() -> dict[str, str | None]:
    """Return the versions of what decides results, None where one is not installed."""
    return {name: _version(name) for name in _PACKAGES} | {"cv2": cv2.__version__}


def git_revision(file: Path) -> str | None:
    """Return the commit that a source file is checked out from, ``-dirty`` where anything is changed.

    None where there is no git, or it does not know the file: the folder of an installed package may lie in somebody
    else's repository.
    """
    git = shutil.which("git")
    if git is None:
        return None
    answer = None
    for arguments in (
        ["ls-files", "--error-unmatch", file.name],
        ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
    ):
        command = [git, "-C", str(file.resolve().parent), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, timeout=10, check=True)  # noqa: S603 - fixed words
        except (OSError, subprocess.SubprocessError):
            return None
        answer = done.stdout.decode("ascii", "replace").strip()
    return answer


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
