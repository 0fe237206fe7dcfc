"""A WaveGlow in use: noise, hum, folders, refusals; and a voice that speaks by it."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from media.forged import forge_arrays, forge_config
from one_of_each import frame_voice, waveglow
from random_networks import randomize

from avnet.errors import ConfigError, DataError, ModelFolderError
from avnet.files.artifact import HEADER, read_header
from avnet.files.kinds import WAVEGLOW
from avnet.nn.abstract import abstract_network
from avnet.synthesizers.frame_model.config import FrameModelConfig
from avnet.synthesizers.frame_model.network import FrameModel
from avnet.synthesizers.frame_model.voice import FrameVoice
from avnet.synthesizers.mel.griffin_lim import MelGriffinLim, waveform_of_mel
from avnet.synthesizers.mel.vocoder import MelVocoder
from avnet.synthesizers.waveglow import vocoder as vocoder_module
from avnet.synthesizers.waveglow.vocoder import WaveGlow

MEL = np.random.default_rng(0).normal(-4, 2, (7, 80)).astype(np.float32)


@pytest.fixture(scope="module")
def vocoder() -> WaveGlow:
    return waveglow()


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    """One length for all: each is compiled."""
    monkeypatch.setattr(vocoder_module, "BLOCK", 8)
    monkeypatch.setattr(vocoder_module, "HUM_FRAMES", 8)


def test_both_kinds_of_vocoders_of_spectra_are_ones(vocoder):
    for one in (vocoder, MelGriffinLim(2)):
        assert isinstance(one, MelVocoder)
        waveform = one.waveform(MEL)
        assert waveform.dtype == np.float32 and len(waveform) == 7 * 160 and np.abs(waveform).max() > 0
        assert np.array_equal(waveform, one.waveform(MEL))
    assert np.array_equal(MelGriffinLim(2).waveform(MEL), waveform_of_mel(MEL, 2))
    assert len(vocoder.waveform(MEL[:0])) == 0


def test_noise_is_that_of_the_seed_and_as_loud_as_asked_for(vocoder):
    network = vocoder.network
    said = [WaveGlow(network, sigma, seed=seed).waveform(MEL) for sigma, seed in ((0.6, 0), (0.6, 1), (0.0, 0))]
    assert np.abs(said[0] - said[1]).max() > 0.1
    assert np.array_equal(said[2], WaveGlow(network, 0.0, seed=1).waveform(MEL))
    forward = nnx.jit(lambda network, *inputs: network.forward(*inputs))
    z, _ = forward(network, jnp.asarray(said[0])[None], jnp.asarray(MEL)[None])
    noise = np.random.default_rng(0).standard_normal((80, 16), np.float32)[:70]
    np.testing.assert_allclose(z[0], 0.6 * noise, rtol=0, atol=1e-4)


def test_the_hum_is_taken_off_as_far_as_there_is_any(vocoder):
    network = vocoder.network
    humming = WaveGlow(network, sigma=0.0)
    mean = np.broadcast_to(np.asarray(network.standard.mean[...]), (7, 80))
    hum, rest = humming.waveform(mean), WaveGlow(network, sigma=0.0, denoise=1.0).waveform(mean)
    assert humming.hum.shape == (513,) and humming.hum.min() >= 0
    assert np.square(rest).mean() < 0.2 * np.square(hum).mean()
    plain = np.random.default_rng(0).normal(size=1120).astype(np.float32)
    np.testing.assert_allclose(vocoder_module._without(plain, np.zeros(513, np.float32)), plain, atol=1e-5)
    assert not vocoder_module._without(plain, np.full(513, 1e9, np.float32)).any()


def test_a_voice_of_spectra_speaks_by_a_vocoder(vocoder, tmp_path):
    config = FrameModelConfig(units=8, parameters="mel", width=8, unit_blocks=0, frame_blocks=1, duration_width=8)
    units, durations = np.array([3, 1, 4]), np.array([1, 4, 2])
    network = randomize(abstract_network(lambda rngs: FrameModel(config, rngs=rngs)))
    FrameVoice(network).save(tmp_path / "voice", "a" * 64)
    voice = FrameVoice.load(tmp_path / "voice", "a" * 64, vocoder)
    expected = vocoder.waveform(voice.frames(units, durations))
    np.testing.assert_allclose(voice.speak(units, durations), expected / max(1, np.abs(expected).max()))
    with pytest.raises(ConfigError, match="vocoder: is for frames that are mel spectra"):
        FrameVoice(frame_voice().network, vocoder)


def test_a_folder_gives_back_what_was_written(vocoder, tmp_path):
    vocoder.save(tmp_path / "w", "# Card\n")
    again = WaveGlow.load(tmp_path / "w")
    assert again.network.config == vocoder.network.config
    assert np.array_equal(again.waveform(MEL), vocoder.waveform(MEL))
    header = read_header(tmp_path / "w", WAVEGLOW)
    assert WaveGlow.summary(header) == {"steps": "2, of 1 layers of 4", "group": "16"} and header.requires == {}
    assert json.loads((tmp_path / "w" / HEADER).read_text())["kind"] == "waveglow"


@pytest.mark.parametrize("change", [{"colour": 1}, {"steps": 1}, {"group": 1e99}, {"width": None}, {"group": 7}])
def test_a_folder_whose_configuration_cannot_be_is_refused_in_one_line(vocoder, tmp_path, change):
    vocoder.save(tmp_path / "w")
    forge_config(tmp_path / "w", lambda config: config.update(change))
    with pytest.raises(ModelFolderError) as refusal:
        WaveGlow.load(tmp_path / "w")
    assert "\n" not in str(refusal.value)


def test_arrays_that_make_no_sound_are_refused(vocoder, tmp_path):
    vocoder.save(tmp_path / "w")
    forge_arrays(tmp_path / "w", lambda arrays: arrays["mixers.0.kernel"].fill(0))
    with pytest.raises(DataError, match="waveform: is not finite"):
        WaveGlow.load(tmp_path / "w").waveform(MEL)
    forge_arrays(tmp_path / "w", lambda arrays: arrays["mixers.0.kernel"].fill(np.nan))
    with pytest.raises(ModelFolderError, match="not finite"):
        WaveGlow.load(tmp_path / "w")


def test_what_cannot_be_is_refused(vocoder):
    with pytest.raises(DataError, match="log_mel: must be finite"):
        vocoder.waveform(np.full_like(MEL, np.nan))
    for sigma, denoise in ((-1.0, 0.0), (0.6, -0.1), (float("nan"), 0.0)):
        with pytest.raises(ConfigError, match="sigma, denoise: must be 0 or more"):
            WaveGlow(vocoder.network, sigma, denoise)
