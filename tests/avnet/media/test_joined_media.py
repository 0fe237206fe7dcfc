"""Films with more than one clock, one programme or one audio track: what is kept of each."""

import numpy as np
import pytest
from av.stream import Disposition
from media import odd_media as odd
from media.joined_media import (
    PART_S,
    belongs_together,
    of_all_parts,
    restart,
    restarted_programme,
    restarts_alone,
    two_programmes,
    with_b_frames,
)
from media.media_files import make_mute, make_video, tone
from media.odd_films import Case, every, hears, lasts, numbered_by_time
from media.odd_media import frames, mux, sounds
from media.samples import same_samples, sample_video

from avnet.errors import MediaError, NoAudioTrack
from avnet.media import probe, read_frames, read_waveform
from data.sampling.config import SamplingConfig
from data.sampling.sandboxed import SandboxedSampler

FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
DEFAULT = Disposition.default


def with_tracks(*tracks):
    """A film with a wrong sound of 1000 Hz, then its own of 440 Hz; each (disposition, title)."""
    tones = (1000, 440, 1500)
    return lambda path: mux(
        path,
        frames(),
        *(sounds("aac", [tone(hz)], disposition=d, title=t) for hz, (d, t) in zip(tones, tracks, strict=False)),
    )


def motion_jpeg(path):
    return mux(path, frames("mjpeg", pix_fmt="yuvj420p"), sounds("mp2", rate=48_000))


CASES = [
    # Clocks
    Case("joined.ts", lambda p: restart(p, (1.4, 1.4)), facts=of_all_parts(2)),
    Case("joined three.ts", lambda p: restart(p, (1.4, 1.4, 1.4)), facts=of_all_parts(3)),
    Case("starts far back.ts", lambda p: restart(p, (5000.0, 1.4)), facts=of_all_parts(2)),
    Case("starts far ahead.ts", lambda p: restart(p, (1.4, 50_000.0)), facts=of_all_parts(2)),
    Case("starts a little back.ts", lambda p: restart(p, (1.4, 2.7)), facts=of_all_parts(2)),
    Case("starts after the overflow.ts", lambda p: restart(p, (95_443.0, 90_000.0)), facts=of_all_parts(2)),
    Case("overflows twice.ts", lambda p: restart(p, (95_443.0, 95_443.0)), facts=of_all_parts(2)),
    Case("joined after a pause.ts", lambda p: restart(p, (1.4, 5.0)), facts=belongs_together),
    Case("joined.mpg", restarted_programme, facts=of_all_parts(2)),
    Case("joined.mp4", lambda p: restart(p, (0.0, 0.0), options=FRAGMENTS), facts=of_all_parts(2)),
    Case("joined.mkv", lambda p: restart(p, (0.0, 0.0)), facts=of_all_parts(2)),
    Case("joined.webm", lambda p: restart(p, (0.0, 0.0), options={"live": "1"}), facts=of_all_parts(2)),
    Case("joined with an index.mp4", lambda p: restart(p, (0.0, 0.0)), "partial", "another recording follows"),
    Case("image restarts alone.ts", restarts_alone, "partial", "not for video and sound alike", belongs_together),
    # Programmes
    Case("radio before.ts", lambda p: two_programmes(p, (0,), (1, 2)), facts=every(hears(440), numbered_by_time())),
    Case("radio behind.ts", lambda p: two_programmes(p, (1, 2), (0,)), facts=hears(440)),
    Case("image without sound.ts", lambda p: two_programmes(p, (0, 2), (1,)), NoAudioTrack, "in the programme"),
    Case("same sound in both.ts", lambda p: two_programmes(p, (2,), (1, 2)), facts=hears(440)),
    # Audio tracks
    Case("commentary.mkv", with_tracks((Disposition.comment, ""), (DEFAULT, "")), facts=hears(440)),
    Case("description.mkv", with_tracks((DEFAULT | Disposition.visual_impaired, ""), (None, "")), facts=hears(440)),
    Case("hard of hearing.mkv", with_tracks((Disposition.hearing_impaired, ""), (None, "")), facts=hears(440)),
    Case("default second.mp4", with_tracks((Disposition(0), ""), (DEFAULT, "")), facts=hears(440)),
    Case("commentary by name.mkv", with_tracks((DEFAULT, "Director's Commentary"), (DEFAULT, "")), facts=hears(440)),
    Case("commentary alone.mkv", with_tracks((Disposition.comment, "")), facts=hears(1000)),
    Case("no default.mkv", with_tracks((Disposition(0), ""), (Disposition(0), "")), facts=hears(1000)),
    Case("by number.mkv", with_tracks((DEFAULT, ""), (None, "")), options={"audio_track": 2}, facts=hears(440)),
    Case("no such number.mkv", with_tracks((DEFAULT, "")), NoAudioTrack, "has 1", options={"audio_track": 2}),
    Case("mute with a number.mkv", make_mute, NoAudioTrack, "has 0", options={"audio_track": 1}),
    # Times that the container does not have
    Case("reordered.avi", with_b_frames("libx264"), facts=every(numbered_by_time(), lasts(1.6, 0.1))),
    Case("pyramid.avi", with_b_frames("libx264", **{"bf": "3", "b-pyramid": "strict"}), facts=numbered_by_time()),
    Case("divx.avi", with_b_frames("mpeg4"), facts=numbered_by_time()),
    Case("xvid without reordering.avi", lambda p: make_video(p, 1.6), facts=numbered_by_time()),
    Case("x264 without reordering.avi", with_b_frames("libx264", bf="0"), facts=numbered_by_time()),
    Case(
        "motion jpeg.avi",
        motion_jpeg,
        facts=numbered_by_time(),
    ),
    Case("keyframes.avi", with_b_frames("libx264"), options={"plan": "keyframes"}, facts=numbered_by_time()),
]


