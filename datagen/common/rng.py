"""Random generators that depend on what is drawn, not on when or where."""

import hashlib

import numpy as np


def generator(seed: int, key: str, variant: int, purpose: str) -> np.random.Generator:
    """Return the generator for one purpose of one variant of one source picture.

    The stream is PCG64 seeded by blake2b of (seed, key, variant, purpose), so it depends neither on the
    worker, nor on the order, nor on which other pictures there are.

    Parameters
    ----------
    seed : int
        The user's ``--seed``.
    key : str
        Name of the source picture (``SourceFace.name``): no two pictures share it.
    variant : int
        Which of the masks of this picture, from 0.
    purpose : str
        What is drawn, e.g. ``"mask/0/2"`` for face 0, attempt 2.
    """
    text = "\x1f".join((str(seed), key, str(variant), purpose))
    digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
