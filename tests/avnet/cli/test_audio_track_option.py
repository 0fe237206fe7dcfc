"""`--audio-track`: of several audio tracks the film's own is taken, or the one that is asked for."""

import json

import numpy as np
import pytest
from av.stream import Disposition
from media.media_files import tone
from media.odd_media import frames, mux, sounds

import avnet

JSON = ("--format", "json")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A commentary of 1000 Hz before the film's own sound of 440 Hz."""
    path = tmp_path_factory.mktemp("tracks") / "film.mkv"
    tracks = [(1000, Disposition.comment), (440, Disposition.default)]
    return mux(path, frames(), *(sounds("aac", [tone(hz)], disposition=flags) for hz, flags in tracks))


def pitch(clip, rate):
    return float(np.argmax(np.abs(np.fft.rfft(clip, 4 * rate))) / 4)


@pytest.mark.parametrize(("track", "hz"), [(None, 440), (1, 1000), (2, 440)])
def test_apps_take_the_track(models, film, track, hz):
    result = avnet.localize(models / "avol", film, options=avnet.LocalizeOptions(fps=2, audio_track=track))
    clip = next(result.sound.clips([0.8], 1.0))
    assert pitch(clip, result.sound.sample_rate) == pytest.approx(hz, abs=3)


def test_commands_take_the_track(run, models, film, tmp_path):
    vectors = {}
    for track in ((), ("--audio-track", 1), ("--audio-track", 2)):
        out = tmp_path / f"{len(vectors)}.npz"
        assert run("embed", models / "ave", film, "--out", out, *track)[0] == 0
        with np.load(out) as file:
            vectors[track] = file["embeddings"][file["kind"] == "sound"]
    own, other, again = vectors.values()
    assert np.array_equal(own, again) and not np.allclose(own, other)

    index = tmp_path / "index"
    assert "1 file" in run("index", models / "ave", index, film)[1]
    assert run("index", models / "ave", index, film, "--audio-track", 1)[0] == 0
    matches = json.loads(run("search", models / "ave", index, "--video", film, "--audio-track", 1, *JSON)[1])
    (answer,) = [one for one in matches if one["query"]["kind"] == "sound"]
    assert answer["hits"]
    # What the index holds now is the commentary: the same sound is found by itself.
    same = run(
        "search", models / "ave", index, "--sound", film, "--audio-track", 1, "--kind", "sound", "--format", "json"
    )[1]
    assert json.loads(same)[0]["hits"][0]["score"] == pytest.approx(1, abs=1e-3)


def test_a_track_that_is_not_there_is_refused(run, models, film, tmp_path):
    for number, reason in ((3, "has no audio track 3; it has 2"), (0, "must be at least 1, got 0")):
        code, _, err = run("localize", models / "avol", film, "--out", tmp_path / "out", "--audio-track", number)
        assert code == 2 and reason in err and len(err.splitlines()) == 1