@pytest.fixture(scope="module")
def sampler():
    with SandboxedSampler() as sampler:
        yield sampler


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_video_and_sound_belong_together(tmp_path, sampler, case):
    path = tmp_path / case.name
    case.make(path)
    options = SamplingConfig(**{"fps": 10.0, "clip_s": 0.5, "short_side": 48, **case.options})
    if isinstance(case.outcome, type):
        with pytest.raises(case.outcome, match=case.says):
            sample_video(path, case.name, "0" * 64, options)
        with pytest.raises(MediaError, match=case.says):
            sampler.sample(path, case.name, "0" * 64, options)
        return
    samples = sample_video(path, case.name, "0" * 64, options)
    same_samples(samples, sampler.sample(path, case.name, "0" * 64, options))
    assert (samples.note == "") == (case.outcome == "ok"), samples.note
    assert case.says in samples.note
    for segment in samples.segments:
        assert (np.diff(segment.frame_times) > 0).all()
    if case.facts:
        case.facts(samples)


def test_a_choice_among_audio_tracks_is_told(tmp_path):
    path = with_tracks((Disposition.comment, "Talk"), (DEFAULT, "Film"))(tmp_path / "two.mkv")
    options = SamplingConfig(clip_s=0.5, short_side=48)
    assert sample_video(path, "", "0" * 64, options).audio == "audio track 2 of 2 (Film)"
    other = SamplingConfig(clip_s=0.5, short_side=48, audio_track=1)
    assert sample_video(path, "", "0" * 64, other).audio == "audio track 1 of 2 (Talk)"
    assert sample_video(make_video(tmp_path / "one.mp4", 1.6), "", "0" * 64, options).audio == ""


def test_the_header_says_what_all_parts_last(tmp_path):
    path = restart(tmp_path / "film.ts", (1.4, 1.4))
    info = probe(path)
    assert info.video is not None and info.audio is not None
    assert info.video.start_s == pytest.approx(1.4, abs=0.05)
    assert info.video.duration_s == pytest.approx(2 * PART_S, abs=0.1)
    assert info.duration_s == pytest.approx(2 * PART_S, abs=0.1)
    sound = read_waveform(path)
    assert sound.end_s - sound.start_s == pytest.approx(2 * PART_S, abs=0.1)
    times = read_frames(path, [2.0, 4.0]).times
    assert times == pytest.approx([2.0, 4.0], abs=0.05)


def test_a_file_that_is_changed_has_another_clock(tmp_path):
    path = restart(tmp_path / "film.ts", (1.4, 1.4))
    once = probe(path).duration_s
    odd.concatenate(path, *(tmp_path / f"{k}.ts" for k in (0, 1, 0)))
    assert probe(path).duration_s == pytest.approx(1.5 * once, abs=0.1)
