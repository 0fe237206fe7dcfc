"""How familiar an image is, from fewer numbers: learned images along a few principal components, in 255 steps each."""

import numpy as np

from avnet.describer.familiarity import NEAREST, Components, Familiarity

# Learned images of which it is measured how components change likenesses, and steps to either side of 0.
PROBES, STEPS = 1_000, 127


def project(familiarity: Familiarity, components: int) -> Familiarity:
    """Keeps features along their principal components alone.

    Components leave out a part of each cosine, nearly the same of all. So the likenesses that are ordinary are moved as
    those of learned images among the others are, by a line of least squares.

    Args:
        familiarity: of whole features.
        components: that are kept; where there are no fewer features or images, nothing changes.
    """
    whole = familiarity.features
    if familiarity.components is not None or components >= min(whole.shape):
        return familiarity
    # Not centred: what must stay are inner products.
    basis = np.linalg.eigh(whole.T @ whole)[1][:, ::-1][:, :components].astype(np.float16)
    coordinates = whole @ basis.astype(np.float32)
    steps = np.maximum(np.abs(coordinates).max(axis=0) / STEPS, np.finfo(np.float32).tiny).astype(np.float32)
    small = Components(basis, steps)
    features = np.rint(coordinates / steps).astype(np.int8)
    rows = np.arange(min(PROBES, len(whole))) * len(whole) // min(PROBES, len(whole))
    before = _among_others(whole[rows] @ whole.T, rows)
    after = _among_others(small.along(whole[rows]) @ features.T.astype(np.float32), rows)
    centred = before - before.mean()
    slope = max(0.0, float(centred @ after / max(float(centred @ centred), 1e-12)))
    ordinary = (after.mean() + slope * (familiarity.ordinary - before.mean())).astype(np.float32)
    return Familiarity(features, ordinary, small)


def _among_others(cosines: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The mean of the greatest few of each row, without that of the image itself."""
    others = cosines.copy()
    others[np.arange(len(rows)), rows] = -np.inf
    nearest = min(NEAREST, others.shape[1] - 1)
    return np.partition(others, -nearest, axis=1)[:, -nearest:].mean(axis=1)
