import numpy as np
import pytest
from extras import need
from random_networks import random_backbone, small_config
from safetensors.numpy import save_file

from avnet.backbones.backbone import Backbone
from avnet.backbones.image.vit_weights import DIALECTS
from avnet.errors import AvnetError, ConfigError, ModelFolderError
from avnet.files.weights import arrays_of
from avnet.nn.torch_layout import torch_layout
from train.__main__ import main
from train.convert.config import VitConversionConfig
from train.convert.vit import vit


@pytest.fixture(scope="module")
def arrays():
    """Those of a random MAE in the words of its authors."""
    dialect = DIALECTS["mae"][1]
    return {
        dialect.theirs(ours)[0]: torch_layout(array) if ours.endswith("kernel") else array
        for ours, array in arrays_of(random_backbone("mae").network).items()
    }


@pytest.fixture
def file(tmp_path, arrays):
    save_file(arrays, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_program_makes_a_backbone_of_a_file_of_weights(file, tmp_path, capsys):
    main(["vit", str(file), "--out", str(tmp_path / "backbone"), "--image-size", "64", "--heads", "4"])
    out = capsys.readouterr().out
    assert "mae, 4x4 cells of 32 features" in out
    backbone = Backbone.load(tmp_path / "backbone")
    assert backbone.config == small_config("mae", 64) and backbone.fingerprint[:12] in out
    card = (tmp_path / "backbone" / "README.md").read_text()
    assert "CC BY-NC 4.0" in card and "`model.safetensors`, SHA-256" in card


def test_checkpoints_of_pytorch_are_read(arrays, file, tmp_path):
    torch = need("torch")
    # As the authors of MAE wrap it, in half precision.
    state = {name: torch.as_tensor(array).half() for name, array in arrays.items()}
    torch.save({"model": state}, tmp_path / "mae.pth")
    config = VitConversionConfig(tmp_path / "mae.pth", tmp_path / "backbone", heads=4)
    assert vit(config) == Backbone.load(tmp_path / "backbone").fingerprint
    kernel = arrays_of(Backbone.load(tmp_path / "backbone").network)["patches.kernel"]
    np.testing.assert_array_equal(kernel.transpose(3, 2, 0, 1), arrays["patch_embed.proj.weight"].astype(np.float16))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!DOCTYPE html><html>", "is a web page, not weights"),
        (b"\n <html>", "is a web page, not weights"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "is a pointer of Git LFS, not the weights"),
        (b"", "is damaged"),
        (None, "is damaged"),
    ],
)
def test_what_is_no_file_of_weights_is_refused_in_one_line(file, tmp_path, content, reason):
    file.write_bytes(file.read_bytes()[:-100] if content is None else content)
    with pytest.raises(AvnetError, match=reason) as refusal:
        vit(VitConversionConfig(file, tmp_path / "backbone"))
    assert "\n" not in str(refusal.value) and [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_weights_of_another_network_are_refused(tmp_path):
    save_file({"conv1.weight": np.zeros((64, 3, 7, 7), np.float32)}, tmp_path / "resnet.safetensors")
    with pytest.raises(ModelFolderError, match="has none of the networks that are known, DINOv2, CLIP and MAE; its fi"):
        vit(VitConversionConfig(tmp_path / "resnet.safetensors", tmp_path / "backbone"))
    with pytest.raises(ConfigError, match="--image-size: must be from 32 to 4096 pixels, got 8"):
        VitConversionConfig(tmp_path, tmp_path, image_size=8)
    with pytest.raises(ConfigError, match="--heads: must be at least 1"):
        VitConversionConfig(tmp_path, tmp_path, heads=0)
