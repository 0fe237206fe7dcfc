"""What a server serves, to whom, and how much of it: importing this costs nothing."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from avnet.errors import OptionError

LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")
# Least length of a token that somebody chooses, characters.
LEAST_TOKEN = 16


@dataclass(frozen=True, kw_only=True)
class WebOptions:
    """What is served, to whom, and how much of it.

    Example:
        >>> WebOptions(port=8080).local
        True
    """

    index: Path | None = None
    """Folder of the index to search and browse; with --allow-indexing it may be new. Default: no search."""
    describer: str | None = None
    """Describer of images, which speaks or writes: a folder, or hf://user/model. Default: no descriptions."""
    voice: tuple[Path, ...] = ()
    """Folders of other voices to choose from, each named after its folder: see `avnet describe --voice`."""
    host: str = "127.0.0.1"
    """Address of this machine to listen at. Any but a loopback address asks every visitor for a token."""
    port: int = 8000
    """Port to listen at; 0 takes a free one, which is printed."""
    public_name: tuple[str, ...] = ()
    """Further names by which browsers may reach this server, as example.org or example.org:8443."""
    token: str | None = None
    """Secret that visitors must know, 16 characters at least. Default: a new one at each start where one is needed."""
    allow_indexing: bool = False
    """Let visitors index folders of this machine by path; only files that you can read are read."""
    upload_mb: int = 1024
    """Greatest size of a file that is sent, in MB."""
    disk_mb: int = 8192
    """Greatest size of all that is kept for visitors, files that were sent and results, in MB."""
    keep_minutes: float = 60.0
    """Minutes for which a file that was sent, or a result, is kept after it was last used."""
    duration_s: float = 4 * 3600.0
    """Longest video or sound that is taken, in seconds."""
    uploads_at_once: int = 64
    """Greatest number of files that one visitor may be sending at the same time."""
    jobs_queued: int = 64
    """Greatest number of jobs that one visitor may have waiting."""
    patience_s: float = 15.0
    """Seconds without a byte after which a visitor who is sending something is sent away."""

    def __post_init__(self):
        if not 0 <= self.port <= 65535:
            raise OptionError("port", f"must be from 0 to 65535, got {self.port}")
        if self.token is not None and (len(self.token) < LEAST_TOKEN or not self.token.isascii()):
            raise OptionError("token", f"must be at least {LEAST_TOKEN} ASCII characters")
        for name in ("upload_mb", "disk_mb", "uploads_at_once", "jobs_queued"):
            if (value := getattr(self, name)) < 1:
                raise OptionError(name, f"must be at least 1, got {value}")
        for name in ("keep_minutes", "duration_s", "patience_s"):
            if (value := getattr(self, name)) <= 0:
                raise OptionError(name, f"must be more than 0, got {value:g}")
        if self.allow_indexing and self.index is None:
            raise OptionError("allow_indexing", "needs --index, the folder of the index that is added to")
        names = [path.name for path in self.voice]
        if len(set(names)) < len(names):
            raise OptionError("voice", "names two folders of the same name")
        if self.voice and self.describer is None:
            raise OptionError("voice", "goes with --describer")

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:  # a name, of which nobody knows where it will lead
            return False

    def names(self, port: int, addresses: tuple[str, ...] = ()) -> frozenset[str]:
        """What a browser may call this server, in lower case with the port, as in a Host header.

        Args:
            port: that it listens at.
            addresses: further addresses of this machine.
        """
        hosts = [*LOCAL_NAMES, *(_bracketed(host) for host in (self.host, *addresses))]
        own = {f"{host}:{port}" for host in hosts}
        if port == 80:
            own |= set(hosts)
        return frozenset(name.lower() for name in own | set(self.public_name))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
