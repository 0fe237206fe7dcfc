"""A visitor of the server: asks as the page does, and notes how long it took."""

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from avnet.errors import AvnetError

WAIT_S = 600.0


class Visitor:
    """Somebody with a cookie of their own."""

    def __init__(self, address: str):
        self._host = urlsplit(address).netloc
        self._cookie = ""
        with self._ask("GET", "/") as response:
            self._cookie = (response.getheader("set-cookie") or "").partition(";")[0]

    def _ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self._host, timeout=WAIT_S)
        headers = {"Cookie": self._cookie, "Connection": "close"} | ({"Content-Type": kind} if kind else {})
        connection.request(method, path, body, headers)
        return connection.getresponse()

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> Any:
        """An answer in JSON.

        Raises:
            AvnetError: it is a refusal.
        """
        with self._ask(method, path, body, kind) as response:
            values = json.loads(response.read() or b"null")
            if response.status >= 400:
                raise AvnetError(path, f"{response.status}: {values['error']['reason']}")
            return values

    def post(self, path: str, values: Any) -> Any:
        """An answer to a request in JSON."""
        return self.ask("POST", path, json.dumps(values).encode(), "application/json")

    def send(self, file: Path) -> str:
        """Sends a file; its name on the server."""
        path = f"/api/media?name={quote(file.name)}"
        return self.ask("POST", path, file.read_bytes(), "application/octet-stream")["id"]

    def events(self, job: str) -> Iterator[tuple[str, Any]]:
        """(kind, values) of what happens in a job, as it happens."""
        with self._ask("GET", f"/api/jobs/{job}/events") as response:
            kind = ""
            while line := response.readline():
                name, _, text = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    kind = text
                elif name == "data":
                    yield kind, json.loads(text)

    def follow(self, job: str, until: str = "done") -> float:
        """Waits for an event of a kind; when it came, on the clock of `time.perf_counter`.

        Raises:
            AvnetError: the job ends without it.
        """
        for kind, values in self.events(job):
            if kind == until:
                return time.perf_counter()
            if kind in ("failed", "cancelled"):
                raise AvnetError("job", f"{kind}: {values['error']}")
        raise AvnetError("job", f"ends without {until!r}")
