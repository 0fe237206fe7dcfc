import json
import shutil
import subprocess
import sys
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
from extras import need
from random_networks import randomize

import avnet
from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.features import grid_features
from avnet.captioners.guards import Guards
from avnet.captioners.hypothesis import Candidate
from avnet.captioners.presets import KINDS
from avnet.captioners.search import Search
from avnet.errors import ConfigError, ModelFolderError
from avnet.export.captioner.exported import ExportedCaptioner
from avnet.export.captioner.folder import write_captioner
from avnet.export.captioner.functions import flat_functions
from avnet.export.captioner.parts import CaptionerParts
from avnet.export.manifest import FormatName
from avnet.export.onnx_session import open_session
from avnet.files.artifact import HEADER, fingerprint_of, read_header
from avnet.files.kinds import EXPORTED_CAPTIONER
from avnet.nn.abstract import abstract_network
from avnet.units.pieces import Pieces

PIECES = Pieces([[0], [1], [2], [3], [0, 1], [2, 3, 0]])
GUARDS = Guards(longest=14, repeated=3)
FINGERPRINT = "0123456789abcdef" * 4
# Of an image, in files of a fixed number.
PLACES = 12
FORMATS = pytest.mark.parametrize("form", ["jax", "onnx"])
# One whose state and encoding are the richest, and one that attends to nothing and has no key.
FAST = ("recurrent", "show-and-tell")
EACH = pytest.mark.parametrize(
    "kind", [*FAST, *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS if kind not in FAST)]
)


@cache
def network(kind, retrieved=2):
    sizes: dict[str, Any] = {"pieces": 6, "image_features": 4, "width": 8, "hidden": 8, "heads": 2, "longest": 12}
    config = CaptionerConfig(kind=kind, retrieved=retrieved, retrieved_length=4, **sizes)
    return randomize(abstract_network(lambda rngs: build_captioner(config, rngs=rngs)), seed=1)


