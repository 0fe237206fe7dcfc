"""How far the parameters of a source-filter voice are from those of recordings, frame by frame."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from avnet.synthesizers.source_filter.parameters import COEFFICIENTS

CENTS = 1200 / np.log(2)


def parameter_errors(
    said: Sequence[Float[np.ndarray, "_ 32"]], true: Sequence[Float[np.ndarray, "_ 32"]]
) -> dict[str, float]:
    """Errors of frames in the order of `source_filter.columns`, over all frames of all recordings.

    Args:
        said: predicted; voicing is above 0.5 where there is voice.
        true: of the recordings, of the same lengths.

    Returns:
        mel_cepstral_distortion, dB, without the gain; f0_rmse_cents, on frames voiced in both (NaN where there are
        none); voicing_error, share of frames that are voiced in one alone.

    Reference: Kubichek, "Mel-cepstral distance measure for objective speech quality assessment", 1993.
    """
    ours, theirs = np.concatenate(list(said)), np.concatenate(list(true))
    # The first coefficient is the gain.
    squares = np.square(ours[:, 3 : 2 + COEFFICIENTS] - theirs[:, 3 : 2 + COEFFICIENTS]).sum(axis=1)
    voiced, heard = ours[:, 1] > 0.5, theirs[:, 1] > 0.5
    cents = CENTS * (ours[:, 0] - theirs[:, 0])[voiced & heard]
    return {
        "mel_cepstral_distortion": float(10 / np.log(10) * np.sqrt(2 * squares).mean()),
        "f0_rmse_cents": float(np.sqrt(np.square(cents).mean())) if len(cents) else float("nan"),
        "voicing_error": float((voiced != heard).mean()),
    }
