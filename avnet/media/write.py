"""Videos and sounds into files: whole or not at all, and the same bytes for the same input."""

import itertools
import wave
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.codec.context
import av.error
import numpy as np

from avnet.audio.pcm import to_pcm
from avnet.errors import MediaError
from avnet.files.whole import whole_file
from avnet.media.frame import is_hd
from avnet.media.hdr import BT709

# Samples in a frame of AAC, which its encoder takes one at a time.
AAC_FRAME = 1024


def write_video(
    path: str | Path,
    images: Iterable[np.ndarray],
    fps: float,
    waveform: np.ndarray | Iterable[np.ndarray] | None = None,
    sample_rate: int = 48_000,
    *,
    preset: str = "veryfast",
    crf: int = 20,
    audio_bit_rate: int = 128_000,
    own: bool = False,
    fragments: bool = False,
) -> None:
    """Writes an mp4: H.264 in yuv420p, AAC, index first, frames and sound interleaved.

    Colours are coded as players expect of the size: HD by BT.709 and tagged so, less by BT.601.
    Odd sizes lose their last row or column, as yuv420p needs even ones; a single row or column is doubled.

    Args:
        path: the file; it appears under this name only when it is complete.
        images: uint8 RGB [height, width, 3], all of one size; taken one at a time.
        fps: frames per second.
        waveform: float [n] mono in [-1, 1] that starts with the first frame, or its parts, taken one at a time; None
            for a silent film.
        sample_rate: Hz of the waveform.
        preset: x264's trade of speed for size, 'ultrafast' to 'veryslow'.
        crf: x264's quality, 0 (best) to 51.
        audio_bit_rate: bits per second.
        own: whether an earlier file may be replaced whoever wrote it, as in a folder that is known to be avnet's; else
            only an earlier result of avnet is.
        fragments: whether each stretch has an index of its own. An index of the whole stays in memory until the end,
            14 MB for an hour of 5 frames a second with sound, but players seek faster with it.

    Raises:
        MediaError: there is no frame, sizes differ, the file cannot be written, or there is one that avnet did
            not write.
    """
    path = Path(path)
    # 29.97 is 30000/1001; no usual rate has a larger denominator.
    rate = Fraction(fps).limit_denominator(1001)
    frames = _check_images(path, images)
    first = next(frames)
    # Bit-exact: otherwise the version of FFmpeg is in the file, and its bytes change with it.
    index = "+frag_keyframe+delay_moov+default_base_moof" if fragments else "+faststart"
    options = {"movflags": index, "fflags": "+bitexact"}
    with (
        _whole_media(path, own) as temporary,
        av.open(f"file:{temporary}", "w", format="mp4", options=options) as container,
    ):
        video = _video_stream(container, first.shape, rate, preset, crf)
        sound = None
        if waveform is not None:
            sound = _SoundTrack(container, waveform, sample_rate, audio_bit_rate)
        for index, image in enumerate(itertools.chain([first], frames)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if is_hd(video.width, video.height):
                # The encoder's own conversion is by BT.601, which nobody expects of this size.
                frame = frame.reformat(format=video.pix_fmt, dst_colorspace=BT709)
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(video.encode(frame))
            if sound:
                sound.write_until(float((index + 1) / rate))
        container.mux(video.encode(None))
        if sound:
            sound.finish()


def _video_stream(container, shape: tuple[int, ...], rate: Fraction, preset: str, crf: int):
    # Macroblock trees make x264 give other bytes from run to run where frames are small.
    quality = {"preset": preset, "crf": str(crf), "mbtree": "0"}
    stream = container.add_stream("libx264", rate=rate, options=quality)
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = "yuv420p"
    if is_hd(stream.width, stream.height):
        stream.codec_context.colorspace = BT709
    # x264's bytes depend on the number of threads.
    stream.thread_count = 1
    stream.codec_context.flags |= av.codec.context.Flags.bitexact
    return stream


class _SoundTrack:
    """An AAC stream that is fed in step with the frames, so that the file is interleaved."""

    def __init__(self, container, waveform: np.ndarray | Iterable[np.ndarray], sample_rate: int, bit_rate: int):
        self.container = container
        self.parts = iter([waveform] if isinstance(waveform, np.ndarray) else waveform)
        self.waiting = np.zeros(0, np.float32)
        self.sample_rate = sample_rate
        self.position = 0
        self.stream = container.add_stream("aac", rate=sample_rate, layout="mono")
        self.stream.bit_rate = bit_rate
        self.stream.codec_context.thread_count = 1
        self.stream.codec_context.flags |= av.codec.context.Flags.bitexact

    def write_until(self, time_s: float) -> None:
        while self.position < time_s * self.sample_rate and len(part := self._next()):
            frame = av.AudioFrame.from_ndarray(part[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = self.sample_rate, self.position
            frame.time_base = Fraction(1, self.sample_rate)
            self.container.mux(self.stream.encode(frame))
            self.position += len(part)

    def _next(self) -> np.ndarray:
        """The next frame of samples; a shorter one at the end, and then none."""
        while len(self.waiting) < AAC_FRAME and (part := next(self.parts, None)) is not None:
            samples = np.clip(np.asarray(part, np.float32).reshape(-1), -1.0, 1.0)
            self.waiting = np.concatenate([self.waiting, samples])
        part, self.waiting = self.waiting[:AAC_FRAME], self.waiting[AAC_FRAME:]
        return part

    def finish(self) -> None:
        self.write_until(float("inf"))
        self.container.mux(self.stream.encode(None))


def _check_images(path: Path, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The frames, contiguous and of one even size; refuses none at all and changes of size."""
    shape = None
    for image in images:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise MediaError(
                path, f"is given frames that are not uint8 [height, width, 3], got {image.dtype} {image.shape}"
            )
        if shape is not None and image.shape != shape:
            raise MediaError(path, f"is given frames of two sizes, {shape[:2]} and {image.shape[:2]}")
        shape = image.shape
        height, width = shape[0] - shape[0] % 2, shape[1] - shape[1] % 2
        image = image[: height or 1, : width or 1]
        if not height or not width:
            image = np.pad(image, ((0, int(not height)), (0, int(not width)), (0, 0)), mode="edge")
        yield np.ascontiguousarray(image)
    if shape is None:
        raise MediaError(path, "cannot be written: there are no frames")


@contextmanager
def _whole_media(path: Path, own: bool = False) -> Iterator[Path]:
    """A whole file, as in `avnet.files.whole`, whose encoder may refuse too.

    Raises:
        MediaError: the operating system or the encoder refused.
    """
    try:
        with whole_file(path, MediaError, own=own) as temporary:
            yield temporary
    except av.error.FFmpegError as error:
        raise MediaError(path, f"cannot be written ({error.strerror or type(error).__name__})") from None


def write_wav(path: str | Path, samples: np.ndarray | Iterable[np.ndarray], sample_rate: int) -> None:
    """Writes mono sound as 16-bit PCM.

    Args:
        path: the file; it appears under this name only when it is complete.
        samples: float [n] in [-1, 1], or its parts, taken one at a time; what lies outside is clipped.
        sample_rate: Hz.

    Raises:
        MediaError: the file cannot be written, or one is there that avnet did not write.
    """
    path = Path(path)
    parts = [samples] if isinstance(samples, np.ndarray) else samples
    with (
        _whole_media(path) as temporary,
        open(temporary, "wb") as stream,
        wave.open(stream, "wb") as file,
    ):
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        for part in parts:
            file.writeframes(to_pcm(np.asarray(part, np.float64)).tobytes())
