"""Other sites, strangers, and those who send what nobody should: refused in words, while others go on."""

import socket
import threading
import time

import pytest
from extras import need

need("fastapi")
need("uvicorn")
from media.pngs import picture  # noqa: E402
from web_client import STAND_INS, Client, LanePlan, reason, serving  # noqa: E402

from avnet.web.config import WebOptions  # noqa: E402
from avnet.web.security import MOST_JSON  # noqa: E402

TOKEN = "a-token-of-a-test"
HEAD = "POST /api/media?name=a.mp4 HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/octet-stream\r\n"
REAL = {"media": LanePlan("avnet.web.tasks.media:open_lane", {"memory_mb": 1536})}


@pytest.fixture(scope="module")
def client():
    """No model is needed to refuse."""
    with serving(WebOptions(port=0, upload_mb=4, patience_s=0.5, uploads_at_once=3), STAND_INS | REAL) as client:
        yield client


# Names and origins.


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{}", "127.0.0.1:1", "127.0.0.1.evil.example:{}", ""])
@pytest.mark.parametrize("path", ["/", "/api/status", "/static/x.js"])
def test_a_name_that_is_not_ours_gets_nothing(client, host, path):
    answer = client.get(path, Host=host.format(client.port))
    assert "is not a name of this server" in reason(answer, 403)
    assert "set-cookie" not in answer.headers


def test_two_names_are_none(client):
    lines = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert client.raw(lines.encode()).split(b" ")[1] in (b"400", b"403")


def test_names_of_this_machine_and_those_that_were_added_are_ours(client):
    for host in ("127.0.0.1", "localhost", "LOCALHOST"):
        assert client.get("/api/status", Host=f"{host}:{client.port}").status == 200
    with serving(WebOptions(port=0, public_name=("films.example",)), {}) as other:
        assert other.get("/api/status", Host="films.example").status == 200
        assert other.get("/api/status", Host="films.example", Origin="https://films.example").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "file://127.0.0.1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_another_site_neither_reads_nor_changes_anything(client, headers):
    assert "is another site" in reason(client.get("/api/status", **headers), 403)
    assert "is another site" in reason(client.send(b"image", **headers), 403)
    assert "is another site" in reason(client.ask("DELETE", "/api/jobs/x", **headers), 403)


def test_our_own_page_may_ask(client):
    own = f"http://127.0.0.1:{client.port}"
    assert client.get("/api/status", Origin=own, Sec_Fetch_Site="same-origin").status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_can_send_changes_nothing(client, kind):
    for path in ("/api/media", "/api/localizations", "/api/searches", "/api/indexings"):
        assert "must be application/json" in reason(client.ask("POST", path, b"{}", Content_Type=kind), 415)


