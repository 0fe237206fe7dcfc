"""Captioners as published: beside twins in PyTorch, their sizes, and what the part does that gives each its name."""

from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from flax import nnx
from random_networks import randomize

from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.features import ImageFeatures, grid_features
from avnet.captioners.presets import KINDS, OURS, WITH_ATTENTION, WITH_HEADS, Kind
from avnet.nn.abstract import abstract_network

PAPERS = KINDS[len(OURS) :]


def config_of(kind: Kind) -> CaptionerConfig:
    sizes: dict[str, Any] = {"width": 7, "hidden": 9}
    if kind in WITH_HEADS:
        sizes = {"width": 16, "hidden": 9, "heads": 2, "layers": 2}
    if kind == "xnmt":
        sizes["hidden"] = 10
    if kind in WITH_ATTENTION:
        sizes["attention"] = 5
    return CaptionerConfig.preset(kind, pieces=12, image_features=6, dropout=0.0, **sizes)


@cache
def network_of(kind: Kind):
    network = randomize(abstract_network(lambda rngs: build_captioner(config_of(kind), rngs=rngs)), seed=3)
    network.eval()
    return network


def arrays_of(tree) -> dict[str, np.ndarray]:
    """Arrays by name, such as "out/kernel"."""
    leaves = nnx.to_flat_state(nnx.state(tree, nnx.Param) if isinstance(tree, nnx.Module) else tree)
    return {"/".join(map(str, key)): np.array(leaf[...]) for key, leaf in dict(leaves).items()}


def encode(network, grids):
    return encode_features(network, grid_features(grids))


def encode_features(network, features):
    batch = len(features.cells)
    return network.encode(features, jnp.zeros((batch, 0, 1), jnp.int32), jnp.zeros((batch, 0)))


def with_masked_rows(grids) -> ImageFeatures:
    """With two rows more, which hold what is not a number and do not count."""
    more = np.full((len(grids), 2, *grids.shape[2:]), np.nan, np.float32)
    features = grid_features(np.concatenate([grids, more], axis=1))
    return features._replace(mask=np.isfinite(features.cells).all(axis=-1))


