import json
import os
from collections import Counter
from pathlib import Path

import pytest
from spoken.corpora import (
    make_csv_corpus,
    make_flickr8k,
    make_image,
    make_json_corpus,
    make_media,
    make_recording,
    make_stamps,
    make_table,
)

from avnet.errors import ConfigError, DataError
from data.left_out import report
from data.names import path_of
from data.spoken.readers.description import Description, check_rows
from data.spoken.readers.source import read_source
from data.spoken.readers.texts import read_texts

MAKERS = (make_csv_corpus, make_json_corpus, make_flickr8k, make_stamps)


def refusal_of(source: Path, **options) -> str:
    """The one line in which a corpus is refused."""
    with pytest.raises((DataError, ConfigError)) as refusal:
        read_source(source, **options)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_table_gives_what_it_says(tmp_path):
    make_csv_corpus(tmp_path)
    descriptions = read_source(tmp_path).descriptions
    assert descriptions == read_source(tmp_path / "corpus.csv").descriptions and len(descriptions) == 6
    assert descriptions[1] == Description(tmp_path / "p0.png", tmp_path / "p0_1.wav", "slt", "train")
    assert read_texts(tmp_path) == dict.fromkeys([item.recording for item in descriptions], "A dog runs .")


def test_table_may_have_two_columns_and_absolute_paths(tmp_path):
    pairs = make_media(tmp_path / "media")
    rows = [[str(tmp_path / "media" / name) for name in pair] for pair in pairs]
    table = make_table(tmp_path / "any name.csv", rows, ("picture", "recording"))
    descriptions = read_source(table).descriptions
    assert [item.recording.name for item in descriptions] == [recording for _, recording in pairs]
    assert {item.speaker for item in descriptions} == {None} and read_texts(table) == {}


@pytest.mark.parametrize("form", [{}, {"delimiter": ";"}, {"delimiter": "\t"}, {"lineterminator": "\n"}])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_tables_of_spreadsheets_are_read(tmp_path, form, mark):
    rows = [(*pair, "slt", 'says "a; b", then\nstops', "val") for pair in make_media(tmp_path)]
    table = make_table(tmp_path / "corpus.csv", rows, ("Image", " recording", "SPEAKER", "text", "split"), **form)
    table.write_bytes(mark + table.read_bytes())
    descriptions = read_source(tmp_path).descriptions
    assert len(descriptions) == 6 and {item.split for item in descriptions} == {"validation"}
    assert set(read_texts(tmp_path).values()) == {'says "a; b", then stops'}


def test_json_with_an_entry_a_image_or_a_recording_is_read(tmp_path):
    path = make_json_corpus(tmp_path)
    by_image = read_source(path).descriptions
    assert by_image[3] == Description(tmp_path / "p1.png", tmp_path / "p1_1.wav", "m1", "validation")
    inner = json.loads(path.read_text())["data"]
    flat = [{"image": entry["image"], **caption} for entry in inner for caption in entry["captions"]]
    places = tmp_path / "val.json"
    places.write_text(json.dumps({"image_base_path": str(tmp_path), "audio_base_path": ".", "data": flat}))
    assert read_source(places).descriptions == by_image
    assert read_texts(places) == read_texts(path) != {}


def test_json_beside_its_images_or_with_folders_that_are_told(tmp_path):
    names = make_media(tmp_path / "val2014")
    (tmp_path / "SpokenCOCO").mkdir()
    for _, wav in names:
        (tmp_path / "val2014" / wav).rename(tmp_path / "SpokenCOCO" / wav)
    data = [{"image": f"val2014/{image}", "captions": [{"wav": wav}]} for image, wav in names]
    path = tmp_path / "SpokenCOCO" / "SpokenCOCO_test.json"
    path.write_text(json.dumps({"image_base_path": "/data/sls/nowhere", "data": data}))
    descriptions = read_source(path).descriptions
    assert {item.image.parent for item in descriptions} == {tmp_path / "val2014"} and descriptions[0].split == "test"
    path.rename(tmp_path / "test.json")
    assert descriptions == read_source(tmp_path / "test.json", recordings=tmp_path / "SpokenCOCO").descriptions


