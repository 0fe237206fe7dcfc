"""What memory, levels, gates, looking back and predicting ahead do in the captioners that are named for them."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from flax import nnx
from paper_captioners import agree, arrays_of, changed, config_of, encode, example, logits_of, network_of
from random_networks import randomize

from avnet.captioners.captioner import build_captioner
from avnet.captioners.recurrent.look_back import AHEAD
from avnet.nn.abstract import abstract_network


def differ(one, other) -> bool:
    return bool(np.abs(np.asarray(one) - np.asarray(other)).max() > 1e-3)


def foreseen(network, grids, tokens):
    """As in training: what is predicted now and what is predicted ahead, apart; this network has no dropout."""
    encoding = encode(network, jnp.asarray(grids))
    return network(encoding, network.begin(encoding), jnp.asarray(tokens), nnx.Rngs(dropout=0))[0]


def test_look_back_asks_by_what_it_saw_last():
    grids, tokens, _ = example()
    network = network_of("look-back")
    kernel = np.asarray(network.ask.kernel[...]).copy()
    assert kernel.shape == (9 + 6, 5)
    kernel[9:] = 0.0
    before, after = (logits_of(one, grids, tokens) for one in (network, changed(network, ask_kernel=kernel)))
    for step in range(5):
        assert differ(before.attention[:, step], after.attention[:, step])
    # What was seen is handed on, and says where to look next.
    encoding = encode(network, jnp.asarray(grids))
    output, state = network.step(encoding, network.begin(encoding), jnp.asarray(tokens[:, 0]))
    agree(state.seen, np.einsum("bc,bcf->bf", output.attention, grids.reshape(3, 8, 6)))
    moved = state._replace(seen=state.seen + 1)
    second = [network.step(encoding, one, jnp.asarray(tokens[:, 1]))[0] for one in (state, moved)]
    assert differ(second[0].attention, second[1].attention)


def test_look_back_predicts_ahead_and_hears_of_it_a_step_later():
    """Both predictions are the twin's; outside of training each token has the mean of two, weighted by lambda."""
    need("torch")
    from judges import torch_captioners

    network, (grids, tokens, _) = network_of("look-back"), example()
    twin = torch_captioners.twin_of(network.config, arrays_of(network))
    layers = torch_captioners.layers_of(twin, grids.reshape(3, 8, 6), tokens, True)
    apart, together = foreseen(network, grids, tokens), logits_of(network, grids, tokens)
    agree(apart.logits, layers["logits"].detach())
    agree(apart.extra["next"], layers["next"].detach())
    assert together.extra == {}
    now, ahead, mixture = (
        np.asarray(nnx.softmax(part)) for part in (apart.logits, apart.extra["next"], together.logits)
    )
    agree(mixture[:, 0], now[:, 0])
    agree(mixture[:, 1:], (now[:, 1:] + AHEAD * ahead[:, :-1]) / (1 + AHEAD))
    assert np.abs(mixture[:, 1:] - now[:, 1:]).max() > 0.01
    # The third LSTM changes what is predicted ahead, and nothing of what is predicted now.
    other = foreseen(changed(network, foreseeing_inputs_kernel=0.0), grids, tokens)
    agree(other.logits, apart.logits)
    assert differ(other.extra["next"], apart.extra["next"])


def test_the_memory_of_m2_is_attended_to_beside_the_image():
    grids, tokens, _ = example()
    network = network_of("m2")
    output = logits_of(network, grids, tokens)
    assert (output.extra["memory"] > 0.01).all() and (output.extra["memory"] < 0.99).all()
    for part in ("memory_keys", "memory_values"):
        other = logits_of(changed(network, **{f"encoder_0_{part}": 0.0}), grids, tokens)
        assert differ(other.logits, output.logits)
    # Who asks nothing attends to 8 cells and 3 slots alike.
    asks = [f"encoder_{layer}_attention_query_{name}" for layer in range(2) for name in ("kernel", "bias")]
    even = logits_of(changed(network, **dict.fromkeys(asks, 0.0)), grids, tokens)
    assert even.extra["memory"] == pytest.approx(np.full((3, 5), 3 / 11), abs=1e-5)


def test_m2_can_be_without_memory():
    config = replace(config_of("m2"), memory=0)
    network = randomize(abstract_network(lambda rngs: build_captioner(config, rngs=rngs)))
    output = logits_of(network, *example()[:2])
    assert (output.extra["memory"] == 0).all() and np.isfinite(output.logits).all()


def test_every_level_of_m2_is_heard_through_its_own_gate():
    grids, tokens, _ = example()
    network = network_of("m2")
    output = logits_of(network, grids, tokens)

    def shut(*levels):
        gates = [f"decoder_{layer}_gates_{level}" for layer in range(2) for level in levels]
        return changed(
            network, **{f"{gate}_kernel": 0.0 for gate in gates}, **{f"{gate}_bias": -40.0 for gate in gates}
        )

    levels = [logits_of(shut(level), grids, tokens) for level in range(2)]
    assert differ(levels[0].logits, output.logits) and differ(levels[1].logits, output.logits)
    assert differ(levels[0].attention, levels[1].attention)
    # Behind both gates nothing of the image is left.
    nothing = [logits_of(shut(0, 1), image, tokens).logits for image in (grids, grids + 1)]
    agree(nothing[0], nothing[1])
    # What the first level is made of is heard even where the second is not.
    deaf = [logits_of(shut(1), image, tokens).logits for image in (grids, grids + 1)]
    assert differ(deaf[0], deaf[1])


def test_the_gates_of_aoa_let_pass_what_was_asked_for():
    grids, tokens, _ = example()
    network = network_of("aoa")
    output, encoding = logits_of(network, grids, tokens), encode(network, jnp.asarray(grids))

    def bias(gate):
        closed = np.asarray(gate.linear.bias[...]).copy()
        closed[10:] = -1e9
        return closed

    # A decoder behind a shut gate says what its last layer says of nothing.
    silent = logits_of(changed(network, gate_linear_bias=bias(network.gate)), grids, tokens)
    agree(silent.logits, np.broadcast_to(network.out.bias[...], (3, 5, 14)))
    # Refiners behind shut gates refine nothing.
    gates = {f"refiners_{i}_gate_linear_bias": bias(refiner.gate) for i, refiner in enumerate(network.refiners)}
    raw = encode(changed(network, **gates), jnp.asarray(grids))
    cells = nnx.relu(network.project(grids.reshape(3, 8, 6)))
    agree(raw.cells, network.cells_norm(cells))
    assert differ(raw.cells, encoding.cells)
    # The gate also hears the question: without that it says something else.
    kernel = np.asarray(network.gate.linear.kernel[...]).copy()
    kernel[10:] = 0.0
    assert differ(logits_of(changed(network, gate_linear_kernel=kernel), grids, tokens).logits, output.logits)
