import csv
import os
import shutil
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from spoken.corpora import make_image, make_recording, make_table

from avnet.errors import ConfigError, DataError
from data.spoken.config import SpeakConfig
from data.spoken.readers.source import read_source
from data.spoken.readers.texts import read_texts
from data.spoken.recordings import read_speech
from data.spoken.speak import MAX_FAILURES, plan, speak

# Says "ah" whatever the caption; words in it tell it to fail. Counts what it said in a file.
FLITE = """#!/bin/sh
here="${0%/*}"
if [ "$1" = -lv ]; then echo "Voices available: kal slt rms awb"; exit 0; fi
[ "$1" = -voice ] && [ "$3" = -t ] && [ "$5" = -o ] && [ $# -eq 6 ] || exit 9
printf '%s|%s\\n' "$2" "$4" >> "$here/said"
case "$4" in
  *DIES*) kill -SEGV $$ ;;
  *FAILS*) exit 3 ;;
  *HANGS*) exec sleep 30 ;;
  *NOTHING*) exit 0 ;;
  *HALF*) head -c 1000 "$here/ah.wav" > "$6" ;;
  ...) cp "$here/short.wav" "$6" ;;
  *) cp "$here/ah.wav" "$6" ;;
esac
"""
CAPTIONS = [("a.png", "A dog runs ."), ("a.png", "It barks ."), ("b.png", "A cat sits .")]


@pytest.fixture
def flite(tmp_path, monkeypatch) -> Path:
    """The folder of a program that takes flite's place."""
    folder = tmp_path / "bin"
    make_recording(folder / "ah.wav", 0.5)
    make_recording(folder / "short.wav", 0.1)
    (folder / "flite").write_text(FLITE)
    (folder / "flite").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def write_captions(folder: Path, rows=CAPTIONS, header=("picture", "caption")) -> Path:
    """A table of captions beside the images a.png and b.png."""
    for i, name in enumerate("ab"):
        make_image(folder / f"{name}.png", i)
    return make_table(folder / "captions.csv", rows, header)


def calls_of(flite: Path) -> list[str]:
    return (flite / "said").read_text().splitlines() if (flite / "said").exists() else []


def rows_of(out: Path) -> list[list[str]]:
    with (out / "corpus.csv").open(newline="") as file:
        return list(csv.reader(file))


def test_captions_become_a_corpus_that_can_be_read(tmp_path, flite, capsys):
    table = write_captions(tmp_path, [(*row, "val") for row in CAPTIONS], ("image", "text", "split"))
    result = speak(SpeakConfig(table, tmp_path / "out"))
    assert result == pytest.approx({"captions": 3, "recordings": 3, "made": 3, "hours": 1.5 / 3600})
    assert "corpus: " in capsys.readouterr().out
    header, first, *_ = rows_of(tmp_path / "out")
    assert header == ["image", "recording", "speaker", "text", "split"]
    assert first == [str(tmp_path / "a.png"), "recordings/a_0_slt.wav", "slt", "A dog runs .", "val"]
    descriptions = read_source(tmp_path / "out").descriptions
    assert [item.recording.name for item in descriptions] == ["a_0_slt.wav", "a_1_slt.wav", "b_0_slt.wav"]
    assert {item.split for item in descriptions} == {"validation"} and {item.speaker for item in descriptions} == {
        "slt"
    }
    assert list(read_texts(tmp_path / "out").values()) == [text for _, text in CAPTIONS]
    assert sorted(calls_of(flite)) == sorted(f"slt|{text}" for _, text in CAPTIONS)


def test_images_in_the_corpus_are_named_relative_to_it(tmp_path, flite):
    table = write_captions(tmp_path / "out")
    speak(SpeakConfig(table, tmp_path / "out"))
    assert [row[0] for row in rows_of(tmp_path / "out")[1:]] == ["a.png", "a.png", "b.png"]
    shutil.move(tmp_path / "out", tmp_path / "moved")
    assert len(read_source(tmp_path / "moved").descriptions) == 3


