"""`python -m eval phones`: phones and their times, by a program in flite's place."""

import csv
import json
from typing import Any

import numpy as np
import pytest
from stand_in_flite import StandInFlite

from avnet.errors import ConfigError, DataError
from avnet.synthesizers.flite.program import Flite, FliteError
from avnet.units.strings import UnitString
from data.spoken.config import SpokenConfig
from data.spoken.corpus import open_corpus
from data.spoken.pack import pack
from eval.spoken.config import PhonesConfig, UnitsConfig
from eval.spoken.phones import open_phones, phones, string_of, triphones_of
from eval.spoken.units import units

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture
def flite(tmp_path, monkeypatch) -> StandInFlite:
    return StandInFlite(tmp_path / "bin", monkeypatch)


def test_phones_begin_where_the_middle_of_a_window_lies():
    # Window n is around 160 n + 200 samples, so its middle third begins at 10 n + 7.5 ms.
    string = string_of([(4, 0.0275), (2, 0.0475), (2, 0.0575), (7, 0.058), (1, 0.1075)])
    assert string.units.tolist() == [4, 2, 1] and string.starts.tolist() == [0, 2, 5] and string.frames == 10
    assert len(string_of([]).units) == 0


def test_triphones_have_no_pause_in_them():
    string = UnitString(np.array([0, 5, 6, 7, 8, 0, 5]), np.array([0, 3, 4, 6, 9, 10, 12]), 13)
    found = [(one.phone, one.context, one.begin, one.end) for one in triphones_of([string], 0)]
    assert found == [(6, (5, 7), 3, 9), (7, (6, 8), 4, 10)]


def test_what_flite_prints_is_read_or_refused(flite):
    program = Flite.find(5)
    assert program.phones("It barks.", "slt") == [("pau", 0.1), ("t", 0.2), ("ow", 0.35), ("n", 0.4), ("pau", 0.5)]
    for text in ("ODD", "BACKWARD", "NOTHING"):
        with pytest.raises(FliteError, match="printed no phones for"):
            program.phones(text, "slt")
    with pytest.raises(FliteError, match="ended with code 3"):
        program.phones("FAILS", "slt")


@pytest.fixture
def corpus(world, tmp_path, flite):
    """The recordings of the tiny world, as if flite's tone had been all of them."""
    source = tmp_path / "source"
    source.mkdir()
    with (world.source / "corpus.csv").open() as file:
        rows = list(csv.DictReader(file))
    tone = (flite.folder / "tone.wav").read_bytes()
    for number, row in enumerate(rows):
        row["recording"], row["speaker"] = f"{number}.wav", "slt" if number else "somebody"
        row["image"] = str(world.source / row["image"])
        (source / row["recording"]).write_bytes(tone)
    with (source / "corpus.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    pack(SpokenConfig(source, tmp_path / "corpus"))
    return source, tmp_path / "corpus"


def test_a_corpus_of_flite_becomes_strings_that_units_are_compared_with(world, corpus, tmp_path, capsys):
    source, folder = corpus
    phones(PhonesConfig(folder, source, tmp_path / "phones", splits=("train", "validation")))
    opened = open_corpus(folder)
    names, strings = open_phones(tmp_path / "phones", opened)
    assert names == ["pau", "n", "ow", "t"]
    said = [number for number, string in enumerate(strings) if len(string.units)]
    wanted = np.concatenate([opened.recordings_in(split) for split in ("train", "validation")])
    assert said == sorted(number for number in wanted.tolist() if opened.speakers[number] == "slt")
    assert strings[said[0]].units.tolist() == [0, 3, 2, 1, 0]
    assert f"4 phones; of {len(said)} recordings {len(said)} are flite's" in capsys.readouterr().out
    options: dict[str, Any] = {"phones": tmp_path / "phones", "out": tmp_path / "out"}
    units(UnitsConfig(folder, (world.units, world.codes), **options))
    rows = json.loads((tmp_path / "out" / "units.json").read_text())["results"]
    assert rows["phones"]["units a second"] > 1
    assert len(rows) == 5 and {"cepstra", "drawn at random"} <= rows.keys()
    # All recordings are one tone: a unit tells nothing of the phone, and pauses do not count.
    figures = [row for row in rows.values() if "purity" in row]
    assert len(figures) == 3 and all(0.3 < row["purity"] <= 1 and 0 <= row["nmi"] < 0.5 for row in figures)
    with pytest.raises(ConfigError, match="--phones: needs the spoken corpus"):
        units(UnitsConfig(source, (world.units,), **options))
    with pytest.raises(DataError, match="gives the strings of another corpus"):
        units(UnitsConfig(world.corpus, (world.units,), **options))
    with pytest.raises(ConfigError, match="--units: names a folder twice"):
        units(UnitsConfig(folder, (world.units, world.units), tmp_path / "out"))


def test_recordings_that_are_not_flites_are_refused(world, flite, tmp_path):
    config = PhonesConfig(world.corpus, world.source, tmp_path / "phones")
    with pytest.raises(DataError, match=r"has no recording that flite \(kal, slt\) made of its text"):
        phones(config)
    assert not (tmp_path / "phones").exists()
    options: tuple[dict[str, Any], ...] = ({"splits": ()}, {"workers": 0}, {"timeout_s": 0.0})
    for wrong in options:
        with pytest.raises(ConfigError):
            PhonesConfig(world.corpus, world.source, tmp_path / "phones", **wrong)
