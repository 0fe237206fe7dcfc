import jax
import jax.numpy as jnp
import numpy as np
import pytest

from train.engine.accumulation import gradient_of


def encode(params, stats, batch, key):
    embeddings = {name: jnp.tanh(batch[name] @ params[name]) for name in ("seen", "heard")}
    return embeddings, stats + batch["seen"].mean(0)


def judge(params, stats, embeddings, batch):
    scores = params["scale"] * embeddings["seen"] @ embeddings["heard"].T + batch["shift"][:, None]
    return -jnp.diag(jax.nn.log_softmax(scores)).mean() + (stats * params["scale"]).sum() * 0, scores


@pytest.fixture
def question():
    rng = np.random.default_rng(0)
    arrays = {name: jnp.asarray(rng.normal(size=(12, 5)), jnp.float32) for name in ("seen", "heard")}
    batch = arrays | {"shift": jnp.asarray(rng.normal(size=12), jnp.float32)}
    weights = {name: jnp.asarray(rng.normal(size=(5, 3)), jnp.float32) for name in ("seen", "heard")}
    return weights | {"scale": jnp.float32(1.5)}, jnp.zeros(5), batch, jax.random.key(0)


@pytest.mark.parametrize("parts", [2, 3, 12])
def test_parts_have_the_loss_and_the_gradient_of_the_whole(parts, question):
    (loss, (stats, scores)), grads = gradient_of(encode, judge)(*question)
    (by_parts, (more, rows)), result = jax.jit(gradient_of(encode, judge, parts))(*question)
    np.testing.assert_allclose(by_parts, loss, rtol=1e-6)
    np.testing.assert_allclose(rows, scores, rtol=1e-5, atol=1e-5)
    for name, gradient in grads.items():
        np.testing.assert_allclose(result[name], gradient, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(more, parts * stats, rtol=1e-5)  # each part has added its own


def test_each_part_draws_for_itself_and_alike_in_both_passes(question):
    def noisy(params, stats, batch, key):
        noise = jax.random.normal(key, batch["seen"].shape)
        return encode(params, stats, batch | {"seen": batch["seen"] + noise}, key)

    params, stats, batch, key = question
    keys = jax.random.split(key, 2)
    # Rows of even number are the first part.
    noise = jnp.stack([jax.random.normal(k, (6, 5)) for k in keys], axis=1).reshape(12, 5)
    expected = gradient_of(encode, judge)(params, stats, batch | {"seen": batch["seen"] + noise}, key)
    result = gradient_of(noisy, judge, 2)(*question)
    np.testing.assert_allclose(result[0][0], expected[0][0], rtol=1e-6)
    np.testing.assert_allclose(result[1]["seen"], expected[1]["seen"], rtol=1e-4, atol=1e-6)