def test_no_other_site_is_ever_told_that_it_may(client):
    answer = client.ask("OPTIONS", "/api/media", Origin=f"http://127.0.0.1:{client.port}", Content_Type="text/plain")
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_every_answer_says_what_a_browser_must_not_do(client):
    media = client.send(picture()).json["id"]
    for path in ("/", "/api/status", "/no-such", f"/api/media/{media}/file", "/api/media/x"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"] and "server" not in headers


# Tokens and sessions.


@pytest.fixture(scope="module")
def guarded():
    with serving(WebOptions(port=0, token=TOKEN)) as client:
        yield client


def test_without_the_token_there_is_nothing(guarded):
    for path in ("/", "/static/x.js", "/api/status", "/api/openapi.json"):
        assert "open the link" in reason(guarded.get(path), 401)
    assert guarded.send(b"image").status == 401
    for wrong in ("", "b", TOKEN[:-1], f"{TOKEN}x", "é" * len(TOKEN)):
        assert guarded.ask("GET", f"/?token={wrong.encode().hex() if not wrong.isascii() else wrong}").status == 401
        assert guarded.get("/api/status", Authorization=f"Bearer {wrong}".encode().decode("latin-1")).status == 401
    assert guarded.get(f"/api/status?token={TOKEN}").status == 401


def test_one_visit_of_the_link_is_enough_and_the_token_leaves_the_address(guarded):
    answer = guarded.get(f"/?token={TOKEN}")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and TOKEN not in cookie
    visitor = guarded.visitor()
    assert visitor.get("/").status == visitor.get("/api/status").status == 200


def test_a_program_sends_the_token_with_each_request(guarded):
    program = Client(guarded.port, {"Authorization": f"Bearer {TOKEN}"})
    assert program.get(f"/api/media/{program.send(b'image').json['id']}").status == 200


def test_a_cookie_that_somebody_made_up_is_none(guarded):
    name, _, value = guarded.visitor().headers["Cookie"].partition("=")
    session, _, seal = value.partition(".")
    for forged in (f"{name}=x.{seal}", f"{name}={session}.", f"{name}={session}.{'0' * 64}", f"{name}=", "x=\x01"):
        assert Client(guarded.port, {"Cookie": forged}).get("/api/status").status == 401


def test_tokens_and_cookies_are_compared_in_constant_time(guarded, monkeypatch):
    compared = []
    monkeypatch.setattr("hmac.compare_digest", lambda *both: compared.append(both) or False)
    assert guarded.get("/api/status", Authorization="Bearer guess").status == 401
    assert (b"guess", TOKEN.encode()) in compared


def test_an_address_that_others_can_reach_asks_for_a_token():
    with serving(WebOptions(host="0.0.0.0", port=0), {}) as client:
        assert client.token and len(client.token) >= 32
        assert client.get("/api/status").status == 401
        assert client.visitor().get("/api/status").status == 200


@pytest.mark.parametrize("part", ["", "/events", "/files/scores.json", "/speech.wav"])
def test_results_of_another_visitor_are_not_there(guarded, part):
    one, other = guarded.visitor(), guarded.visitor()
    media = one.send(b"word").json["id"]
    job = one.post("/api/localizations", {"media": media}).json["id"]
    one.wait(job)
    assert reason(other.get(f"/api/jobs/{job}{part}"), 404) == "there is no such address"
    assert other.ask("DELETE", f"/api/jobs/{job}").status == 404
    for path in ("", "/file", "/thumbnail", "/playable"):
        assert other.get(f"/api/media/{media}{path}").status == 404
    assert other.ask("DELETE", f"/api/media/{media}").status == 404
    assert other.post("/api/localizations", {"media": media}).status == 404
    assert other.post("/api/searches", {"queries": [{"media": media}]}).status == 404
    assert one.get(f"/api/jobs/{job}").status == 200


# Too much, too slow, too many.


def test_a_file_that_is_announced_as_two_gigabytes_is_refused_unread(client):
    began = time.monotonic()
    answer = client.raw(f"{HEAD.format(client.port)}Content-Length: {2 << 30}\r\nExpect: 100-continue\r\n\r\n".encode())
    assert b" 413 " in answer.split(b"\r\n")[0] and b"100 Continue" not in answer
    assert b"larger than the 4 MB" in answer and time.monotonic() - began < 2


def test_two_gigabytes_in_parts_are_refused_once_they_are_too_many(client):
    connection = socket.create_connection(("127.0.0.1", client.port), timeout=10)
    connection.sendall(f"{HEAD.format(client.port)}Transfer-Encoding: chunked\r\n\r\n".encode())
    part = f"{1 << 20:x}\r\n".encode() + bytes(1 << 20) + b"\r\n"
    sent = 0
    with connection:
        try:
            while sent < 2 << 30:
                connection.sendall(part)
                sent += 1 << 20
        except OSError:
            pass
    assert sent < 64 << 20
    assert client.send(picture()).status == 201


def test_a_body_of_json_that_is_too_large_is_refused(client):
    answer = client.ask("POST", "/api/searches", b"[" * (MOST_JSON + 1), Content_Type="application/json")
    assert "larger than" in reason(answer, 413)


def test_brackets_without_end_are_refused(client):
    answer = client.ask("POST", "/api/searches", b"[" * 100_000, Content_Type="application/json")
    assert answer.status == 400


def test_a_file_that_stops_coming_is_given_up_and_leaves_nothing(client):
    answer = client.raw(f"{HEAD.format(client.port)}Content-Length: 1000\r\n\r\nhalf".encode())
    assert b" 408 " in answer.split(b"\r\n")[0] and b"stopped coming" in answer


def test_a_request_whose_body_does_not_come_is_given_up(client):
    head = f"POST /api/searches HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nContent-Type: application/json\r\n"
    assert b" 408 " in client.raw(f"{head}Content-Length: 100\r\n\r\n{{".encode()).split(b"\r\n")[0]


@pytest.mark.parametrize("data", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_a_head_that_does_not_come_is_given_up_while_others_are_served(client, data):
    began, answers = time.monotonic(), []
    slow = [threading.Thread(target=lambda: answers.append(client.raw(data))) for _ in range(8)]
    for thread in slow:
        thread.start()
    assert client.get("/api/status").status == 200
    for thread in slow:
        thread.join()
    assert 0.4 < time.monotonic() - began < 5
    assert all(b" 408 " in answer.split(b"\r\n")[0] if data else answer == b"" for answer in answers)


def test_a_head_of_a_megabyte_is_refused(client):
    data = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nX: {'x' * (1 << 20)}\r\n\r\n".encode()
    try:
        answer = client.raw(data)
    except ConnectionError:
        return
    assert b" 400 " in answer.split(b"\r\n")[0]


def test_who_sends_too_many_files_at_once_is_told_so_and_others_go_on(client):
    greedy, other = client.visitor(), client.visitor()
    lines = HEAD.format(client.port) + f"Cookie: {greedy.headers['Cookie']}\r\nContent-Length: 1000\r\n\r\nx"
    slow = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(3)]
    for connection in slow:
        connection.sendall(lines.encode())
    time.sleep(0.1)
    assert "while 3 others" in reason(greedy.send(picture()), 429)
    assert other.send(picture()).status == 201
    for connection in slow:
        connection.close()


def test_who_has_too_many_jobs_waiting_is_told_so_and_others_go_on():
    with serving(WebOptions(port=0, jobs_queued=2)) as client:
        one, other = client.visitor(), client.visitor()
        jobs = [one.job(b"slow") for _ in range(1)]
        one.wait(jobs[0], "running")
        jobs += [one.job(b"slow") for _ in range(2)]
        answer = one.post("/api/localizations", {"media": one.send(b"slow").json["id"]})
        assert "while 2 others" in reason(answer, 429) and answer.headers["retry-after"] == "1"
        assert other.wait(other.job(b"word"), "queued")
        for job in jobs:
            one.ask("DELETE", f"/api/jobs/{job}")


def test_disk_space_is_bounded_for_all_together():
    with serving(WebOptions(port=0, disk_mb=1)) as client:
        assert client.send(b"image" + bytes(900_000)).status == 201
        assert "finds no room" in reason(client.send(b"image" + bytes(900_000)), 503)
        assert client.get("/api/status").status == 200


def test_results_count_too_and_the_oldest_make_room():
    with serving(WebOptions(port=0, disk_mb=1)) as client:
        jobs = [client.job(b"large") for _ in range(3)]
        client.wait(jobs[-1], "done")
        assert [client.get(f"/api/jobs/{job}").status for job in jobs] == [404, 200, 200]
        assert "finds no room" in reason(client.send(b"image" + bytes(300_000)), 503)


def test_nobody_keeps_a_connection_by_the_rest_of_a_body_that_nobody_reads():
    with serving(WebOptions(port=0, patience_s=0.5)) as client:
        head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nContent-Length: 99\r\n\r\n"
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", client.port), timeout=10) as connection:
            connection.sendall(head.encode())
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            connection.sendall(b"x")
            while connection.recv(65536):
                pass
        assert time.monotonic() - began < 8


# Where nothing lies.


@pytest.mark.parametrize(
    "path",
    [
        "/static/../config.py",
        "/static/..%2fconfig.py",
        "/static/%2e%2e/config.py",
        "/static//etc/passwd",
        "/../etc/passwd",
        "/api/media/..%2f..%2fetc%2fpasswd/file",
        "/api/jobs/../../etc/passwd",
        "/api/index/entries/..%2f..%2fetc/thumbnail",
        "/api/index/entries/%2fetc%2fpasswd/thumbnail",
    ],
)
def test_no_address_leads_to_another_file(client, path):
    assert client.get(path).status in (404, 422)


@pytest.mark.parametrize("name", ["../events", "..%2fevents", "%2fetc%2fpasswd", "draft.pcm", "", ".", "scores.json/"])
def test_of_a_job_only_the_files_that_it_lists_are_there(guarded, name):
    visitor = guarded.visitor()
    job = visitor.post("/api/localizations", {"media": visitor.send(b"word").json["id"]}).json["id"]
    visitor.wait(job)
    assert visitor.get(f"/api/jobs/{job}/files/{name}").status == 404


def test_a_link_among_the_files_of_the_page_is_no_way_out(tmp_path, monkeypatch):
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "index.html").write_text("page")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "static" / "link.js").symlink_to(tmp_path / "secret")
    monkeypatch.setattr("avnet.web.routes.page.STATIC", tmp_path / "static")
    with serving(plans={}) as client:
        assert client.get("/").body == b"page"
        assert client.get("/static/link.js").status == 404


