"""A text describer, exported by the command in either format: the files alone write what its search writes."""

import json
import subprocess
import sys

import numpy as np
import pytest
from extras import need
from one_of_each import save_describer, save_text_describer
from random_networks import random_backbone

import avnet
from avnet.captioners.features import OF_GRIDS, REGIONS, grid_features
from avnet.captioners.hypothesis import Candidate
from avnet.cli.export import ExportConfig, run
from avnet.describer.text_describer import RARE, TextDescriber
from avnet.errors import ConfigError
from avnet.export.captioner.exported import ExportedCaptioner
from avnet.export.captioner.parts import places_of
from avnet.export.manifest import FormatName
from avnet.files.artifact import read_header
from avnet.files.kinds import EXPORTED_CAPTIONER

PAGE = """
import os, sys
os.chdir(sys.argv[1])
exec(open("README.md").read().split("```python\\n")[1].split("```")[0])
"""


@pytest.mark.parametrize("form", ["jax", "onnx"])
def test_the_files_alone_write_what_the_search_writes(form: FormatName, tmp_path, capsys):
    if form == "onnx":
        need("onnx")
    source, out = tmp_path / "describer", tmp_path / "exported"
    fingerprint = save_text_describer(source)
    run(ExportConfig(str(source), out, form))
    assert f"{out}/step.{form}: encoding/cells float32" in capsys.readouterr().out
    describer, exported = TextDescriber.load(source), avnet.load(out)
    assert isinstance(exported, ExportedCaptioner)
    assert read_header(out, EXPORTED_CAPTIONER).requires == {"describer": fingerprint}
    assert exported.words == describer.vocabulary == tuple(json.loads((out / "words.json").read_text()))
    cells, config = describer.backbone.cells, describer.parts.network.config
    assert exported.places == (cells**2 if form == "onnx" else None)
    features = grid_features(np.random.default_rng(0).normal(size=(3, cells, cells, 8)).astype(np.float32))
    nothing = np.full((3, config.retrieved, config.retrieved_length), config.padding, np.int32)
    similarity = np.zeros((3, config.retrieved), np.float32)
    for i, candidate in enumerate(exported.describe(features, nothing, similarity)):
        one = slice(i, i + 1)
        *pieces, last = describer.search.stream(features.select(one), nothing[one], similarity[one])
        assert isinstance(last, Candidate)
        assert candidate.pieces == tuple(pieces) and RARE not in pieces
        assert exported.sentence(candidate.pieces) == describer.sentence(candidate.pieces)
    # The page of the files writes words, too.
    page = subprocess.run([sys.executable, "-I", "-c", PAGE, str(out)], capture_output=True, text=True, check=True)
    assert set(page.stdout.split()) <= set(describer.vocabulary) - {""}


def test_a_describer_that_speaks_is_written_as_onnx_and_says_units(tmp_path):
    need("onnx")
    save_describer(tmp_path / "describer")
    run(ExportConfig(str(tmp_path / "describer"), tmp_path / "exported", "onnx"))
    exported = avnet.load(tmp_path / "exported")
    # Of the tower of its space.
    assert isinstance(exported, ExportedCaptioner) and exported.places == 4
    with pytest.raises(ConfigError, match="sentence: is what captioners over words write"):
        exported.sentence([0])


def test_every_kind_of_regions_has_a_number_of_places(tmp_path):
    backbone = random_backbone("tower", 64, (4, 4, 8, 8))
    backbone.save(tmp_path / "backbone")
    counts = {regions: places_of(regions, tmp_path / "backbone") for regions in REGIONS}
    cells = backbone.cells**2
    assert counts == {"grid": cells, "snake": cells, "windows": 30, "file": 36} and set(OF_GRIDS) < set(counts)
