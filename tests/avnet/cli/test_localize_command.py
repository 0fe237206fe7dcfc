import json
import os
import shutil
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import avnet
from avnet.cli.localize import line
from avnet.correspondence.heatmaps.by_class import ClassHeatmaps
from avnet.correspondence.heatmaps.refinement import Refinement
from avnet.correspondence.kinds import KINDS
from avnet.correspondence.model import Model
from avnet.correspondence.verdict import HERE, NOWHERE, SILENCE, judge
from avnet.errors import ConfigError
from avnet.media import probe, read_frames, read_waveform
from avnet.media.image import resize_short_side
from avnet.pages.heatmap import overlay, upsample


def test_video_gives_overlay_heatmaps_and_scores(run, models, media, tmp_path):
    video, out_dir = media / "video.mp4", tmp_path / "new" / "out"
    code, out, _ = run("localize", models / "avol", video, "--out", out_dir, "--fps", 2)
    assert code == 0 and "silence" in out
    assert sorted(os.listdir(out_dir)) == [".avnet-results", "heatmaps.npz", "overlay.mp4", "scores.json"]
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
    image = read_frames(media / "video.mp4", [0.7]).images[0]
    expected = overlay(image, upsample(0.6 * grids[1] + 0.4 * grids[2], 48, 80))
    frame = read_frames(tmp_path / "overlay.mp4", [0.7]).images[0]
    assert np.abs(frame.astype(float) - expected).mean() < 8
    np.testing.assert_allclose(
        read_waveform(tmp_path / "overlay.mp4").cut(1.0, 0.5),
        read_waveform(media / "video.mp4").cut(1.0, 0.5),
        atol=0.05,
    )


def test_image_with_a_sound_gives_an_overlay(run, models, media, tmp_path):
    options = ["--sound", media / "noise.wav", "--at", 1.25, "--out", tmp_path]
    code, out, _ = run("localize", models / "avol", media / "photo.png", *options)
    assert code == 0 and "1.25" in out
    assert np.asarray(Image.open(tmp_path / "overlay.png")).shape == (40, 60, 3)
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert [row["time_s"] for row in scores["heatmaps"]] == [1.25]
    assert scores["heatmaps"][0]["verdict"] in (HERE, NOWHERE)


def test_fine_heatmaps_are_the_mean_over_two_sizes(run, models, media, tmp_path):
    options = ["--sound", media / "noise.wav", "--at", 1.0, "--fine", "--out", tmp_path]
    assert run("localize", models / "avol", media / "photo.png", *options)[0] == 0
    with np.load(tmp_path / "heatmaps.npz") as file:
        (fine,) = file["heatmaps"]
    model, image = avnet.load(models / "avol"), avnet.read_image(media / "photo.png")
    clip = read_waveform(media / "noise.wav").cut(1.0, 1.0)[None]
    (plain,), larger = model.heatmaps([image], clip), resize_short_side(image, 64)
    grids = model.network.encode_images(jnp.asarray(larger[None], jnp.float32) / 255)
    detailed = jax.nn.sigmoid(model.network.response(grids, jnp.asarray(model.embed_waveforms(clip))))[0]
    assert plain.shape == (2, 3) and fine.shape == detailed.shape == (4, 6)
    np.testing.assert_allclose(fine, (2 * upsample(plain, 4, 6) + detailed) / 3, atol=1e-4)


def test_what_the_sound_is_called_stands_beside_the_verdict(run, models, media, tmp_path, monkeypatch):
    names = {"Chainsaw": 0.91, "Engine": 0.4}
    monkeypatch.setattr(Model, "audible_classes", lambda self, waveforms: [names for _ in waveforms])
    _, out, _ = run("localize", models / "avol", media / "video.mp4", "--out", tmp_path, "--fps", 2)
    assert "; Chainsaw 0.91; Engine 0.40" in out
    rows = json.loads((tmp_path / "scores.json").read_text())["heatmaps"]
    # Silence is called nothing.
    assert [row["audible"] for row in rows] == [names] * 5 + [{}]


def test_a_model_without_a_classifier_of_sounds_has_no_names_for_them(models):
    assert avnet.load(models / "avol").audible_classes(np.zeros((2, 48_000))) == [{}, {}]


