"""Encoder, jitter and decoders of a WaveNet-VQ."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from flax import nnx
from random_networks import randomize

from avnet.audio.mu_law import SILENCE
from avnet.errors import ConfigError
from avnet.files.weights import arrays_of, shapes_of
from avnet.nn.abstract import abstract_network
from avnet.units.wavenet_vq.config import FrameDecoderConfig, WaveNetConfig, WaveNetVQConfig
from avnet.units.wavenet_vq.decoder import Beside
from avnet.units.wavenet_vq.encoder import Encoder
from avnet.units.wavenet_vq.frame_decoder import FrameDecoder
from avnet.units.wavenet_vq.generation import generate
from avnet.units.wavenet_vq.jitter import jitter
from avnet.units.wavenet_vq.network import WaveNetVQ
from avnet.units.wavenet_vq.wavenet import WaveNet

SIZES = WaveNetConfig(sample_rate=8_000, cycles=2, layers=3, width=6, skip=5, condition=4)
SAMPLES = 2 * SIZES.samples_per_code


# Compiled once for each kind and size: a primitive at a time takes far longer.
run = nnx.jit(lambda network, *arrays: network(*arrays))


def draws(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


@pytest.fixture(scope="module")
def encoder():
    return randomize(abstract_network(lambda rngs: Encoder(39, 8, 4, rngs=rngs)))


@pytest.fixture(scope="module")
def wavenet():
    return randomize(abstract_network(lambda rngs: WaveNet(SIZES, 4, 3, rngs=rngs)))


@pytest.fixture(scope="module")
def spoken():
    """Codes of two recordings of two steps, the classes of their samples, and who speaks."""
    samples = np.random.default_rng(1).integers(0, 256, (2, SAMPLES)).astype(np.int32)
    return draws(2, 2, 4), jnp.array([2, 2]), Beside(samples=jnp.asarray(samples), speaker=jnp.array([2, 0]))


def size_of(shapes):
    return sum(int(np.prod(shape)) for shape in shapes.values())


def test_published_sizes_have_the_published_numbers_of_parameters():
    shapes = shapes_of(abstract_network(lambda rngs: WaveNetVQ(WaveNetVQConfig.published(), rngs=rngs)))
    encoder = {name: shape for name, shape in shapes.items() if name.startswith("encoder.")}
    convolutions = 39 * 768 * 3 + 768 * 768 * (3 + 4 + 3 + 3)
    assert size_of(encoder) == convolutions + 5 * 768 + 4 * (768 * 768 + 768) + 768 * 64 + 64
    # Products for a sample: 20 layers with three samples of the past, that a residual (but the last) and a skip follow.
    kernels = {name: shape for name, shape in shapes.items() if name.split(".")[-2:-1] != ["condition"]}
    layers = {name: shape for name, shape in kernels.items() if ".layers." in name and name.endswith("kernel")}
    assert size_of(layers) == 20 * (3 * 368 * 736 + 368 * 256) + 19 * 368 * 368
    # 333 GMAC for a second of 16,000 samples, of which the residual of the last layer is 2.
    assert size_of(layers) * 16_000 / 1e9 == pytest.approx(331.3, abs=0.1)
    assert WaveNetConfig().receptive_field == 1 + 2 * 2 * 1023


def test_padding_changes_nothing_and_steps_are_those_that_have_begun(encoder):
    cepstra, frames = draws(3, 12, 39), jnp.array([12, 7, 0])
    vectors, steps = run(encoder, cepstra, frames)
    assert steps.tolist() == [6, 4, 0]
    padded = jnp.full((3, 20, 39), 9.0).at[:, :12].set(cepstra).at[1, 7:].set(-5.0)
    wider, _ = run(encoder, padded, frames)
    assert np.asarray(wider[:, :6]) == pytest.approx(np.asarray(vectors), abs=1e-5)
    alone, _ = run(encoder, cepstra[1:2, :7], frames[1:2])
    assert np.asarray(vectors[1, :4]) == pytest.approx(np.asarray(alone[0]), abs=1e-5)
    assert not np.asarray(vectors[2]).any() and not np.asarray(vectors[1, 4:]).any()


def test_a_vector_is_made_of_sixteen_frames_around_its_own(encoder):
    @nnx.jit
    def gradient(network, x):
        return jax.grad(lambda x: jnp.square(network(x, jnp.array([40]))[0][0, 10]).sum())(x)

    assert np.flatnonzero(np.abs(gradient(encoder, draws(1, 40, 39))[0]).sum(axis=1)).tolist() == list(
        range(20 - 7, 20 + 9)
    )


def test_jitter_takes_neighbours_as_often_as_it_shall_and_moves_nothing_on_average():
    codes = jnp.arange(30_000.0).reshape(3, 10_000, 1)
    steps = jnp.array([10_000, 4, 0])
    moved = np.asarray(jitter(codes, steps, 0.12, jax.random.key(0)) - codes)[..., 0]
    shares = [(moved[0] == shift).mean() for shift in (-1, 0, 1)]
    assert shares == pytest.approx([0.12, 0.76, 0.12], abs=0.01) and set(moved[0]) == {-1, 0, 1}
    assert abs(moved[0].mean()) < 0.015
    # Neither end takes what is not there, and padding stays.
    assert not moved[1, 4:].any() and not moved[2].any() and moved[1, 0] >= 0 and moved[1, 3] <= 0
    assert np.array_equal(jitter(codes, steps, 0.0, jax.random.key(0)), codes)


def test_a_sample_is_said_from_those_before_it_alone(wavenet, spoken):
    codes, steps, beside = spoken
    at = 100
    changed = beside._replace(samples=beside.samples.at[:, at].add(17) % 256)
    difference = np.abs(run(wavenet, codes, steps, changed) - run(wavenet, codes, steps, beside)).max(axis=(0, 2))
    reach = SIZES.receptive_field
    assert reach == 29 and not difference[: at + 1].any()
    # Three samples of each layer, and the one before: nothing between is left out.
    assert (difference[at + 1 : at + 1 + reach] > 0).all() and not difference[at + 1 + reach :].any()


def test_codes_and_speaker_are_told_in_their_time(wavenet, spoken):
    codes, steps, beside = spoken
    base = np.asarray(run(wavenet, codes, steps, beside))
    other = np.asarray(run(wavenet, codes, steps, beside._replace(speaker=jnp.array([1, 0]))))
    assert (np.abs(other - base)[0].max(axis=-1) > 0).all() and np.array_equal(other[1], base[1])
    changed = codes.at[0, 1].set(5.0)
    told = np.abs(np.asarray(run(wavenet, changed, steps, beside)) - base).max(axis=-1)
    assert (told[0] > 0).all() and not told[1].any()
    # What lies beyond the end is not told.
    shorter = jnp.array([1, 2])
    assert np.array_equal(run(wavenet, changed, shorter, beside), run(wavenet, codes, shorter, beside))


def test_step_by_step_is_all_at_once(wavenet, spoken):
    codes, steps, beside = spoken
    whole = np.asarray(run(wavenet, codes, steps, beside))
    before = np.pad(np.asarray(beside.samples)[:, :-1], ((0, 0), (1, 0)), constant_values=SILENCE)

    @nnx.jit
    def one_by_one(wavenet, before):
        told = wavenet.told(codes, steps, beside.speaker)

        def advance(past, given):
            time, sample = given
            return wavenet.step(past, sample, told[:, :, time // SIZES.samples_per_code])

        return jax.lax.scan(advance, wavenet.begin(2), (jnp.arange(SAMPLES), before.T))[1]

    logits = one_by_one(wavenet, jnp.asarray(before))
    assert np.asarray(logits.swapaxes(0, 1)) == pytest.approx(whole, abs=1e-4)


def test_what_is_drawn_is_what_the_network_says_of_it(wavenet, spoken):
    codes, steps, beside = spoken
    # As good as certain, so that each draw is the likeliest class, given those drawn before.
    sure = nnx.clone(wavenet)
    sure.head.kernel[...] *= 1e4
    draw = nnx.jit(generate)
    samples = draw(sure, codes, steps, beside.speaker, jax.random.key(0))
    assert samples.shape == (2, SAMPLES) and len(np.unique(samples)) > 4
    logits = run(sure, codes, steps, beside._replace(samples=samples))
    assert (np.asarray(logits).argmax(axis=-1) == np.asarray(samples)).mean() > 0.99
    first, again, other = (draw(wavenet, codes, steps, beside.speaker, jax.random.key(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_encoder_agrees_with_pytorch_and_so_do_gradients(encoder):
    torch = need("torch")
    from judges.torch_wavenet_vq import Encoder as Twin
    from judges.torch_wavenet_vq import fill, their_arrays

    twin = fill(Twin(39, 8, 4), arrays_of(encoder))
    cepstra, weights = draws(2, 11, 39), draws(2, 6, 4, seed=1)
    theirs = twin(torch.tensor(np.array(cepstra)))
    (theirs * torch.tensor(np.array(weights))).sum().backward()

    def total(network):
        vectors, _ = network(cepstra, jnp.array([11, 11]))
        return (vectors * weights).sum(), vectors

    gradients, ours = nnx.jit(nnx.grad(total, has_aux=True))(encoder)
    assert np.asarray(ours) == pytest.approx(theirs.detach().numpy(), abs=1e-4)
    check_gradients(twin, their_arrays, gradients)


def test_wavenet_agrees_with_pytorch_and_so_do_gradients(wavenet, spoken):
    torch = need("torch")
    from judges.torch_wavenet_vq import WaveNet as Twin
    from judges.torch_wavenet_vq import fill, their_arrays

    codes, steps, beside = spoken
    twin, weights = fill(Twin(SIZES, 4, 3), arrays_of(wavenet)), draws(2, SAMPLES, 256, seed=1) / SAMPLES
    theirs = twin(torch.tensor(np.array(codes)), torch.tensor(np.array(beside.samples)).long(), torch.tensor([2, 0]))
    (theirs * torch.tensor(np.array(weights))).sum().backward()

    def total(network):
        logits = network(codes, steps, beside)
        return (logits * weights).sum(), logits

    gradients, ours = nnx.jit(nnx.grad(total, has_aux=True))(wavenet)
    assert np.asarray(ours) == pytest.approx(theirs.detach().numpy(), abs=1e-4)
    check_gradients(twin, their_arrays, gradients)


def check_gradients(twin, their_arrays, gradients):
    ours = their_arrays({".".join(map(str, key)): np.array(value[...]) for key, value in nnx.to_flat_state(gradients)})
    theirs = {name: value.grad for name, value in twin.named_parameters()}
    assert ours.keys() == theirs.keys() and all(value.abs().max() > 0 for value in theirs.values())
    for name, value in theirs.items():
        scale = float(value.abs().max())
        assert ours[name].reshape(value.shape).numpy() == pytest.approx(value.numpy(), abs=1e-4 * max(scale, 1)), name


def test_frames_are_told_their_pitch_and_padding_changes_nothing():
    sizes = FrameDecoderConfig(width=8, convolutions=2, kernel=3)
    network = randomize(abstract_network(lambda rngs: FrameDecoder(sizes, 4, 2, rngs=rngs)))
    codes, pitch, speaker = draws(2, 5, 4), draws(2, 10, 2, seed=1), jnp.array([0, 1])
    steps = jnp.array([5, 3])

    def say(pitch, speaker):
        return np.asarray(run(network, codes, steps, Beside(pitch=pitch, speaker=speaker)))

    said = say(pitch, speaker)
    assert said.shape == (2, 10, 80)
    alone = run(network, codes[1:, :3], steps[1:], Beside(pitch=pitch[1:, :6], speaker=speaker[1:]))
    assert np.asarray(alone[0]) == pytest.approx(said[1, :6], abs=1e-4)
    changed = say(pitch.at[0, 4, 0].add(1.0), speaker)
    # Each of two convolutions sees a frame to either side.
    assert np.flatnonzero(np.abs(changed - said)[0].max(axis=1)).tolist() == [2, 3, 4, 5, 6]
    assert np.abs(say(pitch, 1 - speaker) - said).max() > 0.01


def test_sizes_that_cannot_be_are_refused():
    good = WaveNetVQConfig.small()
    assert good.decoder.kind == "frames" and WaveNetVQConfig.from_dict(good.to_dict()) == good
    for decoder in ("frames", "wavenet"):
        one = WaveNetVQConfig.published(512, 3, decoder)
        assert WaveNetVQConfig.from_dict(one.to_dict()) == one and one.decoder.kind == decoder
    wrong = ({"codes": 1}, {"width": 0}, {"decay": 1.0}, {"jitter": 0.5}, {"speakers": -1}, {"decoder": None})
    for change in ({"codes": 1 << 17}, {"width": 5000}, {"codes": 2.5}, *wrong):
        with pytest.raises(ConfigError):
            replace(good, **change)
    for change in ({"sample_rate": 11_025}, {"layers": 15}, {"width": 0}, {"kind": "frames"}):
        with pytest.raises(ConfigError):
            replace(WaveNetConfig(), **change)
    for change in ({"kernel": 4}, {"convolutions": 0}, {"kind": "wavenet"}):
        with pytest.raises(ConfigError):
            replace(FrameDecoderConfig(), **change)
