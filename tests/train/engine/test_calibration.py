import numpy as np

from train.engine.calibration import fit_calibration, fit_weights


def pairs(rng, matched, mismatched, count=60):
    """Evidence normal about one value where image and sound match, about another elsewhere."""
    evidence = rng.normal(mismatched, 1.0, (count, count))
    evidence[np.diag_indices(count)] = rng.normal(matched, 1.0, count)
    return evidence


def test_weights_are_those_of_the_distributions():
    # Two normal distributions of variance 1 about a and b have log-odds (a - b) x - (a^2 - b^2) / 2.
    rng = np.random.default_rng(0)
    evidence = np.stack([pairs(rng, 2, 0, 200), pairs(rng, 1, 0, 200)], axis=-1)
    weights, shift = fit_weights(evidence, np.eye(200, dtype=bool))
    np.testing.assert_allclose(weights, [2, 1], atol=0.35)
    np.testing.assert_allclose(shift, -2.5, atol=0.5)


def test_what_speaks_against_a_match_is_left_out():
    rng = np.random.default_rng(1)
    evidence = np.stack([pairs(rng, 2, 0), pairs(rng, -2, 0)], axis=-1)
    weights, shift = fit_weights(evidence, np.eye(60, dtype=bool))
    assert weights[1] == 0 < weights[0]
    assert (weights[0], shift) == fit_calibration(evidence[..., 0], np.eye(60, dtype=bool))


def test_evidence_that_tells_nothing_stays_as_it_is():
    rng = np.random.default_rng(2)
    assert fit_weights(pairs(rng, -2, 0)[..., None], np.eye(60, dtype=bool)) == ([1.0], 0.0)
    assert fit_calibration(pairs(rng, -2, 0), np.eye(60, dtype=bool)) == (1.0, 0.0)
    assert fit_calibration(np.ones((2, 2)), np.ones((2, 2), bool)) == (1.0, 0.0)
