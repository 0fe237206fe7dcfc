"""Where one scene of a video ends and another begins."""

import itertools
from pathlib import Path

import numpy as np
from av.filter import Graph

from avnet.media.container import OpenFile
from avnet.media.frame import is_usable
from avnet.media.reader import open_video_stream
from avnet.media.tracks import open_tracks

# Of FFmpeg's scdet filter, whose documentation names 8 to 14 as sensible: percent of the grey range.
THRESHOLD = 10.0
# Enough to see a cut, and cheap.
WIDTH = 96


def scene_cuts(path: Path | OpenFile, audio_track: int | None = None) -> np.ndarray:
    """Finds hard cuts by a whole pass over the video, small and in grey.

    Args:
        path: the file, which may be open.
        audio_track: number of the audio track to which the frames belong; None chooses.

    Returns:
        float64 [n]: times of the first frames of new scenes, seconds, ascending.

    Raises:
        NoVideoTrack: there is no video stream.
        MediaError: the file cannot be read.
    """
    cuts = []
    with open_tracks(path, audio_track) as tracks:
        stream, _ = open_video_stream(path, tracks)
        graph = _detector(stream)
        for frame in tracks.decode(stream):
            if not is_usable(frame):
                continue
            graph.push(frame)
            if "lavfi.scd.time" in graph.pull().metadata:
                cuts.append(float(frame.time))
    return np.unique(np.array(cuts, np.float64))


def _detector(stream) -> Graph:
    graph = Graph()
    chain = [
        graph.add_buffer(template=stream),
        graph.add("scale", f"{WIDTH}:-2:flags=area"),
        graph.add("format", "pix_fmts=gray"),
        graph.add("scdet", f"threshold={THRESHOLD:g}"),
        graph.add("buffersink"),
    ]
    for source, sink in itertools.pairwise(chain):
        source.link_to(sink)
    graph.configure()
    return graph
