import json
from dataclasses import dataclass

import numpy as np
import pytest
from media.forged import forge, forge_config
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from avnet.audio.mfcc import static_cepstra
from avnet.audio.pcm import EXACT, to_pcm
from avnet.audio.recordings import ENDS, SAMPLES, Recordings, open_recordings, write_recordings
from avnet.errors import ModelFolderError
from avnet.synthesizers.selection.folder import CEPSTRA, PITCH, STRINGS, parts_of, read_parts, write_voice
from avnet.synthesizers.selection.voice import Voice
from avnet.units.strings import Strings, UnitString, read_strings


def waveforms() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.uniform(-1, 1, n).astype(np.float32) for n in (3, 0, 700, 1)]


def strings() -> list[UnitString]:
    """Of recordings of 5, 0, 3 and 1 frames."""
    rows = (([7, 3, 7], [0, 2, 4], 5), ([], [], 0), ([9], [0], 3), ([0], [0], 1))
    return [UnitString(np.array(units, np.int64), np.array(starts, np.int64), n) for units, starts, n in rows]


@pytest.fixture
def on_disk(tmp_path):
    """A folder of recordings, to be damaged."""
    write_recordings(tmp_path, waveforms())
    return tmp_path


def assert_refusal(read, path, reason: str) -> None:
    with pytest.raises(ModelFolderError, match=reason) as refusal:
        read(path)
    assert "\n" not in str(refusal.value)


def test_recordings_come_back_as_16_bits_of_what_was_written(on_disk):
    read, original = open_recordings(on_disk), Recordings.of(waveforms())
    assert len(read) == len(original) == 4 and read.lengths.tolist() == original.lengths.tolist() == [3, 0, 700, 1]
    for number, waveform in enumerate(waveforms()):
        assert (read[number] == original[number]).all() and read[number].dtype == np.float32
        assert (read.pcm(number) == to_pcm(waveform, EXACT)).all()
        assert read[number] == pytest.approx(np.minimum(waveform, 32767 / 32768), abs=0.5 / 32768)
    assert [len(waveform) for waveform in read] == [3, 0, 700, 1]


def test_writing_what_was_read_changes_no_byte(on_disk, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    write_recordings(again, open_recordings(on_disk))
    for name in (SAMPLES, ENDS):
        assert (again / name).read_bytes() == (on_disk / name).read_bytes()


def test_by_the_mu_law_they_take_half_of_the_space(tmp_path):
    tones = [0.5 * np.sin(np.arange(800) * step).astype(np.float32) for step in (0.01, 0.3)]
    write_recordings(tmp_path, tones, "mu-law")
    read = open_recordings(tmp_path)
    assert (tmp_path / SAMPLES).stat().st_size == 1600
    for number, tone in enumerate(tones):
        # 38 dB below the sound at any loudness.
        assert np.square(read[number] - tone).mean() < 1e-3 * np.square(tone).mean()
        assert read[number].dtype == np.float32 and read.pcm(number).dtype == np.int16
        assert (read.pcm(number) == to_pcm(read[number], EXACT)).all()
    assert [len(part) for part in read.in_stretches(500)] == [400] * 4
    assert (read.in_stretches(500)[1] == read[0][400:]).all()
    (tmp_path / SAMPLES).write_bytes(b"x" * 3200)
    assert_refusal(open_recordings, tmp_path, "another length")


def test_samples_are_read_only_when_they_are_asked_for(on_disk):
    read = open_recordings(on_disk)
    assert isinstance(read.pcm(2), np.memmap) and not read.pcm(2).flags.writeable
    assert (read[-1] == read[3]).all() and (read[np.int64(0)] == read[0]).all()
    for number in (4, -5):
        with pytest.raises(IndexError):
            read[number]


def test_16_bits_are_worked_out_by_hand():
    result = to_pcm(np.array([0.0, 0.5, -1.0, 1.0, -3.0, 0.6 / 32768], np.float32), EXACT)
    assert result.tolist() == [0, 16384, -32768, 32767, -32768, 1]


@pytest.mark.parametrize("bad", [[], [np.zeros(0, np.float32)] * 2])
def test_nothing_can_be_written_and_read(tmp_path, bad):
    write_recordings(tmp_path, bad)
    assert open_recordings(tmp_path).lengths.tolist() == [0] * len(bad)


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        (ENDS, b"{", "damaged"),
        (ENDS, b"[]", "damaged"),
        (ENDS, b'{"format": "avnet-recordings-3", "sample_rate": 16000, "ends": []}', "not a file of"),
        (ENDS, b'{"format": ["avnet-recordings-1"], "sample_rate": 16000, "ends": []}', "damaged"),
        (ENDS, b'{"format": "avnet-recordings-1", "sample_rate": 8000, "ends": []}', "not a file of"),
        (ENDS, b'{"format": "avnet-recordings-1", "sample_rate": 16000}', "ends"),
        (ENDS, None, "holds no recordings"),
        (SAMPLES, b"short", "another length"),
        (SAMPLES, None, "is missing"),
    ],
)
def test_damaged_recordings_are_refused_in_one_line(on_disk, file, content, reason):
    (on_disk / file).unlink()
    if content is not None:
        (on_disk / file).write_bytes(content)
    assert_refusal(open_recordings, on_disk, reason)


