"""What holds for every kind of voice: it says the units that it was made with, and is refused for any others."""

import shutil
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from one_of_each import SAVE, units
from random_networks import random_tacotron2
from scipy.io import wavfile
from spoken.vowels import vowels

import avnet
from avnet.errors import DataError, ModelFolderError
from avnet.events import Notice
from avnet.files.artifact import HEADER, read_header
from avnet.files.kinds import KINDS, WAVEGLOW
from avnet.synthesizers.synthesizer import Synthesizer
from avnet.synthesizers.tacotron2.voice import STRICT, TacotronVoice
from avnet.synthesizers.units_folder import UnitsFolder
from avnet.synthesizers.voice import VOICES, open_voice, read_folder
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


@EACH
def test_units_that_do_not_exist_are_passed_over_and_nothing_is_said_of_nothing(folders, kind):
    voice = open_voice(folders[kind], units())
    waveform = voice.speak(np.array([0, 5, 1]))
    assert waveform.dtype == np.float32 and np.isfinite(waveform).all() and len(waveform) > 0
    assert np.array_equal(voice.speak(np.array([-1, 0, 8, 5, 2**40, 1, -(2**40)])), waveform)
    for nothing in ([], [-1], [8, 9999]):
        assert voice.speak(np.array(nothing, np.int64)).shape == (0,)
        assert sum(map(len, voice.stream(nothing))) == 0


@EACH
@pytest.mark.parametrize("damage", ["cut", "empty", "missing", "header"])
def test_a_damaged_folder_is_refused_in_one_line(folders, kind, damage, tmp_path):
    for name in read_header(folders[kind], KINDS[kind]).files:
        copy = shutil.copytree(folders[kind], tmp_path / name)
        file = copy / (HEADER if damage == "header" else name)
        content = file.read_bytes()
        file.unlink()
        if damage != "missing":
            file.write_bytes(content[: 0 if damage == "empty" else len(content) - 2])
        with pytest.raises(ModelFolderError) as refusal:
            open_voice(copy, units())
        assert "\n" not in str(refusal.value) and str(copy) in str(refusal.value)


def test_a_tacotron_that_never_stops_is_ended_and_says_so():
    network = random_tacotron2()
    network.decoder.stop.bias = nnx.Param(jnp.full_like(network.decoder.stop.bias[...], -1e4))
    events = []
    voice = TacotronVoice(network, events.append)
    string = np.arange(300) % 7
    waveform = voice.speak(string)
    assert len(waveform) <= 160 * STRICT.limit(len(string)) and np.isfinite(waveform).all()
    (notice,) = events
    assert isinstance(notice, Notice) and notice.text.startswith("attention failed") and "\n" not in notice.text


def write(folder: Path, waveform: np.ndarray, rate: int = 16_000) -> Path:
    folder.mkdir()
    wavfile.write(folder / "a.wav", rate, (32767 * waveform).astype(np.int16))
    return folder


def test_a_long_recording_is_listened_to_in_stretches(tmp_path, monkeypatch):
    lengths = []
    encode_all = KMeansUnits.encode_all

    def encode(self, waveforms):
        lengths.extend(map(len, waveforms))
        return encode_all(self, waveforms)

    monkeypatch.setattr(KMeansUnits, "encode_all", encode)
    monkeypatch.setattr("avnet.synthesizers.voice.STRETCH_S", 1)
    voice = read_folder(write(tmp_path / "long", vowels([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1])), units())
    assert lengths == [11_733, 11_733, 11_734] and len(voice.strings) == 3


def test_silence_is_no_voice(tmp_path):
    with pytest.raises(DataError, match=r"silent: holds nothing but silence: no sample is beyond 0\.001$"):
        open_voice(write(tmp_path / "silent", np.zeros(16_000)), units())
    with pytest.raises(DataError, match="has no recording with speech of 25 ms or more"):
        open_voice(write(tmp_path / "short", vowels([0])[:100]), units())


def test_recordings_of_8_khz_last_as_long_at_16_khz(tmp_path):
    sound = vowels([0, 1, 2])
    voice = read_folder(write(tmp_path / "narrow", sound[::2], 8_000), units())
    assert len(voice.waveforms[0]) == pytest.approx(len(sound), abs=200)
    assert len(voice.speak(voice.strings[0].units)) == len(voice.waveforms[0])