def test_a_second_run_goes_on_where_the_first_ended(tmp_path, flite):
    table, out = write_captions(tmp_path), tmp_path / "out"
    speak(SpeakConfig(table, out))
    table_bytes, times = (out / "corpus.csv").read_bytes(), (out / "recordings" / "a_0_slt.wav").stat().st_mtime_ns
    (out / "recordings" / "a_1_slt.wav").unlink()
    leftover = out / "recordings" / ".a_1_slt.wav.0123456789abcdef.tmp"
    leftover.touch()
    os.utime(leftover, (0, 0))
    half = out / "recordings" / "b_0_slt.wav"
    half.write_bytes(half.read_bytes()[:2000])
    (flite / "said").unlink()
    result = speak(SpeakConfig(table, out, images=tmp_path))
    assert result["made"] == 2 and sorted(calls_of(flite)) == ["slt|A cat sits .", "slt|It barks ."]
    assert (out / "recordings" / "a_0_slt.wav").stat().st_mtime_ns == times
    assert (out / "corpus.csv").read_bytes() == table_bytes and len(read_speech(half)) == 8_000
    assert sorted(path.name for path in (out / "recordings").iterdir()) == ["a_0_slt.wav", "a_1_slt.wav", "b_0_slt.wav"]


def test_a_caption_that_has_changed_is_spoken_again(tmp_path, flite):
    table, out = write_captions(tmp_path), tmp_path / "out"
    speak(SpeakConfig(table, out))
    (flite / "said").unlink()
    make_table(
        table, [CAPTIONS[0], ("a.png", "It sleeps ."), *CAPTIONS[2:], ("b.png", "More .")], ("picture", "caption")
    )
    assert speak(SpeakConfig(table, out))["made"] == 2
    assert sorted(calls_of(flite)) == ["slt|It sleeps .", "slt|More ."]


def test_a_folder_with_another_corpus_is_left_alone(tmp_path, flite):
    table, out = write_captions(tmp_path), tmp_path / "out"
    speak(SpeakConfig(table, out))
    before = (out / "corpus.csv").read_bytes()
    with pytest.raises(DataError, match="other captions or voices, first 'recordings/a_0_slt"):
        speak(SpeakConfig(table, out, voice=("rms",)))
    assert (out / "corpus.csv").read_bytes() == before
    (out / "corpus.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="names the columns"):
        speak(SpeakConfig(table, out))
    with pytest.raises(DataError, match="cannot be a folder"):
        speak(SpeakConfig(table, table))


def test_several_voices_take_turns_and_begin_equally_often(tmp_path, flite):
    rows = [(f"{i}.png", f"Caption {k}") for i in range(60) for k in range(3)]
    table = make_table(tmp_path / "captions.csv", rows, ("picture", "caption"))
    plans = plan(SpeakConfig(table, tmp_path / "out", voice=("slt", "rms", "awb")))
    voices = defaultdict(list)
    for item in plans:
        voices[item.image].append(item.voice)
    assert all(sorted(voice_names) == ["awb", "rms", "slt"] for voice_names in voices.values())
    assert min(Counter(voice_names[0] for voice_names in voices.values()).values()) >= 10
    elsewhere = plan(SpeakConfig(table, tmp_path / "x", voice=("slt", "rms", "awb"), images=tmp_path / "else"))
    assert [item.recording for item in elsewhere] == [item.recording for item in plans]
    assert len({item.recording for item in plans}) == len(plans)


def test_images_of_one_stem_get_recordings_of_their_own(tmp_path, flite):
    rows = [("x/a.png", "One"), ("y/a.png", "Two"), ("x/a.png", "Three")]
    table = make_table(tmp_path / "captions.csv", rows, ("picture", "caption"))
    names = [item.recording for item in plan(SpeakConfig(table, tmp_path / "out"))]
    assert names == [f"recordings/a_{i}_slt.wav" for i in range(3)]


def test_long_names_get_recordings_whose_names_can_be_written(tmp_path, flite):
    names = ["n" * 240 + f"{i}.png" for i in range(2)] + ["猫" * 80 + ".png"]
    table = write_captions(tmp_path, [(name, "A dog") for name in names])
    for name in names:
        (tmp_path / name).write_bytes(b"an image")
    assert speak(SpeakConfig(table, tmp_path / "out"))["recordings"] == 3
    written = sorted(path.name for path in (tmp_path / "out" / "recordings").iterdir())
    assert written == ["n" * 200 + f"_{i}_slt.wav" for i in range(2)] + ["猫" * 66 + "_0_slt.wav"]


def test_what_cannot_be_spoken_is_named_and_the_rest_is(tmp_path, flite, capsys):
    odd = {
        "It DIES": "died of signal 11",
        "It FAILS": "ended with code 3",
        "It HANGS": "took longer than 0.5 s",
        "NOTHING": "wrote no recording",
        "HALF": "wrote no whole recording",
        "...": "flite made no speech of it: the recording lasts 0.10 s",
        " ": "has no caption",
        "x" * 1001: "its caption has 1001 characters; 1000 are the limit",
        "a\0b": "its caption has a NUL byte in it",
    }
    rows = [("a.png", text) for text in odd] + [
        ("no.png", "A dog"),
        ("", "A dog"),
        ("n" * 220 + ".png", "A dog"),
        *CAPTIONS,
    ]
    table = write_captions(tmp_path, rows)
    with table.open("ab") as file:
        file.write(b"a.png,caf\xe9\r\n")
    result = speak(SpeakConfig(table, tmp_path / "out", timeout_s=0.5))
    assert (
        result["captions"] == 16 and result["recordings"] == 3 and len(read_source(tmp_path / "out").descriptions) == 3
    )
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("left out: ")]
    assert len(lines) == 13
    reasons = [*odd.values(), "is missing", "names no image", "is missing", "is not UTF-8"]
    for row, reason in enumerate(reasons, start=2):
        number = row if row < 14 else 17
        assert any(line.startswith(f"left out: captions.csv row {number}: ") and reason in line for line in lines), (
            reason
        )
    assert len(list((tmp_path / "out" / "recordings").iterdir())) == 3


