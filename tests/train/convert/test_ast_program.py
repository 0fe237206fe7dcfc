from dataclasses import replace

import numpy as np
import pytest
from extras import need
from random_networks import random_ast_backbone
from safetensors.numpy import save_file

from avnet.backbones.audio.ast_weights import DIALECTS
from avnet.backbones.audio.backbone import AudioBackbone
from avnet.errors import AvnetError, ConfigError
from avnet.files.weights import arrays_of
from avnet.nn.torch_layout import torch_layout
from train.__main__ import main
from train.convert.ast import ast
from train.convert.config import AstConversionConfig


@pytest.fixture(scope="module")
def arrays():
    """Those of a random AST in the words of its authors."""
    (dialect, *_), result = DIALECTS["ast"], {}
    for ours, array in arrays_of(random_ast_backbone(classes=527).network).items():
        names = dialect.theirs(ours)
        parts = np.split(array, len(names))
        result |= dict(zip(names, map(torch_layout, parts) if ours.endswith("kernel") else parts, strict=True))
    return {name: np.ascontiguousarray(array) for name, array in result.items()}


@pytest.fixture
def file(tmp_path, arrays):
    save_file(arrays, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_program_makes_an_audio_backbone_of_a_file_of_weights(file, tmp_path, capsys):
    main(["ast", str(file), "--out", str(tmp_path / "backbone"), "--heads", "4", "--frames", "200"])
    backbone, out = AudioBackbone.load(tmp_path / "backbone"), capsys.readouterr().out
    assert "ast, 527 classes" in out and backbone.fingerprint[:12] in out
    assert backbone.config == random_ast_backbone(frames=200, classes=527).config
    card = (tmp_path / "backbone" / "README.md").read_text()
    assert "32 features for\n2.015 s of sound, one every 1 s, and the scores" in card and "BSD 3-Clause" in card


def test_checkpoints_of_pytorch_are_read(arrays, tmp_path):
    torch = need("torch")
    # As the authors save it: of a network that was spread over several GPUs.
    torch.save({f"module.{name}": torch.as_tensor(array) for name, array in arrays.items()}, tmp_path / "ast.pth")
    config = AstConversionConfig(tmp_path / "ast.pth", tmp_path / "backbone", heads=4, classifier=False)
    ast(config)
    expected = arrays_of(random_ast_backbone(classes=527).network)
    for name, array in arrays_of(AudioBackbone.load(tmp_path / "backbone").network).items():
        assert not name.startswith("classifier")
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize(
    ("content", "reason"), [(b"<html>", "is a web page, not weights"), (b"x" * 100, "is damaged"), (None, "is damaged")]
)
def test_what_is_no_file_of_weights_is_refused_in_one_line(file, tmp_path, content, reason):
    file.write_bytes(file.read_bytes()[:-100] if content is None else content)
    with pytest.raises(AvnetError, match=reason) as refusal:
        ast(AstConversionConfig(file, tmp_path / "backbone"))
    assert "\n" not in str(refusal.value) and [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_options_beyond_their_bounds_are_refused(tmp_path):
    config = AstConversionConfig(tmp_path, tmp_path)
    for name, value in (("frames", 15), ("frames", 6000), ("trained_frames", 3), ("heads", 0)):
        with pytest.raises(ConfigError, match=f"--{name.replace('_', '-')}"):
            replace(config, **{name: value})
