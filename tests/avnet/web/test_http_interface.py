"""Files, jobs and their events over HTTP, with lanes that need no model."""

import json
import re
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from extras import need

need("fastapi")
need("uvicorn")
from web_client import STAND_INS, LanePlan, serving  # noqa: E402

from avnet.web.config import WebOptions  # noqa: E402


@pytest.fixture(scope="module")
def client():
    with serving() as client:
        yield client


def test_a_file_is_known_by_what_it_was_found_to_be(client):
    answer = client.send(b"image of a dog", "dog.jpg")
    assert answer.status == 201
    media = answer.json
    assert {key: media[key] for key in ("name", "kind", "bytes", "width", "height", "has_sound")} == {
        "name": "dog.jpg",
        "kind": "image",
        "bytes": 14,
        "width": 4,
        "height": 3,
        "has_sound": False,
    }
    assert 3500 < media["expires_s"] <= 3600
    assert client.get(f"/api/media/{media['id']}").json["name"] == "dog.jpg"
    assert client.get(f"/api/media/{media['id']}/file").body == b"image of a dog"


def test_part_of_a_file_can_be_asked_for(client):
    media = client.send(b"0123456789").json["id"]
    answer = client.get(f"/api/media/{media}/file", Range="bytes=2-4")
    assert (answer.status, answer.body, answer.headers["content-range"]) == (206, b"234", "bytes 2-4/10")


def test_what_is_no_media_is_refused_by_the_name_that_it_came_with(client):
    answer = client.send(b"none", "essay.txt")
    assert answer.status == 415
    assert answer.json == {"error": {"reason": "essay.txt is none", "subject": "essay.txt"}}


def test_a_file_that_is_deleted_is_gone(client):
    media = client.send(b"image").json["id"]
    assert client.ask("DELETE", f"/api/media/{media}").status == 204
    assert client.get(f"/api/media/{media}").status == 404
    assert client.get(f"/api/media/{media}/file").status == 404


def test_thumbnails_are_made_once(client):
    media = client.send(b"image").json["id"]
    first = client.get(f"/api/media/{media}/thumbnail?at=1.5&short_side=64")
    assert first.headers["content-type"] == "image/jpeg" and b"('at', 1.5)" in first.body
    assert client.get(f"/api/media/{media}/thumbnail?at=1.5&short_side=64").body == first.body
    assert client.get(f"/api/media/{media}/thumbnail?at=nan").status == 422


def test_a_playable_copy_is_promised_then_given(client):
    media = client.send(b"video").json["id"]
    answer = client.get(f"/api/media/{media}/playable")
    assert (answer.status, answer.headers["retry-after"]) == (202, "1")
    for _ in range(100):
        answer = client.get(f"/api/media/{media}/playable")
        if answer.status == 200:
            break
        time.sleep(0.05)
    assert (answer.body, answer.headers["content-type"]) == (b"plays", "video/mp4")


def test_a_job_tells_all_that_happens_and_gives_its_files(client):
    job = client.job(b"word")
    done = client.wait(job)
    assert (done["state"], done["result"]["word"]) == ("done", "word")
    assert client.get(done["files"]["scores.json"]).body == b"word"
    events = client.events(job)
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    kinds = [kind for _, kind, _ in events]
    assert kinds[0] == "state" and kinds[-1] == "done" and "moments" in kinds
    assert [data["state"] for _, kind, data in events if kind == "state"] == ["queued", "running"]
    assert events[-1][2]["result"]["word"] == "word"
    # One who was away goes on where they were.
    assert client.events(job, Last_Event_ID=str(events[-2][0])) == events[-1:]


def test_events_come_while_the_job_runs(client):
    job = client.job(b"slow")
    client.wait(job, "running")
    kinds = []

    def listen():
        kinds.extend(kind for _, kind, _ in client.events(job))

    listener = threading.Thread(target=listen)
    listener.start()
    time.sleep(0.1)
    assert client.ask("DELETE", f"/api/jobs/{job}").status == 202
    listener.join(10)
    assert kinds[-1] == "cancelled" and "moments" in kinds


def test_a_job_that_is_over_is_forgotten_when_it_is_deleted(client):
    job = client.job(b"word")
    file = client.wait(job)["files"]["scores.json"]
    assert client.ask("DELETE", f"/api/jobs/{job}").status == 204
    assert client.get(f"/api/jobs/{job}").status == client.get(file).status == 404