@pytest.fixture
def model_with_names(models, load_once, monkeypatch):
    """The tiny AVOL-Net, as if it had names: a dog that is always audible, a church bell that soon is not, and a pig
    that is less probable than half of the dog."""
    load_once(models / "avol")

    def class_heatmaps(self, images, waveforms, refinement):
        dog, bell = np.full((2, 3), 0.75, np.float32), np.zeros((2, 3), np.float32)
        bell[1, 2] = 0.9
        # The video grows brighter.
        probabilities = {"dog": 0.9, "church bell": 0.5, "pig": 0.4}
        maps = [{"dog": dog, "pig": bell} | ({"church bell": bell} if image.mean() < 80 else {}) for image in images]
        whole = self.heatmaps(images, waveforms, refinement)
        return [ClassHeatmaps(grid, m, {k: probabilities[k] for k in m}) for grid, m in zip(whole, maps, strict=True)]

    monkeypatch.setitem(KINDS, "avol", replace(KINDS["avol"], named=True))
    monkeypatch.setattr(Model, "class_heatmaps", class_heatmaps)
    return models / "avol"


def test_each_thing_that_is_audible_has_heatmaps_of_its_own(run, model_with_names, media, tmp_path):
    code, out, _ = run(
        "localize", model_with_names, media / "video.mp4", "--out", tmp_path, "--fps", 1, "--by-class", "--no-fine"
    )
    assert code == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["church-bell", "dog"]
    assert out.index("dog:") < out.index("church bell:")
    scores = json.loads((tmp_path / "church-bell" / "scores.json").read_text())["heatmaps"]
    # Where it is not audible, nothing makes its sound.
    assert [row["verdict"] for row in scores] == [HERE, NOWHERE, NOWHERE]
    assert (scores[0]["x"], scores[0]["y"], scores[1]["peak"]) == (pytest.approx(5 / 6), 0.75, 0.0)
    for name in ("dog", "church-bell"):
        assert (tmp_path / name / "overlay.mp4").is_file()
        with np.load(tmp_path / name / "heatmaps.npz") as file:
            assert file["heatmaps"].shape == (3, 2, 3)


def test_folders_of_things_that_are_no_longer_audible_go_and_all_others_stay(run, model_with_names, media, tmp_path):
    video, options = media / "video.mp4", ["--fps", 1, "--no-fine", "--short-side", 16]
    assert run("localize", model_with_names, video, "--out", tmp_path, "--by-class", *options)[0] == 0
    # Somebody's own folder, one to which somebody has added something, and the results of another run.
    (tmp_path / "mine").mkdir()
    shutil.copytree(tmp_path / "church-bell", tmp_path / "pig")
    (tmp_path / "dog" / "note.txt").write_text("woof")
    assert run("localize", model_with_names, video, "--out", tmp_path / "cat", *options)[0] == 0
    assert run("localize", model_with_names, video, "--out", tmp_path, *options)[0] == 0
    # The copy says that it is of a church bell.
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["cat", "dog", "mine", "pig"]
    assert (tmp_path / "dog" / "overlay.mp4").is_file() and (tmp_path / "overlay.mp4").is_file()
    assert json.loads((tmp_path / "scores.json").read_text())["class"] is None
    assert json.loads((tmp_path / "dog" / "scores.json").read_text())["class"] == "dog"


def test_an_input_in_the_folder_of_a_thing_is_not_deleted(run, model_with_names, media, tmp_path):
    options = ["--out", tmp_path, "--by-class", "--fps", 1, "--no-fine", "--short-side", 16]
    assert run("localize", model_with_names, media / "video.mp4", *options)[0] == 0
    code, _, err = run("localize", model_with_names, tmp_path / "dog" / "overlay.mp4", *options)
    assert code == 2 and "dog/overlay.mp4: is not overwritten: it is an input" in err
    assert (tmp_path / "dog" / "overlay.mp4").is_file() and (tmp_path / "church-bell").is_dir()


def test_heatmaps_are_refined_as_the_options_say(run, models, media, tmp_path):
    options = ["--sound", media / "noise.wav", "--at", 1.0, "--out", tmp_path]
    refinement = ["--flips", "--scales", 32, 48, "--object-prior", 0.4]
    assert run("localize", models / "avol", media / "photo.png", *refinement, *options)[0] == 0
    with np.load(tmp_path / "heatmaps.npz") as file:
        (grid,) = file["heatmaps"]
    clip = read_waveform(media / "noise.wav").cut(1.0, 1.0)[None]
    expected = Refinement(flips=True, scales=(32, 48), object_prior=0.4)
    (image,) = avnet.load(models / "avol").heatmaps([avnet.read_image(media / "photo.png")], clip, expected)
    assert grid.shape == (3, 4)
    np.testing.assert_allclose(grid, image, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--object-prior", 1.5], "--object-prior: must be a weight from 0 to 1, got 1.5"),
        (["--scales", 32, "--fine"], "--scales: cannot go with --fine"),
        (["--scales", 40], "--scales: cannot be 40 for this model: must be a multiple of 16"),
    ],
)
def test_refinements_that_cannot_be_are_refused_in_a_line(refusal_of, models, media, tmp_path, options, reason):
    refusal = refusal_of("localize", models / "avol", media / "video.mp4", *options, "--out", tmp_path / "result")
    assert reason in refusal and not (tmp_path / "result").exists()


