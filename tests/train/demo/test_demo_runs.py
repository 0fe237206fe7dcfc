"""Both demos in tiny, from nothing to the page."""

import json

import numpy as np
import pytest
from random_networks import random_network

from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from train.demo import material, program, scratch
from train.demo.config import DemoConfig, ScratchDemoConfig

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def without_stamps(monkeypatch):
    """Shapes, which need no network."""
    monkeypatch.setattr(material, "find_stamps", lambda: None)


def test_the_demo_shows_a_model_before_and_after(tmp_path, capsys):
    sizes = AudioBackboneConfig.yamnet()
    config = ModelConfig.on_backbones("joint", BackboneConfig("mobilenetv2", 32, classes=1000), sizes, embedding_size=4)
    first = Model(config, random_network(config)).save(tmp_path / "model")
    demo = DemoConfig(out=tmp_path / "demo", model=tmp_path / "model", classes=4, clips=24, steps=2)
    program.demo_and_print(demo)
    captured = capsys.readouterr()
    report = tmp_path / "demo" / "report.html"
    assert captured.out.splitlines()[-1] == f"report: {report}"
    page = report.read_text()
    assert "Drawn shapes" in page
    # Nobody described a shape.
    assert "in French" not in page
    for when in ("before", "after"):
        assert (tmp_path / "demo" / "localized" / when / "overlay.mp4").stat().st_size
        assert f"localized/{when}/overlay.mp4" in page
    models = {
        when: json.loads((tmp_path / "demo/eval" / when / "avc.json").read_text())["model"]["fingerprint"]
        for when in ("before", "after")
    }
    assert models["before"] == first != models["after"] == Model.load(tmp_path / "demo/adapted/model").fingerprint
    # Every figure that was measured is on the page; what was trained on is not measured.
    held_out = len(list((tmp_path / "demo/clips/test").glob("*.mp4")))
    assert 0 < json.loads((tmp_path / "demo/eval/after/retrieval.json").read_text())["results"]["videos"] <= held_out
    assert page.count("<tr>") >= 12
    announced = [line for line in captured.err.splitlines() if line.startswith("== ")]
    assert announced[0] == "== composing videos" and announced[-1] == "== localizing with the adapted model"
    assert all(f"<td>{line.removeprefix('== ')}</td>" in page for line in announced)


def test_the_demo_from_scratch_makes_its_page(tmp_path):
    config = ScratchDemoConfig(out=tmp_path / "demo", classes=4, clips=100, ave_steps=2, avol_steps=2)
    page = scratch.demo(config).read_text()
    assert "Reached on clips that were held out" in page
    assert "training AVOL-Net" in page and "learning to speak" not in page
    grids = np.load(tmp_path / "demo/localized/heatmaps.npz")["heatmaps"]
    assert len(grids) == 10 and 0 <= grids.min() <= grids.max() <= 1
    assert (tmp_path / "demo/localized/overlay.mp4").stat().st_size
