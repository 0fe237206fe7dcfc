from fractions import Fraction

import av
import numpy as np
import pytest

from avnet.media import hdr, iterate_frames, read_frames
from avnet.media.frame import upright
from avnet.media.hdr import HLG, PQ, hlg_light, hlg_scene, pq_light, pq_signal, srgb_signal, to_sdr, tone_curve

# What SDR originals are made of; up to about 170 the tone curve leaves them as they are.
PATCHES = np.array(
    [
        [[160, 30, 30], [30, 150, 40], [30, 40, 160], [150, 150, 40]],
        [[60, 160, 160], [160, 60, 150], [0, 0, 0], [90, 90, 90]],
        [[128, 128, 128], [170, 120, 60], [60, 160, 90], [170, 150, 120]],
    ],
    np.uint8,
)
# CIE x, y of red, green, blue: BT.709 table 1.3 and BT.2020 table 3; white D65.
BT709_XY = [(0.640, 0.330), (0.300, 0.600), (0.150, 0.060)]
BT2020_XY = [(0.708, 0.292), (0.170, 0.797), (0.131, 0.046)]
D65_XY = (0.3127, 0.3290)


def flat_image(signal):
    """16-bit codes [1, 1, 3] of one signal, or of one for each channel."""
    return np.broadcast_to(np.rint(np.asarray(signal) * 65535), (1, 1, 3)).astype(np.uint16)


def sdr(signal, transfer=PQ):
    """The sRGB bytes of one pixel."""
    return to_sdr(flat_image(signal), transfer)[0, 0].tolist()


def linear(image):
    """Light in [0, 1] of sRGB bytes."""
    share = image / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def hdr_signal(image, transfer):
    """R'G'B' of an HDR image whose white of 203 nits is the SDR original's."""
    nits = hdr.WHITE_NITS * linear(image) @ np.linalg.inv(hdr.TO_BT709.astype(float)).T
    if transfer == PQ:
        return pq_signal(nits)
    display = nits / hdr.PEAK_NITS
    luminance = np.maximum(display @ hdr.LUMINANCE, 1e-9)[..., None]
    scene = display * luminance ** (1 / hdr.HLG_GAMMA - 1)
    high = hdr.HLG_A * np.log(np.maximum(12 * scene - hdr.HLG_B, 1e-9)) + hdr.HLG_C
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)


def ten_bit(signal, full):
    """Planes of 10-bit Y'CbCr by the matrix of BT.2020 with non-constant luminance."""
    y = signal @ np.array([0.2627, 0.6780, 0.0593])
    cb, cr = (signal[..., 2] - y) / 1.8814, (signal[..., 0] - y) / 1.4746
    planes = [1023 * y, 1023 * cb + 512, 1023 * cr + 512] if full else [876 * y + 64, 896 * cb + 512, 896 * cr + 512]
    return [np.clip(np.rint(plane), 0, 1023).astype(np.uint16) for plane in planes]


def tag(target, transfer, full, matrix, primaries):
    """Says what the colours of a frame or of a stream are."""
    target.color_range, target.colorspace = 2 if full else 1, matrix
    target.color_trc, target.color_primaries = transfer, primaries


def encode(out, frame, codec, quality):
    """Writes a film of one frame, with the frame's tags."""
    stream = out.add_stream(codec, rate=25, options=quality)
    stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
    tag(stream.codec_context, frame.color_trc, frame.color_range == 2, frame.colorspace, frame.color_primaries)
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def hdr_video(path, transfer, full=False, matrix=9, primaries=9, codec="libx264"):
    """Writes `PATCHES`, 64 pixels each, as 10-bit video with the given tags."""
    frame = av.VideoFrame(256, 192, "yuv420p10le")
    for index, (plane, values) in enumerate(
        zip(frame.planes, ten_bit(hdr_signal(PATCHES, transfer), full), strict=True)
    ):
        side = 32 if index else 64
        rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        rows[:, : plane.width] = np.kron(values, np.ones((side, side), np.uint16))
        plane.update(rows.tobytes())
    tag(frame, transfer, full, matrix, primaries)
    quality = {"preset": "ultrafast", "crf": "4"} | ({"x265-params": "log-level=none"} if codec == "libx265" else {})
    with av.open(str(path), "w") as out:
        encode(out, frame, codec, quality)
    return path


