"""What holds for every kind of voice: it says the units that it was made with, and is refused for any others."""

from pathlib import Path

import pytest
from one_of_each import SAVE, units

import avnet
from avnet.errors import ModelFolderError
from avnet.files.artifact import read_header
from avnet.files.kinds import KINDS, WAVEGLOW
from avnet.synthesizers.synthesizer import Synthesizer
from avnet.synthesizers.units_folder import UnitsFolder
from avnet.synthesizers.voice import VOICES, open_voice
from avnet.units.kmeans import KMeansUnits

EACH = pytest.mark.parametrize("kind", [kind.name for kind in VOICES])


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """The folder of each kind of voice, not to be changed."""
    place = tmp_path_factory.mktemp("voices")
    return {kind.name: place / kind.name for kind in VOICES if SAVE[kind.name](place / kind.name)}


def test_all_that_says_units_is_a_voice():
    module = "avnet.synthesizers."
    assert {*VOICES} == {kind for kind in KINDS.values() if kind.home.startswith(module)} - {WAVEGLOW}
    assert {*VOICES} >= {kind for kind in KINDS.values() if issubclass(kind.type, UnitsFolder)}


@EACH
def test_it_names_the_units_that_it_was_made_with(folders, kind):
    assert read_header(folders[kind], KINDS[kind]).requires == {"units": units().fingerprint}
    assert isinstance(open_voice(folders[kind], units()), Synthesizer)


@EACH
def test_as_many_other_units_are_refused(folders, kind):
    other = KMeansUnits(units().centroids, units().mean, units().spread, 3.0)
    assert other.count == units().count
    with pytest.raises(ModelFolderError, match="was made with units of another fingerprint") as refusal:
        open_voice(folders[kind], other)
    assert "\n" not in str(refusal.value)
    with pytest.raises(ModelFolderError, match="was made with units of another fingerprint"):
        KINDS[kind].type.load(folders[kind], other.fingerprint)


@EACH
def test_without_units_to_compare_it_is_opened_as_it_is(folders, kind):
    assert type(avnet.load(folders[kind])) is KINDS[kind].type