@pytest.mark.parametrize("ends", [[3, 2, 703, 704], [-1, 3, 703, 704], [3.0, 704.0], "704", [[704]], [10**30], None])
def test_ends_that_cannot_be_are_refused(on_disk, ends):
    listing = json.loads((on_disk / ENDS).read_text())
    (on_disk / ENDS).write_text(json.dumps({**listing, "ends": ends}))
    assert_refusal(open_recordings, on_disk, "not in order|a number of 31 digits")


def test_strings_come_back_as_they_were(tmp_path):
    (tmp_path / "s").write_bytes(Strings.of(strings()).to_bytes())
    read = read_strings(tmp_path / "s")
    assert read.lengths.tolist() == [3, 0, 1, 1] and len(read) == 4
    for result, bad in zip(read, strings(), strict=True):
        assert result.units.tolist() == bad.units.tolist() and result.starts.tolist() == bad.starts.tolist()
        assert result.frames == bad.frames and result.durations.tolist() == bad.durations.tolist()
    assert Strings.of(read).to_bytes() == (tmp_path / "s").read_bytes()
    assert read[-1].units.tolist() == [0]
    with pytest.raises(IndexError):
        read[4]


def test_no_strings_can_be_written_and_read(tmp_path):
    (tmp_path / "s").write_bytes(Strings.of([]).to_bytes())
    assert len(read_strings(tmp_path / "s")) == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"units": None}, "units"),
        ({"units": np.zeros(5, np.float32)}, "whole numbers"),
        ({"starts": np.zeros(5, np.uint32)}, "whole numbers"),
        ({"ends": np.array([[3, 3, 4, 5]])}, "damaged ones"),
        ({"units": np.zeros(4, np.int32)}, "do not fit"),
        ({"ends": np.array([3, 3, 4, 4])}, "do not fit"),
        ({"frames": np.array([5, 0, 3], np.int32)}, "do not fit"),
        ({"ends": np.array([3, 2, 4, 5])}, "not in order"),
        ({"frames": np.array([5, -1, 3, 1], np.int32)}, "not in order"),
        ({"units": np.array([7, 3, -1, 9, 0], np.int32)}, "out of range"),
        ({"units": np.array([7, 3, 1 << 16, 9, 0], np.int32)}, "out of range"),
        ({"starts": np.array([-1, 2, 4, 0, 0], np.int32)}, "out of range"),
        ({"starts": np.array([0, 2, 2, 0, 0], np.int32)}, "frames of a recording"),
        ({"starts": np.array([0, 2, 5, 0, 0], np.int32)}, "frames of a recording"),
        ({"starts": np.array([0, 2, 4, 3, 0], np.int32)}, "frames of a recording"),
    ],
)
def test_strings_that_cannot_be_are_refused(tmp_path, change, reason):
    arrays = {**load_safetensors(Strings.of(strings()).to_bytes()), **change}
    original = {name: array for name, array in arrays.items() if array is not None}
    (tmp_path / "s").write_bytes(save_safetensors(original))
    assert_refusal(read_strings, tmp_path / "s", reason)


@pytest.mark.parametrize("content", [None, b"", b"cut"])
def test_a_damaged_file_of_strings_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "s").write_bytes(content)
    assert_refusal(read_strings, tmp_path / "s", "holds no unit strings")


def utterances(seed: int = 0) -> tuple[list[np.ndarray], Strings]:
    """Recordings of 8 frames with two units each."""
    rng = np.random.default_rng(seed)
    sounds = [rng.uniform(-0.5, 0.5, 400 + 7 * 160).astype(np.float32) for _ in range(3)]
    return sounds, Strings.of(UnitString(np.array([i, 5]), np.array([0, 4]), 8) for i in range(3))


@dataclass(frozen=True)
class Language:
    fingerprint: str = "f"
    frames_per_step: int = 1


def open_part(path):
    return Voice.load(path, "f")


