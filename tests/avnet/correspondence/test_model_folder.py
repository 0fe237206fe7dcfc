import jax
import numpy as np
import pytest
from flax import nnx
from media.forged import forge, forge_arrays, forge_config
from random_networks import random_network

from avnet.audio.config import SpectrogramConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.kinds import NETWORKS, NetworkName
from avnet.correspondence.model import Model
from avnet.errors import ModelFolderError
from avnet.files.artifact import WEIGHTS

FRONT = SpectrogramConfig(sample_rate=8_000, win_length=256, hop_length=128, n_fft=256, n_mels=16, f_max=4_000.0)


def config_of(name: NetworkName = "ave"):
    return ModelConfig(network=name, image_size=32, widths=(4, 4, 6, 8), embedding_size=8, spectrogram=FRONT)


def model_of(name: NetworkName = "ave", seed: int = 0) -> Model:
    return Model(config_of(name), random_network(config_of(name), seed))


@pytest.fixture
def on_disk(tmp_path):
    """A folder, to be damaged."""
    model_of().save(tmp_path / "model", "# A card\n")
    return tmp_path / "model"


@pytest.mark.parametrize("name", NETWORKS)
def test_saving_and_loading_is_the_identity(tmp_path, name):
    model = model_of(name)
    fingerprint = model.save(tmp_path / "model")
    copy = Model.load(tmp_path / "model")
    assert copy.config == model.config == copy.network.config
    assert copy.fingerprint == fingerprint == model.fingerprint
    jax.tree.map(np.testing.assert_array_equal, nnx.state(copy.network), nnx.state(random_network(config_of(name))))


def test_same_weights_give_the_same_bytes_and_others_another_fingerprint(tmp_path):
    prints = [model_of(seed=seed).save(tmp_path / str(i)) for i, seed in enumerate([0, 0, 1])]
    assert prints[0] == prints[1] != prints[2]
    assert (tmp_path / "0" / WEIGHTS).read_bytes() == (tmp_path / "1" / WEIGHTS).read_bytes()


def test_loaded_model_gives_the_numbers_of_the_saved_one(on_disk):
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    network = random_network(config_of())
    network.eval()
    expected = nnx.jit(lambda net, x: net.encode_images(x))(network, images.astype(np.float32) / 255)
    np.testing.assert_allclose(Model.load(on_disk).embed_images(images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda a: a.pop("fc3.kernel"), r"lacks 1 of \d+ arrays, first 'fc3.kernel'"),
        (lambda a: a.update(fc4=np.zeros(2, np.float32)), "holds 1 arrays too many, first 'fc4'"),
        (
            lambda a: a.update({"fc3.kernel": np.zeros((2, 1), np.float32)}),
            r"'fc3.kernel' is float32\(2, 1\), not float32",
        ),
        (lambda a: a.update({"fc3.kernel": np.zeros((1, 2), np.float64)}), "'fc3.kernel' is float64"),
        (lambda a: a["fc3.kernel"].fill(np.nan), "'fc3.kernel' holds values that are not finite"),
        (lambda a: a["fc3.bias"].fill(np.inf), "'fc3.bias' holds values that are not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused(on_disk, change, reason):
    forge_arrays(on_disk, change)
    with pytest.raises(ModelFolderError, match=reason):
        Model.load(on_disk)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.clear(),
        lambda config: config.update(network="vgg"),
        lambda config: config.update(colour="red"),
        lambda config: config.pop("spectrogram"),
        lambda config: config.update(spectrogram=3),
        lambda config: config.update(image_size=33),
        lambda config: config.update(widths=[4, 4, 6, 10**9]),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(on_disk, change):
    forge_config(on_disk, change)
    with pytest.raises(ModelFolderError, match="is not a model, or damaged") as refusal:
        Model.load(on_disk)
    assert refusal.value.subject == str(on_disk)


def test_weights_of_another_network_are_refused(on_disk, tmp_path):
    model_of("l3").save(tmp_path / "other")
    (on_disk / WEIGHTS).write_bytes((tmp_path / "other" / WEIGHTS).read_bytes())
    forge(on_disk)
    with pytest.raises(ModelFolderError, match=r"weights\.safetensors: (lacks|holds)"):
        Model.load(on_disk)


def test_weights_are_checked_against_the_configurations_sizes(on_disk):
    forge_config(on_disk, lambda config: config.update(embedding_size=16))
    with pytest.raises(ModelFolderError, match="not float32"):
        Model.load(on_disk)
