"""Odd, hostile and broken files: what is kept of each, or why it is refused."""

import os
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media import odd_media as odd
from media.media_files import (
    flat,
    make_mute,
    make_sound,
    make_video,
    silence,
    tone,
    truncate,
    turn_clockwise,
)
from media.odd_films import (
    FASTSTART,
    NO_FILE,
    NO_MEDIA,
    RATE,
    UNEVEN,
    X265,
    Case,
    bar,
    begins,
    big,
    bomb_in_the_header,
    close,
    cover,
    cut_off_in_the_middle,
    different_sizes,
    different_sound,
    every,
    film,
    has_no_combs,
    hdr,
    hears,
    images,
    keeps_its_colours,
    lasts,
    link,
    looks,
    looks_bright,
    loud,
    nans,
    no_size,
    noise,
    numbered_by_time,
    of_both_sizes,
    rate_changes,
    same,
    several,
    short,
    sides,
    sound_of,
    still,
    text,
    to_a_film,
    two_video_tracks,
    varying,
    write_edit_list,
    write_uncompressed,
)
from media.odd_media import frames, mux, sounds
from media.samples import same_samples, sample_video

from avnet.errors import MediaError, NoAudioTrack, NotMedia, NoVideoTrack, Silent, TooLarge, TooShort
from data.sampling.config import SamplingConfig
from data.sampling.sandboxed import SandboxedSampler

