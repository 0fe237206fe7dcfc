"""The server with its own lanes, and tiny networks with random weights."""

import base64
import io
import json
import struct
import wave
from dataclasses import replace

import numpy as np
import pytest
from extras import need
from media.films import film
from one_of_each import save_text_describer
from PIL import Image
from random_networks import random_network

need("fastapi")
need("uvicorn")
from web_client import serving  # noqa: E402

import avnet  # noqa: E402
from avnet.apps.descriptions.written import WrittenImage  # noqa: E402
from avnet.correspondence.config import ModelConfig  # noqa: E402
from avnet.correspondence.model import Model  # noqa: E402
from avnet.errors import OptionError  # noqa: E402
from avnet.web.config import WebOptions  # noqa: E402
from avnet.web.server import plan  # noqa: E402
from avnet.zoo.reference import locate  # noqa: E402

pytestmark = pytest.mark.slow


def small_model(network, folder):
    config = replace(ModelConfig.small(network), image_size=32, widths=(4, 4, 8, 8), embedding_size=8)
    Model(config, random_network(config)).save(folder, "# Card\n")
    return locate(folder)


def test_heatmaps_of_the_page_are_those_of_the_command(tmp_path):
    source = small_model("avol", tmp_path / "model")
    film(tmp_path / "film.mp4", 1, 3.0)
    options = WebOptions(port=0)
    with serving(options, *plan(options, source, None, 1536)) as client:
        media = client.send((tmp_path / "film.mp4").read_bytes(), "my film.mp4").json["id"]
        job = client.post("/api/localizations", {"media": media, "fps": 4}).json["id"]
        events = client.events(job)
        kind, done = events[-1][1:]
        assert kind == "done", done
        files = {name: client.get(path) for name, path in done["files"].items()}
        assert client.get(f"/api/media/{media}/thumbnail?at=1&short_side=32").body[:3] == b"\xff\xd8\xff"
        part = client.get(f"/api/jobs/{job}/files/overlay.mp4", Range="bytes=4-7")
    expected = avnet.localize(source.folder, tmp_path / "film.mp4", options=avnet.LocalizeOptions(fps=4))
    parts = [data for _, kind, data in events if kind == "moments"]
    assert len(parts) >= 2 and [t for part in parts for t in part["times"]] == expected.times.tolist()
    pixels = b"".join(base64.b64decode(part["heatmaps"]) for part in parts)
    shape = (-1, parts[0]["rows"], parts[0]["columns"])
    heatmaps = np.frombuffer(pixels, np.uint8).reshape(shape) / 255
    np.testing.assert_allclose(heatmaps, expected.heatmaps, atol=0.5 / 255 + 1e-6)
    stored = np.load(io.BytesIO(files["heatmaps.npz"].body))
    np.testing.assert_allclose(stored["heatmaps"], expected.heatmaps, atol=1e-6)
    scores = files["scores.json"].json
    assert (
        scores["file"] == scores["sound"] == "my film.mp4" and "avnet-serve" not in files["scores.json"].body.decode()
    )
    assert (part.status, part.body) == (206, b"ftyp")
    said = done["result"]["stretches"]
    assert said[0]["from_s"] == 0.0 and said[0]["sentence"].startswith("From 0:00 to 0:0")


