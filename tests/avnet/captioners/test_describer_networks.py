from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from precision_law import assert_precisions_agree
from random_networks import randomize

from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import masked_softmax
from avnet.captioners.features import grid_features
from avnet.captioners.presets import KINDS, OURS, WITH_ATTENTION, Kind
from avnet.errors import ConfigError
from avnet.nn.abstract import abstract_network

# Kinds that take long to compile are slow tests; a Transformer and attention of several heads are in others, too.
LARGE: tuple[Kind, ...] = ("m2", "x-transformer")
QUICK_OR_SLOWLY = [pytest.param(kind, marks=[pytest.mark.slow] if kind in LARGE else []) for kind in KINDS]
# So are gradients of all papers, which are beside PyTorch's in `test_papers.py`.
OURS_OR_SLOWLY = [*OURS, *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS[len(OURS) :])]
SIZES: dict[str, Any] = {
    "pieces": 12,
    "image_features": 6,
    "width": 16,
    "hidden": 24,
    "heads": 4,
    "layers": 2,
    "retrieved": 2,
    "longest": 16,
}


def close(result, expected, abs=1e-5):
    assert np.asarray(result) == pytest.approx(np.asarray(expected), abs=abs)


encode = nnx.jit(lambda network, features, retrieved, similarity: network.encode(features, retrieved, similarity))
begin = nnx.jit(lambda network, context: network.begin(context))
predict = nnx.jit(lambda network, context, state, pieces: network(context, state, pieces))
step = nnx.jit(lambda network, context, state, piece: network.step(context, state, piece))


@cache
def make(kind: Kind, copying: bool = True):
    """A network of random arrays; with one of each kind and batches of one shape, each function is compiled once."""
    config = CaptionerConfig(kind=kind, retrieved_length=5, copying=copying, **SIZES)
    if kind in WITH_ATTENTION:
        config = replace(config, attention=8)
    network = randomize(abstract_network(lambda rngs: build_captioner(config, rngs=rngs)))
    network.eval()
    return network


def example_inputs(network, seed: int = 0):
    rng = np.random.default_rng(seed)
    grids = rng.normal(size=(3, 3, 2, 6)).astype(np.float32)
    retrieved = rng.integers(0, 12, (3, 2, 5)).astype(np.int32)
    retrieved[:, :, 4] = network.config.padding
    features = jax.tree.map(jnp.asarray, grid_features(grids))
    return features, jnp.asarray(retrieved), jnp.asarray(rng.uniform(0, 1, (3, 2)).astype(np.float32))


def example_pieces(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 12, (3, 6))


def predict_all(network, inputs, pieces):
    context = encode(network, *inputs)
    return predict(network, context, begin(network, context), jnp.asarray(pieces))[0]


@pytest.mark.parametrize("kind", QUICK_OR_SLOWLY)
def test_step_by_step_equals_all_at_once(kind):
    network = make(kind)
    context = encode(network, *example_inputs(network))
    pieces = jnp.asarray(example_pieces())
    together, last = predict(network, context, begin(network, context), pieces)
    state = begin(network, context)
    for t in range(pieces.shape[1]):
        one, state = step(network, context, state, pieces[:, t])
        close(one.logits, together.logits[:, t], 1e-4)
        close(one.thought, together.thought[:, t], 1e-5)
        close(one.attention, together.attention[:, t], 1e-5)
        assert one.extra.keys() == together.extra.keys()
        for name, values in one.extra.items():
            close(values, together.extra[name][:, t], 1e-5)
    for one, other in zip(jax.tree.leaves(state), jax.tree.leaves(last), strict=True):
        close(one, other, 1e-5)


@pytest.mark.parametrize("kind", QUICK_OR_SLOWLY)
def test_the_future_changes_nothing(kind):
    network = make(kind)
    inputs, pieces = example_inputs(network), example_pieces()
    before = predict_all(network, inputs, pieces)
    pieces[:, 4:] = (pieces[:, 4:] + 1) % 12
    after = predict_all(network, inputs, pieces)
    close(before.logits[:, :4], after.logits[:, :4], 1e-5)
    assert np.abs(before.logits[:, 4:] - after.logits[:, 4:]).max() > 1e-4