def example() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grids that are not square, tokens and targets."""
    rng = np.random.default_rng(5)
    grids = rng.normal(size=(3, 4, 2, 6)).astype(np.float32)
    return grids, rng.integers(0, 13, (3, 5)), rng.integers(0, 13, (3, 5))


def run(network, features, tokens, targets):
    """Encoding, state at the beginning, output, and the gradient of the mean log-probability of the targets."""
    graph, params, rest = nnx.split(network, nnx.Param, ...)

    @jax.jit
    def whole(params):
        def mean(params):
            network = nnx.merge(graph, params, rest)
            encoding = encode_features(network, features)
            begin = network.begin(encoding)
            output, _ = network(encoding, begin, jnp.asarray(tokens))
            return network.log_probability(encoding, output, jnp.asarray(targets)).mean(), (encoding, begin, output)

        return jax.grad(mean, has_aux=True)(params)

    gradients, (encoding, begin, output) = whole(params)
    return encoding, begin, output, arrays_of(gradients)


def agree(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


# Hard attention takes the expectation here, so that it is soft; the other takes long to compile.
SLOW: tuple[Kind, ...] = ("show-attend-tell-hard", "x-transformer")


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] if kind in SLOW else []) for kind in PAPERS]
)
def test_layers_and_gradients_are_those_of_the_twin(kind):
    """The twin is given no masked places, and has none in its layers.

    Hard attention is compared outside of training, where it takes the expectation; its draws are below.
    """
    need("torch")
    from judges import torch_captioners

    network, (grids, tokens, targets) = network_of(kind), example()
    encoding, begin, output, gradients = run(network, with_masked_rows(grids), tokens, targets)
    twin = torch_captioners.twin_of(network.config, arrays_of(network))
    layers, expected = torch_captioners.run(twin, grids.reshape(3, -1, 6), tokens, targets)
    ours = {
        "keys": encoding.extra.get("keys"),
        "whole": encoding.whole,
        "cells": encoding.cells,
        "begin": getattr(begin, "lstm", begin)[1],
        "logits": output.logits,
        "attention": output.attention,
        "beta": output.extra.get("beta"),
    }
    for name, layer in layers.items():
        agree(ours[name][tuple(map(slice, layer.shape))], layer)
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        agree(gradient, expected[name])
        # Of a tanh at the end of its range nothing would be left to compare.
        assert np.abs(gradient).max() > 1e-5 or name.endswith("weigh/bias"), name


# Parameters as published, in millions, and the sizes that they are counted at: channels of images and symbols.
PUBLISHED = {
    "show-and-tell": (13.4, 2048, 10_000),
    "show-attend-tell": (35.3, 512, 10_000),
    "show-attend-tell-hard": (35.3, 512, 10_000),
    "adaptive": (17.4, 2048, 9_568),
    "up-down": (58.0, 2048, 10_010),
    # Counted from its prototxt: 8.801 + 8.004 + 12.004 + 8.810.
    "lrcn": (37.6, 1000, 8_801),
    "x-lan": (75.2, 2048, 9_488),
    "x-transformer": (137.5, 2048, 9_488),
    "xnmt": (0.9, 512, 60),
}


@pytest.mark.parametrize("kind", PAPERS)
def test_presets_have_as_many_parameters_as_the_paper(kind):
    millions, features, symbols = PUBLISHED[kind]
    config = CaptionerConfig.preset(kind, image_features=features, pieces=symbols - 2)
    network = abstract_network(lambda rngs: build_captioner(config, rngs=rngs))
    count = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))
    assert round(count / 1e6, 1) == millions


def changed(network, **arrays):
    """The network with other arrays by name, such as `gate_bias`; what is an array of one number is filled with it."""
    graph, state = nnx.split(network)
    leaves = dict(nnx.to_flat_state(state))
    for key, leaf in leaves.items():
        if (name := "_".join(map(str, key))) in arrays:
            leaves[key] = leaf.replace(jnp.broadcast_to(jnp.asarray(arrays.pop(name), jnp.float32), leaf.shape))
    assert not arrays, arrays
    return nnx.merge(graph, nnx.from_flat_state(leaves.items()))


def logits_of(network, grids, tokens):
    encoding = encode(network, jnp.asarray(grids))
    return network(encoding, network.begin(encoding), jnp.asarray(tokens))[0]


def test_show_and_tell_sees_the_image_once_and_lrcn_at_every_step():
    """With an LSTM that forgets at once, the first knows nothing of the image at the second word; the other does."""
    grids, tokens, _ = example()
    bias = np.zeros(36, np.float32)
    bias[9:18] = -1e9  # the forget gate
    for kind, names, sees in (("show-and-tell", ("lstm",), False), ("lrcn", ("language", "joint"), True)):
        forgetful = {f"{name}_inputs_bias": bias for name in names}
        forgetful |= {f"{name}_recurrent_kernel": 0.0 for name in names}
        network = changed(network_of(kind), **forgetful)
        difference = logits_of(network, grids, tokens).logits - logits_of(network, grids + 1, tokens).logits
        assert (np.abs(difference[:, 1:]).max() > 1e-3) == sees, kind


def test_soft_attention_looks_elsewhere_and_its_gate_can_close():
    grids, tokens, _ = example()
    network = network_of("show-attend-tell")
    output = logits_of(network, grids, tokens)
    even = logits_of(changed(network, weigh_kernel=0.0), grids, tokens)
    assert even.attention == pytest.approx(np.full((3, 5, 8), 1 / 8)) and output.attention.max() > 0.2
    assert np.abs(even.logits - output.logits).max() > 1e-2
    # Behind a closed gate the image is the beginning and nothing else.
    closed = changed(network, gate_bias=-1e9, gate_kernel=0.0, start_cell_kernel=0.0, start_output_kernel=0.0)
    assert logits_of(closed, grids, tokens).logits == pytest.approx(logits_of(closed, grids + 1, tokens).logits)


def test_hard_attention_sees_the_cell_that_it_draws():
    """Drawn looks are given to the twin; half of the descriptions are learned by draws, the others by expectation."""
    need("torch")
    from judges import torch_captioners

    network, (grids, tokens, _) = network_of("show-attend-tell-hard"), example()
    cells = grids.reshape(3, -1, 6)
    soft = logits_of(network, grids, tokens)
    assert (soft.extra["draw"] == 0).all()
    twin = torch_captioners.twin_of(network.config, arrays_of(network))
    graph, state = nnx.split(network)

    @jax.jit
    def learn(key):
        def draws(state):
            network = nnx.merge(graph, state)
            encoding = encode(network, jnp.asarray(grids))
            rngs = nnx.Rngs(dropout=key)
            output = network(encoding, network.begin(encoding), jnp.asarray(tokens), rngs)[0]
            return output.extra["draw"].sum(), output

        return jax.grad(draws, has_aux=True)(state)

    drawn = 0
    for seed in range(4):
        gradients, output = learn(jax.random.key(seed))
        chance = np.exp(output.extra["draw"])
        for row in range(3):
            if (output.extra["draw"][row] == 0).all():
                agree(output.logits[row], soft.logits[row])
                continue
            drawn += 1
            # The cell whose weight is that of the draw.
            looks = np.abs(output.attention[row] - chance[row][:, None]).argmin(axis=1)
            layers = torch_captioners.layers_of(twin, cells[row : row + 1], tokens[row : row + 1], looks[None])
            agree(output.logits[row], layers["logits"][0].detach())
            agree(output.attention[row], layers["attention"][0].detach())
        # What rewards a draw reaches where it looks, and not what it says.
        reached = {name: np.abs(gradient).max() for name, gradient in arrays_of(gradients).items()}
        assert (reached["weigh/kernel"] > 1e-3) == bool((output.extra["draw"] != 0).any()) and reached[
            "out/kernel"
        ] == 0
    assert 2 <= drawn <= 10


def test_the_sentinel_is_what_adaptive_attention_falls_back_on():
    grids, tokens, targets = example()
    network = network_of("adaptive")
    _, _, output, gradients = run(network, grid_features(grids), tokens, targets)
    beta = np.asarray(output.extra["beta"])
    assert 0 < beta.min() < beta.max() < 1
    other = logits_of(changed(network, sentinel_bias=3.0), grids, tokens)
    assert np.abs(other.logits - output.logits).max() > 1e-2
    assert np.abs(gradients["sentinel_inputs/kernel"]).max() > 1e-5
    assert np.abs(gradients["sentinel_recurrent/kernel"]).max() > 1e-5


def test_the_speaking_lstm_of_up_down_tells_the_looking_one():
    """Without what it tells, the second look does not depend on what was said; nor without the mean on the image."""
    grids, tokens, _ = example()
    network = network_of("up-down")
    kernel = np.asarray(network.looking.inputs.kernel[...])
    output = logits_of(network, grids, tokens)
    for rows in (slice(0, 9), slice(9, 15)):
        silent = kernel.copy()
        silent[rows] = 0.0
        other = logits_of(changed(network, looking_inputs_kernel=silent), grids, tokens)
        assert np.abs(other.attention[:, 1:] - output.attention[:, 1:]).max() > 1e-3


predict = nnx.jit(logits_of)


def test_x_lan_gates_channels_bends_where_negative_and_looks_at_the_image_in_several_orders(monkeypatch):
    grids, tokens, _ = example()
    network = network_of("x-lan")
    output = predict(network, grids, tokens)
    assert output.attention.max() > 0.2
    # Cells have no order.
    turned = predict(network, grids[:, ::-1, ::-1], tokens)
    agree(turned.logits, output.logits)
    agree(turned.attention[..., ::-1], output.attention)
    higher_orders = np.array(network.encoder.out.kernel[...])
    higher_orders[16:] = 0.0
    for ablation in (
        {"attend_gate_kernel": 0.0, "attend_gate_bias": 1e9},
        {"encoder_layers_1_attend_gate_kernel": 0.0, "encoder_layers_1_attend_gate_bias": 1e9},
        {"encoder_layers_1_refine_mix_kernel": 0.0},
        {"encoder_out_kernel": higher_orders},
    ):
        assert np.abs(predict(changed(network, **ablation), grids, tokens).logits - output.logits).max() > 1e-2
    # The limit of CELU is ReLU.
    for module in ("x_lan", "x_linear"):
        monkeypatch.setattr(f"avnet.captioners.attention.{module}.ALPHA", 1e-6)
    bent = nnx.jit(lambda network, grids, tokens: logits_of(network, grids, tokens))(network, grids, tokens)
    assert np.abs(bent.logits - output.logits).max() > 1e-2


def test_x_transformer_begins_with_the_mean_of_what_was_said():
    grids, tokens, _ = example()
    network = network_of("x-transformer")
    encoding = encode(network, jnp.asarray(grids))
    output, state = nnx.jit(lambda network, encoding: network(encoding, network.begin(encoding), jnp.asarray(tokens)))(
        network, encoding
    )
    angle = np.arange(5)[:, None] / 10_000 ** (np.arange(0, 16, 2) / 16)
    x = 4 * np.asarray(network.embedding.embedding[...])[tokens]
    x[..., ::2] += np.sin(angle)
    x[..., 1::2] += np.cos(angle)
    x = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    x = x * np.asarray(network.norm_words.scale[...]) + np.asarray(network.norm_words.bias[...])
    agree(state.total, x.sum(axis=1))
    assert state.length.tolist() == [5, 5, 5]
    silent = predict(changed(network, of_words_linear_kernel=0.0), grids, tokens)
    assert np.abs(silent.logits - output.logits).max() > 1e-2


def test_xnmt_reads_cells_in_their_order_and_joins_them_by_four():
    grids, tokens, _ = example()
    network = network_of("xnmt")
    output = predict(network, grids, tokens)
    groups = np.asarray(output.attention).reshape(3, 5, 2, 4)
    assert (groups == groups[..., :1]).all() and np.abs(groups[..., 0, 0] - 1 / 8).max() > 1e-3
    shuffled = predict(network, grids[:, [2, 0, 3, 1]], tokens)
    assert np.abs(shuffled.logits - output.logits).max() > 1e-3
    # Without the second of each two states that are joined.
    for direction in ("forwards", "backwards"):
        first = np.array(getattr(network.encoder, direction)[1].inputs.kernel[...])
        first[10:] = 0.0
        half = predict(changed(network, **{f"encoder_{direction}_1_inputs_kernel": first}), grids, tokens)
        assert np.abs(half.logits - output.logits).max() > 1e-3
    longer = predict(changed(network, embedding_embedding=3 * network.embedding.embedding[...]), grids, tokens)
    agree(longer.logits, output.logits)


def test_xnmt_drops_a_word_wherever_it_stands_in_a_description():
    """Where two words are dropped, it makes no difference which of them is said; elsewhere it does, at every step."""
    config = replace(config_of("xnmt"), dropout=0.5)
    network = randomize(abstract_network(lambda rngs: build_captioner(config, rngs=rngs)), seed=3)
    network.train()
    grids = jnp.asarray(np.random.default_rng(0).normal(size=(32, 2, 2, 6)), jnp.float32)

    @nnx.jit
    def logits(network, tokens):
        encoding = network.encode(
            grid_features(grids), jnp.zeros((32, 0, 1), jnp.int32), jnp.zeros((32, 0)), nnx.Rngs(dropout=0)
        )
        return network(encoding, network.begin(encoding), tokens, nnx.Rngs(dropout=1))[0].logits

    one, other = (logits(network, jnp.full((32, 4), word)) for word in (5, 7))
    same = np.asarray((one == other).all(axis=-1))
    assert (same.all(axis=1) == same.any(axis=1)).all() and 2 <= same.all(axis=1).sum() <= 16