def middles(image):
    """The middle of each patch, signed."""
    side = image.shape[0] // 3
    return image[side // 2 :: side, side // 2 :: side].astype(int)


def rgb_to_xyz(corners):
    """Matrix of RGB with given primaries and the white D65: SMPTE RP 177 (1993)."""
    x, y = np.array([*corners, D65_XY]).T
    xyz = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    return xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])


@pytest.mark.parametrize(("nits", "signal"), [(0, 0.0), (100, 0.5081), (203, 0.5807), (1000, 0.7518), (10_000, 1.0)])
def test_pq_gives_the_light_of_the_standards_table(nits, signal):
    # The shares of BT.2408 table 1 and of SMPTE ST 2084 annex A.
    assert pq_signal(np.array([float(nits)])) == pytest.approx([signal], abs=5e-5)
    assert pq_light(np.array([signal])) == pytest.approx([nits], rel=1e-3, abs=1e-9)


def test_hlg_at_75_percent_is_reference_white_and_at_100_the_peak():
    light = hlg_light(hlg_scene(np.array([[0.75] * 3, [1.0] * 3, [0.0] * 3])))
    assert light[:, 0] == pytest.approx([203.0, 1000.0, 0.0], abs=0.2)
    assert np.ptp(light, axis=1) == pytest.approx([0, 0, 0], abs=1e-3)


def test_hlg_at_half_is_a_twelfth_of_the_scenes_light_from_both_sides():
    # sqrt(3 E) = 1/2 at E = 1/12, where the logarithm takes over.
    assert hlg_scene(np.array([0.5, 0.5 + 1e-9])) == pytest.approx([1 / 12, 1 / 12], abs=1e-6)


def test_tone_curve_keeps_the_dark_and_brings_the_peak_to_white():
    # By hand: white / peak = 0.58069 / 0.75183 = 0.77237; knee 1.5 * 0.77237 - 0.5 = 0.65856; times the peak 0.49512,
    # which is 87 nits.
    nits = np.array([0.0, 1.0, 50.0, 86.0, 1000.0, 10_000.0])
    assert pq_light(tone_curve(pq_signal(nits))) == pytest.approx([0, 1, 50, 86, 203, 203], rel=1e-6, abs=1e-9)
    # 203 nits: share 0.77237, t = 1/3 (the knee lies 0.34144 below 1, white 0.11381 above it), so the spline is
    # 20/27 knee + 4/27 (1 - knee) + 7/27 white / peak = 0.73865; times the peak 0.55534, which is 159 nits.
    assert pq_light(tone_curve(pq_signal(np.array([203.0])))) == pytest.approx([159.0], abs=0.2)


def test_tone_curve_never_falls_and_has_no_step():
    signal = np.linspace(0, 1, 10_001)
    steps = np.diff(tone_curve(signal))
    assert steps.min() >= -1e-12 and steps.max() <= 1.001e-4


def test_reference_white_comes_out_as_a_light_grey_and_black_as_black():
    # 159 of 203 nits are 0.7834 of the light: 1.055 * 0.7834^(1/2.4) - 0.055 = 0.898, byte 229.
    for signal, transfer in ((0.58069, PQ), (0.75, HLG)):
        assert sdr(signal, transfer) == pytest.approx([229] * 3, abs=1)
        assert sdr(0.0, transfer) == [0, 0, 0]
        assert sdr(1.0, transfer) == [255, 255, 255]


def test_grey_of_100_nits_keeps_its_place_below_white():
    # 100 of 203 nits without the curve are byte 186.3; the spline takes half a nit.
    assert sdr(0.50808) == pytest.approx([186] * 3, abs=1)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_grey_stays_grey_and_brighter_is_never_darker(transfer):
    ramp = np.broadcast_to(np.arange(0, 65536, 17, dtype=np.uint16)[:, None, None], (3856, 1, 3))
    result = to_sdr(ramp, transfer)[:, 0].astype(int)
    assert np.ptp(result, axis=1).max() <= 1
    assert np.diff(result, axis=0).min() >= 0 and len(np.unique(result[:, 1])) == 256