@pytest.mark.parametrize("kind", QUICK_OR_SLOWLY)
def test_a_row_does_not_depend_on_those_beside_it(kind):
    network = make(kind)
    inputs, pieces = example_inputs(network), example_pieces()
    expected = predict_all(network, inputs, pieces)
    for row in range(3):
        beside, others = example_inputs(network, 5), example_pieces(6)
        others[0] = pieces[row]
        moved = jax.tree.map(lambda ours, theirs, row=row: theirs.at[0].set(ours[row]), inputs, beside)
        output = predict_all(network, moved, others)
        close(output.logits[0], expected.logits[row], 1e-5)
        assert np.abs(output.logits[1] - expected.logits[1]).max() > 1e-4


@pytest.mark.parametrize("kind", QUICK_OR_SLOWLY)
def test_a_step_can_be_exported_whatever_its_state_is(kind):
    """As StableHLO, for the processors of any machine."""
    network = make(kind)
    context = encode(network, *example_inputs(network))
    arrays, tree = jax.tree.flatten((context, begin(network, context), jnp.asarray(example_pieces()[:, 0])))

    def flat_step(*arrays):
        return jax.tree.leaves(network.step(*jax.tree.unflatten(tree, arrays)))

    exported = jax.export.export(jax.jit(flat_step), platforms=("cpu", "cuda", "tpu"))(*arrays)
    again = jax.export.deserialize(exported.serialize())
    assert "stablehlo" in again.mlir_module()
    if kind == "up-down":
        expected = jax.tree.leaves(step(network, *jax.tree.unflatten(tree, arrays)))
        for one, other in zip(again.call(*arrays), expected, strict=True):
            close(one, other, 1e-5)


@pytest.mark.parametrize("kind", QUICK_OR_SLOWLY)
def test_probabilities_sum_to_one_and_agree(kind):
    network = make(kind)
    context = encode(network, *example_inputs(network))
    pieces = jnp.asarray(example_pieces())
    one, _ = step(network, context, begin(network, context), pieces[:, 0])
    together, _ = predict(network, context, begin(network, context), pieces)
    everything = np.exp(network.log_probabilities(context, one))
    close(everything.sum(axis=1), np.ones(3), 1e-4)
    for piece in (0, 5, network.config.end):
        alone = np.exp(network.log_probability(context, together, jnp.full(pieces.shape, piece)))[:, 0]
        close(alone, everything[:, piece], 1e-6)
    if kind in ("show-and-tell", "lrcn"):  # no made-up map
        assert one.attention.shape == (3, 0)
    else:
        close(one.attention.sum(axis=-1), np.ones(3), 1e-5)
    _, gate = network.copy_gate.places(together.thought, context)
    assert float(gate.min()) > 0 and float(gate.max()) < 1


@pytest.mark.parametrize("kind", QUICK_OR_SLOWLY)
def test_without_anything_retrieved_nothing_is_copied(kind):
    network = make(kind)
    features, retrieved, similarity = example_inputs(network)
    nothing, pieces = jnp.full_like(retrieved, network.config.padding), example_pieces()
    output = predict_all(network, (features, nothing, similarity), pieces)
    places, gate = network.copy_gate.places(output.thought, encode(network, features, nothing, similarity))
    assert (gate == 1).all() and (places == 0).all()
    assert np.isfinite(output.logits).all()
    again = predict_all(network, (features, nothing, similarity + 1), pieces)
    close(again.logits, output.logits, 1e-6)


def test_copying_can_be_turned_off():
    network = make("recurrent", copying=False)
    inputs = example_inputs(network)
    output = predict_all(network, inputs, example_pieces())
    assert (network.copy_gate.places(output.thought, encode(network, *inputs))[1] == 1).all()


@pytest.mark.parametrize("kind", QUICK_OR_SLOWLY)
def test_masked_cells_change_nothing(kind):
    """The last row of cells is another one, or not even numbers, and is said to count for nothing."""
    network = make(kind)
    features, retrieved, similarity = example_inputs(network)
    mask = features.mask.at[:, 4:].set(False)
    pieces = jnp.asarray(example_pieces())
    outputs = []
    for last in (features.cells[:, 4:], 5 + features.cells[::-1, 4:], jnp.full((3, 2, 6), jnp.nan)):
        masked = features._replace(cells=features.cells.at[:, 4:].set(last), mask=mask)
        context = encode(network, masked, retrieved, similarity)
        outputs.append(predict(network, context, begin(network, context), pieces)[0])
    for other in outputs[1:]:
        close(outputs[0].logits, other.logits, 1e-5)
        close(outputs[0].attention, other.attention, 1e-5)
    assert (outputs[0].attention[..., 4:] == 0).all()
    # Without the mask they count.
    assert (
        np.abs(outputs[0].logits - predict_all(network, (features, retrieved, similarity), pieces).logits).max() > 1e-5
    )


