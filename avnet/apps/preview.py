"""Media as browsers show them: a small image, a short sound, a film in codecs that every browser plays."""

import io
import wave
from pathlib import Path

import numpy as np
from PIL import Image

from avnet.audio.pcm import to_pcm
from avnet.errors import NoAudioTrack, NoVideoTrack, OptionError
from avnet.events import Listener, nobody, steps
from avnet.media.clips import Sound
from avnet.media.image import is_image, read_image, resize_short_side
from avnet.media.tracks import probe
from avnet.media.video import frames_on_screen, read_frames, video_span
from avnet.media.write import write_video, write_wav

# Half of what films have: a short clip travels quickly.
CLIP_RATE, PLAYABLE_RATE = 24_000, 48_000
LONGEST_CLIP_S = 60.0
PLAYABLE_SIDE, PLAYABLE_FPS = 720, 30.0
# A longer film is written in fragments, in memory that does not grow with it.
LONG_S = 3600.0
QUALITY = 85


def thumbnail(file: str | Path, time_s: float = 0.0, short_side: int = 160) -> bytes:
    """A small JPEG of an image, or of the frame of a video that is on screen at a time.

    Args:
        file: an image or a video.
        time_s: seconds; of an image of no meaning.
        short_side: of the result, pixels; what is smaller stays as it is.

    Raises:
        AvnetError: the file cannot be read or has nothing to see.

    Example:
        >>> from avnet.apps.preview import thumbnail
        >>> thumbnail("dog.jpg", short_side=32)[6:10]
        b'JFIF'
    """
    if not 8 <= short_side <= 4096:
        raise OptionError("short_side", f"must be from 8 to 4096 pixels, got {short_side}")
    if is_image(file):
        image = read_image(file)
    else:
        video = probe(file).video
        if video is None:
            raise NoVideoTrack(file, "has nothing to see: it has no video track")
        image = read_frames(file, [time_s], max(1, min(short_side, video.width, video.height))).images[0]
    image = resize_short_side(image, min(short_side, *image.shape[:2]))
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def sound_clip(file: str | Path, time_s: float, length_s: float = 1.0) -> bytes:
    """A clip of a sound or video as a WAV of 16 bits, mono; moved inwards at either end of the sound.

    Args:
        file: a sound or a video.
        time_s: middle of the clip, seconds.
        length_s: seconds.

    Raises:
        AvnetError: the file cannot be read or has no sound.

    Example:
        >>> from avnet.apps.preview import sound_clip
        >>> sound_clip("bark.wav", 0.5)[:4]
        b'RIFF'
    """
    if not 0 < length_s <= LONGEST_CLIP_S:
        raise OptionError("length_s", f"must be from 0 to {LONGEST_CLIP_S:g} seconds, got {length_s:g}")
    # Of a time near the end the clip lies up to its own length earlier.
    sound = Sound.of_file(file, CLIP_RATE, from_s=time_s - 2 * length_s)
    clip = next(sound.clips([time_s], length_s))
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(CLIP_RATE)
        out.writeframes(to_pcm(clip).tobytes())
    return buffer.getvalue()


def playable(file: str | Path, out: str | Path, on_event: Listener = nobody) -> str:
    """Writes a copy that every browser plays: of a video an mp4 (H.264, AAC, at most 720 pixels), of a sound a WAV.

    Args:
        file: a video or a sound.
        out: the copy, whatever its suffix; it appears under this name only when it is complete.
        on_event: is told of progress.

    Returns:
        The type of the copy, video/mp4 or audio/wav.

    Raises:
        AvnetError: the file cannot be read or the copy not be written.

    Example:
        >>> from avnet.apps.preview import playable
        >>> playable("video.mp4", "playable.mp4")
        'video/mp4'
    """
    info = probe(file)
    sound = None if info.audio is None else Sound.of_file(file, PLAYABLE_RATE)
    if info.video is None:
        if sound is None:
            raise NoAudioTrack(file, info.no_audio)
        rate = PLAYABLE_RATE if info.duration_s < LONG_S else CLIP_RATE  # a WAV has no more than 4 GB
        parts = (part.samples for part in Sound.of_file(file, rate).read())
        write_wav(out, steps(parts, "converting", 0, "parts", on_event), rate)
        return "audio/wav"
    start, end = video_span(info)
    rate = min(info.video.fps, PLAYABLE_FPS)
    times = start + np.arange(max(1, round((end - start) * rate))) / rate
    side = max(1, min(PLAYABLE_SIDE, info.video.width, info.video.height))
    # Frames that stay on screen are repeated: the copy has a constant rate.
    images = (image for slots, _, image in frames_on_screen(file, times, side) for _ in range(slots.start, slots.stop))
    images = steps(images, "converting", len(times), "frames", on_event)
    waveform = None if sound is None else sound.stretch(start, end - start)
    write_video(out, images, rate, waveform, PLAYABLE_RATE, fragments=end - start > LONG_S)
    return "video/mp4"
