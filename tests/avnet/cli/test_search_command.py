import base64
import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import avnet
from avnet.media import read_waveform

JSON = ("--format", "json")


def test_image_finds_sounds_and_sound_finds_images(run, models, media, index_folder):
    code, out, _ = run("search", models / "ave", index_folder, "--image", media / "photo.png", *JSON)
    result = json.loads(out)
    assert code == 0 and len(result) == 1 and {hit["kind"] for hit in result[0]["hits"]} == {"sound"}
    assert sorted(Path(hit["file"]).name for hit in result[0]["hits"]) == ["noise.wav", "video.mp4"]
    assert [hit["rank"] for hit in result[0]["hits"]] == [1, 2]
    code, out, _ = run(
        "search",
        models / "ave",
        index_folder,
        "--sound",
        media / "noise.wav",
        "--at",
        0.5,
        "--format",
        "json",
        "--per-file",
        0,
    )
    assert {hit["kind"] for hit in json.loads(out)[0]["hits"]} == {"image"} and len(json.loads(out)[0]["hits"]) == 4


def test_score_and_probability_are_the_models_own(run, models, media, index_folder):
    _, out, _ = run("search", models / "ave", index_folder, "--image", media / "photo.png", *JSON, "--k", 1)
    hit = json.loads(out)[0]["hits"][0]
    model = avnet.load(models / "ave")
    image = np.asarray(Image.open(media / "photo.png"))[None]
    clip = read_waveform(hit["file"]).cut(hit["time_s"], 1.0)[None]
    assert hit["score"] == pytest.approx(float(model.embed_images(image)[0] @ model.embed_waveforms(clip)[0]), abs=1e-5)
    assert hit["probability"] == pytest.approx(float(model.correspondence(image, clip)[0]), abs=1e-4)


def test_same_file_is_the_nearest_of_its_kind(run, models, media, index_folder):
    _, out, _ = run(
        "search",
        models / "ave",
        index_folder,
        "--video",
        media / "video.mp4",
        "--at",
        1.5,
        "--kind",
        "both",
        "--format",
        "json",
    )
    by_frame, by_sound = json.loads(out)
    for answer, kind in ((by_frame, "image"), (by_sound, "sound")):
        best = answer["hits"][0]
        assert (best["file"], best["kind"], best["time_s"]) == (str(media / "video.mp4"), kind, 1.5)
        assert best["score"] == pytest.approx(1, abs=1e-3) and best["probability"] is None


def test_silent_moment_of_a_video_is_searched_by_its_frame_alone(run, models, media, index_folder):
    _, out, _ = run("search", models / "ave", index_folder, "--video", media / "video.mp4", "--at", 2.5, *JSON)
    assert [answer["query"]["kind"] for answer in json.loads(out)] == ["image"]


def test_table_lists_rank_score_time_and_file(run, models, media, index_folder):
    code, out, _ = run("search", models / "ave", index_folder, "--sound", media / "noise.wav")
    assert code == 0
    header, *rows = out.splitlines()[1:]
    assert header.split() == ["rank", "score", "probability", "kind", "time", "file"]
    assert rows[0].split()[0] == "1" and rows[0].split()[3] == "image" and len(rows) == 2


def test_page_shows_frames_plays_sounds_and_says_what_is_gone(run, models, media, tmp_path):
    names = ("video.mp4", "noise.wav", "photo.png")
    place = tmp_path / "<b>&"
    place.mkdir()
    for name in names:
        (place / name).write_bytes((media / name).read_bytes())
    run("index", models / "ave", tmp_path / "index", place)
    (place / "noise.wav").unlink()
    page = tmp_path / "page.html"
    code, out, _ = run("search", models / "ave", tmp_path / "index", "--image", place / "photo.png", "--html", page)
    assert code == 0 and f"page: {page}" in out
    assert "noise.wav  (no longer there)\n" in out and "video.mp4\n" in out
    html = page.read_text()
    assert "<b>&" not in html and "cannot be shown: no such file" in html
    assert len(re.findall("<img ", html)) == 2 and len(re.findall("<audio ", html)) == 1
    assert not re.search(r"(src|href)=\"(?!data:)", html)
    clip = base64.b64decode(re.findall(r"data:audio/wav;base64,([^\"]*)", html)[0])
    assert len(clip) == 44 + 2 * 24_000


def test_files_and_times_can_be_left_out(run, models, media, index_folder):
    options = ["--kind", "both", "--per-file", 0, *JSON]
    _, out, _ = run(
        "search",
        models / "ave",
        index_folder,
        "--image",
        media / "photo.png",
        *("--source", "VIDEO*", "--after-s", 1, "--before-s", 2),
        *options,
    )
    (answer,) = json.loads(out)
    assert {Path(hit["file"]).name for hit in answer["hits"]} == {"video.mp4"}
    assert answer["hits"] and all(1 <= hit["time_s"] <= 2 and hit["entry"] for hit in answer["hits"])


def test_times_in_the_wrong_order_are_refused(refusal_of, models, media, index_folder):
    times = ["--after-s", 3, "--before-s", 2]
    refusal = refusal_of("search", models / "ave", index_folder, "--image", media / "photo.png", *times)
    assert "--after-s: must not be later than 2 s, got 3" in refusal


