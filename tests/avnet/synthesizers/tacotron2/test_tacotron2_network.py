"""Laws of Tacotron 2: padding, steps, noise, endings, precision; and what is refused."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from precision_law import assert_precisions_agree
from random_networks import random_tacotron2

from avnet.errors import ConfigError, DataError
from avnet.nn.abstract import abstract_network
from avnet.synthesizers.tacotron2 import generation
from avnet.synthesizers.tacotron2.alignment import failure_of, measure_alignment
from avnet.synthesizers.tacotron2.config import Tacotron2Config
from avnet.synthesizers.tacotron2.decoder import noise_keys
from avnet.synthesizers.tacotron2.guards import Guards
from avnet.synthesizers.tacotron2.network import Tacotron2

STRINGS = [np.array([3, 1, 4, 1, 5]), np.array([2, 6, 0])]
TOKENS = np.array([[3, 1, 4, 1, 5], [2, 6, 0, 0, 0]])
MASK = np.arange(5) < np.array([[5], [3]])
FRAME_MASK = np.arange(8) < np.array([[8], [5]])


@pytest.fixture(scope="module")
def network() -> Tacotron2:
    return random_tacotron2()


def copy_of(network):
    """With the same arrays."""
    return nnx.merge(*nnx.split(network))


def changed(network, stop=None, energy=None):
    """With another bias of the log-odds of stopping, or no preference for any token."""
    network = copy_of(network)
    if stop is not None:
        network.decoder.stop.bias = nnx.Param(jnp.asarray(np.full(1, stop, np.float32)))
    if energy is not None:
        network.decoder.attention.energy.kernel = nnx.Param(jnp.asarray(np.full((5, 1), energy, np.float32)))
    return network


def example():
    frames = np.random.default_rng(3).normal(size=(2, 8, 80)).astype(np.float32)
    return tuple(map(jnp.asarray, (TOKENS, MASK, frames, FRAME_MASK)))


@nnx.jit
def told(network, tokens, mask, frames, frame_mask, keys, speakers):
    return network(tokens, mask, frames, frame_mask, keys, speakers=speakers)


def test_padding_changes_nothing(network):
    """In training, where batch norm takes its statistics from the batch."""
    network = copy_of(network)
    network.train()
    tokens, mask, frames, frame_mask = example()
    keys, speakers = noise_keys(STRINGS), jnp.array([0, 1])
    said = told(network, tokens, mask, frames, frame_mask, keys, speakers)
    loud = jnp.where(frame_mask[..., None], frames, 1e6)
    other = told(network, jnp.where(mask, tokens, 6), mask, loud, frame_mask, keys, speakers)
    steps = np.array([[True] * 4, [True] * 3 + [False]])
    for name, exists in (("before", frame_mask), ("after", frame_mask), ("stop", steps), ("alignment", steps)):
        one, two = (np.asarray(getattr(part, name))[np.asarray(exists)] for part in (said, other))
        # The third step of the second string has a frame that does not exist, and is not told to any that counts.
        assert one == pytest.approx(two, abs=1e-5), name
    assert np.asarray(said.alignment)[1, :, 3:].max() == 0
    assert np.asarray(said.alignment).sum(axis=-1) == pytest.approx(1)


def test_an_utterance_by_itself_is_what_it_says_when_told_its_own_frames(network):
    """Step by step and all at once, with the prenet's noise and two frames a step."""

    @nnx.jit
    def both(network, tokens, mask, keys):
        decoder = network.decoder
        memory = decoder.memory(network.encoder(tokens, mask), mask, jnp.array([0, 1]))
        progress = generation.begin(decoder, memory, 2)
        _, alone = generation.go_on(decoder, memory, progress, keys, Guards.off(), 4)
        return alone, decoder(memory, alone.frames, keys)

    inputs = jnp.asarray(TOKENS), jnp.asarray(MASK)
    alone, forced = both(network, *inputs, noise_keys(STRINGS))
    assert alone.frames.shape == (2, 4, 160)
    for one, other in zip(alone, forced, strict=True):
        assert np.asarray(one) == pytest.approx(np.asarray(other), abs=1e-5)
    # With other noise it says something else: the prenet drops in use too.
    other, _ = both(network, *inputs, noise_keys(STRINGS[::-1]))
    assert np.abs(np.asarray(alone.frames) - np.asarray(other.frames)).max() > 1e-3


def test_the_same_tokens_sound_the_same_in_any_company(network):
    never, guards = changed(network, stop=-1e9), Guards.off(longest=20)
    one, two = never.infer(STRINGS, guards)
    again, other = never.infer(STRINGS[::-1], guards)
    assert one.log_mel == pytest.approx(other.log_mel, abs=1e-5) and two.log_mel == pytest.approx(
        again.log_mel, abs=1e-5
    )
    first, _ = never.infer(STRINGS, guards)
    assert (one.log_mel == first.log_mel).all()
    assert np.abs(one.log_mel - never.infer(STRINGS, guards, speakers=[1, 0])[0].log_mel).max() > 1e-3


