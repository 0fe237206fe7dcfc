import jax
import jax.numpy as jnp
import numpy as np
import pytest
from judges.pairwise_loss import pairwise_correspondence_loss

from avnet.correspondence.losses import (
    contrastive_loss,
    correspondence_loss,
    multiple_instance_loss,
)

PAIRWISE = pytest.mark.parametrize("loss", [contrastive_loss, pairwise_correspondence_loss])


def scores_of(count, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(count, count)), jnp.float32)


def different(count):
    """Every pair of the batch comes from a video of its own."""
    return jnp.eye(count, dtype=bool)


def log(x):
    return float(np.log(x))


def test_correspondence_loss_is_worked_out_by_hand():
    logits = jnp.array([[0.0, 0.0], [0.0, log(3.0)], [0.0, log(3.0)]])
    expected = [log(2.0), log(4 / 3), log(4.0)]
    np.testing.assert_allclose(correspondence_loss(logits, jnp.array([1, 1, 0])), expected, rtol=1e-6)


def test_multiple_instance_loss_is_worked_out_by_hand():
    response = jnp.array([[[-9.0, log(3.0)], [-5.0, 0.0]], [[-9.0, log(3.0)], [-5.0, 0.0]]])
    np.testing.assert_allclose(multiple_instance_loss(response, jnp.array([1, 0])), [log(4 / 3), log(4.0)], rtol=1e-6)


def test_a_matching_pair_needs_one_cell_and_a_mismatched_one_a_low_map():
    empty = jnp.full((1, 3, 4), -20.0)
    one_cell = empty.at[0, 2, 1].set(20.0)
    matching, mismatched = jnp.array([1]), jnp.array([0])
    assert multiple_instance_loss(one_cell, matching)[0] < 1e-6
    assert multiple_instance_loss(empty, matching)[0] > 19
    assert multiple_instance_loss(one_cell, mismatched)[0] > 19
    assert multiple_instance_loss(empty, mismatched)[0] < 1e-6


def test_gradient_of_multiple_instance_loss_reaches_the_best_cell_alone():
    response = jnp.zeros((1, 3, 4)).at[0, 2, 1].set(1.0)
    gradient = jax.grad(lambda r: multiple_instance_loss(r, jnp.array([1])).sum())(response)
    assert np.flatnonzero(gradient).tolist() == [2 * 4 + 1]
    assert gradient[0, 2, 1] < 0


def test_contrastive_loss_is_worked_out_by_hand():
    scores = jnp.array([[log(3.0), 0.0], [log(2.0), log(4.0)]])
    # Rows: 3 of 3 + 1, 4 of 2 + 4. Columns: 3 of 3 + 2, 4 of 1 + 4.
    expected = [0.5 * (log(4 / 3) + log(5 / 3)), 0.5 * (log(6 / 4) + log(5 / 4))]
    np.testing.assert_allclose(contrastive_loss(scores, different(2)), expected, rtol=1e-6)


def test_pairwise_loss_is_worked_out_by_hand():
    scores = jnp.array([[0.0, log(3.0), 0.0], [0.0, log(3.0), 0.0], [log(3.0), log(3.0), log(3.0)]])
    negative = log(2.0), log(4.0)  # of the scores 0 and log 3
    expected = [
        0.5 * (log(2.0) + np.mean([negative[1], negative[0]])),
        0.5 * (log(4 / 3) + negative[0]),
        0.5 * (log(4 / 3) + negative[1]),
    ]
    np.testing.assert_allclose(pairwise_correspondence_loss(scores, different(3)), expected, rtol=1e-6)
    # One negative alone has all of their half.
    two = pairwise_correspondence_loss(jnp.array([[0.0, log(3.0)], [0.0, 0.0]]), different(2))
    np.testing.assert_allclose(two, [0.5 * (log(2.0) + log(4.0)), log(2.0)], rtol=1e-6)


def test_equal_scores_give_chance():
    scores = jnp.zeros((8, 8))
    np.testing.assert_allclose(contrastive_loss(scores, different(8)), log(8.0), rtol=1e-6)
    np.testing.assert_allclose(pairwise_correspondence_loss(scores, different(8)), log(2.0), rtol=1e-6)


