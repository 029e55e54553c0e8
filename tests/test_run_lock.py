import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.folder_lock import give_back, take_lock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such locks there")

# A trainer with one forked worker, as data loading has it.
TRAINER = """
import os, sys, time
from pathlib import Path
from unmask.datagen.common.folder_lock import take_lock
lock = take_lock(Path(sys.argv[1]), "")
worker = os.fork()
if worker == 0:
    time.sleep(60)
    os._exit(0)
print(worker, flush=True)
time.sleep(60)
"""


def test_a_second_training_in_the_folder_is_refused_until_the_first_lets_go(tmp_path: Path):
    who = f"run {tmp_path}: another training"
    first = take_lock(tmp_path, who)
    with pytest.raises(UserError) as caught:
        take_lock(tmp_path, who)
    assert (
        str(caught.value)
        == f"run {tmp_path}: another training (process {os.getpid()}) is writing to this folder"
    )
    give_back(first)
    give_back(take_lock(tmp_path, ""))


def test_locks_of_two_folders_do_not_touch(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    locks = [take_lock(tmp_path / name, "") for name in "ab"]
    for lock in locks:
        give_back(lock)


def test_a_lock_that_nobody_refers_to_any_more_is_gone(tmp_path: Path):
    lock = take_lock(tmp_path, "")
    del lock
    give_back(take_lock(tmp_path, ""))


def test_a_killed_trainer_frees_the_folder_at_once_though_its_worker_still_lives(tmp_path: Path):
    command = [sys.executable, "-c", TRAINER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as trainer:
        assert trainer.stdout is not None
        worker = int(trainer.stdout.readline())
        try:
            with pytest.raises(UserError, match=f"process {trainer.pid}"):
                take_lock(tmp_path, "")
            # The worker closes its copy right after the fork, which may be a moment after the trainer printed.
            time.sleep(0.2)
            trainer.send_signal(signal.SIGKILL)
            trainer.wait()
            os.kill(worker, 0)  # lives
            give_back(take_lock(tmp_path, ""))
        finally:
            trainer.kill()
            os.kill(worker, signal.SIGKILL)
