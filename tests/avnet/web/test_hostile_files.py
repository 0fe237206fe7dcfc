"""What visitors send that is not what it says: refused in words, or taken for what it is."""

import struct
import zlib

import numpy as np
import pytest
from extras import need

need("fastapi")
need("uvicorn")
from media.films import film  # noqa: E402
from media.pngs import bomb, picture  # noqa: E402
from PIL import Image  # noqa: E402
from web_client import STAND_INS, LanePlan, reason, serving  # noqa: E402

from avnet.web.config import WebOptions  # noqa: E402

REAL = {"media": LanePlan("avnet.web.tasks.media:open_lane", {"memory_mb": 1536})}


@pytest.fixture(scope="module")
def client():
    """No model is needed to refuse."""
    with serving(WebOptions(port=0, upload_mb=4, patience_s=0.5, uploads_at_once=3), STAND_INS | REAL) as client:
        yield client


def test_a_picture_is_a_picture_whatever_it_is_called(client):
    for name in ("a.mp4", "a.svg", "a.html", "..", "/etc/passwd", "a" * 5000, "\0", "a\nb", "", ".", "％2e", "CON"):
        media = client.send(picture(), name)
        assert (media.status, media.json["kind"]) == (201, "image")
        assert "/" not in media.json["name"] and media.json["name"].isprintable() and len(media.json["name"]) <= 200
        file = client.get(f"/api/media/{media.json['id']}/file")
        assert file.headers["content-type"] == "image/png" and "sandbox" in file.headers["content-security-policy"]


def test_a_picture_of_billions_of_pixels_is_refused_by_its_header(client):
    assert "claims" in reason(client.send(bomb(), "bomb.png"), 415)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("a.html", b"<html><script>alert(1)</script>"),
        ("a.mp4", b"http://127.0.0.1:1/film.mp4"),
        ("a.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n"),
        ("a.ffconcat", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("a.zip", b"PK\x03\x04" + bytes(100)),
        ("a.gz", zlib.compress(bytes(10_000_000))),
        ("empty.mp4", b""),
        ("a.mp4", bytes(range(256)) * 40),
        ("a.wav", b"RIFF\xff\xff\xff\xffWAVE"),
        ("a.gif", b"GIF89a" + bytes(20)),
    ],
)
def test_what_is_no_media_is_refused_in_words_and_tells_nothing_of_the_machine(client, name, data):
    answer = client.send(data, name)
    assert reason(answer, 415) and answer.json["error"]["subject"] == name
    assert "tmp" not in answer.body.decode() and "avnet-serve" not in answer.body.decode()


def test_a_wav_whose_header_claims_four_gigabytes_lasts_as_long_as_it_does(client):
    front = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 2**32 - 1, b"WAVE", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16,
                        b"data", 2**32 - 1)  # fmt: skip
    answer = client.send(front + np.zeros(16_000, "<i2").tobytes(), "a.wav")
    assert (answer.status, answer.json["kind"]) == (201, "sound")
    assert answer.json["duration_s"] == pytest.approx(1.0, abs=0.01)


def test_a_file_that_is_two_things_is_served_as_the_one_that_it_was_found_to_be(client):
    script = b"/*<script>alert(1)</script>*/=1;"
    media = client.send(picture() + script, "a.js")
    assert media.json["kind"] == "image"
    file = client.get(f"/api/media/{media.json['id']}/file")
    assert file.headers["content-type"] == "image/png" and file.headers["x-content-type-options"] == "nosniff"
    assert file.headers["content-security-policy"].startswith("sandbox")


def test_a_film_of_odd_metadata_is_a_film(client, tmp_path):
    film(tmp_path / "a.mp4", 1, 1.5)
    media = client.send((tmp_path / "a.mp4").read_bytes()).json
    assert media["kind"] == "video" and media["has_sound"] and media["duration_s"] == pytest.approx(1.5, abs=0.2)
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg")
    assert client.send((tmp_path / "a.jpg").read_bytes()).json["width"] == 40
