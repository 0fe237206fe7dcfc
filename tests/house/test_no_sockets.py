"""No input makes a program look elsewhere: not on the network, and not in another file."""

import contextlib
import socket
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import pytest
from media import odd_media as odd
from media.media_files import flat, make_video
from media.odd_media import frames, sounds
from media.samples import VideoSamples, sample_video

from avnet.errors import MediaError, NotMedia
from avnet.media import probe, read_frames, read_image, read_waveform
from data.records.jpeg import decode_jpeg
from data.sampling.config import SamplingConfig

CONFIG = SamplingConfig(fps=5.0, clip_s=0.5, short_side=48)
OURS, OTHERS = 60, 200


class Listener:
    """A port of this machine, TCP and UDP, that counts who knocks."""

    def __init__(self):
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp.setblocking(False)
        self.udp.setblocking(False)

    def knocks(self) -> int:
        """How many came since the last call; a connection is complete before anyone takes it."""
        count = 0
        for receive in (self._accept, lambda: self.udp.recv(4096)):
            try:
                while True:
                    receive()
                    count += 1
            except BlockingIOError:
                pass
        return count

    def _accept(self) -> None:
        self.tcp.accept()[0].close()

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/x.mp4"


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    with server.tcp, server.udp:
        yield server


def attempt(path: Path) -> VideoSamples | MediaError:
    try:
        return sample_video(path, "name", "0" * 64, CONFIG)
    except MediaError as error:
        return error


def use_in_every_way(path: str | Path) -> VideoSamples | MediaError:
    for read in (probe, read_waveform, lambda path: read_frames(path, [0.0]), read_image):
        with contextlib.suppress(MediaError):
            read(path)
    return attempt(Path(path))


def shows_only_its_own(outcome: VideoSamples | MediaError) -> None:
    if isinstance(outcome, VideoSamples):
        for segment in outcome.segments:
            for jpeg in segment.frames:
                assert decode_jpeg(jpeg).mean() == pytest.approx(OURS, abs=5)


def own(path: Path) -> Path:
    return make_video(path, 1.2, flat(lambda _: OURS))


def other(folder: Path, name: str = "other.mp4") -> Path:
    return make_video(folder / name, 1.2, flat(lambda _: OTHERS))


def test_listener_notices_a_connection_and_a_datagram(listener):
    assert listener.knocks() == 0
    socket.create_connection(("127.0.0.1", listener.port)).close()
    assert listener.knocks() == 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", listener.port))
    assert listener.knocks() == 1


def test_listener_notices_a_decoder_that_is_not_kept_from_the_network(listener):
    with pytest.raises(av.error.FFmpegError):
        av.open(listener.url(), timeout=0.3)
    assert listener.knocks() == 1


PLAYLISTS = {
    "m3u8": odd.hls,
    "master.m3u8": odd.hls_master,
    "m3u": odd.m3u,
    "ffconcat": odd.concat_script,
    "mpd": odd.dash,
    "sdp": odd.sdp,
    "smil": odd.smil,
    "html": odd.html,
    "asx": odd.asx,
}


@pytest.mark.parametrize(
    "scheme", ["http", "https", "tcp", "udp", "rtp", "rtsp", "rtmp", "ftp", "crypto+http", "cache:http"]
)
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_that_name_an_address_open_none(tmp_path, listener, kind, scheme):
    for name in (f"list.{kind}", f"{kind}.mp4"):
        (tmp_path / name).write_text(PLAYLISTS[kind](listener.url(scheme)))
        assert isinstance(use_in_every_way(tmp_path / name), NotMedia)
    assert listener.knocks() == 0


SCHEMES = ("http", "https", "tcp", "udp", "rtp", "rtsp", "rtmp", "ftp", "tls", "file", "cache:http", "async:http")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_addresses_are_refused_unopened(tmp_path, monkeypatch, listener, scheme):
    monkeypatch.chdir(tmp_path)
    address = listener.url(scheme)
    for read in (probe, read_waveform, lambda path: read_frames(path, [0.0]), read_image):
        with pytest.raises(NotMedia):
            read(address)
    assert isinstance(attempt(Path(address)), NotMedia)
    assert isinstance(attempt(tmp_path / address), NotMedia)
    assert listener.knocks() == 0


@pytest.mark.parametrize("scheme", ["http:", "cache:http:", "concat:http:", "tcp:"])
def test_file_whose_name_is_an_address_is_a_file(tmp_path, monkeypatch, listener, scheme):
    # `http:/127...` is a name below a folder, and what a path makes of an address.
    path = tmp_path / scheme / f"127.0.0.1:{listener.port}" / "x.mp4"
    path.parent.mkdir(parents=True)
    own(path)
    monkeypatch.chdir(tmp_path)
    assert isinstance(attempt(path.relative_to(tmp_path)), VideoSamples)
    shows_only_its_own(attempt(path.relative_to(tmp_path)))
    assert listener.knocks() == 0


