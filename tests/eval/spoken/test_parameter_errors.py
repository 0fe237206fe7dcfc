"""Errors of the parameters of a source-filter voice."""

import numpy as np
import pytest

from eval.spoken.parameters import parameter_errors


def test_errors_are_those_worked_out_by_hand():
    true, said = np.zeros((4, 32)), np.zeros((4, 32))
    true[:, 0], said[:, 0] = np.log(100), np.log(100) + np.array([0, np.log(2), 5, 5])
    true[:, 1], said[:, 1] = [1, 1, 1, 0], [0.9, 0.6, 0.4, 0.7]
    said[0, 2] = 7  # gain does not count
    said[1, 3], said[1, 26] = 3, 4
    errors = parameter_errors([said[:1], said[1:]], [true[:1], true[1:]])
    # One frame of four is sqrt(9 + 16) off; one of the two frames voiced in both is an octave off.
    assert errors["mel_cepstral_distortion"] == pytest.approx(10 / np.log(10) * np.sqrt(2) * 5 / 4)
    assert errors["f0_rmse_cents"] == pytest.approx(1200 / np.sqrt(2))
    assert errors["voicing_error"] == 0.5


def test_without_voice_there_is_no_error_of_pitch():
    assert np.isnan(parameter_errors([np.zeros((2, 32))], [np.zeros((2, 32))])["f0_rmse_cents"])