@PAIRWISE
def test_pairs_of_one_video_are_no_negatives_of_each_other(loss):
    scores = scores_of(4)
    same = different(4).at[0, 2].set(True).at[2, 0].set(True)
    scores_after = scores.at[0, 2].add(50.0).at[2, 0].add(50.0)
    np.testing.assert_array_equal(loss(scores, same), loss(scores_after, same))
    assert (np.abs(loss(scores, different(4)) - loss(scores_after, different(4)))[jnp.array([0, 2])] > 1).all()
    gradient = jax.grad(lambda s: loss(s, same).sum())(scores)
    assert gradient[0, 2] == gradient[2, 0] == 0
    assert (np.asarray(gradient)[~np.asarray(same)] > 0).all()


def test_a_batch_of_one_video_has_no_negatives():
    scores, same = scores_of(3), jnp.ones((3, 3), bool)
    np.testing.assert_allclose(contrastive_loss(scores, same), 0.0, atol=1e-6)
    expected = 0.5 * np.log1p(np.exp(-np.diagonal(scores)))
    np.testing.assert_allclose(pairwise_correspondence_loss(scores, same), expected, rtol=1e-5)
    for loss in (contrastive_loss, pairwise_correspondence_loss):
        assert np.isfinite(jax.grad(lambda s, loss=loss: loss(s, same).sum())(scores)).all()


@PAIRWISE
def test_the_order_of_a_batch_changes_nothing(loss):
    scores, order = scores_of(5), np.array([3, 0, 4, 1, 2])
    same = different(5).at[1, 4].set(True).at[4, 1].set(True)
    permuted = loss(scores[order][:, order], same[order][:, order])
    np.testing.assert_allclose(permuted, loss(scores, same)[order], rtol=1e-5)


def test_contrastive_loss_treats_images_and_sounds_alike():
    scores = scores_of(5)
    np.testing.assert_allclose(
        contrastive_loss(scores, different(5)), contrastive_loss(scores.T, different(5)), rtol=1e-6
    )


def test_contrastive_loss_ignores_a_shift_and_the_pairwise_loss_does_not():
    scores = scores_of(5)
    np.testing.assert_allclose(
        contrastive_loss(scores + 7.0, different(5)), contrastive_loss(scores, different(5)), rtol=1e-4, atol=1e-5
    )
    shifted = pairwise_correspondence_loss(scores + 7.0, different(5))
    assert (shifted > pairwise_correspondence_loss(scores, different(5)) + 1).all()


@PAIRWISE
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_pairwise_forms_are_finite_at_extreme_scores(loss, size):
    for scores in (jnp.full((3, 3), size), size * jnp.eye(3), size * (1 - jnp.eye(3))):
        assert np.isfinite(loss(scores, different(3))).all()
        assert np.isfinite(jax.grad(lambda s: loss(s, different(3)).sum())(scores)).all()


@pytest.mark.parametrize("size", [1e4, -1e4])
@pytest.mark.parametrize("label", [0, 1])
def test_losses_of_one_label_a_pair_are_finite_at_extreme_logits(size, label):
    labels = jnp.array([label])
    for loss, logits in (
        (correspondence_loss, jnp.array([[0.0, size]])),
        (multiple_instance_loss, jnp.full((1, 2, 2), size)),
    ):
        value, gradient = jax.value_and_grad(lambda x, loss=loss: loss(x, labels).sum())(logits)
        assert np.isfinite(value) and np.isfinite(gradient).all()
        assert value == pytest.approx(1e4 if (size > 0) != bool(label) else 0.0)


def test_the_best_that_can_be_is_zero():
    scores = jnp.where(different(4), 40.0, -40.0)
    np.testing.assert_allclose(contrastive_loss(scores, different(4)), 0.0, atol=1e-6)
    np.testing.assert_allclose(pairwise_correspondence_loss(scores, different(4)), 0.0, atol=1e-6)
