import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from media.forged import forge_config
from precision_law import assert_precisions_agree
from spoken.vowels import noise

from avnet.audio.spectrogram import log_spectrogram
from avnet.errors import ConfigError, ModelFolderError
from avnet.synthesizers.layers.convnext import DepthwiseConv
from avnet.synthesizers.losses import (
    discriminator_loss,
    duration_loss,
    feature_loss,
    generator_loss,
    log_mel,
    mel_loss,
    stft_loss,
)
from avnet.synthesizers.mel.acoustics import HOP, MEL
from avnet.synthesizers.vocos import LONGEST, Vocos, VocosConfig

TINY = VocosConfig(4, width=32, blocks=2, expansion=2, n_fft=640, duration_width=16)


@pytest.fixture(scope="module")
def tiny() -> Vocos:
    return Vocos(TINY, rngs=nnx.Rngs(0))


def test_depthwise_convolution_agrees_with_the_grouped_one():
    layer, x = DepthwiseConv(5, rngs=nnx.Rngs(0)), jnp.asarray(noise(2, 9, 5))
    layer.bias = nnx.Param(jnp.arange(5.0))
    kernel, order = layer.kernel[...][:, None], ("NWC", "WIO", "NWC")
    grouped = jax.lax.conv_general_dilated(x, kernel, (1,), "SAME", dimension_numbers=order, feature_group_count=5)
    assert np.asarray(layer(x)) == pytest.approx(np.asarray(grouped + jnp.arange(5.0)), abs=1e-6)


@pytest.mark.parametrize("config", [VocosConfig.small(200), VocosConfig.paper(1000), TINY])
def test_a_frame_is_ten_milliseconds_in_every_preset(config):
    def utterance():
        return Vocos(config, rngs=nnx.Rngs(0))(jnp.zeros((2, 33), jnp.int32), jnp.ones((2, 33), bool))

    assert jax.eval_shape(utterance).shape == (2, 33 * HOP)


def test_batch_of_padded_strings_is_each_alone(tiny):
    utterance = nnx.jit(lambda vocoder, *batch: (vocoder(*batch), vocoder.log_durations(*batch)))
    units = np.random.default_rng(0).integers(0, 4, (3, 9))
    together, durations = utterance(tiny, units, np.arange(9) < np.array([[9], [4], [1]]))
    for row, length in ((1, 4), (2, 1)):
        alone, alone_durations = utterance(tiny, units[row : row + 1, :length], np.ones((1, length), bool))
        assert np.asarray(together[row, : length * HOP]) == pytest.approx(np.asarray(alone[0]), abs=1e-5)
        assert not np.asarray(together)[row, length * HOP :].any()
        assert np.asarray(durations[row, :length]) == pytest.approx(np.asarray(alone_durations[0]), abs=1e-5)


def test_said_frames_are_the_sum_of_durations(tiny):
    units = np.array([0, 1, 2, 1, 3])
    utterance = tiny.speak(units)
    assert utterance.shape == (tiny.durations(units).sum() * HOP,) and (utterance == tiny.speak(units)).all()
    assert tiny.speak(units, np.array([1, 2, 3, 40, 100])).shape == (146 * HOP,)
    assert np.abs(utterance).max() <= 1
    assert len(tiny.speak(np.zeros(0, np.int64))) == 0 == len(tiny.speak(np.array([4, -1])))
    assert (tiny.speak(np.array([9, 0, -1, 1])) == tiny.speak(np.array([0, 1]))).all()


@pytest.mark.parametrize(("bias", "frames"), [(-100.0, 1), (100.0, LONGEST)])
def test_every_unit_lasts_at_least_a_frame_and_at_most_two_seconds(tiny, bias, frames):
    vocoder = nnx.clone(tiny)
    vocoder.duration.head.bias = nnx.Param(jnp.full(1, bias))
    assert vocoder.durations(np.array([0, 1, 2])).tolist() == [frames] * 3


@jax.jit
def losses(prediction, target):
    return mel_loss(prediction, target), stft_loss(prediction, target)


