"""Captions as they are published, read row by row."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from spoken.corpora import make_csv_corpus, make_flickr8k, make_image, make_json_corpus, make_stamps

from avnet.errors import ConfigError, DataError
from data.captions.readers.row import Caption, Row, check_rows
from data.captions.readers.source import rows_of


def captions_of(source: Path, *, max_words: int = 100, **options) -> list[Caption]:
    """The captions of a corpus in which every row can be used."""
    captions, left_out = check_rows(rows_of(source, **options), max_words)
    assert not left_out
    return captions


def left_out_of(source: Path, *, max_words: int = 100, **options) -> list[str]:
    """One line each for the rows that cannot be used."""
    lines = [str(one) for one in check_rows(rows_of(source, **options), max_words)[1]]
    assert not any("\n" in line for line in lines)
    return lines


def refusal_of(source: Path, **options) -> str:
    """The one line in which a corpus is refused."""
    with pytest.raises((DataError, ConfigError)) as refusal:
        rows_of(source, **options)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def make_images(folder: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        make_image(folder / name, seed)
    return folder


def write_json(path: Path, content) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def sentence(text: str, number: int, **fields) -> dict:
    return {"raw": text, "tokens": text.lower().split(), "sentid": number, **fields}


def make_karpathy(folder: Path) -> Path:
    """The shape of dataset_coco.json."""
    make_images(folder / "val2014", "a.jpg", "b.jpg")
    make_images(folder / "train2014", "c.jpg", "d.jpg")
    splits = {"a": "val", "b": "restval", "c": "train", "d": "test"}
    images = [
        {
            "filename": f"{name}.jpg",
            "filepath": "val2014" if name in "ab" else "train2014",
            "split": split,
            "sentences": [sentence(f"A {name}.", 2 * k), sentence("Two dogs", 2 * k + 1)],
        }
        for k, (name, split) in enumerate(splits.items())
    ]
    return write_json(folder / "lists" / "dataset_coco.json", {"dataset": "coco", "images": images})


def make_coco(folder: Path, subset: str = "train2017", **annotation) -> Path:
    """The shape of captions_train2017.json, beside its images."""
    make_images(folder / subset, "000000000001.jpg", "000000000007.jpg")
    images = [{"id": number, "file_name": f"{number:012d}.jpg", "height": 12, "width": 16} for number in (1, 7)]
    annotations = [{"id": 10 + k, "image_id": k, "caption": f"A dog {k}\n"} for k in (7, 1)]
    annotations += [{"id": 30, "image_id": 7, "caption": "A dog 7", **annotation}]
    return write_json(
        folder / "annotations" / f"captions_{subset}.json", {"images": images, "annotations": annotations}
    )


def test_karpathy_splits_are_read(tmp_path):
    path = make_karpathy(tmp_path)
    captions = captions_of(path)
    assert captions == captions_of(path.parent) == captions_of(path, images=tmp_path)
    assert captions[0] == Caption(tmp_path / "val2014" / "a.jpg", "A a.", "validation")
    # What is called restval is trained on.
    assert [one.split for one in captions[::2]] == ["validation", "train", "train", "test"]


def test_karpathy_without_folders_or_raw_texts(tmp_path):
    make_images(tmp_path / "Flicker8k_Dataset", "a.jpg")
    sentences = [sentence("", 0, tokens=["two", "dogs"]), sentence("Two dogs", 1), sentence("again", 1), 5]
    images = [{"filename": "a.jpg", "split": "train", "sentences": sentences}, {"filename": "a.jpg"}, 3]
    path = write_json(tmp_path / "dataset_flickr8k.json", {"images": images})
    captions, left_out = check_rows(rows_of(path), 100)
    assert [one.text for one in captions] == ["two dogs", "Two dogs"]
    reasons = ["has this caption from dataset_flickr8k.json image 1 sentence 2 already", "sentence 4: has no caption"]
    reasons += ["image 2: is not an image with sentences", "image 3: is not an image with sentences"]
    assert all(reason in str(one) for reason, one in zip(reasons, left_out, strict=True))


@pytest.mark.parametrize(("subset", "split"), [("train2017", "train"), ("val2014", "validation")])
def test_coco_annotations_are_read_with_the_split_of_their_name(tmp_path, subset, split):
    path = make_coco(tmp_path, subset)
    captions = captions_of(path)
    assert captions == captions_of(tmp_path / "annotations") == captions_of(path, images=tmp_path / subset)
    # Two people may write the same of an image: numbers tell captions apart.
    assert [(one.image.name, one.text) for one in captions] == [
        ("000000000007.jpg", "A dog 7"),
        ("000000000001.jpg", "A dog 1"),
        ("000000000007.jpg", "A dog 7"),
    ]
    assert {one.split for one in captions} == {split} and captions[0].image.parent == tmp_path / subset


def test_coco_of_one_year_is_one_corpus_and_of_two_is_refused(tmp_path):
    make_coco(tmp_path, "train2014")
    make_coco(tmp_path, "val2014")
    assert Counter(one.split for one in captions_of(tmp_path / "annotations")) == {"train": 3, "validation": 3}
    make_coco(tmp_path, "val2017")
    assert "captions of 2014 and 2017" in refusal_of(tmp_path / "annotations")


def test_coco_rows_that_cannot_be_used_are_named(tmp_path):
    path = make_coco(tmp_path)
    content = json.loads(path.read_text())
    content["images"] += [{"id": 8, "file_name": "gone.jpg"}, {"id": 9, "file_name": "../../a.jpg"}, {"id": 6}, None]
    odd = [(5, "x"), (8, "x"), (9, "x"), (6, "x"), (None, "x"), ([1], "x"), (1, None), (1, "\ud800"), (1, " \t\n")]
    content["annotations"] += [{"id": 50 + k, "image_id": i, "caption": text} for k, (i, text) in enumerate(odd)]
    content["annotations"] += [{"id": 10 + 7, "image_id": 7, "caption": "again"}, "text"]
    lines = left_out_of(write_json(path, content))
    reasons = ["image 5 is not among", "gone.jpg: is missing", "leaves the folder", "image 6 is not among"]
    reasons += ["names no image"] * 2 + ["has no caption", "not UTF-8", "has no caption"]
    reasons += ["has this caption from captions_train2017.json annotation 1 already", "names no image"]
    assert all(
        f"annotation {number}" in line and reason in line
        for number, line, reason in zip(range(4, 15), lines, reasons, strict=True)
    )


def test_token_file_of_flickr8k_is_read_with_its_splits(tmp_path):
    make_flickr8k(tmp_path)
    captions = captions_of(tmp_path / "Flickr8k_text")
    assert captions == captions_of(tmp_path / "Flickr8k_text" / "Flickr8k.token.txt")
    assert captions[0] == Caption(tmp_path / "Flicker8k_Dataset" / "p0.png", "A dog runs .", "train")
    assert [one.split for one in captions] == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2


def test_token_file_of_spreadsheets_and_odd_lines(tmp_path):
    images = make_images(tmp_path / "any", "a.jpg")
    path = tmp_path / "results_20130124.token"
    lines = ['\ufeffa.jpg#0\tSays "hi"\t\N{DOG FACE} twice', "", "a.jpg#1\tA\u2028dog", "a.jpg#1\tA cat", "a.jpg A cat"]
    lines += ["a.jpg.1#0\tA cat", "../b.jpg#0\tA cat", "a.jpg#2\t\N{DOG FACE}", ""]
    path.write_text("\r\n".join(lines), newline="")
    captions, left_out = check_rows(rows_of(path, images), 100)
    assert [one.text for one in captions] == ['Says "hi" \N{DOG FACE} twice', "A dog"]
    reasons = ["line 3 already", "is not IMAGE#NUMBER", "a.jpg.1: is missing", "leaves the folder", "has no word"]
    for number, one, reason in zip((4, 5, 6, 7, 8), left_out, reasons, strict=True):
        assert str(one).startswith(f"results_20130124.token line {number}: ") and reason in str(one)


def test_captions_of_the_web_are_found_by_the_ends_of_addresses(tmp_path):
    images = make_images(tmp_path / "files", "a.jpg", "b c.jpg", "same.jpg")
    rows = ["a dog\thttp://x.org/some/a.jpg?size=3", "a cat\thttps://x.org/b%20c.jpg", "a hen\tb c.jpg"]
    rows += ["one\thttp://x.org/1/same.jpg", "two\thttp://x.org/2/same.jpg", "far\thttp://x.org/d.jpg"]
    rows += [
        "root\thttp://x.org/",
        "only one",
        "bad\thttp://[x/a.jpg",
        "out\t../a.jpg",
        "a dog\thttp://x.org/some/a.jpg?size=3",
    ]
    (tmp_path / "Train_GCC-training.tsv").write_text("\n".join(rows))
    captions, left_out = check_rows(rows_of(tmp_path, images), 100)
    assert [(one.image.name, one.text, one.split) for one in captions] == [
        ("a.jpg", "a dog", "train"),
        ("b c.jpg", "a cat", "train"),
        ("b c.jpg", "a hen", "train"),
    ]
    reasons = ["one of 2 addresses that end in 'same.jpg'"] * 2 + ["d.jpg: is missing", "names no image", "has 1 cells"]
    reasons += ["names no image", "leaves the folder", "line 1 already"]
    assert all(reason in str(one) for reason, one in zip(reasons, left_out, strict=True))
    reverse = tmp_path / "cc12m.tsv"
    reverse.write_text("http://x.org/some/a.jpg\ta dog\n")
    assert [(one.image.name, one.text) for one in captions_of(reverse, images=images)] == [("a.jpg", "a dog")]


@pytest.mark.parametrize("form", [{}, {"delimiter": ";"}, {"delimiter": "\t"}, {"lineterminator": "\n"}])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_tables_of_spreadsheets_are_read(tmp_path, form, mark):
    make_images(tmp_path, "a.jpg")
    make_images(tmp_path / "Images", "b.jpg")
    text = 'He says "a; b",\nthen\tstops \N{DOG FACE}'
    rows = [("Image", "caption ", "split"), ("a.jpg", text, "Dev"), ("b.jpg", text, "test")]
    rows += [(str(tmp_path / "Images" / "b.jpg"), "A dog", "")]
    with (tmp_path / "captions.csv").open("w", newline="") as file:
        csv.writer(file, **form).writerows(rows)
    (tmp_path / "captions.csv").write_bytes(mark + (tmp_path / "captions.csv").read_bytes())
    one_line = 'He says "a; b", then stops \N{DOG FACE}'
    expected = [Caption(tmp_path / "a.jpg", one_line, "validation")]
    expected += [Caption(tmp_path / "Images" / "b.jpg", text, "test") for text in (one_line, "A dog")]
    assert captions_of(tmp_path) == captions_of(tmp_path / "captions.csv") == expected


def test_table_rows_that_cannot_be_used_are_named_and_the_reading_goes_on(tmp_path):
    images = make_images(tmp_path / "files", "a.jpg", "b.jpg", "c.jpg")
    make_images(tmp_path, "outside.jpg")
    rows = [("a.jpg", "one " * 100, "train"), ("a.jpg", "one " * 101, "train"), ("a.jpg", " ", ""), ("", "x", "")]
    rows += [("a.jpg", "x", "test"), ("a.jpg", "x", "later"), ("b.jpg", "x", ""), ("b.jpg", " x", "train")]
    rows += [
        ("../outside.jpg", "x", ""),
        (str(tmp_path / "outside.jpg"), "x", ""),
        ("d.jpg", "x", ""),
        ("c.jpg", "?!", ""),
    ]
    path = tmp_path / "captions.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("image", "caption", "split"), *rows])
    with path.open("ab") as file:
        file.write(b"c.jpg,caf\xe9,\r\nc.jpg,a,b,c\r\nc.jpg,a dog,\r\n")
    captions, left_out = check_rows(rows_of(path, images), 100)
    assert [one.image.name for one in captions] == ["a.jpg", "b.jpg", "c.jpg"]
    reasons = {3: "has 101 words; 100 are the limit", 4: "has no caption", 5: "names no image", 6: "is in test here"}
    reasons |= {7: "split 'later' is not", 9: "row 8 already", 10: "leaves the folder", 11: "leaves the folder"}
    reasons |= {12: "is missing", 13: "has no word in its caption '?!'", 14: "not UTF-8", 15: "has 4 cells"}
    for (row, reason), one in zip(reasons.items(), left_out, strict=True):
        assert str(one).startswith(f"captions.csv row {row}: ") and reason in str(one)


@pytest.mark.parametrize("make", [make_csv_corpus, make_json_corpus, make_flickr8k, make_stamps])
def test_texts_of_spoken_corpora_are_captions_without_their_recordings(tmp_path, make):
    source = make(tmp_path)
    for wav in tmp_path.rglob("*_?.wav"):
        wav.unlink()
    language = "fr" if make is make_stamps else "en"
    captions, left_out = check_rows(rows_of(source, language=language), 100)
    if make is make_stamps:
        assert [(one.image.name, one.text) for one in captions] == [("dog.png", "Un chien.")]
        assert any("has no caption" in str(one) for one in left_out)
    else:
        assert len(captions) == (3 if make is make_csv_corpus else 6)
        assert {one.text.lower().removesuffix(" .") for one in captions} == {"a dog runs"}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.json", "{", "is not JSON"),
        ("x.json", "[" * 100_000, "is not JSON"),
        ("x.json", "[]", "lists no captions"),
        ("x.json", '{"info": {}, "annotations": []}', "lists no captions"),
        ("x.json", '{"images": {"a": 1}}', "lists no captions"),
        ("x.csv", "", "names the columns image or picture, caption or text"),
        ("x.csv", "image,recording\na.jpg,a.wav\n", "names the columns image or picture, caption or text"),
        ("x.tsv", "no tab in it\n", "names the columns"),
        ("x.token", "\ufeff".encode("utf-16").decode("latin-1"), "is UTF-16"),
        ("x.sqlite3", "SQLite format 4", "is not a database"),
    ],
)
def test_what_lists_no_captions_is_refused_in_one_line(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    refusal = refusal_of(tmp_path / name)
    assert reason in refusal and name in refusal


def test_folders_that_say_too_much_or_nothing_are_refused(tmp_path):
    assert "does not exist" in refusal_of(tmp_path / "nowhere")
    assert "holds no captions (expected captions.csv," in refusal_of(tmp_path)
    assert "is not a folder" in refusal_of(make_coco(tmp_path), images=make_coco(tmp_path))
    for name in ("coco", "flickr8k"):
        write_json(tmp_path / "lists" / f"dataset_{name}.json", {"images": []})
    assert "dataset_coco.json and dataset_flickr8k.json" in refusal_of(tmp_path / "lists")
    assert "--images" in refusal_of(make_stamps(tmp_path / "stamps"), images=tmp_path)


def test_images_without_a_split_get_one_by_their_content(tmp_path):
    names = [f"{k}.png" for k in range(60)]
    make_images(tmp_path, *names)
    (tmp_path / "copy.png").write_bytes((tmp_path / "3.png").read_bytes())
    rows = [Row(str(k), tmp_path / name, text) for k, name in enumerate(names) for text in ("A dog", "A cat")]
    captions, _ = check_rows([*rows, Row("last", tmp_path / "copy.png", "A copy")], 100)
    splits = {one.image.name: one.split for one in captions}
    assert all(splits[one.image.name] == one.split for one in captions)
    assert set(splits.values()) == {"train", "validation", "test"} and splits["copy.png"] == splits["3.png"]
    assert 0.6 <= sum(split == "train" for split in splits.values()) / 61 <= 0.95
