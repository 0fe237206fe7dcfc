"""What bilinear attention, running means and a pyramid of cells do in X-LAN, X-Transformer and XNMT."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from paper_captioners import agree, changed, config_of, encode, example, logits_of, network_of
from random_networks import randomize

from avnet.captioners.captioner import build_captioner
from avnet.captioners.features import grid_features
from avnet.nn.abstract import abstract_network

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


@pytest.mark.slow
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