def parts(kind):
    return CaptionerParts(network(kind), PIECES, GUARDS, FINGERPRINT, places=PLACES)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Gives the folder of an exported captioner."""

    @cache
    def make(kind, form: FormatName = "jax"):
        if form == "onnx":
            need("onnx")
        folder = tmp_path_factory.mktemp("exported") / kind
        write_captioner(folder, parts(kind), form)
        return folder

    return make


def questions(count, rows=2, columns=3):
    rng = np.random.default_rng(0)
    return (
        grid_features(rng.normal(size=(count, rows, columns, 4)).astype(np.float32) * 3),
        rng.integers(0, 6, (count, 2, 4)).astype(np.int32),
        rng.uniform(size=(count, 2)).astype(np.float32),
    )


@FORMATS
@EACH
def test_the_files_alone_say_what_the_stream_says(kind, form, place):
    exported, searching = avnet.load(place(kind, form)), Search(network(kind), PIECES, GUARDS)
    assert isinstance(exported, ExportedCaptioner)
    # Neither the number of images nor that of places is part of JAX's files; ONNX's take fewer places than they have.
    for count, rows in ((4, 2), (1, 4)):
        features, neighbors, similarity = questions(count, rows)
        for reward in (0.0, 0.4):
            together = exported.describe(features, neighbors, similarity, reward)
            for i, candidate in enumerate(together):
                one = slice(i, i + 1)
                *pieces, last = searching.stream(features.select(one), neighbors[one], similarity[one], reward)
                assert isinstance(last, Candidate)
                assert candidate.pieces == tuple(pieces) == last.pieces and candidate.reason == last.reason
                assert candidate.log_probability == pytest.approx(last.log_probability, abs=1e-4)
                np.testing.assert_array_equal(candidate.units, last.units)
                np.testing.assert_allclose(candidate.attention, last.attention, atol=1e-5)


ELSEWHERE = """
import os, sys
os.chdir(sys.argv[1])
page = open("README.md").read()
exec(page.split("```python\\n")[1].split("```")[0])
print(pieces)
print(sorted({name.split(".")[0] for name in sys.modules} & {"avnet", "flax", "jax", "optax"}))
"""


@FORMATS
def test_the_lines_of_its_page_run_without_this_package(form, place):
    folder, places = place("show-and-tell", form), {"jax": (7, 7), "onnx": (3, 4)}[form]
    run = [sys.executable, "-I", "-c", ELSEWHERE, str(folder)]
    pieces, modules = subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines()
    assert modules == str(["jax"] if form == "jax" else [])
    # The page looks at an image of zeros, without guards that forbid a piece.
    nothing = grid_features(np.zeros((1, *places, 4), np.float32))
    free = Search(network("show-and-tell"), PIECES, Guards(longest=40, repeated=40, collapsed=False))
    *expected, _ = free.stream(nothing, np.full((1, 2, 4), 7, np.int32), np.zeros((1, 2), np.float32))
    assert pieces == str(expected)


STEPS = (6, 1, 3, 3, 0, 5)


@pytest.mark.parametrize("retrieved", [0, 2])
@EACH
def test_graphs_of_onnx_compute_what_jax_computes(kind, retrieved):
    need("onnx")
    from avnet.export.captioner.onnx_graphs import onnx_functions

    captioner = network(kind, retrieved)
    flat, functions = flat_functions(captioner, 1, PLACES), onnx_functions(captioner, PLACES)
    runs = {name: open_session(content)[0] for name, content in functions.files.items()}
    rng, step = np.random.default_rng(0), jax.jit(flat.step)
    inputs = (
        rng.normal(size=(1, PLACES, 4)).astype(np.float32) * 3,
        np.arange(PLACES)[None] < PLACES - 3,
        rng.uniform(size=(1, PLACES, 4)).astype(np.float32),
        rng.integers(0, 8, (1, retrieved, 4)).astype(np.int32),
        rng.uniform(size=(1, retrieved)).astype(np.float32),
    )
    expected, arrays = jax.jit(flat.encode)(*inputs), runs["encode"](*inputs)
    _agree(arrays, expected)
    for token in STEPS:
        # Each goes on from its own state, so that an error would grow.
        count, latest = len(functions.encoding), np.array([token], np.int32)
        got, wanted = runs["step"](*arrays, latest), step(*expected, latest)
        _agree(got, wanted)
        arrays, expected = [*arrays[:count], *got[2:]], [*expected[:count], *wanted[2:]]


def _agree(arrays, expected):
    assert len(arrays) == len(expected)
    for array, one in zip(arrays, expected, strict=True):
        assert array.dtype == one.dtype and array.shape == one.shape
        np.testing.assert_allclose(array, one, rtol=0, atol=1e-4)


def test_more_places_than_were_exported_are_refused(place):
    features, neighbors, similarity = questions(1, rows=5)
    with pytest.raises(ConfigError, match="features: must be of 12 places at most, as exported, got 15"):
        avnet.load(place("show-and-tell", "onnx")).describe(features, neighbors, similarity)


@FORMATS
def test_a_file_of_other_arrays_than_its_header_says_is_refused(form, place, tmp_path):
    folder = shutil.copytree(place("show-and-tell", form), tmp_path / "folder")
    shutil.copyfile(folder / f"step.{form}", folder / f"encode.{form}")
    with pytest.raises(ModelFolderError, match=f"encode.{form}.* is damaged"):
        avnet.load(folder)
    header = json.loads((folder / HEADER).read_text())
    header["files"][f"encode.{form}"] = header["files"][f"step.{form}"]
    sums = {name: file["sha256"] for name, file in header["files"].items()}
    header["fingerprint"] = fingerprint_of(EXPORTED_CAPTIONER, header["config"], header["requires"], sums)
    (folder / HEADER).write_text(json.dumps(header))
    with pytest.raises(ModelFolderError, match=f"encode.{form}: is of other arrays than artifact.json says"):
        avnet.load(folder)


def test_it_says_of_which_describer_it_is(place):
    header = read_header(place("recurrent"), EXPORTED_CAPTIONER)
    assert header.requires == {"describer": FINGERPRINT}
    assert ExportedCaptioner.summary(header)["captioner"] == "recurrent"


def test_what_does_not_fit_is_refused(place, tmp_path):
    exported = avnet.load(place("recurrent"))
    features, neighbors, similarity = questions(2)
    with pytest.raises(ConfigError, match=r"features: must be \[images, places, 4\], got \[2, 6, 3\]"):
        exported.describe(features._replace(cells=features.cells[..., :3]), neighbors, similarity)
    with pytest.raises(ConfigError, match=r"descriptions: must be \[2, 2, 4\] and \[2, 2\], got"):
        exported.describe(features, neighbors[:1], similarity)
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(ModelFolderError, match="is neither empty nor an exported captioner"):
        write_captioner(tmp_path, parts("recurrent"))