def test_several_json_files_of_a_folder_are_one_corpus(tmp_path):
    make_json_corpus(tmp_path / "a", name="val.json")
    data = [{"image": "p0.png", "wav": "p0_1.wav"}]
    make_media(tmp_path / "b")
    (tmp_path / "a" / "train.json").write_text(
        json.dumps({"image_base_path": "../b", "audio_base_path": "../b", "data": data})
    )
    (tmp_path / "a" / "notes.json").write_text("[]")
    descriptions = read_source(tmp_path / "a").descriptions
    assert Counter(item.split for item in descriptions) == {"train": 1, "validation": 6}


def test_flickr8k_as_published_is_read(tmp_path):
    descriptions = read_source(make_flickr8k(tmp_path)).descriptions
    assert [item.split for item in descriptions] == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2
    assert descriptions[0].image == tmp_path / "Flicker8k_Dataset" / "p0.png" and descriptions[0].speaker == "7"
    assert descriptions[0].recording == tmp_path / "flickr_audio" / "wavs" / "p0_0.wav"
    assert read_texts(tmp_path / "flickr_audio")[descriptions[0].recording] == "A dog runs ."


def test_stamps_speak_the_language_that_is_asked_for(tmp_path):
    make_stamps(tmp_path)
    french = read_source(tmp_path, language="fr")
    names = [item.recording.name for item in french.descriptions]
    assert names == ["dog_desc_fr.wav", "apple_desc_fr.wav", "7_fr.wav"]
    assert [str(item) for item in french.left_out] == [
        "town/house_desc_fr.wav: its image is an svg drawing, which is not read"
    ]
    # A bark is no word; a seven is, because it is spoken in French as well.
    assert [item.recording.name for item in read_source(tmp_path).descriptions] == ["dog_desc.wav", "7.wav"]
    assert [item.recording.name for item in read_source(tmp_path, language="pt").descriptions] == ["dog_desc_pt_BR.wav"]
    assert list(read_texts(tmp_path, language="fr").values()) == ["Un chien."]
    assert list(read_texts(tmp_path).values()) == ["A dog."]
    assert "language 'ru'" in refusal_of(tmp_path, language="ru")
    assert "must be a code" in refusal_of(tmp_path, language="../x")


@pytest.mark.parametrize("make", MAKERS)
def test_descriptions_know_nothing_of_the_texts(tmp_path, make):
    language = "fr" if make is make_stamps else "en"
    source = make(tmp_path)
    before, texts = read_source(source, language=language), read_texts(source, language=language)
    for file in tmp_path.rglob("*"):
        if file.suffix in (".csv", ".json", ".txt"):
            for text in set(texts.values()):
                file.write_text(
                    file.read_text().replace(text, "other words, entirely" if file.suffix == ".json" else "Zzz")
                )
    assert read_source(source, language=language) == before
    after = read_texts(source, language=language)
    assert after.keys() == texts.keys() and not set(after.values()) & set(texts.values())


def test_splits_come_from_the_content_of_images_and_are_the_same_for_all_their_recordings(tmp_path):
    pairs = make_media(tmp_path, images=60)
    make_table(tmp_path / "corpus.csv", [(*pair, "", "", "") for pair in pairs])
    descriptions = read_source(tmp_path).descriptions
    splits = {item.image.name: item.split for item in descriptions}
    assert all(splits[item.image.name] == item.split for item in descriptions)
    assert set(splits.values()) == {"train", "validation", "test"}
    assert 0.6 <= sum(split == "train" for split in splits.values()) / 60 <= 0.95
    # Another name, fewer rows, another order: the same split.
    (tmp_path / "p7.png").rename(tmp_path / "renamed.png")
    make_table(tmp_path / "corpus.csv", [("renamed.png", "p7_1.wav"), ("p3.png", "p3_0.wav")], ("image", "recording"))
    again = read_source(tmp_path).descriptions
    assert [item.split for item in again] == [splits["p7.png"], splits["p3.png"]]


