"""Where the chance of a training comes from: no generator goes on from one step to the next."""

import hashlib


def step_seed(seed: int, rank: int, step: int) -> int:
    """Seed of torch's generator for one step of one process: a resumed run needs no stored state.

    Parameters
    ----------
    seed : int
        Of the training.
    rank : int
        Of the process.
    step : int
        From 0; -1 is for the first weights.
    """
    digest = hashlib.blake2b(f"{seed}/{rank}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
