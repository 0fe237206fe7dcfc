"""Media files that are odd, hostile or broken, made when a test needs them."""

import os
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from media.media_files import FORMATS, ImageAt, Sound, ramp, tone

CLOCK = Fraction(1, 90_000)
# Of BT.2020 and ITU-R BT.2408: what a PQ code value means, and where white of an image that is no lamp lies.
PQ_M1, PQ_M2, PQ_C1, PQ_C2, PQ_C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
WHITE_NITS = 203.0
FROM_709 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])

# A stream that is added to a file that is being written, and its packets.
Track = Callable[..., list[av.Packet]]


def mux(path: Path, *tracks: Track, suffix: str | None = None, options: dict[str, str] | None = None) -> Path:
    """Writes tracks into one file, interleaved by time."""
    suffix = suffix or path.suffix
    with av.open(f"file:{path}", "w", format=FORMATS.get(suffix, suffix[1:]), options=options or {}) as out:
        packets = [packet for track in tracks for packet in track(out)]
        packets.sort(key=lambda packet: (packet.dts or 0) * packet.time_base)
        for packet in packets:
            out.mux(packet)
    return path


def frames(
    codec: str = "libx264",
    times: Sequence[float] | np.ndarray = tuple(k / 25 for k in range(40)),
    image_at: ImageAt | None = None,
    *,
    frame_at: Callable[[float], av.VideoFrame] | None = None,
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    colour: tuple[int, int, int] | None = None,
    key_frames: int = 12,
    fps: int = 25,
) -> Track:
    """A track of frames at any times; `frame_at` gives other frames than RGB, `colour` is primaries, curve, matrix."""
    image_at = image_at or ramp()

    def video_frame(time: float) -> av.VideoFrame:
        return frame_at(time) if frame_at else av.VideoFrame.from_ndarray(image_at(time), format="rgb24")

    def add(out) -> list[av.Packet]:
        quality = {"preset": "ultrafast", "crf": "12"} if codec == "libx264" else {}
        stream = out.add_stream(codec, rate=fps, options=quality | (options or {}))
        first = video_frame(times[0])
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, pix_fmt
        stream.gop_size, stream.thread_count, stream.time_base = key_frames, 1, CLOCK
        stream.codec_context.time_base = CLOCK
        if codec in ("mpeg4", "mpeg1video", "mpeg2video", "wmv2", "flv", "libvpx", "mjpeg"):
            stream.bit_rate = 2_000_000
        if (
            codec in ("mpeg4", "mpeg1video", "mpeg2video", "wmv2", "flv") or out.format.name == "avi"
        ):  # which count frames
            stream.time_base = stream.codec_context.time_base = Fraction(1, fps)
        if colour:
            context = stream.codec_context
            context.color_primaries, context.color_trc, context.colorspace = colour
        packets = []
        for time in times:
            frame = video_frame(time)
            base = stream.codec_context.time_base
            frame.pts, frame.time_base = round(time / base), base
            packets += stream.encode(frame)
        return packets + stream.encode(None)

    return add


def sounds(
    codec: str = "aac",
    channels: Sequence[Sound] = (tone(),),
    seconds: float = 1.6,
    *,
    rate: int = 44_100,
    layout: str = "mono",
    start_s: float = 0.0,
    disposition: Disposition | None = None,
    title: str = "",
) -> Track:
    """A track of sound; as many channels as the layout has."""

    def add(out) -> list[av.Packet]:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        if disposition is not None:
            stream.disposition = disposition
        if title:
            stream.metadata["title"] = title
        if codec == "wmav2":
            stream.bit_rate = 64_000
        stream.codec_context.open()
        resampler = av.AudioResampler(stream.format, stream.layout, rate, stream.frame_size or None)
        t = start_s + np.arange(round(seconds * rate)) / rate
        samples = np.stack([channel(t) for channel in channels]).astype(np.float32)
        packets = []
        for first in range(0, len(t), 1024):
            part = np.ascontiguousarray(samples[:, first : first + 1024])
            frame = av.AudioFrame.from_ndarray(part, "fltp", layout)
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = round(start_s * rate) + first
            for piece in resampler.resample(frame):
                packets += stream.encode(piece)
        for piece in resampler.resample(None):
            packets += stream.encode(piece)
        return packets + stream.encode(None)

    return add


