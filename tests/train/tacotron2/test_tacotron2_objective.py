"""The losses of a Tacotron 2 by hand, and two utterances that it learns by heart."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from random_networks import randomize

from avnet.nn.abstract import abstract_network
from avnet.synthesizers.tacotron2.alignment import failure_of, measure_alignment, tokens_of_steps
from avnet.synthesizers.tacotron2.config import Tacotron2Config
from avnet.synthesizers.tacotron2.network import Tacotron2
from avnet.synthesizers.tacotron2.spectrum_network import Forced
from train.tacotron2 import objective
from train.tacotron2.objective import LEAST_WEIGHT, Truth, steps_of

UPDATES = 300
# Compiled whole: operation by operation each takes ten times as long.
mel_loss, stop_loss, losses_of = map(jax.jit, (objective.mel_loss, objective.stop_loss, objective.losses_of))
guided_attention_loss = jax.jit(objective.guided_attention_loss)
duration_attention_loss = jax.jit(objective.duration_attention_loss, static_argnames="reach")
SECOND = np.array([[True, True, True], [True, False, False], [False, False, False]])


def test_mel_loss_is_the_mean_square_of_what_exists():
    said = jnp.stack([jnp.full((3, 80), 2.0), jnp.full((3, 80), 4.0), jnp.full((3, 80), 9.0)])
    true = said.at[0, 0].add(3.0).at[0, 1, :40].add(1.0).at[1, 1:].add(100.0)
    assert mel_loss(said, true, jnp.asarray(SECOND)).tolist() == pytest.approx([(9 + 0.5 + 0) / 3, 0, 0])


def test_stop_loss_weighs_the_last_step():
    stop = jnp.array([[0.0, -2.0, 1.0], [0.0, 50.0, 50.0], [1.0, 1.0, 1.0]])
    go, end = np.log(2) + np.log1p(np.exp(-2.0)), np.log1p(np.exp(-1.0))
    expected = [(go + 5 * end) / 3, 5 * np.log(2), 0]
    assert stop_loss(stop, jnp.asarray(SECOND)).tolist() == pytest.approx(expected)
    assert float(stop_loss(stop, jnp.asarray(SECOND), weight=1.0)[0]) == pytest.approx((go + end) / 3)


def test_guided_attention_is_worked_out_by_hand_with_steps_for_time():
    """At step 1 of 2 half of the weight is at token 0 of 4, half at token 2; padding holds what would be loud."""
    alignment = np.full((1, 3, 6), 7.0, np.float32)
    alignment[0, :2, :4] = [[1, 0, 0, 0], [0.5, 0, 0.5, 0]]
    steps, tokens = np.arange(3)[None] < 2, np.arange(6)[None] < 4
    far = 1 - np.exp(-(0.5**2) / (2 * 0.4**2))
    assert guided_attention_loss(alignment, steps, tokens).tolist() == pytest.approx([0.5 * far / 2])
    assert guided_attention_loss(alignment, steps, tokens, sigma=100.0).tolist() == pytest.approx([0], abs=1e-4)


def test_durations_teach_attention_to_the_true_token_and_its_neighbors():
    alignment = np.zeros((1, 3, 5), np.float32)
    alignment[0, 0, [0, 1, 4]], alignment[0, 1, 4], alignment[0, 2] = [0.25, 0.25, 0.5], 1.0, np.nan
    true, steps = np.array([[0, 1, 0]]), np.arange(3)[None] < 2
    expected = [(-np.log(0.5) - np.log(LEAST_WEIGHT)) / 2]
    assert duration_attention_loss(alignment, true, steps).tolist() == pytest.approx(expected)
    alone = duration_attention_loss(alignment, np.array([[0, 4, 0]]), steps, reach=0)
    assert alone.tolist() == pytest.approx([-np.log(0.25) / 2])
    gradient = jax.grad(lambda weights: duration_attention_loss(weights, true, steps).sum())(jnp.nan_to_num(alignment))
    assert np.isfinite(gradient).all() and gradient[0, 0].tolist() == pytest.approx([-1, -1, 0, 0, 0])


def test_a_step_exists_where_one_of_its_frames_does():
    frames = np.arange(6)[None] < np.array([[6], [3], [0]])
    assert steps_of(jnp.asarray(frames), 2).tolist() == [[True] * 3, [True, True, False], [False] * 3]


def test_the_loss_is_the_sum_of_its_parts_and_attention_is_let_go():
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(3, 3, 80)).astype(np.float32)
    alignment = rng.dirichlet(np.ones(4), (3, 3)).astype(np.float32)
    said = Forced(*map(jnp.asarray, (frames + 1, frames + 2, np.zeros((3, 3), np.float32), alignment)))
    truth = Truth(*map(jnp.asarray, (frames, SECOND, np.ones((3, 4), bool))))
    guided, taught = losses_of(said, truth), losses_of(said, truth._replace(tokens_of_steps=jnp.zeros((3, 3), int)))
    assert guided["before"].tolist() == pytest.approx([1, 1, 0]) and guided["after"].tolist() == pytest.approx(
        [4, 4, 0]
    )
    for parts in (guided, taught):
        whole = parts["before"] + parts["after"] + parts["stop"] + parts["attention"]
        assert parts["loss"].tolist() == pytest.approx(whole.tolist())
    assert guided["attention"][0] != taught["attention"][0] > 0
    free = losses_of(said, truth, guide=0.0)
    assert free["loss"].tolist() == pytest.approx((guided["loss"] - guided["attention"]).tolist())


@pytest.mark.slow
def test_two_utterances_are_learned_by_heart():
    """Told the true frames it says them, attends where their durations say, and stops; and so it does by itself."""
    sizes: dict[str, Any] = {"frames_per_step": 2, "width": 16, "prenet": 16, "attention_hidden": 32}
    sizes |= {"decoder_hidden": 32, "attention": 16, "location_filters": 4, "location_kernel": 5, "postnet": 16}
    sizes |= {"postnet_convolutions": 2, "dropout": 0.0, "lstm_dropout": 0.0}
    config = Tacotron2Config(5, convolutions=1, kernel=3, **sizes)
    network = randomize(abstract_network(lambda rngs: Tacotron2(config, rngs=rngs)))
    strings, durations = [np.array([0, 1, 2, 3]), np.array([3, 1, 4])], [np.array([2, 4, 2, 4]), np.array([4, 2, 2])]
    rng = np.random.default_rng(0)
    sounds = rng.normal(-4.0, 2.0, (5, 80)).astype(np.float32)
    log_mel = [sounds[np.repeat(*pair)] for pair in zip(strings, durations, strict=True)]
    network.scale.measure(np.concatenate(log_mel))
    tokens, frames = np.zeros((2, 4), np.int32), np.zeros((2, 12, 80), np.float32)
    true_tokens, counts = np.zeros((2, 6), np.int32), np.array([12, 8])
    for row, (string, duration) in enumerate(zip(strings, durations, strict=True)):
        tokens[row, : len(string)] = string
        frames[row, : counts[row]] = network.scale(jnp.asarray(log_mel[row]))
        true_tokens[row, : counts[row] // 2] = tokens_of_steps(duration, 2)
    masks = jnp.arange(12) < counts[:, None], jnp.arange(4) < jnp.array([[4], [3]])
    truth, read = Truth(jnp.asarray(frames), *masks, jnp.asarray(true_tokens)), jnp.asarray(tokens)
    graph, params, rest = nnx.split(network, nnx.Param, ...)
    # Flat: array by array it takes long to compile.
    optimizer = optax.flatten(optax.chain(optax.clip_by_global_norm(1.0), optax.adam(5e-3)))

    def loss(params, rest, key):
        network = nnx.merge(graph, params, rest, copy=True)
        said = network(read, truth.token_mask, truth.frames, truth.frame_mask, jax.random.split(key, 2))
        parts = {name: part.mean() for name, part in losses_of(said, truth).items()}
        return parts["loss"], (parts, nnx.state(network, nnx.Not(nnx.Param)))

    def learn(carry, key):
        params, rest, state = carry
        gradients, (parts, rest) = jax.grad(loss, has_aux=True)(params, rest, key)
        updates, state = optimizer.update(gradients, state, params)
        return (optax.apply_updates(params, updates), rest, state), parts

    keys = jax.random.split(jax.random.key(1), UPDATES)
    (params, rest, _), parts = jax.jit(lambda carry: jax.lax.scan(learn, carry, keys))(
        (params, rest, optimizer.init(params))
    )
    first, last = ({name: float(part[i]) for name, part in parts.items()} for i in (0, -1))
    assert first["after"] > 0.8 and last["after"] < 0.1 and last["stop"] < 0.1
    network = nnx.merge(graph, params, rest)
    for row, utterance in enumerate(network.infer(strings)):
        assert utterance.log_mel.shape == (counts[row], 80) and utterance.ending == "stop"
        figures = measure_alignment(utterance.alignment, true_tokens[row, : counts[row] // 2])
        assert failure_of(figures, utterance.ending) is None
        assert figures.distance is not None and figures.distance <= 0.5
        assert np.abs(utterance.log_mel - log_mel[row]).mean() < 0.3  # of a deviation of 2
