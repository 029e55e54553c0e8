"""Two processes on this machine, as ``torchrun`` starts them, train together, stop together and go on together."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from unmask.model.checkpoints.checkpoint import load_state
from unmask.model.training.log_file import read_log

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, and gloo over localhost")

RANKS, BATCH, PICTURES, EPOCHS, STEPS = 2, 3, 8, 3, 4  # epochs end within steps: 8 is no multiple of 6
KINDS = ("map", "edit")
Training = tuple[str, str]  # the story's part, and which module
LIMIT_S = 420  # of a launch; a quiet machine needs 15

# What torchrun runs: commands one after the other, with notes of what each process saw. A job says who gets SIGTERM
# in its second step.
PROCESS = """
import hashlib, json, os, signal, sys, time
from pathlib import Path


def noted_batches(self):
    for batch in batches(self):
        with (notes / f"keys{rank}.jsonl").open("a") as file:
            file.write(json.dumps([self.count.step, batch.keys]) + "\\n")
        yield batch


def stopping_step(self, losses):
    process = {"launcher": os.getppid(), "process 1": os.getpid()}.get(job["stop"])
    if self.count.step == 1 and process and rank == 1:
        os.kill(process, signal.SIGTERM)
        while self.session.stop.received is None:
            time.sleep(0.01)
    finish_step(self, losses)


def noted_result(self):
    kept = {name: bare(network).named_parameters() for name, network in self.trained.networks.items()}
    mean = self.trained.ema.weights()
    kept["ema"] = [(name, mean[name]) for name, _ in self.trained.main_network.named_parameters()]
    told = {
        part: hashlib.sha256(b"".join(value.detach().numpy().tobytes() for _, value in values)).hexdigest()
        for part, values in kept.items()
    }
    ended = result(self)
    told |= {"stopped": ended.stopped, "signal": ended.signal, "metrics": ended.metrics}
    (notes / f"end{rank}.json").write_text(json.dumps(told))
    return ended


if __name__ == "__main__":  # data workers read this file, too
    from unmask.cli.train import main
    from unmask.model.training.engine import Engine
    from unmask.model.training.trained import bare

    rank = int(os.environ["RANK"])
    batches, finish_step, result = Engine.batches, Engine.finish_step, Engine.result
    Engine.batches, Engine.finish_step, Engine.result = noted_batches, stopping_step, noted_result
    codes = []
    for job in json.loads(sys.argv[1]):
        notes = Path(job["notes"])
        notes.mkdir(exist_ok=True)
        codes.append(main(job["arguments"]))
    (notes.parent / f"codes{rank}.json").write_text(json.dumps(codes))
    sys.exit(max(codes))
