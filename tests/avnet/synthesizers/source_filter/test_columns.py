"""Parameters as rows of numbers."""

import numpy as np

from avnet.synthesizers.source_filter.columns import COLUMNS, columns_of, parameters_of
from avnet.synthesizers.source_filter.parameters import SourceFilter


def test_rows_are_taken_apart_again():
    rng = np.random.default_rng(0)
    parameters = SourceFilter(
        rng.uniform(4, 6, 3).astype(np.float32),
        rng.random(3, np.float32),
        rng.normal(size=(3, 25)).astype(np.float32),
        rng.random((3, 5), np.float32),
    )
    rows = columns_of(parameters)
    assert rows.shape == (3, COLUMNS) and np.array_equal(rows[:, 0], parameters.log_f0)
    again = parameters_of(rows)
    assert all(np.array_equal(getattr(again, name), value) for name, value in vars(parameters).items())


def test_what_cannot_be_is_brought_to_the_nearest_that_can():
    high, low = parameters_of(np.full((1, COLUMNS), 99.0)), parameters_of(np.full((1, COLUMNS), -99.0))
    assert np.exp(high.log_f0) > 1999 and high.voiced == 1 and (high.strengths == 1).all()
    assert np.exp(low.log_f0) < 21 and low.voiced == 0 and (low.cepstra == -20).all()
