import base64
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flax import nnx
from PIL import Image

import avnet
from avnet import folder
from avnet.cli.inputs import find_media
from avnet.cli.main import main
from avnet.cli.models import match_probabilities
from avnet.cli.moments import clip_about, is_silent, loudest_time, moment_times
from avnet.cli.verdict import HERE, NOWHERE, SILENCE, describe, judge, runs
from avnet.config import ModelConfig
from avnet.heatmap import overlay, upsample
from avnet.index import Index
from avnet.media import Waveform, probe, read_frames, read_waveform, write_video, write_wav
from avnet.models import build

ROOT = Path(__file__).parents[1]
RATE = 48_000


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Tiny models with random weights, by network."""
    place = tmp_path_factory.mktemp("models")
    card = "# Card\n\n## Data\nnone\n\n## Metrics\n| metric | value |\n\n## Limits\nall\n"
    for network in ("ave", "avol", "l3"):
        config = replace(ModelConfig.small(network), image_size=32, widths=(4, 4, 8, 8), embedding_size=8)
        folder.write(place / network, build(config, rngs=nnx.Rngs(0)), card)
    return place


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    """A folder with a video (3 s, its last second silent), a picture, a sound, silence and a file of junk."""
    place = tmp_path_factory.mktemp("media")
    rng = np.random.default_rng(0)
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)).astype(np.float32)
    tone[2 * RATE - 4096 :] = 0  # what the encoder spreads stays before the last second
    pictures = [np.full((48, 80, 3), 8 * i, np.uint8) for i in range(30)]
    for i, picture in enumerate(pictures):
        picture[10:30, i : i + 20] = rng.integers(0, 255, (20, 20, 3))
    write_video(place / "video.mp4", pictures, 10.0, tone)
    Image.fromarray(rng.integers(0, 255, (40, 60, 3), np.uint8)).save(place / "photo.png")
    write_wav(place / "noise.wav", rng.normal(0, 0.1, 2 * RATE), RATE)
    write_wav(place / "silence.wav", np.zeros(RATE), RATE)
    (place / "junk.mp4").write_bytes(rng.bytes(3000))
    (place / "notes.txt").write_text("not media")
    return place


@pytest.fixture
def run(capsys):
    """Runs `avnet` with arguments; gives exit code, stdout and stderr."""

    def call(*args):
        try:
            main([str(arg) for arg in args])
            code = 0
        except SystemExit as error:
            code = error.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def refused(run):
    """Runs `avnet` and gives the one line of its refusal."""

    def call(*args):
        code, out, err = run(*args)
        lines = [line for line in err.splitlines() if line.startswith("error: ")]
        assert (code, out, len(lines)) == (2, "", 1), (code, out, err)
        return lines[0]

    return call


@pytest.fixture(scope="session")
def built(models, media, tmp_path_factory):
    """An index of the media folder."""
    place = tmp_path_factory.mktemp("index") / "index"
    main(["index", str(models / "ave"), str(place), str(media)])
    return place


def test_help_is_quick_and_imports_no_jax():
    code = "import sys, avnet.cli.main as m; assert 'jax' not in sys.modules and 'flax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    shown = subprocess.run([sys.executable, "-m", "avnet", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in ("localize", "index", "search", "embed", "info"))


# embed


def test_embeddings_of_a_folder_are_the_models_own(run, models, media, tmp_path):
    code, out, err = run("embed", models / "ave", media, "--out", tmp_path / "e.npz")
    assert code == 0 and "junk.mp4" in err and "1 files left out" in out
    with np.load(tmp_path / "e.npz") as file:
        found = dict(file)
    model = avnet.load(models / "ave")
    assert found["model"] == model.fingerprint
    np.testing.assert_allclose(np.linalg.norm(found["embeddings"], axis=1), 1, atol=1e-5)
    rows = list(zip([Path(p).name for p in found["path"]], found["kind"], found["time_s"], strict=True))
    assert [(kind, time) for name, kind, time in rows if name == "video.mp4"] == [
        ("image", 0.5),
        ("image", 1.5),
        ("image", 2.5),
        ("sound", 0.5),
        ("sound", 1.5),
        ("sound", 2.5),
    ]
    assert [name for name, _, _ in rows if name != "video.mp4"] == [
        "noise.wav",
        "noise.wav",
        "photo.png",
        "silence.wav",
    ]
    sound = read_waveform(media / "video.mp4").cut(1.5, 1.0)
    row = next(i for i, (name, kind, time) in enumerate(rows) if (name, kind, time) == ("video.mp4", "sound", 1.5))
    np.testing.assert_allclose(found["embeddings"][row], model.embed_waveforms(sound[None])[0], atol=1e-5)


def test_features_of_l3_can_be_embedded(run, models, media, tmp_path):
    code, _, _ = run("embed", models / "l3", media / "video.mp4", "--out", tmp_path / "e.npz", "--every", 0.5)
    assert code == 0
    with np.load(tmp_path / "e.npz") as file:
        assert file["embeddings"].shape == (10, 8)
        assert file["time_s"][:5].tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]


# index


def test_index_counts_what_it_holds_and_what_it_rejected(built, media):
    with Index.open(built) as index:
        assert index.counts() == {"image": 4, "sound": 4}
        assert index.file_count() == 3
    rows = [json.loads(line) for line in (built / "rejected.jsonl").read_text().splitlines()]
    assert [(row["file"], row["kind"]) for row in rows] == [(str(media / "junk.mp4"), "NotMedia")]


def test_index_resumes_and_sees_changes(run, models, media, tmp_path):
    for name in ("video.mp4", "noise.wav", "silence.wav", "junk.mp4"):
        (tmp_path / name).write_bytes((media / name).read_bytes())
    index = tmp_path / "index"
    code, out, err = run("index", models / "ave", index, tmp_path)
    assert code == 0
    assert "added 3 pictures and 4 sounds of 3 files" in out and "left out 2 silent seconds" in out
    assert "rejected 1 files" in out and "rejected: " in err and "3 pictures and 4 sounds of 2 files" in out
    code, out, _ = run("index", models / "ave", index, tmp_path)
    assert code == 0 and "skipped 3 files" in out and "added 0 pictures" in out
    assert len((index / "rejected.jsonl").read_text().splitlines()) == 1
    os.utime(tmp_path / "noise.wav", (1, 1))
    code, out, _ = run("index", models / "ave", index, tmp_path)
    assert "skipped 2 files" in out and "added 0 pictures and 2 sounds of 1 files" in out
    assert "3 pictures and 4 sounds of 2 files" in out
    code, out, _ = run("index", models / "ave", index, tmp_path / "video.mp4", "--every", 0.5)
    assert "added 5 pictures and 4 sounds" in out and "5 pictures and 6 sounds of 2 files" in out


def test_torn_last_row_of_the_rejects_is_dropped(run, models, media, tmp_path):
    index = tmp_path / "index"
    run("index", models / "ave", index, media / "photo.png")
    (index / "rejected.jsonl").write_text('{"file": "/gone.mp4", "kind": "NotMedia", "reason": "x"}\n{"file": "/to')
    run("index", models / "ave", index, media / "photo.png", media / "junk.mp4")
    rows = [json.loads(line)["file"] for line in (index / "rejected.jsonl").read_text().splitlines()]
    assert rows == ["/gone.mp4", str(media / "junk.mp4")]


# search


def test_picture_finds_sounds_and_sound_finds_pictures(run, models, media, built):
    code, out, _ = run("search", models / "ave", built, "--image", media / "photo.png", "--json")
    found = json.loads(out)
    assert code == 0 and len(found) == 1 and {hit["kind"] for hit in found[0]["hits"]} == {"sound"}
    assert sorted(Path(hit["file"]).name for hit in found[0]["hits"]) == ["noise.wav", "video.mp4"]
    assert [hit["rank"] for hit in found[0]["hits"]] == [1, 2]
    code, out, _ = run(
        "search", models / "ave", built, "--sound", media / "noise.wav", "--at", 0.5, "--json", "--per-file", 0
    )
    assert {hit["kind"] for hit in json.loads(out)[0]["hits"]} == {"image"} and len(json.loads(out)[0]["hits"]) == 4


def test_score_and_probability_are_the_models_own(run, models, media, built):
    _, out, _ = run("search", models / "ave", built, "--image", media / "photo.png", "--json", "--k", 1)
    hit = json.loads(out)[0]["hits"][0]
    model = avnet.load(models / "ave")
    image = np.asarray(Image.open(media / "photo.png"))[None]
    clip = read_waveform(hit["file"]).cut(hit["time_s"], 1.0)[None]
    assert hit["score"] == pytest.approx(float(model.embed_images(image)[0] @ model.embed_waveforms(clip)[0]), abs=1e-5)
    assert hit["probability"] == pytest.approx(float(model.correspondence(image, clip)[0]), abs=1e-4)


def test_same_file_is_the_nearest_of_its_kind(run, models, media, built):
    _, out, _ = run(
        "search", models / "ave", built, "--video", media / "video.mp4", "--at", 1.5, "--kind", "both", "--json"
    )
    by_frame, by_sound = json.loads(out)
    for answer, kind in ((by_frame, "image"), (by_sound, "sound")):
        best = answer["hits"][0]
        assert (best["file"], best["kind"], best["time_s"]) == (str(media / "video.mp4"), kind, 1.5)
        assert best["score"] == pytest.approx(1, abs=1e-3) and best["probability"] is None


def test_silent_moment_of_a_video_is_searched_by_its_frame_alone(run, models, media, built):
    _, out, _ = run("search", models / "ave", built, "--video", media / "video.mp4", "--at", 2.5, "--json")
    assert [answer["query"]["kind"] for answer in json.loads(out)] == ["image"]


def test_table_lists_rank_score_time_and_file(run, models, media, built):
    code, out, _ = run("search", models / "ave", built, "--sound", media / "noise.wav")
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
    written = page.read_text()
    assert "<b>&" not in written and "cannot be shown: no such file" in written
    assert len(re.findall("<img ", written)) == 2 and len(re.findall("<audio ", written)) == 1
    assert not re.search(r"(src|href)=\"(?!data:)", written)
    clip = base64.b64decode(re.findall(r"data:audio/wav;base64,([^\"]*)", written)[0])
    assert len(clip) == 44 + 2 * 24_000


# localize


def test_video_gives_overlay_heatmaps_and_scores(run, models, media, tmp_path):
    video, out_dir = media / "video.mp4", tmp_path / "new" / "out"
    code, out, _ = run("localize", models / "avol", video, "--out", out_dir, "--fps", 2)
    assert code == 0 and "silence" in out
    assert sorted(os.listdir(out_dir)) == ["heatmaps.npz", "overlay.mp4", "scores.json"]
    with np.load(out_dir / "heatmaps.npz") as file:
        grids, times = file["heatmaps"], file["time_s"]
    assert times.tolist() == [0, 0.5, 1, 1.5, 2, 2.5] and grids.shape == (6, 2, 3) and grids.dtype == np.float32
    info = probe(out_dir / "overlay.mp4")
    assert info.video is not None and info.audio is not None
    assert (info.video.width, info.video.height, info.video.fps) == (80, 48, 10)
    assert info.duration_s == pytest.approx(3, abs=0.05)
    model = avnet.load(models / "avol")
    sound = read_waveform(video)
    for i, time in enumerate(times):
        clip = sound.cut(min(max(float(time), 0.5), sound.end_s - 0.5), 1.0)
        np.testing.assert_allclose(
            grids[i], model.heatmaps(read_frames(video, [float(time)], 32).images, clip[None])[0], atol=1e-5
        )
    scores = json.loads((out_dir / "scores.json").read_text())
    assert [row["time_s"] for row in scores["heatmaps"]] == times.tolist()
    assert [row["peak"] for row in scores["heatmaps"]] == pytest.approx(grids.max(axis=(1, 2)).tolist())
    assert scores["heatmaps"][5]["verdict"] == SILENCE and scores["heatmaps"][1]["verdict"] != SILENCE


def test_overlay_lies_between_the_heatmaps_in_time(run, models, media, tmp_path):
    run("localize", models / "avol", media / "video.mp4", "--out", tmp_path, "--fps", 2)
    with np.load(tmp_path / "heatmaps.npz") as file:
        grids = file["heatmaps"]
    # 0.7 s lies two fifths of the way from the second heatmap to the third.
    picture = read_frames(media / "video.mp4", [0.7]).images[0]
    wanted = overlay(picture, upsample(0.6 * grids[1] + 0.4 * grids[2], 48, 80))
    shown = read_frames(tmp_path / "overlay.mp4", [0.7]).images[0]
    assert np.abs(shown.astype(float) - wanted).mean() < 8
    np.testing.assert_allclose(
        read_waveform(tmp_path / "overlay.mp4").cut(1.0, 0.5), read_waveform(media / "video.mp4").cut(1.0, 0.5), atol=0.05
    )


def test_picture_with_a_sound_gives_an_overlay(run, models, media, tmp_path):
    options = ["--sound", media / "noise.wav", "--at", 1.25, "--out", tmp_path]
    code, out, _ = run("localize", models / "avol", media / "photo.png", *options)
    assert code == 0 and "1.25" in out
    assert np.asarray(Image.open(tmp_path / "overlay.png")).shape == (40, 60, 3)
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert [row["time_s"] for row in scores["heatmaps"]] == [1.25]
    assert scores["heatmaps"][0]["verdict"] in (HERE, NOWHERE)


def test_another_sound_can_take_the_place_of_a_videos_own(run, models, media, tmp_path):
    run(
        "localize",
        models / "avol",
        media / "video.mp4",
        "--sound",
        media / "silence.wav",
        "--out",
        tmp_path,
        "--fps",
        1,
    )
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert {row["verdict"] for row in scores["heatmaps"]} == {SILENCE}


def test_verdict_of_a_map_worked_out_by_hand():
    grid = np.array([[0.1, 0.2, 0.3, 0.4], [0.0, 0.9, 0.1, 0.0]], np.float32)
    verdict = judge(1.0, grid, silent=False, threshold=0.5)
    assert (verdict.peak, verdict.mean_top_quarter) == (pytest.approx(0.9), pytest.approx(0.65))
    assert (verdict.x, verdict.y, verdict.verdict) == (0.375, 0.75, HERE)
    assert judge(1.0, grid, silent=False, threshold=0.95).verdict == NOWHERE
    assert judge(1.0, grid, silent=True, threshold=0.5).verdict == SILENCE


def test_stretches_of_one_verdict_make_one_line():
    maps = [np.full((1, 1), value, np.float32) for value in (0.9, 0.7, 0.2, 0.8)]
    stretches = runs([judge(float(i), grid, False, 0.5) for i, grid in enumerate(maps)])
    assert [len(stretch) for stretch in stretches] == [2, 1, 1]
    lines = [" ".join(describe(stretch).split()) for stretch in stretches[:2]]
    assert lines[0] == "0.00 - 1.00 s sounds here peak 0.90 at 0.00 s, x 0.50, y 0.50"
    assert lines[1] == "2.00 - 2.00 s nothing here makes this sound peak 0.20"


# info


def test_info_of_everything(run, models, media, built):
    code, out, _ = run("info", models / "ave")
    assert code == 0 and "AVE-Net" in out and "## Metrics" in out and "## Limits" not in out
    assert avnet.load(models / "ave").fingerprint in out
    code, out, _ = run("info", built)
    assert code == 0 and re.search(r"pictures +4\n", out) and re.search(r"files +3\n", out)
    code, out, _ = run("info", media / "video.mp4")
    assert code == 0 and "80x48 pixels, 10.000 frames/s" in out and "48000 Hz" in out
    code, out, _ = run("info", media / "photo.png")
    assert code == 0 and "60x40 pixels" in out


# refusals


def commands(models, media, built, path):
    return {
        "info": ["info", path],
        "embed": ["embed", models / "ave", path, "--out", media / "never.npz"],
        "index": ["index", models / "ave", built, path],
        "search": ["search", models / "ave", built, "--image", path],
        "search sound": ["search", models / "ave", built, "--sound", path],
        "localize": ["localize", models / "avol", path, "--out", media / "never"],
        "localize sound": ["localize", models / "avol", media / "photo.png", "--sound", path, "--out", media / "never"],
    }


NAMES = ["info", "embed", "index", "search", "search sound", "localize", "localize sound"]


@pytest.mark.parametrize("name", NAMES)
def test_missing_file_address_and_junk_are_refused(refused, models, media, built, name):
    assert "no such file" in refused(*commands(models, media, built, media / "none.mp4")[name])
    line = refused(*commands(models, media, built, "https://host.org/a.mp4")[name])
    assert line.startswith("error: https://host.org/a.mp4: is an address")
    assert "junk.mp4: " in refused(*commands(models, media, built, media / "junk.mp4")[name])
    assert not (media / "never.npz").exists()


@pytest.mark.parametrize("name", NAMES)
def test_folder_without_media_is_refused(refused, models, media, built, tmp_path, name):
    assert refused(*commands(models, media, built, tmp_path)[name]).startswith(f"error: {tmp_path}")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_model_folder_that_lacks_a_file_is_refused(refused, models, media, built, tmp_path, name):
    broken = tmp_path / "model"
    broken.mkdir()
    for file in (models / "ave").iterdir():
        if file.name != name:
            (broken / file.name).write_bytes(file.read_bytes())
    for command in (["info", broken], ["search", broken, built, "--image", media / "photo.png"]):
        line = refused(*command)
        assert "missing" in line and name in line


def test_models_that_cannot_do_it_are_refused(refused, models, media, built, tmp_path):
    video = media / "video.mp4"
    for network in ("ave", "l3"):
        assert "has no heatmap" in refused("localize", models / network, video, "--out", tmp_path)
    for network in ("avol", "l3"):
        assert "trained with 'ave'" in refused("index", models / network, tmp_path / "index", video)
        assert "trained with 'ave'" in refused("search", models / network, built, "--image", media / "photo.png")
    assert "no single embedding" in refused("embed", models / "avol", video, "--out", tmp_path / "e.npz")
    assert os.listdir(tmp_path) == []


def test_index_of_another_model_is_refused(refused, models, media, built, tmp_path):
    folder.write(tmp_path / "other", build(avnet.load(models / "ave").config, rngs=nnx.Rngs(1)), "")
    assert "another model" in refused("search", tmp_path / "other", built, "--image", media / "photo.png")
    assert "another model" in refused("index", tmp_path / "other", built, media)
    assert "is not an index" in refused("search", models / "ave", media, "--image", media / "photo.png")
    assert "not empty" in refused("index", models / "ave", media, media)


@pytest.mark.parametrize(
    "args, words",
    [
        (["frobnicate"], "frobnicate"),
        ([], "see --help"),
        (["info"], "PATH"),
        (["info", "x", "--colour"], "--colour"),
        (["search", "m", "i"], "exactly one of"),
        (["search", "m", "i", "--image", "a", "--sound", "b"], "exactly one of"),
        (["search", "m", "i", "--image", "a", "--at", "1"], "--at"),
        (["search", "m", "i", "--image", "a", "--k", "0"], "--k"),
        (["search", "m", "i", "--image", "a", "--per-file", "-1"], "--per-file"),
        (["search", "m", "i", "--image", "a", "--html", "page.txt"], "page.txt"),
        (["search", "m", "i", "--image", "a", "--html", "no/such/folder/page.html"], "does not exist"),
        (["embed", "m", "f"], "--out"),
        (["embed", "m", "f", "--out", "e.csv"], "ends in .npz"),
        (["embed", "m", "f", "--out", "e.npz", "--every", "0"], "--every"),
        (["index", "m", "i"], "INPUTS"),
        (["localize", "m", "v", "--out", "o", "--fps", "0"], "--fps"),
        (["localize", "m", "v", "--out", "o", "--threshold", "1.5"], "--threshold"),
        (["localize", "m", "v", "--out", "o", "--short-side", "1"], "--short-side"),
    ],
)
def test_wrong_options_are_refused(refused, args, words):
    assert words in refused(*args)


def test_times_and_sounds_that_are_not_there_are_refused(refused, models, media, built, tmp_path):
    search = ["search", models / "ave", built]
    assert "0.00 to 3.00 s, got 9" in refused(*search, "--video", media / "video.mp4", "--at", 9)
    assert "got -1" in refused(*search, "--sound", media / "noise.wav", "--at", -1)
    assert "is silent" in refused(*search, "--sound", media / "silence.wav")
    assert "is silent at 2.50 s" in refused(*search, "--sound", media / "video.mp4", "--at", 2.5)
    assert "no video track" in refused(*search, "--video", media / "noise.wav")
    assert "--image" in refused(*search, "--video", media / "photo.png")
    localize = ["localize", models / "avol"]
    assert "--sound" in refused(*localize, media / "photo.png", "--out", tmp_path)
    assert "no video track" in refused(*localize, media / "noise.wav", "--out", tmp_path)
    write_video(tmp_path / "mute.mp4", [np.zeros((32, 32, 3), np.uint8)] * 5, 5.0)
    assert "no audio track" in refused(*localize, tmp_path / "mute.mp4", "--out", tmp_path / "o")
    assert "cannot be made a folder" in refused(*localize, media / "video.mp4", "--out", media / "notes.txt")


# parts


def test_folders_are_searched_by_suffix_and_files_are_taken_as_they_are(media):
    found = find_media([media, media / "notes.txt", media / "photo.png"])
    assert [f.name for f in found] == ["junk.mp4", "noise.wav", "photo.png", "silence.wav", "video.mp4", "notes.txt"]


@pytest.mark.parametrize(
    "span, every, times",
    [
        ((0.0, 3.0), 1.0, [0.5, 1.5, 2.5]),
        ((1.0, 3.9), 1.0, [1.5, 2.5]),
        ((0.0, 2.0), 0.5, [0.5, 1, 1.5]),
        ((0.0, 1.0), 1.0, [0.5]),
        ((2.0, 2.5), 1.0, [2.25]),
    ],
)
def test_moments_have_half_a_clip_on_either_side(span, every, times):
    start, end = span
    assert moment_times(start, end, 1.0, every).tolist() == times


def test_clip_at_the_end_of_a_sound_is_moved_inwards():
    sound = Waveform(np.arange(1, 301, dtype=np.float32), 10.0, 100)
    np.testing.assert_array_equal(clip_about(sound, 10.0, 1.0), np.arange(1, 101))
    np.testing.assert_array_equal(clip_about(sound, 11.0, 1.0), np.arange(51, 151))
    np.testing.assert_array_equal(clip_about(sound, 13.0, 1.0), np.arange(201, 301))
    assert not clip_about(sound, 14.0, 1.0).any()


def test_loudest_clip_and_silence():
    samples = np.zeros(1000, np.float32)
    samples[600:700] = 0.5
    sound = Waveform(samples, 5.0, 100)
    assert loudest_time(sound, 1.0) == pytest.approx(11.5)
    assert is_silent(np.full(10, 0.00099, np.float32)) and not is_silent(np.full(10, 0.00101, np.float32))


def test_probability_falls_with_the_distance(models):
    found = match_probabilities(models / "ave", np.array([1.0, 0.5, -1.0], np.float32))
    # Ten times (1 - distance), the head that the small preset starts with.
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-np.array([10.0, 0.0, -10.0]))), rtol=1e-3)