CASES = [
    # What is there and what is not
    Case("plain.mp4", film, facts=every(sides(48, 64), lasts(1.6), hears(440, 0.3), numbered_by_time())),
    Case("mute.mp4", make_mute, NoAudioTrack, "no audio track"),
    Case("mute.webm", make_mute, NoAudioTrack, "no audio track"),
    Case("blind.mp4", lambda p: make_sound(p, 1.0, suffix=".wav"), NoVideoTrack, "no video track"),
    Case("blind.m4a", lambda p: mux(p, sounds(), suffix=".mp4"), NoVideoTrack, "no video track"),
    Case("silent.mp4", lambda p: film(p, sound=silence), Silent, "is silent"),
    Case(
        "half silent.mp4",
        lambda p: make_video(p, 4.0, sound=lambda t: tone()(t) * (t < 1.9)),
        "partial",
        "1 of 2 segments are silent",
        options={"segment_s": 2.0},
    ),
    Case("one frame.mp4", lambda p: make_video(p, 0.04, audio_seconds=2.0), TooShort, r"0\.04 s of video"),
    Case("one frame and its sound.mkv", short(0.04), TooShort, "of video with sound"),
    Case("three tenths.mp4", short(0.3), TooShort, r"0\.3\d? s of video with sound; 0\.5 s"),
    Case("three tenths are enough.mp4", short(0.3), options={"clip_s": 0.2}, facts=lasts(0.3)),
    Case("sound far longer.mp4", lambda p: film(p, audio_seconds=20.0), facts=every(lasts(1.6), numbered_by_time())),
    Case(
        "sound far longer.mkv",
        lambda p: film(p, audio_seconds=20.0),
        facts=every(lasts(1.6), numbered_by_time()),
    ),
    Case("image far longer.mp4", lambda p: make_video(p, 20.0, audio_seconds=1.6), facts=lasts(1.6)),
    Case("image far longer.mkv", lambda p: make_video(p, 20.0, audio_seconds=1.6), facts=lasts(1.6)),
    Case("image far longer.ts", lambda p: make_video(p, 20.0, audio_seconds=1.6), facts=lasts(1.6)),
    Case("apart.mkv", lambda p: film(p, audio_start_s=5.0), TooShort, "(video|frame) with sound"),
    # Sound
    Case(
        "surround.mp4",
        lambda p: mux(p, frames(), sounds("aac", [tone(level=0.6)] * 3 + [silence] * 3, rate=RATE, layout="5.1")),
        facts=hears(440, 0.3),
    ),
    Case(
        "surround.mkv",
        lambda p: mux(p, frames(), sounds("ac3", [tone(level=0.6)] * 3 + [silence] * 3, rate=RATE, layout="5.1")),
        facts=hears(440, 0.3),
    ),
    Case("stereo.mp4", lambda p: film(p, sound=tone(level=0.4), right=silence), facts=hears(440, 0.2)),
    Case("opposite.mp4", lambda p: film(p, right=tone(level=-0.3)), facts=hears(440, 0.3)),
    *[
        Case(f"{hz}.{kind}", lambda p, hz=hz: film(p, rate=hz), facts=every(hears(440, 0.3), lasts(1.6, 0.1)))
        for hz in (8_000, 11_025, 22_050, 96_000)
        for kind in ("mp4", "mkv")
    ],
    Case(
        "no numbers.mkv",
        lambda p: mux(p, frames(), sounds("pcm_f32le", [nans])),
        facts=lambda s: close(float(np.sqrt(2 * np.mean(sound_of(s)[RATE // 4 :] ** 2))), 0.3, 0.08),
    ),
    Case("far too loud.mkv", lambda p: mux(p, frames(), sounds("pcm_f32le", [loud])), facts=lasts(1.6)),
    Case(
        "mono then stereo.ts",
        lambda p: odd.concatenate(
            p,
            make_video(p.with_name("a.ts"), 1.0, rate=RATE),
            make_video(p.with_name("b.ts"), 1.0, rate=RATE, right=tone(), video_start_s=1.0, audio_start_s=1.0),
        ),
        facts=every(lasts(2.0, 0.1), hears(440, 0.3)),
    ),
    Case("rate changes.ts", lambda p: rate_changes(p), facts=every(lasts(3.2, 0.1), hears(440, 0.3))),
    Case("codec changes.ts", lambda p: different_sound(p, "mp2"), "partial", "sound"),
    # Images
    Case(
        "uneven.mkv", lambda p: mux(p, frames(times=UNEVEN), sounds(seconds=2.0)), facts=varying, options={"fps": 100}
    ),
    Case(
        "uneven.mp4", lambda p: mux(p, frames(times=UNEVEN), sounds(seconds=2.0)), facts=varying, options={"fps": 100}
    ),
    *[
        Case(
            f"turned {turn}.mp4",
            lambda p, turn=turn: turn_clockwise(film(p, image_at=still()), turn),
            facts=every(sides(*((64, 48) if turn % 180 else (48, 64))), looks(np.rot90(odd.quadrants(), -turn // 90))),
        )
        for turn in (90, 180, 270)
    ],
    Case(
        "turned and wide.mp4",
        lambda p: turn_clockwise(film(p, image_at=still(), aspect=Fraction(2)), 90),
        facts=every(sides(128, 48), looks(np.rot90(odd.quadrants((128, 48)), -1))),
    ),
    Case("wide pixels.mp4", lambda p: film(p, image_at=still(), aspect=Fraction(2)), facts=sides(48, 128)),
    Case("wide pixels.mkv", lambda p: film(p, image_at=still(), aspect=Fraction(2)), facts=sides(48, 128)),
    Case("tall pixels.mp4", lambda p: film(p, image_at=still(), aspect=Fraction(1, 2)), facts=sides(72, 48)),
    Case(
        "absurd pixels.mp4",
        lambda p: film(p, image_at=still(), aspect=Fraction(30_000, 1)),
        facts=lambda s: same(max(max(image.shape) for image in images(s)) <= 4096, True),
    ),
    Case("plain colours.mp4", lambda p: mux(p, frames(image_at=still()), sounds()), facts=looks(odd.quadrants())),
    Case(
        "ten bits.mp4",
        lambda p: mux(p, frames(image_at=still(), pix_fmt="yuv420p10le"), sounds()),
        facts=looks(odd.quadrants()),
    ),
    Case("hdr.mp4", hdr("libx264"), facts=keeps_its_colours),
    Case("hdr.mkv", hdr("libx265", options=X265), facts=keeps_its_colours),
    Case(
        "interlaced.mp4",
        lambda p: mux(p, frames(image_at=still(), options={"x264-params": "tff=1"}), sounds()),
        facts=every(looks(odd.quadrants()), sides(48, 64)),
    ),
    Case(
        "interlaced and moving.mp4",
        lambda p: mux(p, frames(image_at=bar, options={"x264-params": "tff=1"}), sounds()),
        facts=has_no_combs,
    ),
    Case(
        "interlaced.ts",
        lambda p: mux(p, frames("mpeg2video", image_at=still(), options={"flags": "+ildct+ilme"}), sounds("mp2")),
        facts=every(looks(odd.quadrants()), sides(48, 64)),
    ),
    Case("grey.mkv", lambda p: mux(p, frames("ffv1", image_at=still(), pix_fmt="gray"), sounds()), facts=sides(48, 64)),
    Case(
        "transparent.mkv",
        lambda p: mux(p, frames("ffv1", image_at=still(), pix_fmt="bgra"), sounds()),
        facts=looks(odd.quadrants()),
    ),
    Case(
        "tiny.mkv",
        lambda p: mux(p, frames("ffv1", image_at=flat(lambda _: 99, (2, 2))), sounds()),
        facts=sides(48, 48),
    ),
    Case("strip.mkv", lambda p: mux(p, frames("ffv1", image_at=flat(lambda _: 99, (512, 2))), sounds())),
    Case("several.mkv", several, facts=every(looks_bright(60), hears(440))),
    Case("two images.mp4", two_video_tracks, facts=looks_bright(60)),
    Case("two sizes.ts", different_sizes, facts=of_both_sizes),
    Case("cover only.mp3", lambda p: odd.with_id3_cover(make_sound(p), cover()), NoVideoTrack, "no video track"),
    Case(
        "cover only.m4a",
        lambda p: odd.with_mp4_cover(mux(p, sounds(), suffix=".mp4"), cover()),
        NoVideoTrack,
        "no video track",
    ),
    Case(
        "film and cover.mp4",
        lambda p: odd.with_mp4_cover(film(p, image_at=flat(lambda _: 60)), cover()),
        facts=looks_bright(60),
    ),
    # Time
    Case(
        "late sound.mp4", lambda p: film(p, audio_start_s=0.6), facts=every(begins(0.6), lasts(1.0), numbered_by_time())
    ),
    Case(
        "late sound.mkv",
        lambda p: film(p, audio_start_s=0.6),
        facts=every(begins(0.6), lasts(1.0), numbered_by_time()),
    ),
    Case(
        "late image.mp4",
        lambda p: film(p, video_start_s=0.6),
        facts=every(begins(0.6), lasts(1.0), numbered_by_time()),
    ),
    Case(
        "late image.ts",
        lambda p: film(p, video_start_s=2.0, audio_start_s=1.4),
        facts=every(begins(2.0), lasts(1.0), numbered_by_time()),
    ),
    Case("edited.mp4", lambda p: write_edit_list(p), facts=every(begins(0.0), lasts(1.4), numbered_by_time(-0.6))),
    Case("edited.mov", lambda p: write_edit_list(p), facts=every(begins(0.0), lasts(1.4), numbered_by_time(-0.6))),
    Case("edited by the muxer.mp4", lambda p: film(p, video_start_s=-0.4, audio_start_s=-0.4), facts=lasts(1.2)),
    Case(
        "transport.ts",
        lambda p: film(p, video_start_s=1.4, audio_start_s=1.4),
        facts=every(begins(1.4), lasts(1.6), numbered_by_time()),
    ),
    Case(
        "clock that overflows.ts",
        lambda p: make_video(p, 3.0, video_start_s=95_440.0, audio_start_s=95_440.0),
        facts=every(lasts(3.0), hears(440, 0.3)),
    ),
    Case(
        "pause of an hour.ts",
        lambda p: mux(p, frames(times=[k / 25 + 3600 * (k >= 30) for k in range(60)]), sounds(seconds=2.4)),
        "partial",
        "time stamps jump",
        facts=lasts(1.2, 0.1),
    ),
    Case("fragments.mp4", lambda p: film(p, options={"movflags": "frag_keyframe+empty_moov"}), facts=lasts(1.6)),
    Case("stream.webm", lambda p: film(p, options={"live": "1"}), facts=every(lasts(1.6, 0.1), hears(440))),
    Case("slow.mp4", lambda p: make_video(p, 20.0, fps=0.2), facts=lasts(20.0, 0.1)),
    Case("fast.mp4", lambda p: make_video(p, 1.0, fps=500.0), facts=lasts(1.0)),
    # Damage
    Case("cut, index first.mp4", cut_off_in_the_middle, "partial", "could not be decoded|early"),
    Case(
        "cut and short.mp4",
        lambda p: truncate(make_video(p, 1.6, noise, options=FASTSTART), 0.6),
        "partial",
        "could not be decoded|early",
    ),
    Case("cut, index last.mp4", lambda p: truncate(big(p), 0.6), NotMedia, NO_MEDIA),
    Case("cut.mkv", lambda p: truncate(big(p), 0.6), "partial", "could not be decoded|early"),
    Case("cut.webm", lambda p: truncate(big(p), 0.6), "partial", "could not be decoded|early"),
    Case("cut.ts", lambda p: truncate(big(p), 0.6), "ok", facts=lasts(1.8, 0.4)),
    Case("only a header.mp4", lambda p: truncate(big(p, options=FASTSTART), 0.02), MediaError, "decoded|image"),
    Case("only a header.mkv", lambda p: truncate(big(p), 0.002), MediaError, "."),
    Case("zeros at the end.mp4", lambda p: odd.zero_tail(big(p, options=FASTSTART), 0.6), "partial", "decoded|early"),
    Case("zeros at the end.mkv", lambda p: odd.zero_tail(big(p), 0.6), "partial", "decoded|early"),
    Case("zeros at the end, index last.mp4", lambda p: odd.zero_tail(big(p), 0.6), NotMedia, NO_MEDIA),
    Case("flipped header.mp4", lambda p: odd.flip(big(p, options=FASTSTART), 0.0, 0.001, 40), MediaError, "."),
    Case("flipped header.mkv", lambda p: odd.flip(big(p), 0.0, 0.0005, 60), MediaError, "."),
    Case("flipped data.mp4", lambda p: odd.flip(big(p, options=FASTSTART), 0.2, 0.9, 60), "partial", "."),
    Case("flipped data.ts", lambda p: odd.flip(big(p), 0.2, 0.9, 60), "partial", "."),
    Case("flipped data.mkv", lambda p: odd.flip(big(p), 0.2, 0.9, 60), "partial", "."),
    # Claims
    Case("huge in the header.mkv", bomb_in_the_header, TooLarge, "pixels"),
    Case("huge in the stream.webm", lambda p: odd.claim_vp8_size(film(p), 16_000, 16_000), TooLarge, "pixels"),
    Case(
        "huge from the middle on.webm",
        lambda p: odd.claim_vp8_size(make_video(p, 3.0), 16_000, 16_000, 1),
        "partial",
        "could not be decoded",
    ),
    Case("no size.mkv", no_size, MediaError, "no size|decoded"),
    Case("no size.webm", lambda p: odd.claim_vp8_size(film(p), 0, 0), MediaError, "no size|decoded"),
    Case("years.mp4", lambda p: odd.claim_mp4_duration(film(p), 0xFFFFFFF0), facts=lasts(1.6)),
    Case("years.mkv", lambda p: odd.set_double(film(p), b"\x44\x89", 1e12), TooLarge, "claims to last"),
    Case("endless.mkv", lambda p: odd.set_double(film(p), b"\x44\x89", float("inf")), facts=lasts(1.6)),
    Case("before it began.mkv", lambda p: odd.set_double(film(p), b"\x44\x89", -5e6), facts=lasts(1.6)),
    Case("an hour.mkv", lambda p: odd.set_double(film(p), b"\x44\x89", 3.6e6), facts=lasts(1.6)),
    Case(
        "gigahertz.mkv",
        lambda p: odd.set_double(write_uncompressed(p), b"\xb5", 4e9),
        facts=lasts(1.6, 0.6),
    ),
    Case("megahertz.mkv", lambda p: odd.set_double(write_uncompressed(p), b"\xb5", 1e6), MediaError, "1000000 Hz"),
    Case("no hertz.mkv", lambda p: odd.set_double(write_uncompressed(p), b"\xb5", 0.0), MediaError, "Hz|decoded"),
    Case("gigahertz in one place.mkv", lambda p: odd.set_double(film(p), b"\xb5", 4e9), facts=hears(440, 0.3)),
    # No media
    Case("empty.mp4", lambda p: p.touch(), NotMedia, "is empty"),
    Case("random.mp4", lambda p: p.write_bytes(np.random.default_rng(0).bytes(50_000)), NotMedia, NO_MEDIA),
    Case("zeros.mp4", lambda p: p.write_bytes(bytes(50_000)), NotMedia, NO_MEDIA),
    Case("page.mp4", text(odd.html), NotMedia, NO_MEDIA),
    Case("archive.mp4", lambda p: p.write_bytes(b"PK\3\4" + bytes(26) + b"a" * 500), NotMedia, NO_MEDIA),
    Case("image.mp4", lambda p: p.write_bytes(cover()), NotMedia, NO_MEDIA),
    *[
        Case(name, text(write), NotMedia, NO_MEDIA)
        for write, suffix in ((odd.hls, "m3u8"), (odd.dash, "mpd"), (odd.concat_script, "ffconcat"), (odd.sdp, "sdp"))
        for name in (f"{suffix} as.mp4", f"list.{suffix}")
    ],
    Case("reference.mov", lambda p: p.write_bytes(odd.reference_movie("good.mp4")), MediaError, "."),
    Case("folder.mp4", lambda p: p.mkdir(), NotMedia, "is a folder"),
    Case("pipe.mp4", odd.pipe, NotMedia, NO_FILE),
    Case("socket.mp4", odd.unix_socket, NotMedia, NO_FILE),
    Case("device.mp4", link("/dev/zero"), NotMedia, NO_FILE),
    Case("loop.mp4", link("ITSELF"), NotMedia, "symbolic links"),
    Case("dangling.mp4", link("nowhere.mp4"), NotMedia, "no such file"),
    Case("missing.mp4", lambda p: None, NotMedia, "no such file"),
    Case("link.mp4", to_a_film, facts=lasts(1.6)),
    Case("below a file.mp4/film.mp4", lambda p: p.parent.touch(), NotMedia, "not a directory"),
    # Names
    *[
        Case(name, lambda p: film(p, suffix=".mp4"), facts=numbered_by_time())
        for name in (
            "ünï côde 猫 🎬.mp4",
            "e\u0301 and \u202e.mp4",
            "new\nline.mp4",
            "tab\tand\x1b[31mcolour.mp4",
            "-i.mp4",
            "-",
            "concat:a.mp4",
            "file:a.mp4",
            "pipe:0",
            "data:video,x.mp4",
            "cache:http:x.mp4",
            "subfile,,start,0,end,9,,:a.mp4",
            "%d.mp4",
            "a?b#c&d.mp4",
            "no suffix",
            "film.jpg",
        )
    ],
]


@pytest.fixture(scope="module")
def sampler():
    with SandboxedSampler() as sampler:
        yield sampler


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_odd_file_is_used_or_refused_with_a_reason(tmp_path, monkeypatch, sampler, case):
    path = tmp_path / case.name
    case.make(path)
    monkeypatch.chdir(tmp_path)  # for relative names in playlists
    options = SamplingConfig(**{"fps": 10.0, "clip_s": 0.5, "short_side": 48, **case.options})
    if isinstance(case.outcome, type):
        with pytest.raises(case.outcome, match=case.says) as refusal:
            sample_video(path, case.name, "0" * 64, options)
        with pytest.raises(MediaError) as in_the_sandbox:
            sampler.sample(path, case.name, "0" * 64, options)
        assert repr(in_the_sandbox.value) == repr(refusal.value)
        assert "\n" not in str(refusal.value) and len(refusal.value.reason) >= 8
        return
    samples = sample_video(path, case.name, "0" * 64, options)
    same_samples(samples, sampler.sample(path, case.name, "0" * 64, options))
    assert samples.segments and all(segment.name == case.name for segment in samples.segments)
    assert all(len(segment.frames) == len(segment.frame_at) > 0 for segment in samples.segments)
    assert (samples.note == "") == (case.outcome == "ok"), samples.note
    assert re.search(case.says, samples.note)
    if case.facts:
        case.facts(samples)


def test_there_are_many_odd_files():
    assert len({case.name for case in CASES}) == len(CASES) >= 100


def test_relative_names_are_files_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("concat:a.mp4", "-i.mp4", "file:a.mp4"):
        (tmp_path / name).write_bytes(film(tmp_path / "film.mp4").read_bytes())
        assert sample_video(Path(name), name, "0" * 64, SamplingConfig()).segments


def test_names_that_are_no_text_are_files_too(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    film(tmp_path / "film.mp4").rename(path)
    assert sample_video(path, "caf", "0" * 64, SamplingConfig()).segments
