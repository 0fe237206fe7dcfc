import errno
import json
import os
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx
from random_networks import random_network
from safetensors.numpy import load_file, save_file

from avnet import load
from avnet.config import NETWORKS, ModelConfig, NetworkName, SpectrogramConfig
from avnet.correspondence import folder
from avnet.errors import ModelFolderError

FRONT = SpectrogramConfig(sample_rate=8_000, win_length=256, hop_length=128, n_fft=256, n_mels=16, f_max=4_000.0)


def config_of(name: NetworkName = "ave"):
    return ModelConfig(network=name, image_size=32, widths=(4, 4, 6, 8), embedding_size=8, spectrogram=FRONT)


@pytest.fixture
def written(tmp_path):
    """A model folder and the weights in it, to be damaged."""
    path = tmp_path / "model"
    folder.write(path, random_network(config_of()), "# A card\n")
    return path


def change_weights(path, change):
    arrays = load_file(path / "model.safetensors")
    change(arrays)
    save_file(arrays, path / "model.safetensors")


def change_config(path, change):
    values = json.loads((path / "config.json").read_text())
    change(values)
    (path / "config.json").write_text(json.dumps(values))


@pytest.mark.parametrize("name", NETWORKS)
def test_saving_and_loading_is_the_identity(tmp_path, name):
    network = random_network(config_of(name))
    fingerprint = folder.write(tmp_path / "model", network, "card")
    config, loaded, read_fingerprint = folder.read(tmp_path / "model")
    assert config == network.config == loaded.config
    assert read_fingerprint == fingerprint
    jax.tree.map(np.testing.assert_array_equal, nnx.state(loaded), nnx.state(network))


def test_folder_holds_three_files_of_plain_data(written):
    assert sorted(p.name for p in written.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert [p.name for p in written.parent.iterdir()] == ["model"]
    assert (written / "README.md").read_text() == "# A card\n"
    values = json.loads((written / "config.json").read_text())
    assert values["format"] == "avnet-model-1"
    assert ModelConfig.from_dict(values["model"]) == config_of()


def test_same_weights_give_the_same_bytes_and_others_another_fingerprint(tmp_path):
    prints = [
        folder.write(tmp_path / str(i), random_network(config_of(), seed), "") for i, seed in enumerate([0, 0, 1])
    ]
    assert prints[0] == prints[1] != prints[2]
    assert (tmp_path / "0" / "model.safetensors").read_bytes() == (tmp_path / "1" / "model.safetensors").read_bytes()


def test_loaded_model_gives_the_numbers_of_the_saved_one(written):
    model = load(written)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    network = random_network(config_of())
    network.eval()
    expected = nnx.jit(lambda net, x: net.encode_images(x))(network, pictures.astype(np.float32) / 255)
    np.testing.assert_allclose(model.embed_images(pictures), expected, rtol=1e-4, atol=1e-5)
    assert len(model.fingerprint) == 64


def test_mode_of_the_saved_network_changes_nothing(tmp_path):
    network = random_network(config_of())
    training = folder.write(tmp_path / "a", network, "")
    network.eval()
    assert folder.write(tmp_path / "b", network, "") == training


def test_an_earlier_model_is_replaced_as_a_whole(written):
    (written / "extra").write_text("of the earlier model")
    fingerprint = folder.write(written, random_network(config_of("l3")), "new")
    assert folder.read(written)[2] == fingerprint
    assert folder.read(written)[0].network == "l3"
    assert not (written / "extra").exists()
    assert [p.name for p in written.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("broken", ["model.safetensors", "config.json", "README.md"])
def test_a_write_that_fails_leaves_the_earlier_model_and_nothing_else(written, monkeypatch, broken):
    _, _, before = folder.read(written)

    def fail(file, data, *_, write=Path.write_bytes):
        if file.name == broken:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, data if isinstance(data, bytes) else data.encode())

    monkeypatch.setattr(Path, "write_bytes", fail)
    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(ModelFolderError, match="cannot be written"):
        folder.write(written, random_network(config_of(), seed=1), "")
    assert folder.read(written)[2] == before
    assert [p.name for p in written.parent.iterdir()] == ["model"]


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ModelFolderError, match="does not exist"):
        load(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelFolderError, match="is not a model folder"):
        load(tmp_path / "file")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(written, name):
    (written / name).unlink()
    with pytest.raises(ModelFolderError, match="is missing") as refusal:
        load(written)
    assert refusal.value.subject == str(written / name)


def test_a_model_without_its_card_is_refused(written):
    (written / "README.md").unlink()
    with pytest.raises(ModelFolderError, match=r"README\.md: is missing"):
        folder.read(written)


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_truncated_weights_are_refused(written, kept):
    file = written / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(ModelFolderError, match="is damaged") as refusal:
        load(written)
    assert refusal.value.subject == str(file)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda a: a.pop("fc3.kernel"), r"lacks 1 of \d+ arrays, first 'fc3.kernel'"),
        (lambda a: a.update(fc4=np.zeros(2, np.float32)), "holds 1 arrays too many, first 'fc4'"),
        (lambda a: a.update({"fc3.kernel": np.zeros((2, 1), np.float32)}), r"'fc3.kernel' is float32\(2, 1\), wants"),
        (lambda a: a.update({"fc3.kernel": np.zeros((1, 2), np.float64)}), "'fc3.kernel' is float64"),
        (lambda a: a["fc3.kernel"].fill(np.nan), "'fc3.kernel' holds values that are not finite"),
        (lambda a: a["fc3.bias"].fill(np.inf), "'fc3.bias' holds values that are not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused(written, change, reason):
    change_weights(written, change)
    with pytest.raises(ModelFolderError, match=reason):
        load(written)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.pop("format"),
        lambda values: values.update(format="avnet-model-2"),
        lambda values: values.pop("model"),
        lambda values: values.update(model=[]),
        lambda values: values["model"].update(network="vgg"),
        lambda values: values["model"].update(colour="red"),
        lambda values: values["model"].pop("spectrogram"),
        lambda values: values["model"].update(image_size=33),
    ],
)
def test_a_foreign_configuration_is_refused(written, change):
    change_config(written, change)
    with pytest.raises(ModelFolderError) as refusal:
        load(written)
    assert refusal.value.subject == str(written / "config.json")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"3"])
def test_a_configuration_that_is_no_json_object_is_refused(written, text):
    (written / "config.json").write_bytes(text)
    with pytest.raises(ModelFolderError, match="cannot be read"):
        load(written)


def test_weights_of_another_network_are_refused(written, tmp_path):
    folder.write(tmp_path / "other", random_network(config_of("l3")), "")
    shutil.copy(tmp_path / "other" / "model.safetensors", written)
    with pytest.raises(ModelFolderError, match=r"model\.safetensors: (lacks|holds)"):
        load(written)


def test_weights_are_checked_against_the_configurations_sizes(written):
    change_config(written, lambda values: values["model"].update(embedding_size=16))
    with pytest.raises(ModelFolderError, match="wants float32"):
        load(written)


def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(written):
    (written / "config.json").unlink()
    os.mkfifo(written / "config.json")
    with pytest.raises(ModelFolderError, match="missing or cannot be read"):
        load(written)
