"""Media read by other processes, within the time and memory that a stranger's file may take."""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from avnet.media.audio import Waveform
from avnet.media.decoding import messages
from avnet.media.sandbox.limits import Limits
from avnet.media.sandbox.messages import Message
from avnet.media.sandbox.sandbox import Sandbox
from avnet.media.tracks import MAX_DURATION_S, MediaInfo

T = TypeVar("T")

PROGRAM = "avnet.media.decoding.program"
# Of what has no arrays: a header and its sizes.
FACTS_BYTES = 2 << 20
# Bytes around a frame or a part of a sound.
AROUND = 1024


class SandboxedMedia:
    """As many decoding processes as there are files that are read at once; use as a context."""

    def __init__(self, limits: Limits):
        self._limits = limits
        self._idle: list[Sandbox] = []
        self._lock = threading.RLock()  # an abandoned iterator may be closed wherever memory is tidied up
        self._open = True

    def __enter__(self) -> "SandboxedMedia":
        return self

    def __exit__(self, *_) -> None:
        with self._lock:
            self._open, idle, self._idle = False, self._idle, []
        for sandbox in idle:
            sandbox.__exit__()

    def probe(self, path: str | Path, audio_track: int | None) -> MediaInfo:
        """As `avnet.media.tracks.probe`."""
        request = {"task": "probe", "audio_track": audio_track}
        return self._facts(path, request, partial(messages.parse_info, path=Path(path)), FACTS_BYTES)

    def read_image(self, path: str | Path) -> np.ndarray:
        """As `avnet.media.image.read_image`."""
        return self._facts(path, {"task": "read_image"}, messages.parse_image, FACTS_BYTES + messages.MAX_IMAGE_BYTES)

    def moves(self, path: str | Path) -> bool:
        """As `avnet.media.image.moves`."""
        return self._facts(path, {"task": "moves"}, messages.parse_moves, FACTS_BYTES)

    def iterate_frames(self, path: str | Path, short_side: int | None) -> Iterator[tuple[float, np.ndarray]]:
        """As `avnet.media.video.iterate_frames`."""
        request = {"task": "iterate_frames", "short_side": short_side}
        most = int(MAX_DURATION_S * messages.MAX_FPS) * (AROUND + messages.MAX_IMAGE_BYTES)
        return self._parts(path, request, partial(messages.parse_frame, short_side=short_side), most)

    def frames_on_screen(
        self, path: str | Path, times: np.ndarray, short_side: int | None, held_s: float, audio_track: int | None
    ) -> Iterator[tuple[slice, float, np.ndarray]]:
        """As `avnet.media.video.frames_on_screen`."""
        request = {
            "task": "frames_on_screen",
            "times": times.tolist(),
            "short_side": short_side,
            "held_s": None if held_s == np.inf else float(held_s),  # JSON has no infinity
            "audio_track": audio_track,
        }
        most = FACTS_BYTES + len(times) * (AROUND + messages.MAX_IMAGE_BYTES)
        return self._parts(path, request, messages.FramesOnScreen(len(times), short_side).parse, most)

    def iterate_sound(
        self, path: str | Path, sample_rate: int, audio_track: int | None, from_s: float
    ) -> Iterator[Waveform]:
        """As `avnet.media.audio.iterate_sound`."""
        track = {"sample_rate": sample_rate, "audio_track": audio_track}
        request = {"task": "iterate_sound", **track, "from_s": from_s}
        most = int(MAX_DURATION_S) * (4 * sample_rate + 4 * AROUND)
        return self._parts(path, request, partial(messages.parse_sound, sample_rate=sample_rate), most)

    def _facts(self, path: str | Path, request: dict[str, Any], parse: Callable[[Message], T], most: int) -> T:
        with self._sandbox() as sandbox:
            return sandbox.read(path, request, messages.no_part, parse, most).result

    def _parts(
        self, path: str | Path, request: dict[str, Any], parse: Callable[[Message], T], most: int
    ) -> Generator[T, None, None]:
        with (
            self._sandbox() as sandbox,
            closing(sandbox.stream(path, request, parse, messages.parse_end, most)) as parts,
        ):
            yield from parts

    @contextmanager
    def _sandbox(self) -> Iterator[Sandbox]:
        """One that nobody uses."""
        with self._lock:
            sandbox = self._idle.pop() if self._idle else Sandbox(PROGRAM, self._limits)
        try:
            yield sandbox
        finally:
            with self._lock:
                if keep := self._open:
                    self._idle.append(sandbox)
            if not keep:
                sandbox.__exit__()
