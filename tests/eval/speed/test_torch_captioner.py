"""What PyTorch does beside us is the same work: the same weights find the same descriptions."""

from typing import Any

import jax
import numpy as np
import pytest
from extras import need
from flax import nnx

from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.recurrent.show_attend_tell import ShowAttendTell
from eval.speed.workers.describing import nothing_retrieved, random_features, word_search

torch = need("torch")

SIZES: dict[str, Any] = {"pieces": 12, "image_features": 1280, "width": 16, "hidden": 16, "attention": 16}


def test_both_find_the_same_descriptions():
    from eval.speed.workers.torch_captioner import TorchCaptioner

    config = CaptionerConfig.preset("show-attend-tell", longest=7, **SIZES)
    network = build_captioner(config, rngs=nnx.Rngs(0))
    # Louder than fresh weights, which know no difference between words; the end is likely enough to come early too.
    nnx.update(network, jax.tree.map(lambda leaf: 2 * leaf, nnx.state(network, nnx.Param)))
    assert isinstance(network, ShowAttendTell) and network.out.bias is not None
    network.out.bias[...] = network.out.bias[...].at[config.end].add(1.0)
    features = random_features(6)
    ours = word_search(network, 12, 6).beam(features, *nothing_retrieved(config, 6), beams=4)
    twin = TorchCaptioner.of(network, config)
    lengths = set()
    for number, candidates in enumerate(ours):
        theirs = twin.describe(torch.from_numpy(features.cells[number]), 4)
        assert [candidate.pieces for candidate in candidates] == [pieces for pieces, _, _ in theirs]
        for candidate, (pieces, log_p, looks) in zip(candidates, theirs, strict=True):
            assert candidate.log_probability == pytest.approx(log_p, abs=1e-4)
            np.testing.assert_allclose(candidate.attention, looks.numpy(), atol=1e-5)
            lengths.add(len(pieces))
    assert len(lengths) > 2
