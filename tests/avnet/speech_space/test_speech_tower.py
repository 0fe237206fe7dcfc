import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from media.forged import forge_config
from precision_law import assert_precisions_agree
from random_networks import random_backbone, randomize

from avnet.audio.mfcc import FRONT
from avnet.backbones.backbone import Backbone
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.artifact import WEIGHTS
from avnet.nn.quantizer import VectorQuantizer
from avnet.speech_space.network import SpaceConfig, SpaceNetwork, frames_of, log_mel, padded_pcm
from avnet.speech_space.space import IMAGE, SpeechSpace
from avnet.speech_space.tower import SpeechTower, SpeechTowerConfig, masked_mean, valid
from avnet.units import grounded
from avnet.units.grounded import GroundedUnits
from avnet.units.kmeans import KMeansUnits
from avnet.units.registry import read_any_units


def tower(*stages: int) -> SpeechTower:
    config = SpeechTowerConfig(bands=5, widths=(6, 8, 10), blocks=2, kernel=5, quantized_stages=stages, codes=4)
    network = randomize(nnx.eval_shape(lambda: SpeechTower(config, rngs=nnx.Rngs(0))))
    network.eval()
    return network


def space(*stages: int, image_features: int = 1280) -> SpaceNetwork:
    """A random space; its codes are vectors that it makes of noise."""
    config = SpaceConfig(
        image_features=image_features,
        embedding_size=6,
        tower=SpeechTowerConfig(bands=40, widths=(6, 8, 10), blocks=1, kernel=5, quantized_stages=stages, codes=5),
    )
    network = randomize(nnx.eval_shape(lambda: SpaceNetwork(config, rngs=nnx.Rngs(0))))
    network.eval()
    for stage in stages:
        pcm, frames = padded_pcm([(noise(1.0, 9) * 32767).astype(np.int16)], 8.0)
        x, _ = network.tower.before_quantizer(log_mel(jnp.asarray(pcm)), jnp.asarray(frames), stage)
        network.tower.quantizer(stage).codes[...] = x[0, 3:23:4]
    return network


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise whose colour changes every 100 ms."""
    rng = np.random.default_rng(seed)
    parts = [np.convolve(rng.normal(size=1600), rng.normal(size=8), "same") for _ in range(1 + round(seconds * 10))]
    return (0.05 * np.concatenate(parts)[: round(seconds * 16_000)]).astype(np.float32)


def mels(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, 5)).astype(np.float32)


@pytest.mark.parametrize("stages", [(), (1,), (1, 2)])
@pytest.mark.parametrize("frames", [1, 2, 7, 8, 29])
def test_what_lies_after_the_end_changes_nothing(stages, frames):
    network, x = tower(*stages), mels(frames)
    alone = network(jnp.asarray(x[None]), jnp.array([frames]))
    batch = np.full((2, 37, 5), 9.0, np.float32)
    batch[0, :frames], batch[1] = x, mels(37, 1)
    among = network(jnp.asarray(batch), jnp.array([frames, 37]))
    steps = -(-frames // 4)
    assert alone.steps.tolist() == [steps] and among.steps.tolist() == [steps, 10]
    assert alone.features.shape == (1, steps, 10) and among.features.shape == (2, 10, 10)
    np.testing.assert_allclose(among.features[0, :steps], alone.features[0], atol=1e-5)
    assert (np.asarray(among.features[0, steps:]) == 0).all()
    np.testing.assert_allclose(masked_mean(among.features, among.steps)[0], alone.features[0].mean(axis=0), atol=1e-5)


def test_padding_moves_no_statistics_in_training():
    def embed(total: int):
        network = tower()
        network.train()
        batch = np.full((2, total, 5), 3.0, np.float32)
        batch[0, :11], batch[1, :16] = mels(11), mels(16, 1)
        features = network(jnp.asarray(batch), jnp.array([11, 16])).features[:, :4]
        return features, nnx.state(network, nnx.BatchStat)

    (short, ours), (long, theirs) = embed(16), embed(32)
    np.testing.assert_allclose(short, long, atol=1e-4)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), ours, theirs)


def test_vectors_before_the_quantiser_are_those_that_it_gets():
    network = tower(1)
    x, frames = jnp.asarray(mels(9)[None]), jnp.array([9])
    vectors, steps = network.before_quantizer(x, frames, 1)
    assert vectors.shape == (1, 5, 8) and steps.tolist() == [5] and network.config.frames_per_code == 2
    codes = network.quantizer(1).codes[...]
    distance = np.square(np.asarray(vectors)[:, :, None] - np.asarray(codes)).mean(axis=-1)
    assert network.quantizer(1).nearest(vectors).tolist() == distance.argmin(axis=-1).tolist()
    assert float(network(x, frames).commitment) == pytest.approx(distance.min(axis=-1).mean(), rel=1e-4)
    assert float(tower()(x, frames).commitment) == 0


def test_a_later_quantizer_gets_what_an_earlier_one_lets_through():
    network, x, frames = tower(1, 2), jnp.asarray(mels(9)[None]), jnp.array([9])
    first, steps = network.before_quantizer(x, frames, 1)
    coded = network.quantizer(1).codes[...][network.quantizer(1).nearest(first)]
    for block in network.stages[1]:
        coded, steps = block(coded, steps)
    second, _ = network.before_quantizer(x, frames, 2)
    np.testing.assert_allclose(second, coded, atol=1e-5)
    out = network(x, frames)
    last = network.quantizer(2)
    np.testing.assert_allclose(out.features, last.codes[...][last.nearest(second)], atol=1e-5)
    distances = [network.quantizer(n).distances(v).min(axis=-1).mean() for n, v in ((1, first), (2, second))]
    assert float(out.commitment) == pytest.approx(float(sum(distances)), rel=1e-4)
    assert network.config.frames_per_code == 4 and GroundedUnits(space(1, 2), "").frames_per_step == 4


def test_mask_and_mean_are_worked_out_by_hand():
    assert valid(jnp.array([1, 3]), 3).tolist() == [[True, False, False], [True, True, True]]
    x = jnp.array([[[2.0], [0.0], [0.0]], [[1.0], [2.0], [6.0]]])
    assert masked_mean(x, jnp.array([1, 3])).tolist() == [[2.0], [3.0]]
    assert masked_mean(x, jnp.array([0, 2]))[0].tolist() == [2.0]


def quantizer(codes, counts=(1.0, 1.0), decay: float = 0.9) -> VectorQuantizer:
    result = VectorQuantizer(len(codes), len(codes[0]), decay, rngs=nnx.Rngs(0))
    result.codes[...], result.counts[...] = jnp.asarray(codes, jnp.float32), jnp.asarray(counts, jnp.float32)
    return result


def test_the_nearest_code_and_the_commitment_are_worked_out_by_hand():
    quantize = quantizer([[0.0, 0.0], [3.0, 4.0]])
    quantize.eval()
    x = jnp.array([[[3.0, 0.0], [1.0, 1.0], [3.0, 3.0]]])
    assert quantize.nearest(x).tolist() == [[0, 0, 1]]
    assert quantize.distances(x).tolist() == [[[4.5, 8.0], [1.0, 6.5], [9.0, 0.5]]]
    result, commitment = quantize(x, jnp.array([[True, True, False]]))
    assert result.tolist() == [[[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]]]
    assert float(commitment) == pytest.approx((4.5 + 1.0) / 2)
    assert float(quantize(x, jnp.zeros((1, 3), bool))[1]) == 0


def test_the_gradient_passes_as_if_nothing_were_quantised():
    quantize = quantizer([[0.0, 0.0], [3.0, 4.0]])
    quantize.eval()
    x, weight = jnp.array([[[1.0, 1.0], [2.0, 3.0]]]), jnp.array([[[1.0, -2.0], [0.5, 4.0]]])
    mask = jnp.array([[True, False]])
    gradient = jax.grad(lambda x: (quantize(x, mask)[0] * weight).sum())(x)
    assert gradient.tolist() == weight.tolist()
    pull = jax.grad(lambda x: quantize(x, mask)[1])(x)
    assert pull.tolist() == [[[1.0, 1.0], [0.0, 0.0]]]


def test_codes_follow_the_mean_of_what_they_stand_for_by_hand():
    quantize = quantizer([[0.0, 0.0], [10.0, 10.0]])
    x = jnp.array([[[1.0, 1.0], [3.0, 1.0], [8.0, 10.0], [9.0, 9.0]]])
    quantize(x, jnp.array([[True, True, True, False]]))
    np.testing.assert_allclose(quantize.counts[...], [1.1, 1.0], rtol=1e-5)
    np.testing.assert_allclose(quantize.codes[...], [[0.4 / 1.1, 0.2 / 1.1], [9.8, 10.0]], rtol=1e-4)


def test_a_code_that_stands_for_nothing_begins_anew_among_what_counts():
    quantize = quantizer([[0.0], [100.0]], counts=(1.0, 0.05))
    x = jnp.array([[[99.0], [1.0], [2.0], [3.0], [4.0]]])
    quantize(x, jnp.array([[False, True, True, True, True]]))
    assert quantize.codes[...][1].tolist() == [3.0] and float(quantize.counts[...][1]) == 1.0
    np.testing.assert_allclose(quantize.codes[...][0], [1.0 / 1.3], rtol=1e-4)


def test_use_moves_no_code():
    quantize = quantizer([[0.0], [100.0]], counts=(1.0, 0.0))
    quantize.eval()
    quantize(jnp.ones((1, 3, 1)), jnp.ones((1, 3), bool))
    assert quantize.codes[...].tolist() == [[0.0], [100.0]] and quantize.counts[...].tolist() == [1.0, 0.0]


def test_features_in_bfloat16_or_computed_twice_are_nearly_those_in_float32():
    config = SpeechTowerConfig(bands=5, widths=(6, 8, 10), blocks=2, kernel=5, quantized_stages=(1,), codes=4)
    graph, state = nnx.split(SpeechTower(config, rngs=nnx.Rngs(0)))
    x, frames = jax.random.normal(jax.random.key(1), (3, 32, 5)), jnp.array([32, 20, 7])

    def loss(state, dtype, remat):
        tower = nnx.merge(graph, state, copy=True)
        tower.train()
        tower.compute(dtype, remat=remat)
        out = tower(x, frames)
        assert out.features.dtype == out.commitment.dtype == jnp.float32
        return jnp.square(out.features).mean() + out.commitment

    assert_precisions_agree(loss, state, half=0.05)


def test_the_paper_s_tower_is_that_of_its_trained_models():
    config = SpeechTowerConfig.paper()
    assert config.widths == (128, 256, 256, 512, 1024) and config.blocks == 2 and config.kernel == 9


@pytest.mark.parametrize("preset", [SpeechTowerConfig.small, SpeechTowerConfig.paper])
def test_every_preset_is_built_and_its_configuration_survives_json(preset):
    config = SpaceConfig(tower=preset())
    shapes = nnx.eval_shape(lambda: SpaceNetwork(config, rngs=nnx.Rngs(0)))
    assert shapes.speech_projection.fc1.kernel.shape == (preset().widths[-1], 512)
    assert SpaceConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    "change",
    [
        {"widths": (4,)},
        {"widths": (4, 0)},
        {"widths": (4, 5.5)},
        {"kernel": 4},
        {"blocks": 0},
        {"bands": 0},
        {"quantized_stages": (5,)},
        {"quantized_stages": (0,)},
        {"quantized_stages": (2, 1)},
        {"quantized_stages": (1, 1)},
        {"quantized_stage": 2},
        {"codes": 1},
        {"decay": 1.0},
        {"colour": 1},
    ],
)
def test_towers_that_cannot_be_are_refused(change):
    values = SpaceConfig().to_dict()
    with pytest.raises(ConfigError):
        SpaceConfig.from_dict({**values, "tower": {**values["tower"], **change}})


@pytest.mark.parametrize(
    "change", [{"limit_s": 0.1}, {"dropout": 1.0}, {"embedding_size": 0}, {"tower": None}, {"x": 1}]
)
def test_spaces_that_cannot_be_are_refused(change):
    with pytest.raises(ConfigError):
        SpaceConfig.from_dict({**SpaceConfig().to_dict(), **change})


def test_frames_and_padding_are_worked_out_by_hand():
    assert [frames_of(n, 8.0) for n in (0, 399, 400, 560, 16_000 * 9)] == [1, 1, 1, 2, 800]
    parts = [np.arange(1000, dtype=np.int16), np.full(16_000 * 9, 7, np.int16)]
    samples, frames = padded_pcm(parts, 8.0)
    assert frames.tolist() == [4, 800] and samples.shape == (2, (7 * 128 - 1) * 160 + 400)
    assert samples[0, :1000].tolist() == list(range(1000)) and not samples[0, 1000:].any()
    assert log_mel(jnp.asarray(samples[:, :1000])).shape == (2, FRONT.frames(1000), 40)


def test_a_recording_has_one_embedding_whatever_lies_beside_it():
    network = space(1)
    pcm = [(noise(seconds, i) * 32767).astype(np.int16) for i, seconds in enumerate((0.43, 2.1))]
    encode = nnx.jit(lambda network, pcm, frames: network.embed_speech(log_mel(pcm), frames)[0])
    together = encode(network, *map(jnp.asarray, padded_pcm(pcm, 8.0)))
    alone = encode(network, *map(jnp.asarray, padded_pcm(pcm[:1], 8.0)))
    np.testing.assert_allclose(together[0], alone[0], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_a_image_is_the_mean_of_its_cells_and_the_scale_is_bounded():
    network = space(image_features=7)
    grids = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2, 3, 7)).astype(np.float32))
    embeddings = network.embed_grids(grids)
    np.testing.assert_allclose(network.embed_grids(grids.mean(axis=(1, 2), keepdims=True)), embeddings, atol=1e-5)
    np.testing.assert_allclose(network.embed_grids(grids[1:2])[0], embeddings[1], atol=1e-5)
    network.log_scale[...] = jnp.array(9.0)
    np.testing.assert_allclose(jnp.diagonal(network.score_matrix(embeddings, embeddings)), 100.0, rtol=1e-4)


def test_grounded_strings_are_collapsed_and_those_of_a_batch_are_as_if_alone():
    units = GroundedUnits(space(2), "print")
    waveforms = [noise(0.83, 1), np.zeros(399, np.float32), noise(0.41, 2), np.zeros(400, np.float32)]
    for string, waveform in zip(units.encode_all(waveforms), waveforms, strict=True):
        alone = units.encode(waveform)
        assert string.units.tolist() == alone.units.tolist() and string.starts.tolist() == alone.starts.tolist()
        assert (np.diff(string.units) != 0).all() and (string.units < units.count).all()
        assert string.frames == FRONT.frames(len(waveform)) == string.durations.sum()
        assert (string.starts % units.frames_per_step == 0).all()
    assert units.frames_per_step == 4 and len(units.encode(waveforms[0]).units) > 3
    assert units.encode_all([]) == [] and len(units.encode(waveforms[1]).units) == 0


def test_a_recording_beyond_the_limit_is_heard_up_to_there(monkeypatch):
    monkeypatch.setattr(grounded, "LIMIT_S", 0.5)
    waveform = noise(1.0, 3)
    string = GroundedUnits(space(2), "print").encode(waveform)
    assert string.frames == 50 == string.durations.sum() and string.durations.min() > 0


def test_a_price_of_change_makes_fewer_units():
    network, waveform = space(1), noise(0.9, 4)
    free, dear, too_dear = (GroundedUnits(network, "", penalty).encode(waveform) for penalty in (0.0, 1e-3, 1e6))
    cheap = GroundedUnits(network, "", 1e-9).encode(waveform)
    assert cheap.units.tolist() == free.units.tolist()
    assert len(too_dear.units) == 1 < len(free.units) and len(dear.units) <= len(free.units)


def test_units_without_a_quantised_layer_are_refused():
    with pytest.raises(ConfigError, match="has no quantized layer; train it with --codes"):
        GroundedUnits(space(), "")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return random_backbone("mobilenetv2", 32)


@pytest.fixture
def on_disk(tmp_path, backbone):
    """A folder of a space, to be damaged."""
    SpeechSpace(space(1), backbone, validation={"recall@10": 0.5}).save(tmp_path / "space")
    return tmp_path / "space"


def test_folder_gives_back_what_was_written(on_disk, tmp_path):
    network, again = space(1), SpeechSpace.load(on_disk)
    jax.tree.map(np.testing.assert_array_equal, nnx.state(again.network), nnx.state(network))
    assert again.network.config == network.config and again.validation == {"recall@10": 0.5}
    assert again.image_tower.image_size == 32 and len(again.fingerprint) == 64
    again.save(tmp_path / "again")
    assert (tmp_path / "again" / WEIGHTS).read_bytes() == (on_disk / WEIGHTS).read_bytes()


def test_a_space_from_before_there_were_several_quantizers_is_still_read():
    old = json.loads(json.dumps(space().config.to_dict()))
    tower = {name: value for name, value in old["tower"].items() if name != "quantized_stages"}
    assert SpaceConfig.from_dict({**old, "tower": {**tower, "quantized_stage": 0}}) == space().config
    with pytest.raises(ConfigError, match="earlier avnet; train the space again"):
        SpaceConfig.from_dict({**old, "tower": {**tower, "quantized_stage": 2}})


@pytest.mark.parametrize("change", [dict.clear, lambda config: config.update(tower=3)])
def test_a_configuration_that_cannot_be_is_refused_in_one_line(on_disk, change):
    forge_config(on_disk, change)
    with pytest.raises(ModelFolderError, match="does not describe") as refusal:
        SpeechSpace.load(on_disk)
    assert "\n" not in str(refusal.value)


def test_another_image_tower_is_refused(on_disk, backbone):
    random_backbone("mobilenetv2", 32, seed=1).save(on_disk / IMAGE)
    with pytest.raises(ModelFolderError, match="was made with image of another fingerprint"):
        SpeechSpace.load(on_disk)
    shutil.rmtree(on_disk / IMAGE)
    with pytest.raises(ModelFolderError, match="image: does not exist"):
        SpeechSpace.load(on_disk)


def test_an_image_tower_with_other_features_is_refused(tmp_path, backbone):
    SpeechSpace(space(image_features=8), backbone).save(tmp_path / "space")
    with pytest.raises(ModelFolderError, match="has 1280 features instead of 8"):
        SpeechSpace.load(tmp_path / "space")


def test_units_of_either_kind_are_opened(on_disk, tmp_path, backbone):
    again = read_any_units(on_disk)
    assert (
        isinstance(again, GroundedUnits)
        and again.count == 5
        and again.fingerprint == SpeechSpace.load(on_disk).fingerprint
    )
    assert again.encode(noise(0.5)).units.tolist() == GroundedUnits(space(1), "").encode(noise(0.5)).units.tolist()
    KMeansUnits(np.zeros((3, 39), np.float32), np.zeros(39), np.ones(39), 1.0).save(tmp_path / "units")
    assert isinstance(read_any_units(tmp_path / "units"), KMeansUnits)
    SpeechSpace(space(), backbone).save(tmp_path / "plain")
    for folder, reason in (("plain", "no quantized layer"), ("nowhere", "does not exist")):
        with pytest.raises(ModelFolderError, match=reason):
            read_any_units(tmp_path / folder)
