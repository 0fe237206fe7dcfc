"""A server on a free port of this machine, and a client that can misbehave."""

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from avnet.web.app import LanePlan
from avnet.web.config import WebOptions
from avnet.web.server import build, listen, server_of

OPENERS = ("media", "localize", "search", "describe", "index")
STAND_INS = {name: LanePlan(f"stand_in_lanes:open_{name}") for name in OPENERS}
STAND_INS["playable"] = LanePlan("stand_in_lanes:open_media", when_needed=True)
FACTS = {
    "model": {"name": "base", "sha256": "0" * 64, "title": "Joint network"},
    "describer": {"name": "d", "sha256": "1" * 64, "voices": ["low"]},
    "can": {"localize": True, "search": True, "describe": True, "tags": True},
}


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Somebody who asks; `cookie` and `headers` go with every request."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    timeout_s: float = 20.0

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout_s)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, self.headers | names)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, values: Any, **headers: str) -> Answer:
        headers = {"Content_Type": "application/json"} | headers
        return self.ask("POST", path, json.dumps(values).encode(), **headers)

    def send(self, data: bytes, name: str = "clip.mp4", **headers: str) -> Answer:
        headers = {"Content_Type": "application/octet-stream"} | headers
        return self.ask("POST", f"/api/media?name={quote(name)}", data, **headers)

    def job(self, data: bytes, name: str = "clip.mp4") -> str:
        """Sends a file and starts its localization; the name of the job."""
        answer = self.post("/api/localizations", {"media": self.send(data, name).json["id"]})
        assert answer.status == 202, answer
        return answer.json["id"]

    def wait_for_lane(self, name: str) -> None:
        """Waits until a lane has opened what it needs."""
        while (lane := self.get("/api/status").json["lanes"][name])["state"] == "loading":
            time.sleep(0.05)
        assert lane["state"] == "ready", lane

    def wait(self, job: str, *states: str) -> dict[str, Any]:
        """A job once it is in one of some states."""
        for _ in range(1000):
            values = self.get(f"/api/jobs/{job}").json
            if values["state"] in (states or ("done", "failed", "cancelled")):
                return values
            time.sleep(0.01)
        raise AssertionError(values)

    def events(self, job: str, **headers: str) -> list[tuple[int, str, Any]]:
        """All events of a job that is over, or will be."""
        text = self.get(f"/api/jobs/{job}/events", **headers).body.decode()
        events = []
        for block in text.strip().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if fields:
                events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
        return events

    def raw(self, data: bytes, wait_s: float = 10.0) -> bytes:
        """Sends bytes as they are; what comes until the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait_s) as connection:
            connection.sendall(data)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
            return b"".join(parts)

    def visitor(self) -> "Client":
        """A browser of its own: visits the page and keeps the cookie."""
        answer = self.get(f"/?token={self.token}" if self.token else "/")
        return Client(self.port, {"Cookie": answer.headers["set-cookie"].partition(";")[0]})


@contextmanager
def serving(options: WebOptions | None = None, plans=None, facts=None) -> Iterator[Client]:
    """A server in a thread of its own, until the block ends."""
    options = options or WebOptions(port=0)
    listening = listen(options)
    gate = build(options, listening, STAND_INS if plans is None else plans, facts or FACTS)
    started = threading.Event()
    server = server_of(gate, options, started.set)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    try:
        assert started.wait(20)
        yield Client(listening.getsockname()[1], token=gate.token)
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()


def reason(answer: Answer, status: int) -> str:
    """Why a request was refused, with this status."""
    assert answer.status == status, answer
    return answer.json["error"]["reason"]