def quadrants(size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """Top left white, top right red, bottom left grey, bottom right black; so that turns and mirrors are seen."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = 255
    image[: height // 2, width // 2 :] = (255, 0, 0)
    image[height // 2 :, : width // 2] = 128
    return image


def corners(image: np.ndarray) -> np.ndarray:
    """The colours of the four quarters of a image_at, [2, 2, 3], each taken around its middle."""
    height, width = image.shape[:2]
    rows, columns = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    return np.array(
        [[image[y - 3 : y + 3, x - 3 : x + 3].mean(axis=(0, 1)) for x in columns] for y in rows], np.float64
    )


def hdr_frame(image: np.ndarray) -> av.VideoFrame:
    """An sRGB image as 10-bit BT.2020 with the PQ curve, its white at 203 cd/m2."""
    share = image.astype(np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    light = np.clip(linear @ FROM_709.T, 0, 1) * WHITE_NITS / 10_000
    signal = ((PQ_C1 + PQ_C2 * light**PQ_M1) / (1 + PQ_C3 * light**PQ_M1)) ** PQ_M2
    red, green, blue = np.moveaxis(signal, -1, 0)
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    chroma = [(blue - luma) / 1.8814, (red - luma) / 1.4746]
    planes = [np.rint(64 + 876 * luma)] + [np.rint(512 + 896 * plane[::2, ::2]) for plane in chroma]
    frame = av.VideoFrame(image.shape[1], image.shape[0], "yuv420p10le")
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size // 2), "<u2")
        rows[:, : values.shape[1]] = values
        plane.update(rows.tobytes())
    return frame


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of each box of an mp4, in order; sizes of 32 bits only."""
    at = 0
    while at + 8 <= len(data):
        size = struct.unpack(">I", data[at : at + 4])[0] or len(data) - at
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def content_of(data: bytes, *way: tuple[bytes, int]) -> bytes:
    """What is in the box to which (kind, which of that kind) lead."""
    for kind, number in way:
        data = [content for box_kind, content in boxes(data) if box_kind == kind][number]
    return data


def change_box(data: bytes, way: Sequence[tuple[bytes, int]], change: Callable[[bytes], bytes]) -> bytes:
    """Replaces the content of one box and mends the sizes around it; the index has to come last in the file."""
    if not way:
        return change(data)
    (kind_name, number), *rest = way
    out, position = [], 0
    for kind, content in boxes(data):
        if kind == kind_name:
            content = change_box(content, rest, change) if position == number else content
            position += 1
        out.append(box(kind, content))
    assert position > number, kind_name
    return b"".join(out)


def edit_list(path: Path, track: int, edits: Sequence[tuple[float, float | None]]) -> Path:
    """Gives a track of an mp4 or mov an edit list.

    Args:
        path: the file, its index last.
        track: number of the track.
        edits: (length, first moment of the medium that is shown), seconds; None for nothing to be shown. Moments count
            from where the file's own edit list, if it has one, begins: the encoder's delay stays left out.
    """
    data = path.read_bytes()
    trak = ((b"moov", 0), (b"trak", track))
    film_scale = struct.unpack(">I", content_of(data, (b"moov", 0), (b"mvhd", 0))[12:16])[0]
    scale = struct.unpack(">I", content_of(data, *trak, (b"mdia", 0), (b"mdhd", 0))[12:16])[0]
    delay = 0
    if any(kind == b"edts" for kind, _ in boxes(content_of(data, *trak))):
        delay = struct.unpack(">i", content_of(data, *trak, (b"edts", 0), (b"elst", 0))[-8:-4])[0]
    entries = [
        struct.pack(">Iihh", round(length * film_scale), -1 if begin is None else delay + round(begin * scale), 1, 0)
        for length, begin in edits
    ]
    edts = box(b"edts", box(b"elst", struct.pack(">II", 0, len(entries)) + b"".join(entries)))

    def change(content: bytes) -> bytes:
        inner_boxes = [(kind, inner) for kind, inner in boxes(content) if kind != b"edts"]
        return b"".join(box(kind, inner) + (edts if kind == b"tkhd" else b"") for kind, inner in inner_boxes)

    path.write_bytes(change_box(data, trak, change))
    return path


def claim_mp4_duration(path: Path, ticks: int) -> Path:
    """Makes the film and all its tracks claim a length, in ticks of their own clocks."""
    data = path.read_bytes()

    def claim(offset: int) -> Callable[[bytes], bytes]:
        return lambda content: content[:offset] + struct.pack(">I", ticks) + content[offset + 4 :]

    data = change_box(data, ((b"moov", 0), (b"mvhd", 0)), claim(16))
    for track in range(sum(kind == b"trak" for kind, _ in boxes(content_of(data, (b"moov", 0))))):
        trak = ((b"moov", 0), (b"trak", track))
        data = change_box(data, (*trak, (b"tkhd", 0)), claim(20))
        data = change_box(data, (*trak, (b"mdia", 0), (b"mdhd", 0)), claim(16))
    path.write_bytes(data)
    return path


def external_data(path: Path, entry: bytes) -> Path:
    """Makes the first track of an mp4 or mov take its data from somewhere else."""
    way = [(kind, 0) for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref")]
    path.write_bytes(change_box(path.read_bytes(), way, lambda _: struct.pack(">II", 0, 1) + entry))
    return path


def alias(target: str) -> bytes:
    """An entry of a data reference that names a file as the Macintosh did."""
    name = target.encode()
    head = bytes(10) + b"\x04disk" + bytes(23) + bytes(12)
    head += bytes([min(len(name), 63)]) + name[-63:].ljust(63, b"\0") + bytes(16) + struct.pack(">hh", 1, 1) + bytes(16)
    records = struct.pack(">HH", 2, len(name)) + name + bytes(len(name) % 2) + struct.pack(">HH", 0xFFFF, 0)
    return box(b"alis", struct.pack(">I", 0) + head + records)


def set_double(path: Path, element: bytes, value: float) -> Path:
    """Overwrites each number of eight bytes that a Matroska element has."""
    data = path.read_bytes()
    parts = data.split(element + b"\x88")
    assert len(parts) > 1
    fields = [part if i == 0 else struct.pack(">d", value) + part[8:] for i, part in enumerate(parts)]
    path.write_bytes((element + b"\x88").join(fields))
    return path


def claim_vp8_size(path: Path, width: int, height: int, first: int = 0) -> Path:
    """Makes the keyframes of a VP8 stream claim a size, from the given one on; at most 16383 each."""
    parts = path.read_bytes().split(b"\x9d\x01\x2a")
    assert len(parts) > first + 1
    fields = [p if i <= first else struct.pack("<HH", width, height) + p[4:] for i, p in enumerate(parts)]
    path.write_bytes(b"\x9d\x01\x2a".join(fields))
    return path


def zero_tail(path: Path, share: float) -> Path:
    """Replaces the last part of a file by zeros, as a download that was reserved and not finished."""
    data = path.read_bytes()
    end = int(len(data) * share)
    path.write_bytes(data[:end] + bytes(len(data) - end))
    return path


def flip(path: Path, low: float, high: float, count: int, seed: int = 0) -> Path:
    """Flips bits between two shares of a file."""
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    rng = np.random.default_rng(seed)
    at = rng.integers(int(len(data) * low), int(len(data) * high), count)
    data[at] ^= (1 << rng.integers(0, 8, count)).astype(np.uint8)
    path.write_bytes(data.tobytes())
    return path


def concatenate(path: Path, *parts: Path) -> Path:
    """Files one after the other; a transport stream may be put together in this way."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def jpeg_of(image: np.ndarray) -> bytes:
    """An image as JPEG, by way of a one-frame stream."""
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = image.shape[1], image.shape[0], "yuvj420p"
    codec.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])


def with_id3_cover(path: Path, jpeg: bytes) -> Path:
    """Puts a cover before an mp3."""
    content = b"\0image/jpeg\0\x03\0" + jpeg
    tag = b"APIC" + struct.pack(">I", len(content)) + b"\0\0" + content
    size = bytes((len(tag) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x03\0\0" + size + tag + path.read_bytes())
    return path


def with_mp4_cover(path: Path, jpeg: bytes) -> Path:
    """Puts a cover into the description of an mp4 or m4a."""
    cover = box(b"covr", box(b"data", struct.pack(">II", 13, 0) + jpeg))
    handler = box(b"hdlr", struct.pack(">II4s4sIIIB", 0, 0, b"mdir", b"appl", 0, 0, 0, 0))
    meta = box(b"udta", box(b"meta", struct.pack(">I", 0) + handler + box(b"ilst", cover)))

    def change(content: bytes) -> bytes:
        return b"".join(box(kind, inner) for kind, inner in boxes(content) if kind != b"udta") + meta

    path.write_bytes(change_box(path.read_bytes(), ((b"moov", 0),), change))
    return path


def hls(target: str) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n"


def hls_master(target: str) -> str:
    return f'#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS="avc1.42e00a,mp4a.40.2"\n{target}\n'


def concat_script(target: str) -> str:
    return f"ffconcat version 1.0\nfile '{target}'\n"


def dash(target: str) -> str:
    return (
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000" width="64" height="48">'
        f'<BaseURL>{target}</BaseURL><SegmentList duration="2"><Initialization sourceURL="{target}"/>'
        f'<SegmentURL media="{target}"/></SegmentList></Representation></AdaptationSet></Period></MPD>\n'
    )


def sdp(target: str) -> str:
    host, port = "127.0.0.1", "5004"
    if "://" in target:
        host, _, port = target.split("/")[2].partition(":")
    return (
        f"v=0\no=- 0 0 IN IP4 {host}\ns=x\nc=IN IP4 {host}\nt=0 0\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    )


def smil(target: str) -> str:
    return f'<smil><head/><body><switch><video src="{target}" system-bitrate="1000"/></switch></body></smil>\n'


def html(target: str) -> str:
    return f'<!DOCTYPE html>\n<html><head><title>404</title></head><body><video src="{target}"></video></body></html>\n'


def m3u(target: str) -> str:
    return f"{target}\n"


def asx(target: str) -> str:
    return f'<asx version="3.0"><entry><ref href="{target}"/></entry></asx>\n'


def reference_movie(target: str) -> bytes:
    """QuickTime's own redirect: an index that holds nothing but an address."""
    entry = box(b"rdrf", struct.pack(">I4sI", 0, b"url ", len(target) + 1) + target.encode() + b"\0")
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", box(b"rmra", box(b"rmda", entry)))


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def unix_socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            server.bind(f"/proc/self/fd/{folder}/{path.name}")  # a socket's path may have 107 bytes only
        finally:
            os.close(folder)
    return path