def test_a_folder_that_is_indexed_from_the_page_is_searched_and_browsed(tmp_path):
    source = small_model("ave", tmp_path / "model")
    for number in range(3):
        film(tmp_path / "films" / f"film_{number}.mp4", number, 1.5)
    (tmp_path / "films" / "broken.mp4").write_text("none")
    options = WebOptions(port=0, index=tmp_path / "index", allow_indexing=True)
    with serving(options, *plan(options, source, None, 1536)) as stranger:
        client = stranger.visitor()
        job = client.post("/api/indexings", {"path": str(tmp_path / "films")}).json["id"]
        events = client.events(job)
        result = events[-1][2]["result"]
        assert (result["files_added"], result["left_out"]) == (3, 1)
        assert [data["subject"] for _, kind, data in events if kind == "left_out"] == [
            str(tmp_path / "films" / "broken.mp4")
        ]
        index = client.get("/api/status").json["index"]
        assert index == {"folder": "index", "images": result["images"], "sounds": result["sounds"], "files": 3}
        image = io.BytesIO()
        Image.new("RGB", (64, 48), (90, 20, 20)).save(image, "PNG")
        media = client.send(image.getvalue(), "red.png").json["id"]
        answer = client.post("/api/searches", {"queries": [{"media": media}], "kind": "both", "per_file": 0}).json
        matches = answer["answers"][0]["matches"]
        assert answer["answers"][0]["query"]["file"] == "red.png" and len(matches) > 3
        entry = matches[0]["entry"]
        more = client.post("/api/searches", {"queries": [{"entry": entry}, {"media": media, "weight": -0.5}]}).json
        assert entry not in [match["entry"] for one in more["answers"] for match in one["matches"]]
        assert client.get(f"/api/index/entries/{entry}").json["file"] == matches[0]["file"]
        assert client.get(f"/api/index/entries/{entry}/thumbnail?short_side=32").body[:3] == b"\xff\xd8\xff"
        with wave.open(io.BytesIO(client.get(f"/api/index/entries/{entry}/sound.wav?length_s=1").body)) as sound:
            assert sound.getnframes() == sound.getframerate() and sound.getsampwidth() == 2
        data = client.get("/api/index/map").body
        assert client.get("/api/index/entries/99-1").status == 422
    count, size = struct.unpack("<II", data[:8])
    header = json.loads(data[8 : 8 + size])
    assert count == index["images"] + index["sounds"] and len(header["files"]) == 3 and size % 4 == 0
    kinds_at = 8 + size + 8 * count
    assert len(data) == kinds_at + (count + 3) // 4 * 4 + 16 * count
    assert set(data[kinds_at : kinds_at + count]) == {0, 1}
    rows = np.frombuffer(data[-8 * count :], "<u4").reshape(2, count).T
    assert entry in {f"{segment}-{row}" for segment, row in rows.tolist()}


def test_a_description_is_heard_while_it_is_made_and_then_the_best(tmp_path, world, tiny):
    source = small_model("avol", tmp_path / "model")
    options = WebOptions(port=0)
    with serving(options, *plan(options, source, locate(world.model), 1536)) as client:
        client.timeout_s = 120.0
        client.wait_for_lane("describe")
        picture = io.BytesIO()
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)).save(picture, "PNG")
        media = client.send(picture.getvalue(), "noise.png").json["id"]
        job = client.post("/api/descriptions", {"media": media}).json["id"]
        draft = client.get(f"/api/jobs/{job}/speech.wav").body
        events = client.events(job)
        assert events[-1][1] == "done", events[-1]
        result, speech = events[-1][2]["result"], client.get(f"/api/jobs/{job}/speech.wav").body
    heard = [data["seconds"] for _, kind, data in events if kind == "speech"]
    assert (len(draft) - 44) / 32_000 == pytest.approx(heard[-1] if heard else 0.0, abs=0.001)
    assert 0 <= result["confidence"] <= 1 and result["neighbors"]
    attention = result["attention"]
    assert attention["units"] == len(result["units"])
    cells = attention["units"] * attention["rows"] * attention["columns"]
    assert len(base64.b64decode(attention["maps"])) == cells
    with wave.open(io.BytesIO(speech)) as sound:
        seconds = sound.getnframes() / sound.getframerate()
    assert seconds == pytest.approx(result["duration_s"] + (0 if result["sure"] else 0.5), abs=0.02)


def test_a_description_in_words_is_that_of_the_command(tmp_path):
    source, picture = small_model("avol", tmp_path / "model"), tmp_path / "noise.png"
    save_text_describer(tmp_path / "words")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)).save(picture)
    options, writer = WebOptions(port=0), locate(tmp_path / "words")
    with pytest.raises(OptionError, match="voice: goes with a describer that speaks; this one writes"):
        plan(replace(options, describer="words", voice=(tmp_path,)), source, writer, 1536)
    with serving(options, *plan(options, source, writer, 1536)) as client:
        client.timeout_s = 120.0
        client.wait_for_lane("describe")
        media = client.send(picture.read_bytes(), "noise.png").json["id"]
        job = client.post("/api/descriptions", {"media": media}).json["id"]
        kind, done = client.events(job)[-1][1:]
        assert kind == "done", done
        assert client.get(f"/api/jobs/{job}/speech.wav").status == 404
    (expected,) = avnet.describe(tmp_path / "words", [picture])
    result = done["result"]
    assert isinstance(expected, WrittenImage) and result["text"] == expected.text
    assert result["confidence"] == round(expected.description.confidence, 4)
    assert [one["text"] for one in result["alternatives"]] == [one.text for one in expected.description.alternatives]
    assert result["words"] == list(expected.description.words) and result["attention"]["units"] == len(result["words"])
