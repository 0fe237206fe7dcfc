"""Captioners that standardize features see what others see of features that were standardized before."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from paper_captioners import config_of, encode_features, example, with_masked_rows

from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.features import grid_features
from avnet.errors import ConfigError


def test_features_are_standardized_inside():
    grids, tokens, _ = example()
    tokens = jnp.asarray(tokens)
    plain = build_captioner(config_of("up-down"), rngs=nnx.Rngs(0))
    inside = build_captioner(replace(config_of("up-down"), standardized=True), rngs=nnx.Rngs(0))
    mean, deviation = np.linspace(-1, 1, 6, dtype=np.float32), np.linspace(0.5, 2, 6, dtype=np.float32)
    assert plain.standard is None and inside.standard is not None
    inside.standard.mean[...], inside.standard.deviation[...] = mean, deviation
    outputs = []
    for network, features in ((plain, grid_features((grids - mean) / deviation)), (inside, with_masked_rows(grids))):
        network.eval()
        encoding = encode_features(network, features)
        outputs.append(network(encoding, network.begin(encoding), tokens)[0].logits)
    # Beside them a region of no numbers, which standardizing must not let in.
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-5, atol=1e-6)
    # Another mean is another image.
    inside.standard.mean[...] = mean + 1
    encoding = encode_features(inside, grid_features(grids))
    assert np.abs(inside(encoding, inside.begin(encoding), tokens)[0].logits - outputs[0]).max() > 1e-4


def test_moments_are_no_parameters():
    network = build_captioner(replace(config_of("adaptive"), standardized=True), rngs=nnx.Rngs(0))
    assert not any("standard" in path for path, _ in nnx.to_flat_state(nnx.state(network, nnx.Param)))
    assert any("standard" in path for path, _ in nnx.to_flat_state(nnx.state(network)))


def test_standardized_is_true_or_false():
    with pytest.raises(ConfigError, match="standardized: must be true or false, got 1"):
        CaptionerConfig.from_dict({**CaptionerConfig().to_dict(), "standardized": 1})