def test_colours_outside_bt709_are_clipped():
    signal = 0.58069 * np.eye(3)
    # Red of BT.2020 at 203 nits: 0.7834 * (1.66, -0.12, -0.02); green (-0.59, 1.13, -0.10); blue (-0.07, -0.01, 1.12).
    assert [sdr(signal[k]) for k in range(3)] == [[255, 0, 0], [0, sdr(signal[1])[1], 0], [0, 0, sdr(signal[2])[2]]]
    assert sdr(signal[1])[1] == pytest.approx(255 * float(srgb_signal(np.array(0.7834 * 1.1329))), abs=1)
    assert to_sdr(flat_image(signal[0]), PQ, wide=False)[0, 0].tolist() == pytest.approx([229, 0, 0], abs=1)


def test_matrix_follows_from_the_primaries():
    expected = np.linalg.solve(rgb_to_xyz(BT709_XY), rgb_to_xyz(BT2020_XY))
    assert expected == pytest.approx(hdr.TO_BT709, abs=2e-6)
    assert rgb_to_xyz(BT2020_XY)[1] == pytest.approx(hdr.LUMINANCE, abs=5e-5)


def test_rows_do_not_depend_on_the_bands():
    codes = np.random.default_rng(0).integers(0, 65536, (2 * hdr.BAND + 3, 5, 3)).astype(np.uint16)
    rows = np.concatenate([to_sdr(codes[k : k + 1], HLG) for k in range(len(codes))])
    assert np.array_equal(to_sdr(codes, HLG), rows)


def test_other_transfers_are_refused():
    with pytest.raises(ValueError, match="got 1"):
        to_sdr(flat_image(0.5), 1)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_hdr_video_looks_like_its_sdr_original(tmp_path, transfer, full, suffix):
    path = hdr_video(tmp_path / f"phone{suffix}", transfer, full)
    for short_side in (48, None):
        result = read_frames(path, [0.0], short_side).images[0]
        assert result.dtype == np.uint8 and result.shape == ((48, 64, 3) if short_side else (192, 256, 3))
        assert np.abs(middles(result) - PATCHES).max() <= 3


def test_hevc_looks_like_its_sdr_original(tmp_path):
    path = hdr_video(tmp_path / "phone.ts", PQ, codec="libx265")
    assert np.abs(middles(read_frames(path, [0.0], 48).images[0]) - PATCHES).max() <= 3


def test_matrix_and_primaries_without_a_name_are_those_of_bt2020(tmp_path):
    path = hdr_video(tmp_path / "film.mkv", PQ, matrix=2, primaries=2)
    assert np.abs(middles(read_frames(path, [0.0]).images[0]) - PATCHES).max() <= 3


@pytest.mark.parametrize("matrix", [3, 10])
def test_matrices_that_the_scaler_refuses_are_read_as_their_neighbours(tmp_path, matrix):
    path = hdr_video(tmp_path / "film.mkv", PQ, matrix=matrix)
    assert np.abs(middles(next(iterate_frames(path))[1]) - PATCHES).max() <= 3


@pytest.mark.parametrize("transfer", [1, 2, 14])
def test_other_transfers_are_left_to_the_scaler(tmp_path, transfer):
    path = hdr_video(tmp_path / "film.mkv", PQ)
    with av.open(str(path)) as film:
        frame = next(film.decode(video=0))
    frame.color_trc = transfer
    expected = frame.to_ndarray(format="rgb24", width=64, height=48, interpolation="AREA")
    assert np.array_equal(upright(frame, 1.0, 48), expected)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("matrix", "red", "blue"), [(1, 0.2126, 0.0722), (6, 0.299, 0.114)])
def test_matrix_and_range_of_sdr_are_honoured(tmp_path, matrix, red, blue, full):
    rgb = PATCHES / 255
    y = rgb @ np.array([red, 1 - red - blue, blue])
    cb, cr = (rgb[..., 2] - y) / (2 - 2 * blue), (rgb[..., 0] - y) / (2 - 2 * red)
    planes = [255 * y, 255 * cb + 128, 255 * cr + 128] if full else [219 * y + 16, 224 * cb + 128, 224 * cr + 128]
    codes = np.stack([np.kron(plane, np.ones((16, 16))) for plane in planes])
    frame = av.VideoFrame.from_ndarray(np.rint(codes).astype(np.uint8), format="yuv444p")
    tag(frame, 1, full, matrix, 1)
    with av.open(str(tmp_path / "film.mkv"), "w") as out:
        encode(out, frame, "libx264", {"qp": "0"})
    assert np.abs(middles(read_frames(tmp_path / "film.mkv", [0.0]).images[0]) - PATCHES).max() <= 3