"""


@dataclass(frozen=True)
class Ended:
    """A module's run after a launch, with what its processes noted in all launches of it.

    Exit codes are those of the command in each process, ``said`` is what all processes printed in the launch.
    """

    run: Path
    notes: Path
    codes: list[int]
    said: str
    log: list[dict[str, object]]

    def ends(self) -> list[dict[str, object]]:
        """What each process had at the end of the last launch."""
        return [json.loads((self.notes / f"end{rank}.json").read_text()) for rank in range(RANKS)]

    def steps(self) -> list[list[str]]:
        """Names of the pictures of each step, first process first; steps and their order are checked."""
        ranks = [
            [json.loads(line) for line in (self.notes / f"keys{rank}.jsonl").read_text().splitlines()]
            for rank in range(RANKS)
        ]
        for noted in ranks:
            assert [step for step, _ in noted] == list(range(len(noted)))
        return [[name for _, keys in step for name in keys] for step in zip(*ranks, strict=True)]


@dataclass(frozen=True)
class Story:
    """The same training in one go, and stopped in its second of four steps, then given again."""

    straight: Ended
    stopped: Ended
    resumed: Ended


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Story]:
    """Both modules' trainings; the Map Module's is stopped at its second process, the other one at the launcher.

    The one that ends its launcher is the last of its launch.
    """
    folder = tmp_path_factory.mktemp("torchrun")
    straight, halved = ([(name, "map"), (name, "edit")] for name in ("straight", "halved"))
    first = launch(folder, [*straight, *halved], {halved[0]: "process 1", halved[1]: "launcher"})
    again = launch(folder, halved, {})
    return {
        kind: Story(first["straight", kind], first["halved", kind], again["halved", kind]) for kind in KINDS
    }


def workers(training: Training) -> list[str]:
    """A process that reads for each that trains, in one training: the others have to end as it does without."""
    return ["--workers", "1" if training == ("straight", "map") else "0"]


def launch(folder: Path, trainings: list[Training], stops: dict[Training, str]) -> dict[Training, Ended]:
    """Do several trainings in one launch: importing takes longer than they do."""
    flags = {
        "map": ["--precision", "bf16"],
        "edit": [
            *("--precision", "fp32"),
            *("--preset", "perceptual", "--set", "discriminator.width=16"),
            *("--map", str(folder / "straight map"), "--predicted-share", "0.5"),
        ],
    }
    usual = [
        *("--online", "demo", "--limit", str(PICTURES), "--val-pictures", "4"),
        *("--cache", str(folder / "cache")),
        *("--size", "64", "--batch-size", str(BATCH), "--epochs", str(EPOCHS), "--device", "cpu"),
        *("--val-every", "12", "--sample-every", "24", "--set", "network.width=16"),
    ]
    runs = {one: folder / " ".join(one) for one in trainings}
    notes = {one: folder / " ".join((*one, "notes")) for one in trainings}
    jobs: list[dict[str, object]] = [
        {
            "arguments": [one[1], str(runs[one]), *flags[one[1]], *usual, *workers(one)],
            "notes": str(notes[one]),
            "stop": stops.get(one, ""),
        }
        for one in trainings
    ]
    files = [folder / f"codes{rank}.json" for rank in range(RANKS)]
    for file in files:
        file.unlink(missing_ok=True)
    said = run_processes(folder, jobs)
    assert all(file.exists() for file in files), said  # the launcher kills what takes over 30 seconds to stop
    codes = [json.loads(file.read_text()) for file in files]
    return {
        one: Ended(runs[one], notes[one], list(code), said, read_log(runs[one] / "log.csv"))
        for one, code in zip(trainings, zip(*codes, strict=True), strict=True)
    }


def run_processes(folder: Path, jobs: list[dict[str, object]]) -> str:
    script = folder / "process.py"
    script.write_text(PROCESS)
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"),
        *("--nproc-per-node", str(RANKS), str(script), json.dumps(jobs)),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        try:
            said, _ = running.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            running.terminate()  # the launcher takes its processes along, after 30 seconds by force
            said, _ = running.communicate()
            pytest.fail(f"hung:\n{said}")
    # A process's traceback names its script; the launcher prints one of its own when a process was stopped.
    assert f'File "{script}"' not in said, said
    assert (running.returncode == 0) is not any(job["stop"] for job in jobs), said
    return said


both = pytest.mark.parametrize("kind", KINDS)


@both
def test_two_processes_train_and_see_each_picture_once_per_epoch(kind: str, stories: dict[str, Story]):
    straight = stories[kind].straight
    assert straight.codes == [0, 0]
    steps = straight.steps()
    assert len(steps) == STEPS
    shown = [name for step in steps for name in step]
    epochs = [shown[start : start + PICTURES] for start in range(0, len(shown), PICTURES)]
    assert len(epochs) == EPOCHS
    for epoch in epochs:
        assert len(set(epoch)) == PICTURES
        assert set(epoch) == set(shown)
    assert epochs[0] != epochs[1]


@both
def test_one_process_writes_and_speaks(kind: str, stories: dict[str, Story]):
    straight = stories[kind].straight
    assert [(row["step"], row["images"]) for row in straight.log] == [(2, 12), (4, 24)]
    assert straight.said.count("finished: 24 images in 4 steps") == 2  # of two modules
    assert [path.name for path in (straight.run / "samples").iterdir()] == ["000000024.png"]
    assert {path.name for path in straight.run.iterdir() if path.is_dir()} == {"samples", "last", "best"}


@both
def test_all_processes_have_the_same_weights_and_scores(kind: str, stories: dict[str, Story]):
    first, second = stories[kind].straight.ends()
    assert first == second
    assert (first["stopped"], first["signal"]) == ("finished", None)
    assert first["metrics"]
    networks = {"map": {"map"}, "edit": {"generator", "whole", "mask"}}[kind]
    assert first.keys() == networks | {"ema", "stopped", "signal", "metrics"}


@both
def test_a_signal_to_one_or_to_the_launcher_stops_all_after_the_same_step(
    kind: str, stories: dict[str, Story]
):
    stopped = stories[kind].stopped
    assert stopped.codes == [128 + signal.SIGTERM] * RANKS
    assert stopped.said.count("stopped after 12 images in 2 steps") == 2  # of two modules
    assert [row["step"] for row in stopped.log] == [2]


@both
def test_the_same_command_again_ends_as_in_one_go_bit_for_bit(kind: str, stories: dict[str, Story]):
    straight, resumed = stories[kind].straight, stories[kind].resumed
    assert resumed.codes == [0, 0]
    assert resumed.steps() == straight.steps()
    assert resumed.ends() == straight.ends()
    once, twice = (load_state(ended.run / "last") for ended in (straight, resumed))
    assert_equal(once["trained"], twice["trained"], "trained")
    clocks = {"seconds", "images_per_s"}
    once_rows, twice_rows = (
        [{key: row[key] for key in row.keys() - clocks} for row in ended.log] for ended in (straight, resumed)
    )
    assert once_rows == twice_rows


def assert_equal(one: object, other: object, where: str) -> None:
    """Nested states are the same, tensors to the bit."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_equal(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_equal(a, b, f"{where}/{index}")
    elif isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, where
        assert torch.equal(one, other), where
    else:
        assert one == other, where
