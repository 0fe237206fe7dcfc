"""A program that takes flite's place: it says a tone and writes down what it was asked to say, or prints phones."""

import os
from pathlib import Path

import numpy as np
import pytest

from avnet.audio.pcm import SPEECH_RATE
from avnet.media import write_wav

PROGRAM = """#!/bin/sh
here="${0%/*}"
if [ "$1" = -lv ]; then echo "Voices available: kal slt"; exit 0; fi
[ "$1" = -voice ] && [ "$2" = slt ] || exit 9
[ "$3" = -t ] || [ "$3" = -p ] || exit 9
if [ "$5" = -psdur ] && [ "$6" = -o ] && [ "$7" = none ] && [ $# -eq 7 ]; then
  case "$4" in
    *FAILS*) exit 3 ;;
    *ODD*) echo "pau:0.1 t:x" ;;
    *BACKWARD*) echo "pau:0.1 t:0.05" ;;
    *NOTHING*) ;;
    *) echo "pau:0.1 t:0.2 ow:0.35 n:0.4 pau:0.5 " ;;
  esac
  exit 0
fi
[ "$5" = -o ] && [ $# -eq 6 ] || exit 9
printf '%s\\n' "$4" >> "$here/said"
case "$4" in *FAILS*) exit 3 ;; esac
cp "$here/tone.wav" "$6"
"""
TONE = (0.25 * np.sin(2 * np.pi * 440 * np.arange(SPEECH_RATE // 2) / SPEECH_RATE)).astype(np.float32)


class StandInFlite:
    """The program in a folder.

    Args:
        folder: for it.
        patch: puts it on the PATH.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        write_wav(folder / "tone.wav", TONE, SPEECH_RATE)
        (folder / "flite").write_text(PROGRAM)
        (folder / "flite").chmod(0o755)
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    @property
    def said(self) -> list[str]:
        """What it was asked to say."""
        return (self.folder / "said").read_text().splitlines() if (self.folder / "said").exists() else []
