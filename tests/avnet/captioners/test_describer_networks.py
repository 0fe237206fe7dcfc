import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from precision_law import assert_precisions_agree

from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import KINDS, CaptionerConfig
from avnet.captioners.encoding import masked_softmax
from avnet.errors import ConfigError

SIZES = {"pieces": 12, "image_features": 6, "width": 16, "hidden": 24, "heads": 4, "retrieved": 2, "longest": 16}


def close(result, expected, abs=1e-5):
    assert np.asarray(result) == pytest.approx(np.asarray(expected), abs=abs)


encode = nnx.jit(lambda network, grids, retrieved, similarity: network.encode(grids, retrieved, similarity))
begin = nnx.jit(lambda network, context: network.begin(context))
predict = nnx.jit(lambda network, context, state, pieces: network(context, state, pieces))


def make(kind: str, **changes):
    network = build_captioner(
        CaptionerConfig(**{"kind": kind, **SIZES, "retrieved_length": 5, **changes}), rngs=nnx.Rngs(0)
    )
    network.eval()
    return network


def example_inputs(network, batch: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    grids = jnp.asarray(rng.normal(size=(batch, 3, 2, 6)).astype(np.float32))
    retrieved = rng.integers(0, 12, (batch, 2, 5)).astype(np.int32)
    retrieved[:, :, 4] = network.config.padding
    return grids, jnp.asarray(retrieved), jnp.asarray(rng.uniform(0, 1, (batch, 2)).astype(np.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_step_by_step_equals_all_at_once(kind):
    network = make(kind)
    context = encode(network, *example_inputs(network, 3))
    pieces = jnp.asarray(np.random.default_rng(1).integers(0, 12, (3, 7)))
    together, _ = predict(network, context, begin(network, context), pieces)
    state = begin(network, context)
    for t in range(7):
        one, state = predict(network, context, state, pieces[:, t : t + 1])
        close(one.logits[:, 0], together.logits[:, t], 1e-4)
        close(one.places[:, 0], together.places[:, t], 1e-5)
        close(one.attention[:, 0], together.attention[:, t], 1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_future_changes_nothing(kind):
    network = make(kind)
    context = encode(network, *example_inputs(network, 2))
    rng = np.random.default_rng(1)
    pieces = rng.integers(0, 12, (2, 6))
    before, _ = predict(network, context, begin(network, context), jnp.asarray(pieces))
    pieces[:, 4:] = rng.integers(0, 12, (2, 2))
    after, _ = predict(network, context, begin(network, context), jnp.asarray(pieces))
    close(before.logits[:, :4], after.logits[:, :4], 1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_its_rows(kind):
    network = make(kind)
    grids, retrieved, similarity = example_inputs(network, 4)
    pieces = jnp.asarray(np.random.default_rng(1).integers(0, 12, (4, 5)))
    context = encode(network, grids, retrieved, similarity)
    together, _ = predict(network, context, begin(network, context), pieces)
    for i in range(4):
        alone = encode(network, grids[i : i + 1], retrieved[i : i + 1], similarity[i : i + 1])
        one, _ = predict(network, alone, begin(network, alone), pieces[i : i + 1])
        close(one.logits[0], together.logits[i], 1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_sum_to_one_and_agree(kind):
    network = make(kind)
    context = encode(network, *example_inputs(network, 3))
    prediction, _ = predict(network, context, begin(network, context), jnp.full((3, 1), network.config.end))
    everything = np.exp(prediction.log_probabilities(context))
    close(everything.sum(axis=1), np.ones(3), 1e-4)
    for piece in (0, 5, network.config.end):
        one = np.exp(prediction.log_probability(context, jnp.full((3, 1), piece)))[:, 0]
        close(one, everything[:, piece], 1e-6)
    close(prediction.attention.sum(axis=-1), np.ones((3, 1)), 1e-5)
    assert float(prediction.gate.min()) > 0 and float(prediction.gate.max()) < 1


@pytest.mark.parametrize("kind", KINDS)
def test_without_anything_retrieved_nothing_is_copied(kind):
    network = make(kind)
    grids, retrieved, similarity = example_inputs(network, 2)
    context = encode(network, grids, jnp.full_like(retrieved, network.config.padding), similarity)
    prediction, _ = predict(network, context, begin(network, context), jnp.full((2, 3), network.config.end))
    assert (prediction.gate == 1).all() and (prediction.places == 0).all()
    assert np.isfinite(prediction.logits).all()
    other = encode(network, grids, jnp.full_like(retrieved, network.config.padding), similarity + 1)
    again, _ = predict(network, other, begin(network, other), jnp.full((2, 3), network.config.end))
    close(again.logits, prediction.logits, 1e-6)


def test_copying_can_be_turned_off():
    network = make("recurrent", copying=False)
    context = encode(network, *example_inputs(network, 2))
    prediction, _ = predict(network, context, begin(network, context), jnp.full((2, 3), network.config.end))
    assert (prediction.gate == 1).all()


def test_masked_softmax_is_worked_out_by_hand():
    weights = masked_softmax(jnp.array([[[0.0, jnp.log(3.0), 5.0]]]), jnp.array([[[True, True, False]]]))
    close(weights, np.array([[[0.25, 0.75, 0.0]]]))
    none = masked_softmax(jnp.zeros((1, 1, 3)), jnp.zeros((1, 1, 3), bool))
    assert (none == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_finite_where_nothing_is_retrieved(kind):
    network = make(kind)
    grids, retrieved, similarity = example_inputs(network, 2)
    graph, params = nnx.split(network)

    def loss(params):
        model = nnx.merge(graph, params)
        context = model.encode(grids, jnp.full_like(retrieved, model.config.padding), similarity)
        prediction, _ = model(context, model.begin(context), jnp.full((2, 3), model.config.end))
        return prediction.log_probability(context, jnp.zeros((2, 3), jnp.int32)).sum()

    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(params)))


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_in_bfloat16_or_computed_twice_are_nearly_those_in_float32(kind):
    network = make(kind)
    graph, params = nnx.split(network, nnx.Param)
    inputs = example_inputs(network, 2)
    tokens = jnp.asarray(np.random.default_rng(1).integers(0, 12, (2, 7)))

    def loss(params, dtype, remat):
        network = nnx.merge(graph, params, copy=True)
        network.compute(dtype, remat=remat)
        context = network.encode(*inputs)
        output, state = network(context, network.begin(context), tokens)
        assert {leaf.dtype for leaf in jax.tree.leaves(state)} <= {jnp.dtype("float32"), jnp.dtype("int32")}
        assert output.logits.dtype == output.attention.dtype == jnp.float32
        return -output.log_probability(context, tokens).mean()

    assert_precisions_agree(loss, params, half=0.02)


def test_presets_are_built():
    assert CaptionerConfig().kind == "recurrent" and CaptionerConfig.transformer().width == 512
    for kind in (CaptionerConfig.recurrent, CaptionerConfig.transformer):
        config = kind(pieces=50)
        shapes = nnx.eval_shape(lambda config=config: build_captioner(config, rngs=nnx.Rngs(0)))
        assert shapes.embedding.embedding.shape[0] == 52
        assert CaptionerConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    "change",
    [{"kind": "rnn"}, {"pieces": 0}, {"dropout": 1.0}, {"copying": 1}, {"retrieved": -1}, {"width": 2.5}, {"x": 1}],
)
def test_what_cannot_be_is_refused(change):
    with pytest.raises(ConfigError):
        CaptionerConfig.from_dict({**CaptionerConfig().to_dict(), **change})
    with pytest.raises(ConfigError, match="heads"):
        CaptionerConfig.transformer(width=20)