@pytest.mark.parametrize("kind", KINDS)
def test_states_have_the_batch_first_and_keep_their_shapes(kind):
    network = make(kind)
    shapes = nnx.eval_shape(lambda: network.encode(*example_inputs(network)))
    state = nnx.eval_shape(lambda context: network.begin(context), shapes)
    after = nnx.eval_shape(
        lambda context, state: network.step(context, state, jnp.zeros(3, jnp.int32))[1], shapes, state
    )
    assert state == after and all(leaf.shape[0] == 3 for leaf in jax.tree.leaves((shapes, state)))


def test_masked_softmax_is_worked_out_by_hand():
    weights = masked_softmax(jnp.array([[[0.0, jnp.log(3.0), 5.0]]]), jnp.array([[[True, True, False]]]))
    close(weights, np.array([[[0.25, 0.75, 0.0]]]))
    none = masked_softmax(jnp.zeros((1, 1, 3)), jnp.zeros((1, 1, 3), bool))
    assert (none == 0).all()


@pytest.mark.parametrize("kind", OURS_OR_SLOWLY)
def test_gradients_are_finite_where_nothing_is_retrieved(kind):
    network = make(kind)
    features, retrieved, similarity = example_inputs(network)
    graph, params = nnx.split(network)

    def loss(params):
        model = nnx.merge(graph, params)
        context = model.encode(features, jnp.full_like(retrieved, model.config.padding), similarity)
        prediction, _ = model(context, model.begin(context), jnp.full((3, 3), model.config.end))
        return model.log_probability(context, prediction, jnp.zeros((3, 3), jnp.int32)).sum()

    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(params)))


@pytest.mark.parametrize("kind", OURS_OR_SLOWLY)
def test_predictions_in_bfloat16_or_computed_twice_are_nearly_those_in_float32(kind):
    network = make(kind)
    graph, params = nnx.split(network, nnx.Param)
    inputs, tokens = example_inputs(network), jnp.asarray(example_pieces())

    def loss(params, dtype, remat):
        network = nnx.merge(graph, params, copy=True)
        network.compute(dtype, remat=remat)
        context = network.encode(*inputs)
        output, state = network(context, network.begin(context), tokens)
        assert {leaf.dtype for leaf in jax.tree.leaves(state)} <= {jnp.dtype("float32"), jnp.dtype("int32")}
        assert output.logits.dtype == output.attention.dtype == jnp.float32
        return -network.log_probability(context, output, tokens).mean()

    assert_precisions_agree(loss, params, half=0.02, rounded=True)


@pytest.mark.parametrize("kind", KINDS)
def test_presets_are_built(kind):
    sizes = []
    for small in (False, True):
        config = CaptionerConfig.preset(kind, pieces=50, small=small)
        network = abstract_network(lambda rngs, config=config: build_captioner(config, rngs=rngs))
        assert config.kind == kind and network.embedding.embedding.shape[0] == 52
        assert CaptionerConfig.from_dict(config.to_dict()) == config
        sizes.append(sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param))))
    assert sizes[1] < sizes[0] / 2


@pytest.mark.parametrize(
    "change",
    [{"kind": "rnn"}, {"pieces": 0}, {"dropout": 1.0}, {"copying": 1}, {"retrieved": -1}, {"width": 2.5}, {"x": 1}],
)
def test_what_cannot_be_is_refused(change):
    with pytest.raises(ConfigError):
        CaptionerConfig.from_dict({**CaptionerConfig().to_dict(), **change})
    with pytest.raises(ConfigError, match="heads"):
        CaptionerConfig.preset("transformer", width=20)
    with pytest.raises(ConfigError, match="attention"):
        CaptionerConfig.preset("recurrent", attention=20)
    with pytest.raises(ConfigError, match="memory: is a size of m2, not of transformer"):
        CaptionerConfig.preset("transformer", memory=20)
    with pytest.raises(ConfigError, match="hidden, heads: must be a whole number for each head, got 20 / 8"):
        CaptionerConfig.preset("aoa", hidden=20)
    with pytest.raises(ConfigError, match="width: must be even"):
        CaptionerConfig.preset("m2", width=9, heads=3)
    with pytest.raises(ConfigError, match="positive sizes"):
        CaptionerConfig.preset("m2", memory=-1)
    with pytest.raises(ConfigError, match="by copying from them alone"):
        CaptionerConfig.preset("up-down", retrieved=2, copying=False)
