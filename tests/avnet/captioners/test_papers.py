"""Captioners as published: beside twins in PyTorch, their sizes, and what the part does that gives each its name."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from flax import nnx
from paper_captioners import (
    PAPERS,
    agree,
    arrays_of,
    changed,
    encode,
    example,
    logits_of,
    network_of,
    run,
    with_masked_rows,
)

from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.presets import Kind
from avnet.nn.abstract import abstract_network

# Hard attention takes the expectation here, so that it is soft; the others take long to compile.
SLOW: tuple[Kind, ...] = ("show-attend-tell-hard", "m2", "x-lan", "x-transformer", "xnmt")


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
        **encoding.extra,
        "whole": encoding.whole,
        "cells": encoding.cells,
        "begin": getattr(begin, "lstm", begin)[1],
        "logits": output.logits,
        "attention": output.attention,
        **{f"{name} of a step": extra for name, extra in output.extra.items()},
    }
    for name, layer in layers.items():
        agree(ours[name][tuple(map(slice, layer.shape))], layer)
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        agree(gradient, expected[name])
        # Of a tanh at the end of its range nothing would be left to compare; a softmax ignores what all scores share.
        assert np.abs(gradient).max() > 1e-5 or name.endswith(("weigh/bias", "key/bias", "keys/bias")), name


# Parameters as published, in millions, and the sizes that they are counted at: channels of images and symbols.
PUBLISHED = {
    "show-and-tell": (13.4, 2048, 10_000),
    "show-attend-tell": (35.3, 512, 10_000),
    "show-attend-tell-hard": (35.3, 512, 10_000),
    "adaptive": (17.4, 2048, 9_568),
    "up-down": (58.0, 2048, 10_010),
    # Counted from its prototxt: 8.801 + 8.004 + 12.004 + 8.810.
    "lrcn": (37.6, 1000, 8_801),
    # Up-Down's 58.0, 1.0 for looking back and 12.0 for the third LSTM.
    "look-back": (71.0, 2048, 10_010),
    # Counted from their code.
    "m2": (38.4, 2048, 10_201),
    "aoa": (85.6, 2048, 9_488),
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
    # As beside the twin, for which it is compiled.
    _, _, output, gradients = run(network, with_masked_rows(grids), tokens, targets)
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
