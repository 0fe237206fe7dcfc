"""The parameters of a source-filter voice as rows of numbers, for networks that predict them."""

import numpy as np
from jaxtyping import Float

from avnet.synthesizers.source_filter.parameters import (
    BANDS,
    COEFFICIENTS,
    HIGHEST_F0,
    LARGEST_CEPSTRUM,
    LOWEST_F0,
    SourceFilter,
)

# Log F0, voicing, mel-cepstra, strengths of bands.
COLUMNS = 2 + COEFFICIENTS + BANDS


def columns_of(parameters: SourceFilter) -> Float[np.ndarray, "frames 32"]:
    """A row for each frame: log F0, voicing, 25 mel-cepstra, 5 strengths."""
    ends = [parameters.log_f0[:, None], parameters.voiced[:, None], parameters.cepstra, parameters.strengths]
    return np.concatenate(ends, axis=1)


def parameters_of(columns: Float[np.ndarray, "frames 32"]) -> SourceFilter:
    """What `columns_of` took apart; what a network predicts beyond what can be is brought to the nearest that can."""
    columns = np.asarray(columns, np.float32)
    log_f0, voiced, cepstra, strengths = np.split(columns, [1, 2, 2 + COEFFICIENTS], axis=1)
    return SourceFilter(
        np.clip(log_f0[:, 0], np.log(LOWEST_F0), np.log(HIGHEST_F0)).astype(np.float32),
        np.clip(voiced[:, 0], 0.0, 1.0),
        np.clip(cepstra, -LARGEST_CEPSTRUM, LARGEST_CEPSTRUM),
        np.clip(strengths, 0.0, 1.0),
    )
