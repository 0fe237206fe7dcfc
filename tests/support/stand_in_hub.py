"""A stand-in for the Hugging Face Hub on this machine, as far as `huggingface_hub` asks it for models."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_the_tests"


@dataclass
class Repository:
    """Files of each commit, and the commit of each branch."""

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Adds files to a branch; gives the commit."""
        files = {**self.commits.get(self.branches.get(branch, ""), {}), **files}
        number = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode()).hexdigest()
        self.commits[number], self.branches[branch] = files, number
        return number


@dataclass
class StandIn:
    """The server.

    Attributes:
        address: as HF_ENDPOINT takes it.
        repositories: by name.
        requests: what was asked for, method and path.
        large: what was uploaded by its SHA-256, before it is committed.
        sizes: that are told in place of the real ones, by name of file.
    """

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    large: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int | None] = field(default_factory=dict)

    def downloads(self) -> set[str]:
        """Names of the files whose content was sent."""
        paths = [path for method, path in map(str.split, self.requests) if method == "GET" and "/resolve/" in path]
        return {path.split("/resolve/")[1].partition("/")[2] for path in paths}


@contextmanager
def stand_in_hub() -> Iterator[StandIn]:
    """A server on a port of its own, until the block ends."""
    hub = StandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        self.hub.requests.append(f"{self.command} {urlsplit(self.path).path}")

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/api/models/"):
            name, _, revision = path.removeprefix("/api/models/").partition("/revision/")
            found = self._commit(name, revision or "main")
            if found is not None:
                self._tell_of(name, *found)
            return
        name, _, rest = path[1:].partition("/resolve/")
        revision, _, file = rest.partition("/")
        found = self._commit(name, revision)
        if found is None:
            return
        commit, files = found
        if file not in files:
            self._fail(404, "EntryNotFound", "no such file")
            return
        tag = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha256(files[file]).hexdigest()}"'}
        self._send(200, files[file], tag)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._token() != TOKEN:
            self._fail(401, "", "Invalid credentials in Authorization header")
        elif path == "/api/repos/create":
            wish = json.loads(body)
            name = f"{wish['organization']}/{wish['name']}"
            status = 409 if name in self.hub.repositories else 200
            if status == 200:
                self.hub.repositories[name] = Repository(wish.get("visibility") == "private")
                self.hub.repositories[name].commit({".gitattributes": b""})
            self._send_json({"url": f"{self.hub.address}/{name}"}, status)
        elif path == "/api/validate-yaml":
            self._send_json({"warnings": [{"message": "no text of the license"}], "errors": []})
        elif "/preupload/" in path:
            files = [file["path"] for file in json.loads(body)["files"]]
            modes = {True: "lfs", False: "regular"}
            answer = [
                {"path": file, "uploadMode": modes[file.endswith(".safetensors")], "shouldIgnore": False}
                for file in files
            ]
            self._send_json({"files": answer})
        elif path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**one, "actions": {"upload": {"href": f"{self.hub.address}/upload/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            self._send_json({"transfer": "basic", "objects": objects})
        elif "/commit/" in path:
            self._take_commit(path, body)

    def do_PUT(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            content = self.rfile.read(int(self.headers["Content-Length"]))
        self.hub.large[hashlib.sha256(content).hexdigest()] = content
        self._send(200, b"")

    def _take_commit(self, path: str, body: bytes) -> None:
        name, _, branch = path.removeprefix("/api/models/").partition("/commit/")
        repository, files = self.hub.repositories[name], {}
        if branch != "main" and branch not in repository.branches:
            self._fail(404, "RevisionNotFound", "no such branch")
            return
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.large[value["oid"]]
        commit = repository.commit(files, branch)
        url = f"{self.hub.address}/{name}/commit/{commit}"
        self._send_json({"commitUrl": url, "commitOid": commit, "pullRequestUrl": None})

    def _commit(self, name: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """A commit and its files; None where the refusal was sent."""
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.private and self._token() != TOKEN):
            self._fail(401, "RepoNotFound", "Repository not found")
        elif repository.gated:
            self._fail(403, "GatedRepo", "Access is restricted")
        elif (commit := repository.branches.get(revision, revision)) not in repository.commits:
            self._fail(404, "RevisionNotFound", "Invalid rev id")
        else:
            return commit, repository.commits[commit]
        return None

    def _tell_of(self, name: str, commit: str, files: dict[str, bytes]) -> None:
        siblings = [
            {"rfilename": file, "size": self.hub.sizes.get(file, len(content))} for file, content in files.items()
        ]
        private = self.hub.repositories[name].private
        self._send_json({"id": name, "sha": commit, "private": private, "siblings": siblings, "tags": []})

    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _send_json(self, value: dict, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _fail(self, status: int, code: str, message: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": message})

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