@pytest.mark.parametrize(
    "text", ["-f /etc/passwd", "-o x.wav", "--help", "/etc/passwd", "$(touch x)", "a;b `c` \"d\" 'e'"]
)
def test_nothing_in_a_caption_is_an_option_or_a_file(tmp_path, flite, text):
    speak(SpeakConfig(write_captions(tmp_path, [("a.png", text)]), tmp_path / "out"))
    assert calls_of(flite) == [f"slt|{text}"]


def test_a_flite_that_always_fails_ends_the_run(tmp_path, flite):
    table = write_captions(tmp_path, [("a.png", f"It FAILS {i}") for i in range(5 * MAX_FAILURES)])
    with pytest.raises(DataError, match=f"failed on {MAX_FAILURES} captions in a row"):
        speak(SpeakConfig(table, tmp_path / "out", workers=2))
    assert len(calls_of(flite)) < 2 * MAX_FAILURES
    few = write_captions(tmp_path, [("a.png", "...")])
    with pytest.raises(DataError, match="no caption that can be spoken"):
        speak(SpeakConfig(few, tmp_path / "few"))


def test_without_flite_or_the_voice_nothing_begins(tmp_path, flite, monkeypatch):
    table = write_captions(tmp_path)
    with pytest.raises(ConfigError, match="flite lacks nosuch, /etc/x; it has kal, slt, rms, awb"):
        speak(SpeakConfig(table, tmp_path / "out", voice=("slt", "nosuch", "/etc/x")))
    (flite / "flite").write_text("#!/nowhere\n")
    with pytest.raises(DataError, match="does not run"):
        speak(SpeakConfig(table, tmp_path / "out"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"is not installed \(apt-get install flite\)"):
        speak(SpeakConfig(table, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_options_and_tables_that_cannot_be_are_refused(tmp_path, flite):
    for voice, workers, timeout_s in (((), 1, 1.0), (("slt", "slt"), 1, 1.0), (("slt",), 0, 1.0), (("slt",), 1, 0.0)):
        with pytest.raises(ConfigError):
            SpeakConfig(tmp_path, tmp_path, voice, None, workers, timeout_s)
    for content in ("", "image\na.png\n", "picture,caption\n"):
        (tmp_path / "captions.csv").write_text(content)
        with pytest.raises(DataError):
            speak(SpeakConfig(tmp_path / "captions.csv", tmp_path / "out"))


def test_captions_are_spoken_side_by_side(tmp_path, flite):
    table = write_captions(tmp_path, [("a.png", f"HANGS {i}") for i in range(4)] + CAPTIONS)
    began = time.perf_counter()
    assert speak(SpeakConfig(table, tmp_path / "out", workers=4, timeout_s=1.0))["recordings"] == 3
    assert time.perf_counter() - began < 3.5


@pytest.mark.skipif(shutil.which("flite") is None or sys.platform != "linux", reason="flite is not installed")
def test_the_real_flite_speaks(tmp_path):
    rows = [*CAPTIONS, ("b.png", "..."), ("b.png", "-t a caption like an option"), ("b.png", "Café «тест»")]
    table = write_captions(tmp_path, rows)
    result = speak(SpeakConfig(table, tmp_path / "out", voice=("slt", "rms")))
    descriptions = read_source(tmp_path / "out").descriptions
    assert result["recordings"] == len(descriptions) >= 4 and result["hours"] > 0
    assert all(len(read_speech(item.recording)) > 8_000 for item in descriptions)
    assert {item.speaker for item in descriptions} == {"slt", "rms"}
    assert "..." not in read_texts(tmp_path / "out").values()
