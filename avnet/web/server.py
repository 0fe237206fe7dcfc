"""The server itself: finds out what can be served, listens, and answers until it is told to stop."""

import asyncio
import logging
import resource
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h11  # pyright: ignore[reportMissingImports]
import uvicorn  # pyright: ignore[reportMissingImports]
from uvicorn.protocols.http.h11_impl import H11Protocol  # pyright: ignore[reportMissingImports]

from avnet.correspondence.config import ModelConfig
from avnet.errors import ConfigError, OptionError
from avnet.files.artifact import Header, read_header
from avnet.files.kinds import DESCRIBER, INDEX, MODEL, TEXT_DESCRIBER
from avnet.web.app import LanePlan, create_app
from avnet.web.config import WebOptions
from avnet.web.security import Gate
from avnet.zoo.reference import Source

# Connections at once, those of slow and of idle clients too.
MOST_CONNECTIONS = 512
# How long streams of events may hold up the end of the server, seconds.
END_S = 1
TASKS = "avnet.web.tasks"


class PatientProtocol(H11Protocol):
    """HTTP, with a limit to the time in which the head of a request must come; uvicorn itself would wait for ever."""

    patience_s: float = 15.0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Starts to wait for the first request."""
        super().connection_made(transport)  # pyright: ignore[reportArgumentType]
        if len(self.connections) > MOST_CONNECTIONS:  # uvicorn counts those alone that have asked for something
            transport.abort()  # pyright: ignore[reportAttributeAccessIssue]
            return
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Takes a part of a request."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE and self.conn.our_state is not h11.DONE:
            self._stop_waiting()
        elif self._head_timer is None:
            self._wait_for_head()

    def on_response_complete(self) -> None:
        """Waits for the rest of a body that nobody reads no longer than for anything else."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY and self._head_timer is None:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self.patience_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
                self.transport.write(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            self.transport.close()


class Server(uvicorn.Server):
    """A uvicorn server that says when it listens."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]):
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to listen."""
        await super().startup(sockets)
        if self.started:
            self._on_start()


def build(options: WebOptions, listening: socket.socket, plans: dict[str, LanePlan], facts: dict[str, Any]) -> Gate:
    """The application behind its gate.

    Args:
        options: what is served.
        listening: the socket, which has its port.
        plans: of the lanes.
        facts: of model and describer, as of `avnet.web.app.Site`.
    """
    port = listening.getsockname()[1]
    names = options.names(port, (socket.gethostname(),))
    return Gate(create_app(options, plans, facts), options, names, port)


def serve(options: WebOptions, model: Source, describer: Source | None, memory_mb: int) -> None:
    """Serves until the process is told to stop.

    Args:
        options: what is served.
        model: with heatmaps, or one that searches, or both.
        describer: that described_by; None for none.
        memory_mb: that decoding one file may take.

    Raises:
        AvnetError: the model, the index or the describer cannot be opened; the port is taken.
    """
    _allow_descriptors()
    plans, facts = plan(options, model, describer, memory_mb)
    listening = listen(options)
    gate = build(options, listening, plans, facts)
    run(gate, listening, options, lambda: _announce(options, listening, gate))


def _allow_descriptors() -> None:
    """Raises the number of files that may be open: a connection that downloads holds two."""
    least = 4 * MOST_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < least:
        most = least if hard == resource.RLIM_INFINITY else min(least, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def run(gate: Gate, listening: socket.socket, options: WebOptions, on_start: Callable[[], None]) -> None:
    """Answers requests at a socket until the process is told to stop."""
    server_of(gate, options, on_start).run(sockets=[listening])


def server_of(gate: Gate, options: WebOptions, on_start: Callable[[], None]) -> Server:
    """The server of an application, with all its limits."""
    protocol = type("Protocol", (PatientProtocol,), {"patience_s": options.patience_s})
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = uvicorn.Config(
        gate,
        http=protocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=END_S,
    )
    return Server(config, on_start)


def listen(options: WebOptions) -> socket.socket:
    """A socket that listens.

    Raises:
        ConfigError: the address is none of this machine's, or the port is taken.
    """
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise ConfigError(f"{options.host}:{options.port}", f"cannot be listened at ({error.strerror})") from None
    return listening


def plan(
    options: WebOptions, model: Source, describer: Source | None, memory_mb: int
) -> tuple[dict[str, LanePlan], dict[str, Any]]:
    """What lanes there will be, and what the status says; reads headers, and opens no model.

    Raises:
        AvnetError: a folder is not what it should be.
    """
    header = read_header(model.folder, MODEL)
    with header.parsing():
        config = ModelConfig.from_dict(header.config)
    kind = config.kind
    settings = {"model": str(model.folder), "memory_mb": memory_mb}
    plans = {
        "media": LanePlan(f"{TASKS}.media:open_lane", settings),
        "playable": LanePlan(f"{TASKS}.media:open_lane", settings, when_needed=True),
    }
    if kind.heatmaps:
        plans["localize"] = LanePlan(f"{TASKS}.localize:open_lane", settings)
    with_index = settings | {"index": str(options.index) if options.index else None}
    if options.index is not None:
        if not kind.aligned:
            raise ConfigError(model.name, f"its network, {config.title}, has no embeddings to search an index by")
        if not options.allow_indexing or options.index.exists():
            read_header(options.index, INDEX)
    if options.index is not None or kind.named:
        plans["search"] = LanePlan(f"{TASKS}.search:open_lane", with_index)
    if options.allow_indexing:
        plans["index"] = LanePlan(f"{TASKS}.index:open_lane", with_index, when_needed=True)
    speaker = None
    if describer is not None:
        voices = {path.name: str(path) for path in options.voice}
        folder = str(describer.folder)
        described_by = read_header(describer.folder, DESCRIBER, TEXT_DESCRIBER)
        if described_by.kind is TEXT_DESCRIBER and voices:
            raise OptionError("voice", "goes with a describer that speaks; this one writes")
        plans["describe"] = LanePlan(f"{TASKS}.describe:open_lane", settings | {"describer": folder, "voices": voices})
        speaker = _name_and_sum(describer, described_by) | {"voices": list(voices)}
    facts = {
        "model": _name_and_sum(model, header) | {"title": config.title},
        "describer": speaker,
        "can": {
            "localize": kind.heatmaps,
            "search": kind.aligned,
            "describe": describer is not None,
            "tags": kind.named,
        },
    }
    return plans, facts


def _name_and_sum(source: Source, header: Header) -> dict[str, str]:
    """A model as visitors know it: where its folder lies is nobody's business."""
    name = Path(source.name).name if source.name == str(source.folder) else source.name
    return {"name": name, "sha256": header.fingerprint}


def _announce(options: WebOptions, listening: socket.socket, gate: Gate) -> None:
    port = listening.getsockname()[1]
    host = socket.gethostname() if options.host in ("0.0.0.0", "::") else options.host
    host = f"[{host}]" if ":" in host else host
    link = f"http://{host}:{port}/" + (f"?token={gate.token}" if gate.token else "")
    print(link, flush=True)
    print("models are being loaded; the page says when they are ready. Ctrl-C ends the server.", file=sys.stderr)
