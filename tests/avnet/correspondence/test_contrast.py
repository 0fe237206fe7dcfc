"""The losses by chunks against those of the whole matrix, with their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from judges.pairwise_loss import pairwise_correspondence_loss
from random_networks import random_network

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.contrast import contrast, rows_at_once
from avnet.correspondence.kinds import NetworkName
from avnet.correspondence.losses import contrastive_loss


def example(name: NetworkName, batch: int):
    """A network's matrix of scores, embeddings for it, and videos of which some are the same."""
    network = random_network(ModelConfig.small(name))
    rng = np.random.default_rng(0)
    size = network.config.embedding_size
    shape = (batch, size) if name == "ave" else (batch, 2, 3, size)
    images, sounds = rng.normal(size=shape), rng.normal(size=(batch, size))
    if name == "ave":
        images, sounds = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (images, sounds))
    return network.score_matrix, jnp.float32(images), jnp.float32(sounds), jnp.int32(rng.integers(0, batch // 2, batch))


def whole(score_matrix, images, sounds, video):
    scores, same = score_matrix(images, sounds), video[:, None] == video[None]
    losses = contrastive_loss(scores, same) + pairwise_correspondence_loss(scores, same)
    return losses, scores.argmax(axis=1) == jnp.arange(len(scores))


@pytest.mark.parametrize("name", ["ave", "avol"])
@pytest.mark.parametrize(("rows", "parts"), [(24, 1), (8, 1), (1, 1), (12, 2), (8, 8)])
def test_chunks_come_to_the_same_as_the_whole(name, rows, parts):
    score_matrix, images, sounds, video = example(name, 24)
    losses, correct = whole(score_matrix, images, sounds, video)
    result = contrast(score_matrix, images, sounds, video, rows, parts)
    np.testing.assert_allclose(result.losses, losses, rtol=2e-6, atol=2e-6)
    assert result.correct.tolist() == correct.tolist()


@pytest.mark.parametrize("rows", [4, 24])
def test_so_do_their_gradients(rows):
    score_matrix, images, sounds, video = example("ave", 24)

    def total(images, sounds):
        return whole(score_matrix, images, sounds, video)[0].mean()

    def in_chunks(images, sounds):
        return contrast(score_matrix, images, sounds, video, rows).losses.mean()

    for ours, theirs in zip(
        jax.grad(in_chunks, (0, 1))(images, sounds), jax.grad(total, (0, 1))(images, sounds), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-7)


def test_the_memory_of_a_chunked_gradient_does_not_hold_the_matrix():
    batch = 1024
    images = sounds = jnp.ones((batch, 8))
    video = jnp.arange(batch)

    def bytes_of(rows):
        def loss(images, sounds):
            return contrast(lambda a, b: a @ b.T, images, sounds, video, rows).losses.mean()

        program = jax.jit(jax.grad(loss)).lower(images, sounds).compile()
        analysis = program.memory_analysis()
        assert analysis is not None
        return analysis.temp_size_in_bytes

    assert bytes_of(64) < batch * batch * 4 < bytes_of(batch)


def test_rows_fit_the_limit_and_divide_the_batch():
    assert rows_at_once(64, 1) == 64
    assert rows_at_once(4096, 1) == 4096 and rows_at_once(8192, 1) == 2048
    assert rows_at_once(256, 196) == 256 and rows_at_once(512, 196) == 128
    assert rows_at_once(64, 1, limit=1) == 1
    assert rows_at_once(8192, 1, parts=8) == 8192 and rows_at_once(24, 1, parts=8, limit=1) == 8