def test_an_image_has_heatmaps_by_class_too(run, model_with_names, media, tmp_path):
    options = ["--sound", media / "noise.wav", "--out", tmp_path, "--by-class", "--no-fine"]
    assert run("localize", model_with_names, media / "photo.png", *options)[0] == 0
    assert (tmp_path / "dog" / "overlay.png").is_file()


def test_a_model_without_names_has_no_heatmaps_by_class(run, models, media, tmp_path):
    code, _, err = run("localize", models / "avol", media / "video.mp4", "--out", tmp_path / "out", "--by-class")
    assert (
        code == 2 and "its network, AVOL-Net, has no names for what sounds; --by-class takes base, or a model of" in err
    )
    with pytest.raises(ConfigError, match="avol: has no names for what sounds"):
        avnet.load(models / "avol").class_heatmaps([np.zeros((32, 32, 3), np.uint8)], np.zeros((1, 48_000)))


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


def test_a_refused_video_leaves_no_folder(refusal_of, models, media, tmp_path):
    refusal_of("localize", models / "avol", media / "noise.wav", "--out", tmp_path / "result")
    assert not (tmp_path / "result").exists()


def test_a_stretch_of_one_verdict_makes_one_line():
    verdicts = [judge(float(i), np.full((1, 1), value, np.float32), False, 0.5) for i, value in enumerate((0.9, 0.7))]
    assert " ".join(line(verdicts).split()) == "0.00 - 1.00 s sounds here peak 0.90 at 0.00 s, x 0.50, y 0.50"
    nowhere = judge(2.0, np.full((1, 1), 0.2, np.float32), False, 0.5)
    assert " ".join(line([nowhere]).split()) == "2.00 - 2.00 s nothing here makes this sound peak 0.20"


@pytest.mark.parametrize("spelling", ["plain", "dots", "linked folder", "hard link", "soft link"])
def test_a_film_under_the_name_of_the_result_stays(run, models, media, tmp_path, spelling):
    folder = tmp_path / "films"
    folder.mkdir()
    film = folder / "overlay.mp4"
    if spelling.endswith("link"):
        shutil.copy(media / "video.mp4", folder / "holiday.mp4")
        (film.hardlink_to if spelling == "hard link" else film.symlink_to)(folder / "holiday.mp4")
    else:
        shutil.copy(media / "video.mp4", film)
    (tmp_path / "linked").symlink_to(folder)
    out = {"dots": folder / ".." / "films", "linked folder": tmp_path / "linked"}.get(spelling, folder)
    for source in (film, media / "video.mp4"):
        code, _, err = run("localize", models / "avol", source, "--out", out)
        assert code == 2 and "is not overwritten" in err and len(err.splitlines()) == 1
    assert film.read_bytes() == (media / "video.mp4").read_bytes()
    assert not {"heatmaps.npz", "scores.json"} & set(os.listdir(folder))


def test_an_overlay_is_no_result_of_itself(run, models, media, tmp_path):
    assert run("localize", models / "avol", media / "video.mp4", "--out", tmp_path, "--fps", 1)[0] == 0
    before = (tmp_path / "overlay.mp4").read_bytes()
    code, _, err = run("localize", models / "avol", tmp_path / "overlay.mp4", "--out", tmp_path, "--fps", 1)
    assert code == 2 and "overlay.mp4: is not overwritten: it is an input" in err
    assert (tmp_path / "overlay.mp4").read_bytes() == before


def test_results_are_replaced_by_those_of_another_run(run, models, media, tmp_path):
    for fps in (1, 2):
        assert run("localize", models / "avol", media / "video.mp4", "--out", tmp_path, "--fps", fps)[0] == 0
    with np.load(tmp_path / "heatmaps.npz") as file:
        assert len(file["time_s"]) == 6
