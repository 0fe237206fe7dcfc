import dataclasses
import json
from pathlib import Path

import pytest

import avnet
from avnet.audio.config import SpectrogramConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.kinds import NETWORKS
from avnet.errors import ConfigError


def test_defaults_are_valid_and_are_the_published_ave_net():
    assert ModelConfig() == ModelConfig.ave_net() == ModelConfig.preset("ave", "paper")
    assert SpectrogramConfig() == ModelConfig().spectrogram


def test_presets_carry_the_published_sizes():
    for config, network in [
        (ModelConfig.ave_net(), "ave"),
        (ModelConfig.avol_net(), "avol"),
        (ModelConfig.l3_net(), "l3"),
    ]:
        assert config.network == network
        assert config.image_size == 224
        assert config.widths == (64, 128, 256, 512)
        assert config.embedding_size == 128
        assert config.clip_samples == 48_000


@pytest.mark.parametrize("network", NETWORKS)
def test_presets_are_found_by_name(network):
    assert ModelConfig.preset(network, "small") == ModelConfig.small(network)
    assert ModelConfig.preset(network, "small").image_size == 112
    assert ModelConfig.preset(network, "paper").image_size == 224
    assert ModelConfig.preset(network, "paper").network == network


def test_spectrogram_sizes_are_worked_out_by_hand():
    paper = SpectrogramConfig()
    assert paper.bins == 512 // 2 + 1 == 257
    assert paper.frames(48_000) == (48_000 - 480) // 240 + 1 == 199
    mel = ModelConfig.small().spectrogram
    assert (mel.bins, mel.frames(48_000)) == (64, 99)


def test_frames_count_only_windows_that_lie_inside_the_clip():
    front = SpectrogramConfig()
    assert front.frames(0) == 0
    assert front.frames(479) == 0
    assert front.frames(480) == 1
    assert front.frames(719) == 1
    assert front.frames(720) == 2


def test_clip_samples_are_rounded():
    assert ModelConfig(clip_s=0.3).clip_samples == 14_400
    assert ModelConfig(clip_s=1 / 3).clip_samples == 16_000


@pytest.mark.parametrize("preset", ["paper", "small"])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_configuration_survives_json(network, preset):
    config = ModelConfig.preset(network, preset)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_from_dict_leaves_its_argument_alone():
    values = json.loads(json.dumps(ModelConfig().to_dict()))
    before = json.dumps(values)
    ModelConfig.from_dict(values)
    assert json.dumps(values) == before


def test_configurations_are_frozen_and_hashable():
    config = ModelConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.image_size = 32  # pyright: ignore[reportAttributeAccessIssue]
    assert hash(config) == hash(ModelConfig())


@pytest.mark.parametrize(
    ("options", "subject"),
    [
        ({"network": "vgg"}, "network"),
        ({"widths": (64, 128, 256)}, "widths"),
        ({"widths": (64, 128, 256, 0)}, "widths"),
        ({"image_size": 100}, "image_size"),
        ({"image_size": 0}, "image_size"),
        ({"embedding_size": 0}, "embedding_size"),
        ({"distance_slope": 0.0}, "distance_slope"),
        ({"distance_slope": -1.418}, "distance_slope"),
        ({"clip_s": 0.08}, "spectrogram"),
        ({"clip_s": 0.0}, "spectrogram"),
    ],
)
def test_a_model_that_cannot_be_is_refused(options, subject):
    with pytest.raises(ConfigError) as refusal:
        ModelConfig(**options)
    assert refusal.value.subject == subject


def test_the_shortest_clip_has_sixteen_frames():
    shortest = (480 + 15 * 240) / 48_000
    assert ModelConfig(clip_s=shortest).spectrogram.frames(4080) == 16
    with pytest.raises(ConfigError):
        ModelConfig(clip_s=shortest - 1 / 48_000)


@pytest.mark.parametrize(
    "options",
    [
        {"hop_length": 0},
        {"hop_length": 481},
        {"win_length": 513},
        {"n_mels": 0},
        {"n_mels": 64, "f_max": 24_001.0},
        {"n_mels": 64, "f_min": 20_000.0},
        {"n_mels": 64, "f_min": -1.0},
        {"floor": 0.0},
    ],
)
def test_a_spectrogram_that_cannot_be_is_refused(options):
    with pytest.raises(ConfigError, match=r"(spectrogram: must have|n_mels: must be|floor: must be)"):
        SpectrogramConfig(**options)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.pop("spectrogram"),
        lambda values: values.pop("widths"),
        lambda values: values.update(colour="red"),
        lambda values: values["spectrogram"].update(colour="red"),
        lambda values: values.update(widths=3),
        lambda values: values.update(spectrogram=None),
        lambda values: values.update(image_size="large"),
        lambda values: values.update(network="vgg"),
    ],
)
def test_a_foreign_description_is_refused(change):
    values = ModelConfig().to_dict()
    change(values)
    with pytest.raises(ConfigError):
        ModelConfig.from_dict(values)


@pytest.mark.parametrize("config", [ModelConfig, SpectrogramConfig])
def test_every_field_is_read_and_documented(config):
    package = Path(avnet.__file__).parent
    source = "\n".join(path.read_text() for path in package.rglob("*.py"))
    for field in dataclasses.fields(config):
        assert f"{field.name}:" in (config.__doc__ or "")
        assert any(f"{owner}.{field.name}" in source for owner in ("self", "config", "front", "spectrogram"))