def test_noise_drops_half_of_the_features_and_is_that_of_tokens_and_step(network):
    prenet = network.decoder.prenet
    noise = jax.jit(lambda keys: jax.vmap(lambda step: prenet.noise(keys, step))(jnp.arange(300)))
    kept = np.asarray(noise(noise_keys(STRINGS)))
    assert kept.shape == (300, 2, 2, 6) and kept.mean() == pytest.approx(0.5, abs=0.03)
    # Independent of each other: step after step, one string and the other, one layer and the next.
    for other in (np.roll(kept, 1, axis=0), kept[:, ::-1], kept[:, :, ::-1]):
        assert (kept == other).mean() == pytest.approx(0.5, abs=0.03)
    assert (kept == np.asarray(noise(noise_keys(STRINGS[::-1])))[:, ::-1]).all()
    # What is kept is twice as large, so that the mean stays.
    x, keep = np.random.default_rng(0).normal(size=(1, 160)).astype(np.float32), kept[:1, 0]
    assert keep.any(axis=-1).all() and not keep.all()
    first, second = (np.asarray(layer.kernel[...]) for layer in prenet.layers)
    expected = 2 * np.maximum(2 * np.maximum(x @ first, 0) * keep[:, 0] @ second, 0) * keep[:, 1]
    assert np.asarray(jax.jit(prenet)(jnp.asarray(x), jnp.asarray(keep))) == pytest.approx(expected, rel=1e-4)


def test_one_that_never_stops_ends_at_the_limit_and_says_so(network):
    never = changed(network, stop=-1e9, energy=0.0)
    for utterance, string in zip(never.infer(STRINGS, Guards.off(longest=20)), STRINGS, strict=True):
        assert utterance.ending == "limit" and utterance.log_mel.shape == (20, 80)
        assert utterance.alignment == pytest.approx(np.full((10, len(string)), 1 / len(string)))
        failure = failure_of(measure_alignment(utterance.alignment), utterance.ending)
        assert failure and failure.kind == "endless"


def test_guards_lead_attention_that_knows_no_way_through_the_string(network):
    """Without a preference it would stay at the first token of the window."""
    guards = Guards(window=(0, 3), frames_per_token=4, last_token_frames=2)
    stuck = changed(network, stop=-1e9, energy=0.0)
    for utterance, string in zip(stuck.infer(STRINGS, guards), STRINGS, strict=True):
        path = utterance.alignment.argmax(axis=1)
        assert path.tolist() == [*np.repeat(np.arange(len(string)), 2)]
        assert utterance.ending == "last token attended" and len(utterance.log_mel) == 2 * len(path)
    one, two = changed(network, stop=1e9).infer(STRINGS, guards)
    assert one.ending == two.ending == "stop" and one.log_mel.shape == two.log_mel.shape == (2, 80)


@pytest.mark.slow
def test_precision_and_making_steps_again_change_little(network):
    graph, params, rest = nnx.split(network, nnx.Param, ...)
    inputs, keys = example(), noise_keys(STRINGS)

    def loss(params, dtype, remat):
        network = nnx.merge(graph, params, rest, copy=True)
        network.compute(dtype, remat=remat)
        said = network(*inputs, keys)
        assert all(part.dtype == jnp.float32 for part in said)
        return jnp.square(said.after).mean() + jnp.square(said.stop).mean() + jnp.square(said.alignment).mean()

    assert_precisions_agree(loss, params, half=0.05)


@pytest.mark.parametrize(
    ("config", "count"), [(Tacotron2Config.paper(148), 28_182_913), (Tacotron2Config.small(148), 5_592_401)]
)
def test_small_is_a_fifth_of_the_paper(config, count):
    network = abstract_network(lambda rngs: Tacotron2(config, rngs=rngs))
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param))) == count


@pytest.mark.parametrize(
    "change",
    [
        {"tokens": 0},
        {"width": 7},
        {"kernel": 4},
        {"location_kernel": 30},
        {"postnet_convolutions": 1},
        {"frames_per_step": 9},
        {"prenet_dropout": 0.999},
        {"dropout": -0.1},
        {"speakers": -1},
        {"prenet": 1e9},
    ],
)
def test_configurations_that_cannot_be_are_refused(change):
    with pytest.raises(ConfigError, match="must be"):
        Tacotron2Config(**{"tokens": 4, **change})


def test_a_configuration_is_read_as_it_was_written():
    config = replace(Tacotron2Config.small(9), speakers=3)
    assert Tacotron2Config.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError, match="does not describe a Tacotron 2"):
        Tacotron2Config.from_dict({"tokens": 4, "colour": 1})


def test_strings_and_frames_that_cannot_be_are_refused(network):
    for strings in ([np.array([], int)], [np.array([0]), np.array([7])], [np.array([-1])]):
        with pytest.raises(DataError, match="each from 0 to 6"):
            network.infer(strings)
    for speakers in ([0, 2], [0], [-1, 0]):
        with pytest.raises(DataError, match="speakers: must be one for each string, from 0 to 1"):
            network.infer(STRINGS, speakers=speakers)
    tokens, mask, frames, frame_mask = example()
    with pytest.raises(DataError, match="frames: must be of whole steps, which have 2, got 7"):
        network(tokens, mask, frames[:, :7], frame_mask[:, :7], noise_keys(STRINGS))
    assert network.infer([]) == []
