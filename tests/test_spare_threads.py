"""Threads of networks on a busy machine."""

import os

import numpy as np
import pytest
import torch

from unmask.model.common import spare_threads
from unmask.model.inference.unmasker import Unmasker


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize(("running", "inside"), [(1, 4), (3, 4), (5, 4), (6, 3), (8, 1), (60, 1), (None, 4)])
def test_no_more_threads_than_cores_that_others_leave(
    running: int | None, inside: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(spare_threads, "running_tasks", lambda: running)
    with pytest.raises(KeyError), spare_threads.spare_threads():
        assert torch.get_num_threads() == inside
        raise KeyError
    assert torch.get_num_threads() == 4


def test_a_linux_system_says_how_many_tasks_run():
    running = spare_threads.running_tasks()
    assert running is None or running >= 1


def test_a_system_that_does_not_say_keeps_its_threads(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr(spare_threads, "_LOAD", tmp_path / "none")
    assert spare_threads.running_tasks() is None
    monkeypatch.setattr(spare_threads, "_LOAD", tmp_path)
    assert spare_threads.running_tasks() is None


@pytest.mark.usefixtures("four_threads")
def test_threads_that_do_not_spin_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(spare_threads, "running_tasks", lambda: 60)
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    with spare_threads.spare_threads():
        assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_threads")
def test_maps_are_the_same_but_for_rounding_with_few_and_with_many_threads(
    unmasker: Unmasker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    image = np.random.default_rng(5).integers(0, 256, (218, 178, 3), np.uint8)
    found = []
    for running in (1, 10**6):
        monkeypatch.setattr(spare_threads, "running_tasks", lambda running=running: running)
        found.append(unmasker.segment(image))
    assert np.abs(found[0] - found[1]).max() < 1e-4