def of_kind(folder: Path, listener: Listener, kind: str) -> Path:
    """A film or an index that names an address."""
    path, url = folder / f"film.{kind.split()[0]}", listener.url()
    if "redirect" in kind:
        path.write_bytes(odd.reference_movie(url))
        return path
    own(path)
    if "data at url" in kind:
        odd.external_data(path, odd.box(b"url ", b"\0\0\0\0" + url.encode() + b"\0"))
    elif "data at alias" in kind:
        odd.external_data(path, odd.alias(url))
    elif "description" in kind:
        playlist(path, url)
    elif "id3" in kind:
        path.write_bytes(path.read_bytes())
        odd.with_id3_cover(path, url.encode())
    elif "cover" in kind:
        odd.with_mp4_cover(path, b"-->\0" + url.encode())
    return path


def playlist(path: Path, url: str) -> None:
    """Chapters, an attachment and every text that names an address."""
    with av.open(f"file:{path}", "w", format="matroska" if path.suffix == ".mkv" else path.suffix[1:]) as out:
        out.metadata.update({"title": url, "comment": url, "location": url, "url": url})
        if path.suffix == ".mkv":
            out.add_attachment("list.m3u8", "application/vnd.apple.mpegurl", odd.hls(url).encode())
            out.add_attachment(url, "font/ttf", url.encode())
        title = {"title": url}
        out.set_chapters([{"id": 1, "start": 0, "end": 1000, "time_base": Fraction(1, 1000), "metadata": title}])
        for packet in frames(image_at=flat(lambda _: OURS))(out) + sounds()(out):
            out.mux(packet)


FILMS = (
    "mp4 data at url",
    "mov data at url",
    "mov data at alias",
    "mov redirect",
    "mp4 redirect",
    "mkv description",
    "mp4 description",
    "mov description",
    "mp4 cover",
    "ts id3",
)


@pytest.mark.parametrize("kind", FILMS)
def test_films_that_name_an_address_open_none(tmp_path, listener, kind):
    path = of_kind(tmp_path, listener, kind)
    assert str(listener.port).encode() in path.read_bytes()
    shows_only_its_own(use_in_every_way(path))
    assert listener.knocks() == 0


@pytest.mark.parametrize("name", ["mkv description", "mp4 description", "mp4 cover", "mp4 data at url"])
def test_films_that_name_an_address_are_still_films(tmp_path, listener, name):
    assert isinstance(attempt(of_kind(tmp_path, listener, name)), VideoSamples)


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_that_name_a_good_film_do_not_give_its_frames(tmp_path, monkeypatch, kind, absolute):
    monkeypatch.chdir(tmp_path)
    good = other(tmp_path, "other.ts" if "m3u" in kind else "other.mp4")
    assert isinstance(attempt(good), VideoSamples)
    for target in (str(good) if absolute else good.name, f"file:{good}", f"file://{good}", f"concat:{good}"):
        for name in (f"list.{kind}", f"{kind}.mp4"):
            (tmp_path / name).write_text(PLAYLISTS[kind](target))
            assert isinstance(use_in_every_way(tmp_path / name), NotMedia)


def hollow(path: Path, film: Path) -> Path:
    """The index of a film without its data."""
    path.write_bytes(odd.change_box(film.read_bytes(), ((b"mdat", 0),), lambda content: bytes(len(content))))
    return path


def first_image(path: Path, **options) -> float:
    """Its brightness, opened without any of our precautions."""
    with av.open(f"file:{path}", **options) as container:
        return float(next(container.decode(video=0)).to_ndarray(format="rgb24").mean())


def test_decoder_that_is_not_kept_from_it_does_read_other_files(tmp_path):
    good = other(tmp_path)
    script = tmp_path / "list.ffconcat"
    script.write_text(odd.concat_script(good.name))
    assert first_image(script) == pytest.approx(OTHERS, abs=5)
    film = odd.external_data(hollow(tmp_path / "film.mov", good), odd.alias(str(good)))
    trusting = {"enable_drefs": "1", "use_absolute_path": "1"}
    assert first_image(film, options=trusting) == pytest.approx(OTHERS, abs=5)


@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_film_whose_data_lie_in_another_file_does_not_give_its_frames(tmp_path, suffix):
    good = other(tmp_path, f"other{suffix}")
    film = tmp_path / f"film{suffix}"
    for entry in (
        odd.alias(str(good)),
        odd.box(b"url ", b"\0\0\0\0" + f"file://{good}".encode() + b"\0"),
        odd.box(b"url ", b"\0\0\0\0" + good.name.encode() + b"\0"),
    ):
        odd.external_data(own(film), entry)
        shows_only_its_own(use_in_every_way(film))
        odd.external_data(hollow(film, good), entry)
        shows_only_its_own(use_in_every_way(film))


def test_names_of_protocols_that_join_files_join_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other(tmp_path, "other.ts")
    for name in ("concat:other.ts|other.ts", "file:other.ts", "subfile,,start,0,end,0,,:other.ts", "cache:other.ts"):
        assert isinstance(attempt(Path(name)), NotMedia)
        assert isinstance(use_in_every_way(name), NotMedia)