def test_files_are_chosen_by_metadata_and_by_date(run, refusal_of, models, media, index_folder, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("file,place\nvideo.mp4,Rome\nnoise.wav,Paris\n")
    search = ["search", models / "ave", index_folder, "--image", media / "photo.png", "--metadata", table]
    _, out, _ = run(*search, "--where", "place=rome", *JSON)
    assert [Path(hit["file"]).name for hit in json.loads(out)[0]["hits"]] == ["video.mp4"]
    _, out, _ = run(*search, "--where", "place=rome", "--where", "place=paris", "--after", "2000-01-01", *JSON)
    assert len(json.loads(out)[0]["hits"]) == 2
    assert json.loads(run(*search, "--before", "2000-01-01", *JSON)[1])[0]["hits"] == []
    refusal = refusal_of(*search, "--where", "time=noon")
    assert refusal == "error: --where: names no column 'time'; there are file, place"


def test_hits_have_keys_by_which_they_are_found_again(run, models, media, index_folder):
    _, out, _ = run("search", models / "ave", index_folder, "--image", media / "photo.png", *JSON)
    with avnet.Index.open(index_folder) as index:
        for hit in json.loads(out)[0]["hits"]:
            entry, _ = index.entry(hit["key"])
            assert (entry.file, entry.time_s, entry.kind) == (hit["file"], hit["time_s"], hit["kind"])


def test_several_are_combined_as_sum_and_difference_of_unit_vectors(run, models, media, index_folder):
    queries = ["--sound", media / "noise.wav", "--at", 0.5, "--unlike", media / "photo.png"]
    _, out, _ = run("search", models / "ave", index_folder, *queries, "--per-file", 0, *JSON)
    (answer,) = json.loads(out)
    assert {hit["kind"] for hit in answer["hits"]} == {"image"}  # what goes with the sound
    model = avnet.load(models / "ave")
    sound = model.embed_waveforms(read_waveform(media / "noise.wav").cut(0.5, 1.0)[None])[0]
    difference = sound - model.embed_images(np.asarray(Image.open(media / "photo.png"))[None])[0]
    with avnet.Index.open(index_folder) as index:
        expected = index.search(difference / np.linalg.norm(difference), 10, "image")
    assert [hit["entry"] for hit in answer["hits"]] == [hit.id for hit in expected]
    assert [hit["score"] for hit in answer["hits"]] == pytest.approx([hit.score for hit in expected], abs=1e-5)


def test_more_like_a_moment_of_an_indexed_file(run, refusal_of, models, media, index_folder):
    search = ["search", models / "ave", index_folder, "--per-file", 0, *JSON]
    (answer,) = json.loads(run(*search, "--kind", "image", "--like", "video.mp4@1.6")[1])
    with avnet.Index.open(index_folder) as index:
        moments = index.rows.moments(str(media / "video.mp4"))
        vectors = [index.entry(f"{segment}-{row}")[1] for segment, row, at, _ in moments if at == 1.5]
        mean = np.sum(vectors, axis=0)
        expected = index.search(mean / np.linalg.norm(mean), 10, "image")
    # An image and a sound are at 1.5 s, and neither is found itself.
    itself = {f"{segment}-{row}" for segment, row, at, _ in moments if at == 1.5}
    assert [hit["entry"] for hit in answer["hits"]] == [hit.id for hit in expected if hit.id not in itself]
    (by_key,) = json.loads(run(*search, "--kind", "image", "--like", answer["hits"][0]["key"])[1])
    assert answer["hits"][0]["entry"] not in {hit["entry"] for hit in by_key["hits"]}
    assert "has no moment there" in refusal_of(*search, "--like", "video.mp4@99")
    assert "no-such.mp4: no such file" in refusal_of(*search, "--like", "no-such.mp4@1")
    assert "must be FILE@SECONDS" in refusal_of(*search, "--like", "video.mp4@noon")
    assert "needs one of" in refusal_of(*search, "--unlike", "video.mp4@1")


def test_neighboring_matches_make_a_passage(run, models, media, index_folder):
    search = ["search", models / "ave", index_folder, "--sound", media / "noise.wav", "--kind", "image", *JSON]
    moments = json.loads(run(*search, "--per-file", 0)[1])[0]["hits"]
    (answer,) = json.loads(run(*search, "--passages", "--passage-gap-s", 1)[1])
    film = next(hit for hit in answer["hits"] if hit["file"].endswith("video.mp4"))
    of_film = [hit for hit in moments if hit["file"] == film["file"]]
    assert (film["start_s"], film["end_s"], film["moments"]) == (0.5, 2.5, 3)
    assert film["entry"] == of_film[0]["entry"] and len(answer["hits"]) == 2


def test_matches_are_printed_as_comma_separated_values_and_as_a_page(run, models, media, index_folder):
    search = ["search", models / "ave", index_folder, "--image", media / "photo.png"]
    rows = list(csv.DictReader(run(*search, "--format", "csv")[1].splitlines()))
    hits = json.loads(run(*search, *JSON)[1])[0]["hits"]
    assert [(row["file"], row["key"], int(row["rank"])) for row in rows] == [
        (hit["file"], hit["key"], hit["rank"]) for hit in hits
    ]
    assert run(*search, "--format", "html")[1].startswith("<!doctype html>")