def test_a_job_that_waits_is_cancelled_at_once_and_others_move_up(client):
    first, second, third = (client.job(b"slow") for _ in range(3))
    client.wait(first, "running")
    assert [client.get(f"/api/jobs/{job}").json["position"] for job in (second, third)] == [1, 2]
    client.ask("DELETE", f"/api/jobs/{second}")
    assert client.wait(second)["state"] == "cancelled"
    assert client.get(f"/api/jobs/{third}").json["position"] == 1
    for job in (third, first):
        client.ask("DELETE", f"/api/jobs/{job}")
        assert client.wait(job)["state"] == "cancelled"


def test_a_file_that_a_job_needs_is_not_deleted(client):
    media = client.send(b"slow").json["id"]
    job = client.post("/api/localizations", {"media": media}).json["id"]
    answer = client.ask("DELETE", f"/api/media/{media}")
    assert (answer.status, answer.json["error"]["subject"]) == (409, "clip.mp4")
    client.ask("DELETE", f"/api/jobs/{job}")
    client.wait(job)
    assert client.ask("DELETE", f"/api/media/{media}").status == 204


def test_a_refusal_of_an_app_names_the_file_as_the_visitor_does(client):
    done = client.wait(client.job(b"refuse", "my clip.mp4"))
    assert done["state"] == "failed"
    assert done["error"] == {"reason": "my clip.mp4 cannot be used", "subject": "my clip.mp4"}


def test_a_fault_of_ours_and_a_dead_worker_fail_one_job_alone(client):
    fault, death, after = client.job(b"fault"), client.job(b"die"), client.job(b"word")
    assert "fault of its own (ValueError)" in client.wait(fault)["error"]["reason"]
    assert "died of this task" in client.wait(death)["error"]["reason"]
    assert client.wait(after)["state"] == "done"


def test_a_worker_that_does_not_obey_is_killed_and_started_again(client, monkeypatch):
    monkeypatch.setattr("avnet.web.lanes.OBEY_S", 0.1)
    stuck = client.job(b"stuck")
    client.wait(stuck, "running")
    client.ask("DELETE", f"/api/jobs/{stuck}")
    assert client.wait(stuck)["state"] == "cancelled"
    assert client.wait(client.job(b"word"))["state"] == "done"


def test_search_answers_with_entries_whose_pictures_can_be_asked_for(client):
    media = client.send(b"image", "dog.jpg").json["id"]
    answer = client.post("/api/searches", {"queries": [{"media": media, "weight": 0.5}, {"entry": "3-17"}]})
    assert answer.status == 200 and answer.json["took_ms"] > 0
    (found,) = answer.json["answers"]
    assert found["query"]["file"] == "dog.jpg" and found["matches"][0]["entry"] == "3-17"
    picture = client.get("/api/index/entries/3-17/thumbnail?short_side=32")
    assert b"'/films/a.mp4'" in picture.body and b"('at', 1.5)" in picture.body
    assert client.get("/api/index/entries/3-17/sound.wav?length_s=1").headers["content-type"] == "audio/wav"
    assert client.get("/api/index/entries/3-17").json["time_s"] == 1.5
    assert client.get("/api/index/entries/4-1").status == 422
    assert client.get("/api/index/map").body == b"\1\0\0\0"


def test_tags_have_probabilities(client):
    media = client.send(b"sound").json["id"]
    assert client.post("/api/tags", {"media": media}).json == {"tags": [{"name": "dog", "probability": 0.9}]}


def test_speech_is_heard_while_it_is_made_and_then_the_chosen_one(client):
    media = client.send(b"image").json["id"]
    job = client.post("/api/descriptions", {"media": media, "voice": "low"}).json["id"]
    draft = client.get(f"/api/jobs/{job}/speech.wav")
    assert draft.body[:4] == b"RIFF" and draft.body[44:] == b"\1\0" * 4800
    client.wait(job)
    assert client.get(f"/api/jobs/{job}/speech.wav").body == b"final"
    answer = client.post("/api/descriptions", {"media": media, "voice": "../low"})
    assert (answer.status, answer.json["error"]["reason"]) == (422, "is not known here; there are low")