def test_losses_of_equal_sounds_are_nothing_and_of_half_the_sound_known():
    waveform = noise(2, 2048)
    mel, stft = losses(waveform, waveform)
    assert mel.tolist() == [0, 0] and np.asarray(stft) == pytest.approx(0, abs=1e-5)
    # Half the magnitude: half the norm is missing, and every logarithm is lower by log 2.
    mel, stft = losses(waveform / 2, waveform)
    assert np.asarray(stft) == pytest.approx(0.5 + np.log(2), abs=2e-3)
    assert np.asarray(mel) == pytest.approx(np.log(2), abs=2e-3)


def test_log_mel_is_that_of_the_library():
    waveform = jnp.asarray(noise(2, 4000))
    ours = np.asarray(jax.jit(log_mel)(waveform)).swapaxes(1, 2)[..., None]
    assert ours == pytest.approx(np.asarray(log_spectrogram(waveform, MEL)), abs=1e-4)


def test_duration_loss_is_worked_out_by_hand():
    log_frames = jnp.log(jnp.array([[2.0, 8.0, 5.0], [1.0, 1.0, 1.0]]))
    frames, mask = jnp.array([[2, 2, 9], [0, 0, 0]]), jnp.array([[True, True, False], [False, False, False]])
    assert duration_loss(log_frames, frames, mask).tolist() == pytest.approx([np.log(4) ** 2 / 2, 0.0])


def test_hinge_losses_are_worked_out_by_hand():
    real, fake = [jnp.array([[2.0, 0.5]]), jnp.array([[0.0]])], [jnp.array([[-3.0, 0.0]]), jnp.array([[1.5]])]
    assert float(generator_loss(fake)) == pytest.approx(((4 + 1) / 2 + 0) / 2)
    assert float(discriminator_loss(real, fake)) == pytest.approx(((0.25 + 0.5) + (1 + 2.5)) / 2)
    assert float(feature_loss(real, fake)) == pytest.approx(((5 + 0.5) / 2 + 1.5) / 2)


def test_gradients_at_silence_are_finite(tiny):
    silence, sound = np.zeros((1, 2048), np.float32), noise(1, 2048)
    gradient = jax.jit(jax.jacrev(lambda prediction, target: [loss.sum() for loss in losses(prediction, target)]))
    for target in (silence, sound):
        assert all(np.isfinite(slopes).all() for slopes in gradient(silence, target))
    graph, state = nnx.split(tiny)
    units, mask = jnp.zeros((1, 13), jnp.int32), jnp.arange(13)[None] < 3
    loss = jax.jit(jax.grad(lambda state: mel_loss(nnx.merge(graph, state)(units, mask), jnp.zeros((1, 2080))).sum()))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(loss(state)))


def test_speech_in_bfloat16_or_computed_twice_is_nearly_that_in_float32(tiny):
    graph, params = nnx.split(tiny)
    units, mask = jnp.arange(8)[None] % 4, jnp.ones((1, 8), bool)

    def loss(params, dtype, remat):
        vocoder = nnx.merge(graph, params, copy=True)
        vocoder.compute(dtype, remat=remat)
        waveforms, durations = vocoder(units, mask), vocoder.log_durations(units, mask)
        assert waveforms.dtype == durations.dtype == jnp.float32
        return jnp.square(waveforms).mean() + jnp.square(durations).mean()

    assert_precisions_agree(loss, params, half=0.05)


def test_folder_gives_back_what_was_written(tiny, tmp_path):
    tiny.save(tmp_path / "v", "f")
    again = Vocos.load(tmp_path / "v", "f")
    assert again.config == TINY
    assert (again.speak(np.array([0, 1, 2])) == tiny.speak(np.array([0, 1, 2]))).all()


@pytest.mark.parametrize("change", [{"colour": 1}, {"units": 5}, {"units": 1e99}, {"width": None}])
def test_a_configuration_that_cannot_be_is_refused_in_one_line(tiny, tmp_path, change):
    tiny.save(tmp_path / "v", "f")
    forge_config(tmp_path / "v", lambda config: config.update(change))
    with pytest.raises(ModelFolderError) as refusal:
        Vocos.load(tmp_path / "v")
    assert "\n" not in str(refusal.value)


def test_configurations_that_cannot_be_are_refused():
    for change in ({"units": 0}, {"width": 0}, {"blocks": 0}, {"n_fft": 641}, {"n_fft": 200}, {"expansion": 99}):
        with pytest.raises(ConfigError):
            VocosConfig(**{"units": 4, **change})
