"""`python -m eval decoding`: what random frames and sounds of a video cost, beside what a user would do instead."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from avnet.errors import TooShort
from avnet.media import probe, read_frames, read_waveform
from avnet.media.container import open_container
from eval.speed.config import DecodingConfig

SOUND_RATE = 48_000


def decoding(config: DecodingConfig) -> dict[str, float]:
    """Runs the whole command.

    Returns:
        Median CPU milliseconds of each way.

    Raises:
        MediaError: the video cannot be read.
    """
    video, frames = config.video, config.frames
    info = probe(video)
    read_waveform(video)  # refuses what has no sound, and warms up
    if info.video is None or info.video.duration_s < 2.0:
        raise TooShort(video, "is shorter than 2 s, which are needed")
    rng = np.random.default_rng(config.seed)
    # The second of sound about each frame must lie inside the video.
    low, high = info.video.start_s + 0.6, info.video.start_s + info.video.duration_s - 0.6
    ways: dict[str, Callable[[Path, np.ndarray], None]] = {"one pass": one_pass, "seek per frame": seek_per_frame}
    if torchcodec_is_there():
        ways["TorchCodec"] = with_torchcodec
    cpu_ms: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(config.rounds + 1):
        times = rng.uniform(low, high, frames)
        for name, way in ways.items():
            # CPU time, so that other work on the machine does not count.
            before = time.process_time()
            way(video, times)
            if number:  # the first round loads libraries
                cpu_ms[name].append(1000 * (time.process_time() - before))
    medians = {name: statistics.median(values) for name, values in cpu_ms.items()}
    print(f"{'CPU ms for ' + str(frames) + ' frames with sound':<40}{'median':>10}{'least':>10}{'most':>10}")
    for name, values in cpu_ms.items():
        print(f"{name:<40}{medians[name]:>10.0f}{min(values):>10.0f}{max(values):>10.0f}")
    for name in list(medians)[1:]:
        print(f"one pass takes {medians['one pass'] / medians[name]:.2f} of {name}")
    return medians


def one_pass(path: Path, times: np.ndarray) -> None:
    """As avnet reads."""
    read_frames(path, times)
    sound = read_waveform(path, SOUND_RATE)
    for moment in times:
        sound.cut(float(moment), 1.0)


def seek_per_frame(path: Path, times: np.ndarray) -> None:
    """As one would begin: jump to the keyframe before each frame, and decode from there."""
    with open_container(path) as container:
        stream = container.streams.video[0]
        # Threads would save no CPU time, which is what is compared.
        stream.codec_context.thread_count = 1
        for moment in times:
            assert stream.time_base is not None
            container.seek(int(moment / stream.time_base), stream=stream)
            latest: av.VideoFrame | None = None
            for frame in container.decode(stream):
                if frame.time is not None and frame.time > moment:
                    break
                latest = frame
            # Only the frame that is asked for is converted, as an able user would have it.
            if latest is not None:
                latest.to_ndarray(format="rgb24")
    sound = read_waveform(path, SOUND_RATE)
    for moment in times:
        sound.cut(float(moment), 1.0)


def torchcodec_is_there() -> bool:
    """Whether TorchCodec is installed and finds its libraries; it is no dependency of this project."""
    try:
        from torchcodec.decoders import AudioDecoder, VideoDecoder  # pyright: ignore[reportMissingImports]
    except (ImportError, OSError, RuntimeError):
        return False
    return VideoDecoder is not None and AudioDecoder is not None


def with_torchcodec(path: Path, times: np.ndarray) -> None:
    """The same samples with TorchCodec on one thread."""
    from torchcodec.decoders import AudioDecoder, VideoDecoder  # pyright: ignore[reportMissingImports]

    decoder = VideoDecoder(str(path), num_ffmpeg_threads=1, dimension_order="NHWC")
    decoder.get_frames_played_at(sorted(times.tolist())).data.numpy()
    sound = AudioDecoder(str(path), sample_rate=SOUND_RATE, num_channels=1).get_all_samples().data.numpy()
    for moment in times:
        middle = round(moment * SOUND_RATE)
        sound[:, middle - SOUND_RATE // 2 : middle + SOUND_RATE // 2].copy()