@pytest.mark.parametrize("reference", ["http://127.0.0.1:1/x.mp4", "/etc/passwd", "../x", "file:///etc/passwd", "\0"])
def test_an_address_or_a_path_in_place_of_a_file_is_not_there(client, reference):
    for values in ({"media": reference}, {"media": client.send(picture()).json["id"], "sound": reference}):
        assert client.post("/api/localizations", values).status == 404
    assert client.post("/api/tags", {"media": reference}).status == 404
    assert client.post("/api/searches", {"queries": [{"entry": reference}]}).status == 422


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "CONNECT", "DELETE"])
def test_other_methods_are_refused(client, method):
    answer = client.ask(method, "/api/status", None, Content_Type="application/json")
    assert answer.status in (400, 405)


def test_numbers_in_headers_that_are_none_do_no_harm(guarded):
    visitor = guarded.visitor()
    job = visitor.job(b"word")
    visitor.wait(job)
    count = len(visitor.events(job))
    for last in ("-1", "x", "1" * 400, "²", ""):
        assert len(visitor.events(job, Last_Event_ID=last.encode().decode("latin-1"))) == count
    media = visitor.send(b"0123456789").json["id"]
    for span in ("bytes=9-1", "bytes=-", "bytes=0-" + "9" * 30, "x"):
        assert visitor.get(f"/api/media/{media}/file", Range=span).status in (200, 206, 400, 416)


def test_what_is_no_http_is_refused_and_others_go_on(client):
    assert b" 400 " in client.raw(b"\x16\x03\x01" + bytes(40) + b"\r\n\r\n").split(b"\r\n")[0]
    assert client.get("/api/status").status == 200
