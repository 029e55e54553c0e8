"""What other programs on the machine cost a photograph: with torch's threads as they are, and with spare ones.

    python benchmarks/busy_machine.py PHOTO --others 4

Starts so many processes that do nothing but compute, and takes the mask off the photograph beside them, from Python
and without ``OMP_WAIT_POLICY``: as the toolkit does it, and with all of torch's threads.
"""

import argparse
import multiprocessing
import time
from pathlib import Path

import torch

import unmask
from unmask.model.common import spare_threads


def compute() -> None:
    """Compute for ever."""
    number = 1
    while True:
        number = number * 3 % 1_000_003


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", type=Path)
    parser.add_argument("--others", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    unmasker = unmask.Unmasker()
    unmasker.restore_photo(arguments.photo)  # loads what is loaded once
    others = [multiprocessing.Process(target=compute, daemon=True) for _ in range(arguments.others)]
    for other in others:
        other.start()
    usual = spare_threads.running_tasks
    seconds: dict[str, list[float]] = {"spare threads": [], "all threads": []}
    try:
        for _ in range(arguments.rounds):
            for words, running in zip(seconds, (usual, lambda: None), strict=True):
                spare_threads.running_tasks = running
                start = time.perf_counter()
                unmasker.restore_photo(arguments.photo)
                seconds[words].append(time.perf_counter() - start)
    finally:
        for other in others:
            other.terminate()
    few, all_ = (min(each) for each in seconds.values())
    print(f"{arguments.others} other processes, torch has {torch.get_num_threads()} threads")
    print(f"spare threads {few:.2f} s a photograph, all threads {all_:.2f} s: {all_ / few:.1f} x")


if __name__ == "__main__":
    main()