def test_a_voice_has_those_that_are_listed_in_their_order(tmp_path):
    write_voice(tmp_path / "voice", *utterances(), [2, 0], Language())
    voice = open_part(tmp_path / "voice")
    assert [string.units.tolist() for string in voice.strings] == [[2, 5], [0, 5]]
    assert (voice.waveforms[0] == Recordings.of(utterances()[0])[2]).all()
    assert len(voice.speak(np.array([2, 5]))) > 0 and len(voice.speak(np.array([1]))) == 0


def test_a_voice_of_other_units_is_refused(tmp_path):
    write_voice(tmp_path / "voice", *utterances(), [0], Language())
    with pytest.raises(ModelFolderError, match=r"was made with units of another fingerprint \(f\.\.\., not g\.\.\.\)"):
        Voice.load(tmp_path / "voice", "g")
    for frames in (0, True, "1", 10_000):
        forge_config(tmp_path / "voice", lambda config, frames=frames: config.update(frames_per_step=frames))
        assert_refusal(open_part, tmp_path / "voice", "not a voice, or damaged")


def test_cepstra_are_those_of_the_frames_that_have_units(tmp_path):
    sounds, strings_of_all = utterances()
    shorter = Strings.of(UnitString(s.units, s.starts, 6) for s in strings_of_all)
    write_voice(tmp_path / "voice", sounds, shorter, [0, 1, 2], Language())
    parts = read_parts(tmp_path / "voice", "f")
    assert len(parts.cepstra) == 18
    assert parts.cepstra[6:12] == pytest.approx(static_cepstra(sounds[1])[:6], abs=0.05)


def test_pitch_is_that_of_the_frames_that_have_units(tmp_path):
    # A tone of 200 Hz between 0.1 s of silence on either side; the middle of frame i is 12.5 + 10 i ms.
    time = np.arange(16_000) / 16_000
    tone = sum(np.sin(2 * np.pi * 200 * n * time) / n for n in range(1, 9))
    sound = np.where((time > 0.1) & (time < 0.9), 0.2 * tone, 0.0).astype(np.float32)
    strings_of_it = Strings.of([UnitString(np.array([1]), np.array([0]), 98)])
    write_voice(tmp_path / "voice", [sound], strings_of_it, [0], Language())
    hertz = read_parts(tmp_path / "voice").hertz.astype(np.float64)
    assert hertz[12:85] == pytest.approx(200, abs=1) and not hertz[[*range(6), *range(92, 98)]].any()
    assert parts_of([sound], strings_of_it, Language()).hertz == pytest.approx(hertz, abs=0.2)


def test_a_voice_of_before_has_no_pitch_and_damaged_pitch_is_refused(tmp_path):
    folder = tmp_path / "voice"
    write_voice(folder, *utterances(), [0, 1], Language())
    for bad in (np.full(16, np.nan), np.full(16, -1.0), np.full(16, 60_000.0)):
        np.save(folder / PITCH, bad.astype(np.float16))
        forge(folder)
        assert_refusal(open_part, folder, "a pitch that is not from 0 to 2000 Hz")
    np.save(folder / PITCH, np.zeros(16))
    forge(folder)
    assert_refusal(open_part, folder, "holds no pitch, or damaged")
    np.save(folder / PITCH, np.zeros(15, np.float16))
    forge(folder)
    assert_refusal(open_part, folder, "16 frames of cepstra and 15 of pitch")
    (folder / PITCH).unlink()
    forge(folder)
    assert not read_parts(folder).hertz.any() and len(open_part(folder).speak(np.array([1, 5])))


def test_a_voice_whose_parts_do_not_fit_is_refused(tmp_path):
    sounds, strings_of_all = utterances()
    write_voice(tmp_path / "voice", sounds, strings_of_all, [0, 1, 2], Language())
    assert_refusal(open_part, tmp_path / "nowhere", "does not exist")
    for result, reason in (
        (list(strings_of_all)[:2], "3 recordings and 2 strings"),
        ([UnitString(s.units, s.starts, 9) for s in strings_of_all], "longer than their recordings"),
        ([UnitString(s.units[:0], s.starts[:0], 8) for s in strings_of_all], "no recording with speech"),
    ):
        (tmp_path / "voice" / STRINGS).write_bytes(Strings.of(result).to_bytes())
        forge(tmp_path / "voice")
        assert_refusal(open_part, tmp_path / "voice", reason)
    (tmp_path / "voice" / CEPSTRA).write_bytes(b"cut")
    (tmp_path / "voice" / STRINGS).write_bytes(strings_of_all.to_bytes())
    forge(tmp_path / "voice")
    with pytest.raises(ModelFolderError, match="holds no cepstra"):
        open_part(tmp_path / "voice")
    (tmp_path / "voice" / STRINGS).unlink()
    assert_refusal(open_part, tmp_path / "voice", "is missing")
