"""Whether a face is turned away further than the networks know, without a change of mind from frame to frame."""

from dataclasses import dataclass

from unmask.model.inference.photo import MOST_BESIDE

# Pixels of the frame that a face has to come back before it is restored again. In four photographs that were panned
# and turned, with noise, it trembled by at most 1.2.
BACK = 2.0


@dataclass(eq=False)
class Turning:
    """What is remembered of one face's turn.

    Attributes
    ----------
    share : float
        As of `unmask.model.video.steady.SteadyFace`; 1 remembers nothing.
    """

    share: float
    _mean: float | None = None
    _away: bool = False

    def sees(self, beside: float) -> bool:
        """Say whether a face is left for being turned away.

        Parameters
        ----------
        beside : float
            From `unmask.model.inference.face_mask.beside_face`; 0, which it is where the picture cuts a face off,
            changes nothing.
        """
        if not beside and self.share < 1:
            return self._away
        self._mean = beside if self._mean is None else self._mean + self.share * (beside - self._mean)
        band = BACK if self._away and self.share < 1 else 0.0
        self._away = abs(self._mean) > MOST_BESIDE - band
        return self._away
