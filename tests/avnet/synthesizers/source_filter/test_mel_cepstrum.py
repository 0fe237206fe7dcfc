import numpy as np
import pytest

from avnet.synthesizers.source_filter.mel_cepstrum import ALPHA, N_FFT, frequency_response, warping_matrix


def cepstra(seed: int = 0, frames: int = 4) -> np.ndarray:
    falling = 0.8 ** np.arange(25)
    return (np.random.default_rng(seed).standard_normal((frames, 25)) * falling).astype(np.float32)


def test_first_coefficient_is_a_gain():
    one = np.zeros((1, 25), np.float32)
    one[0, 0] = np.log(3)
    assert frequency_response(one) == pytest.approx(np.full((1, 513), 3), rel=1e-5)


def test_second_coefficient_at_both_ends_is_worked_out_by_hand():
    one = np.zeros((1, 25), np.float32)
    one[0, 1] = 0.5
    response = frequency_response(one)[0]
    # The all-pass is 1 at 0 Hz and -1 at half the rate; where it is -j, its frequency is that of which the warped one
    # is a quarter of a turn: tan(omega / 2) = (1 - alpha) / (1 + alpha).
    assert response[[0, -1]] == pytest.approx([np.exp(0.5), np.exp(-0.5)], rel=1e-5)
    quarter = 2 * np.arctan((1 - ALPHA) / (1 + ALPHA)) / np.pi * 512
    phase = np.interp(quarter, np.arange(513), np.angle(response))
    assert phase == pytest.approx(-0.5, abs=1e-3)


def test_filters_are_of_minimum_phase():
    # Of such a filter the logarithm's phase is the Hilbert transform of its magnitude: its cepstrum is one-sided.
    response = frequency_response(cepstra())
    folded = np.fft.irfft(np.log(np.abs(response)), N_FFT)
    folded[:, 1 : N_FFT // 2] *= 2
    folded[:, N_FFT // 2 + 1 :] = 0
    assert np.exp(np.fft.rfft(folded)) == pytest.approx(response, abs=1e-4)
    assert np.abs(np.fft.irfft(response)[:, N_FFT // 2 :]).max() < 1e-3


def test_warping_and_its_inverse_agree():
    # What few coefficients describe exactly comes back from its spectrum.
    wanted = cepstra(1)
    log_magnitude = np.log(np.abs(frequency_response(wanted)))
    one_sided = np.fft.irfft(log_magnitude, N_FFT)[:, : N_FFT // 2 + 1]
    one_sided[:, 1:-1] *= 2
    assert one_sided @ warping_matrix() == pytest.approx(wanted, abs=1e-4)


def test_warping_of_one_delay_is_the_series_of_its_fraction():
    # z^-1 = (v + alpha) / (1 + alpha v) = alpha + (1 - alpha^2) (v - alpha v^2 + alpha^2 v^3 ...), v the warped delay.
    powers = (1 - ALPHA**2) * (-ALPHA) ** np.arange(24)
    assert warping_matrix()[1] == pytest.approx(np.concatenate([[ALPHA], powers]), abs=1e-6)