def test_folders_are_indexed_only_where_that_is_allowed(client, tmp_path):
    answer = client.post("/api/indexings", {"path": "/films"})
    assert answer.status == 403 and "--allow-indexing" in answer.json["error"]["reason"]
    with serving(WebOptions(port=0, index=tmp_path, allow_indexing=True)) as other:
        # Whoever may have folders indexed may look into them, so a token is asked for on this machine, too.
        assert other.post("/api/indexings", {"path": "/films"}).status == 401
        owner = other.visitor()
        assert owner.post("/api/indexings", {"path": "films"}).status == 422
        assert owner.get("/api/status").json["can"]["index_folders"]
        for path in ("/", tempfile.gettempdir()):  # where the files of visitors lie, too
            assert "visitors sent" in owner.post("/api/indexings", {"path": path}).json["error"]["reason"]


@pytest.mark.parametrize("values", [{}, {"media": 3}, {"media": "x", "threshold": 2}, {"media": "x", "more": 1}, []])
def test_a_request_that_cannot_be_is_refused_in_words(client, values):
    answer = client.post("/api/localizations", values)
    assert answer.status == 422 and set(answer.json["error"]) == {"reason", "subject"}


def test_status_tells_what_can_be_done(client):
    status = client.get("/api/status").json
    assert status["can"] == {
        "localize": True,
        "search": True,
        "browse": True,
        "describe": True,
        "tags": True,
        "index_folders": False,
    }
    assert status["limits"] == {"upload_mb": 1024, "duration_s": 14400.0, "image_pixels": 99}
    assert status["lanes"]["localize"] == {"state": "ready", "reason": None, "queued": 0}
    assert status["lanes"]["playable"]["state"] in ("off", "ready")


def test_a_model_that_cannot_be_opened_is_told_and_the_rest_works():
    plans = {"media": STAND_INS["media"], "localize": LanePlan("stand_in_lanes:open_localize", {"fails": True})}
    with serving(plans=plans) as client:
        media = client.send(b"word").json["id"]
        for _ in range(200):
            lane = client.get("/api/status").json["lanes"]["localize"]
            if lane["state"] == "failed":
                break
            time.sleep(0.02)
        assert lane["reason"] == "runs/model: is damaged"
        answer = client.post("/api/localizations", {"media": media})
        assert answer.status == 503 and "is damaged" in answer.json["error"]["reason"]
        assert client.post("/api/descriptions", {"media": media}).status == 503


def test_fifty_files_at_once_are_all_taken_and_their_jobs_all_done(client):
    with ThreadPoolExecutor(50) as pool:
        jobs = list(pool.map(lambda i: client.job(f"word{i}".encode()), range(50)))
    assert [client.wait(job)["result"]["word"] for job in jobs] == [f"word{i}" for i in range(50)]


def test_the_openapi_document_describes_every_address_that_the_interface_has(client):
    document = client.get("/api/openapi.json").json
    paths = {path: set(of) for path, of in document["paths"].items()}
    assert paths["/api/media"] == {"post"} and paths["/api/jobs/{id}"] == {"get", "delete"}
    assert "application/octet-stream" in document["paths"]["/api/media"]["post"]["requestBody"]["content"]
    assert all(of[method].get("description") for of in document["paths"].values() for method in of)
    assert client.get("/docs").status == client.get("/api/docs").status == client.get("/redoc").status == 404


def test_the_page_and_its_parts_are_there_and_may_be_kept(client):
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html") and page.headers["cache-control"] == "no-cache"
    again = client.get("/", If_None_Match=page.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    for path in re.findall(rb'"(/static/[^"]+)"', page.body):
        part = client.get(path.decode())
        assert part.status == 200 and "immutable" in part.headers["cache-control"]
    assert client.get("/static/no-such.js").status == client.get("/static/index.html").status == 404


def test_results_expire_and_their_files_are_deleted():
    with serving(WebOptions(port=0, keep_minutes=0.005)) as client:
        job = client.job(b"word")
        state = client.wait(job)
        assert state["state"] == "done"
        time.sleep(1.0)  # 0.3 s, and the next time that somebody looks
        assert client.get(f"/api/jobs/{job}").status == 404


def test_nothing_is_left_behind_when_the_server_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with serving() as client:
        client.wait(client.job(b"word"))
        (folder,) = tmp_path.glob("avnet-serve-*")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o77 for path in folder.rglob("*") if path.is_dir()} == {0}
    assert not list(tmp_path.iterdir())


def test_a_page_that_asks_for_a_name_with_odd_letters_gets_it_as_text(client):
    name = "<script>alert(1)</script>\n.mp4"
    media = client.send(b"image", name).json
    assert media["name"] == "script>?.mp4"
    assert json.dumps(media)
    assert Path(media["name"]).name == media["name"]