def test_a_split_that_one_row_names_holds_for_the_image(tmp_path):
    make_media(tmp_path)
    rows = [("p0.png", "p0_0.wav", ""), ("p0.png", "p0_1.wav", "Dev"), ("p1.png", "p1_0.wav", "test")]
    rows += [("p1.png", "p1_1.wav", "train"), ("p2.png", "p2_0.wav", "held out")]
    make_table(tmp_path / "corpus.csv", rows, ("image", "recording", "split"))
    corpus = read_source(tmp_path)
    assert [item.split for item in corpus.descriptions] == ["validation", "validation", "test"]
    conflict, unknown = map(str, corpus.left_out)
    assert conflict.startswith("corpus.csv row 5") and "is in train here and in test before" in conflict
    assert "its split 'held out' is not one of" in unknown


def test_rows_that_cannot_be_used_are_named_and_the_reading_goes_on(tmp_path):
    make_media(tmp_path)
    os.mkfifo(tmp_path / "pipe.wav")
    rows = [
        ("p0.png", "p0_0.wav"),
        ("p0.png", "p0_0.wav"),
        ("p1.png", "p0_0.wav"),
        ("nowhere.png", "p0_1.wav"),
        ("p1.png", "nowhere.wav"),
        ("p1.png", ""),
        ("p1.png", "p1\0.wav"),
        ("p1.png", "x" * 5000),
        ("p1.png", "x" * 200_000),
        ("p1.png", "pipe.wav"),
        ("p1.png", "p1_0.wav", "one", "two", "more"),
        ("p2.png", "p2_0.wav"),
    ]
    make_table(tmp_path / "corpus.csv", rows, ("image", "recording"))
    with (tmp_path / "corpus.csv").open("ab") as file:
        file.write(b"p1.png,caf\xe9.wav\r\n\r\np2.png,p2_1.wav\r\n")
    corpus = read_source(tmp_path)
    assert [item.recording.name for item in corpus.descriptions] == ["p0_0.wav", "p2_0.wav", "p2_1.wav"]
    left_out = [str(item) for item in corpus.left_out]
    reasons = ["is the recording of corpus.csv row 2 already"] * 2 + ["is missing"] * 2
    reasons += ["names no recording", "NUL byte", "is missing", "field larger", "not a regular file", "has 5 cells"]
    reasons += ["(its name is not UTF-8)"]
    assert len(left_out) == len(reasons)
    for line, reason, row in zip(left_out, reasons, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14], strict=True):
        assert line.startswith(f"corpus.csv row {row}: ") and reason in line


def test_many_rows_do_not_fill_the_screen(tmp_path, capsys):
    make_media(tmp_path)
    rows = [("p0.png", "p0_0.wav"), *((f"none{i}.png", "p0_1.wav") for i in range(50))]
    make_table(tmp_path / "corpus.csv", rows, ("image", "recording"))
    corpus = read_source(tmp_path)
    report(corpus.left_out)
    assert len(corpus.descriptions) == 1
    assert capsys.readouterr().out.splitlines()[20:] == ["left out: 30 more"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "names the columns image or picture, recording"),
        (b"a,b\n1,2\n", "names the columns image or picture, recording"),
        (b"\0" * 1000, "names the columns image or picture, recording"),
        (b'"' + b"x" * 300_000, "names the columns image or picture, recording"),
        ("image,recording\n".encode("utf-16"), "is UTF-16"),
        (b"image,recording\n", "holds no description"),
        (b"image,recording\nno.png,no.wav\n", "no.png: is missing"),
        (b'image,recording\n"no.png,no.wav\n', "cannot be read (unexpected end of data)"),
    ],
)
def test_a_table_that_is_none_is_refused_in_one_line(tmp_path, content, reason):
    (tmp_path / "corpus.csv").write_bytes(content)
    assert reason in refusal_of(tmp_path / "corpus.csv")


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        '{"data": ' + "[" * 100_000,
        "{",
        "[]",
        '{"data": 1}',
        "\xff",
        '{"data": []}',
        '{"data": [1, null]}',
        '{"data": [{}]}',
        '{"data": [{"image": 5, "wav": "a"}]}',
        '{"data": [{"image": "a", "captions": 1}]}',
        '{"data": [{"image": "\\ud800", "wav": "\\u0000"}], "image_base_path": 4, "audio_base_path": "\\u0000"}',
        '{"data": [{"image": "p0.png", "captions": [{"wav": ["p0_0.wav"]}, 3, null, []]}]}',
    ],
    ids=range(13),
)
def test_json_that_is_no_corpus_is_refused_in_one_line(tmp_path, content):
    make_media(tmp_path)
    (tmp_path / "train.json").write_bytes(content.encode("latin-1"))
    assert "train.json" in refusal_of(tmp_path / "train.json")
    assert str(tmp_path) in refusal_of(tmp_path)


