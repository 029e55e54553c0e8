"""3x3 convolutions of pictures whose pixels were doubled, in fewer multiplications. Imports no torch.

They see each small pixel two or three times: as transposed convolutions of the small picture they take four ninths
of the multiplications. Both ways to run a network do so (`.folded`, `.graph`).
"""

import numpy as np

from unmask.datagen.pictures.arrays import F32


def doubled_kernel(kernel: F32) -> F32:
    """Kernel of the transposed convolution (stride 2, padding 1) that does what 3x3 does after pixels are doubled.

    Parameters
    ----------
    kernel : float32 (outside, inside, 3, 3)
        Of a convolution with padding 1.

    Returns
    -------
    float32 (inside, outside, 4, 4)
    """
    # Row 2r + odd of the large picture sees its rows from 2r + odd - 1 to 2r + odd + 1, which are copies of small
    # rows; the transposed convolution's row k leads from small row r to large row 2r + k - 1.
    rows = np.zeros((4, 3), np.float32)
    for odd in (0, 1):
        for tap in range(3):
            rows[odd + 1 - 2 * ((odd + tap - 1) // 2), tap] = 1
    return np.ascontiguousarray(np.einsum("ky,lx,oiyx->iokl", rows, rows, kernel), np.float32)
