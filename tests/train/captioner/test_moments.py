"""Mean and deviation of features, over the places that count."""

import numpy as np

from avnet.captioners.features import ImageFeatures, Regions, grid_features
from train.captioner.places import GridPlaces, moments_of


def test_moments_of_grids():
    grids = np.random.default_rng(0).normal(3, 2, (70, 2, 3, 4)).astype(np.float16)
    # The same everywhere: nothing to learn from it, and nothing to divide by.
    grids[..., 3] = 0.5
    mean, deviation = moments_of(GridPlaces([grids], "grid"), np.arange(5, 70))
    cells = grids[5:].reshape(-1, 4).astype(np.float64)
    np.testing.assert_allclose(mean, cells.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(deviation, [*cells.std(axis=0)[:3], 1.0], rtol=1e-6)
    assert mean.dtype == deviation.dtype == np.float32


class Padded:
    """One place that counts, and one that does not."""

    regions: Regions = "file"
    features = 2
    views = 1

    def of(self, images: np.ndarray, views: np.ndarray | None = None) -> ImageFeatures:
        cells = np.stack([np.stack([images, -images], axis=1), np.full((len(images), 2), np.nan)], axis=1)
        features = grid_features(cells.astype(np.float32)[:, None])
        return features._replace(mask=np.isfinite(features.cells).all(axis=-1))


def test_what_does_not_count_is_not_measured():
    mean, deviation = moments_of(Padded(), np.array([0, 4]))
    assert mean.tolist() == [2, -2] and deviation.tolist() == [2, 2]