def test_json_does_not_lead_out_of_its_folders(tmp_path):
    make_media(tmp_path)
    make_media(tmp_path / "inside")
    outside = [
        {"image": "p0.png", "wav": wav} for wav in ("../p0_0.wav", str(tmp_path / "p0_0.wav"), "a/../../p0_0.wav")
    ]
    path = tmp_path / "inside" / "train.json"
    path.write_text(json.dumps({"data": [*outside, {"image": "./p0.png", "wav": "x/../p0_1.wav"}]}))
    corpus = read_source(path)
    assert [item.recording for item in corpus.descriptions] == [tmp_path / "inside" / "p0_1.wav"]
    assert all("leaves the folder" in str(item) for item in corpus.left_out) and len(corpus.left_out) == 3


def test_what_is_no_corpus_is_refused_in_one_line(tmp_path):
    assert "does not exist" in refusal_of(tmp_path / "nowhere")
    make_image(tmp_path / "dog.png")
    make_recording(tmp_path / "dog.wav")
    assert "holds no spoken descriptions" in refusal_of(tmp_path)
    assert "names the columns" in refusal_of(tmp_path / "dog.png")
    os.mkfifo(tmp_path / "pipe")
    assert "is not a regular file" in refusal_of(tmp_path / "pipe")
    os.mkfifo(tmp_path / "corpus.csv")
    assert "is not a regular file" in refusal_of(tmp_path)
    (tmp_path / "corpus.csv").unlink()
    make_csv_corpus(tmp_path)
    assert "are only for JSON" in refusal_of(tmp_path, images=tmp_path)
    assert "does not exist" in refusal_of(tmp_path, recordings=tmp_path / "nowhere")


def test_flickr8k_without_images_is_refused_and_odd_lines_are_left_out(tmp_path):
    folder = make_flickr8k(tmp_path)
    with (folder / "wav2capt.txt").open("ab") as file:
        file.write(b"\nonly two\n../x.wav p0.png #0\n\xff.wav p0.png #1\n")
    corpus = read_source(folder)
    assert len(corpus.descriptions) == 6 and [item.place.split()[-1] for item in corpus.left_out] == ["8", "9", "10"]
    (tmp_path / "Flicker8k_Dataset").rename(tmp_path / "elsewhere")
    assert "has no images" in refusal_of(folder)
    assert read_source(folder, images=tmp_path / "elsewhere").descriptions[0].image.parent == tmp_path / "elsewhere"
    (folder / "wav2spk.txt").unlink()
    assert read_source(folder, images=tmp_path / "elsewhere").descriptions[0].speaker is None


def test_a_image_without_content_has_no_split(tmp_path):
    make_media(tmp_path)
    (tmp_path / "p1.png").write_bytes(b"")
    make_table(tmp_path / "corpus.csv", [("p0.png", "p0_0.wav"), ("p1.png", "p1_0.wav")], ("image", "recording"))
    corpus = read_source(tmp_path)
    assert len(corpus.descriptions) == 1 and "is empty" in str(corpus.left_out[0])


def test_nothing_gives_nothing(tmp_path):
    assert check_rows([]) == ([], [])
    assert path_of(tmp_path, "./a/../b.png") == tmp_path / "b.png" and path_of(tmp_path, "/c") == Path("/c")
