"""High dynamic range images as a screen of standard dynamic range shows them.

Conventions: a signal is non-linear R'G'B' in [0, 1], full range; light is what the screen sends out in nits (cd/m2).
Both systems are brought to PQ signals first, of which the tone curve is a function, channel by channel.

References:
    Recommendation ITU-R BT.2100-2 (2018), tables 4 (PQ, from SMPTE ST 2084) and 5 (HLG, from ARIB STD-B67).
    Report ITU-R BT.2390-7 (2019), section 5.4: the tone curve (EETF), on R'G'B'.
    Report ITU-R BT.2408-3 (2019), section 2: reference white; section 6: HLG as PQ for a peak of 1000 nits.
"""

from functools import cache

import av
import numpy as np
from jaxtyping import Float, Integer, UInt8

# Codes of Recommendation ITU-T H.273 (2021): transfer characteristics (table 3), primaries and matrices (2 and 4).
PQ, HLG = 16, 18
BT709, UNSPECIFIED = 1, 2

WHITE_NITS = 203.0  # of HDR that becomes the white of SDR
PEAK_NITS = 1000.0  # most masters' peak, and HLG's reference screen; what is brighter becomes white
PQ_NITS = 10_000.0  # of a PQ signal of 1

# BT.2100 table 4 and table 5.
M1, M2 = 2610 / 16384, 2523 / 4096 * 128
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
HLG_A, HLG_B, HLG_C = 0.17883277, 0.28466892, 0.55991073
HLG_GAMMA = 1.2  # of the system, for a peak of 1000 nits
LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)  # of BT.2020's primaries

# Linear RGB of BT.2020 to BT.709, as in Report ITU-R BT.2407-0 (2017), section 2, with digits enough to keep grey grey.
TO_BT709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]], np.float32
)
STEPS = 65535  # of a 16-bit code
BAND = 64  # rows at a time, so that the floats of an 8K image need no gigabytes


def is_hdr(frame: av.VideoFrame) -> bool:
    """Whether a decoded frame says that its transfer characteristic is PQ or HLG."""
    return frame.color_trc in (PQ, HLG)


def hdr_image(frame: av.VideoFrame, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
    """A decoded HDR frame, scaled and brought to the range of an SDR screen.

    Args:
        frame: as decoded, of PQ or HLG. A matrix or primaries that it does not name are those of BT.2020.
        width: of the result, pixels.
        height: of the result, pixels.

    Returns:
        sRGB, which has the primaries of BT.709; colours outside of them are clipped.
    """
    matrix = "BT2020" if frame.colorspace == UNSPECIFIED else None
    codes = frame.to_ndarray(format="rgb48le", width=width, height=height, interpolation="AREA", src_colorspace=matrix)
    return to_sdr(codes, frame.color_trc, frame.color_primaries != BT709)


def to_sdr(
    codes: Integer[np.ndarray, "height width 3"], transfer: int, wide: bool = True
) -> UInt8[np.ndarray, "height width 3"]:
    """The sRGB image of an HDR image.

    Args:
        codes: uint16 R'G'B', full range.
        transfer: `PQ` or `HLG`.
        wide: primaries of BT.2020, else of BT.709.

    Raises:
        ValueError: another transfer.
    """
    if transfer not in (PQ, HLG):
        raise ValueError(f"transfer must be {PQ} (PQ) or {HLG} (HLG), got {transfer}")
    image = np.empty(codes.shape, np.uint8)
    for top in range(0, len(codes), BAND):
        band = codes[top : top + BAND]
        light = _sdr_light()[_hlg_as_pq(band) if transfer == HLG else band]
        if wide:
            light = np.clip(light @ TO_BT709.T, 0.0, 1.0)
        image[top : top + BAND] = _srgb()[_codes(light)]
    return image


def pq_light(signal: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Nits, 0 to 10000, of PQ signals in [0, 1]: the EOTF of BT.2100, table 4."""
    root = signal ** (1 / M2)
    return PQ_NITS * (np.maximum(root - C1, 0.0) / (C2 - C3 * root)) ** (1 / M1)


def pq_signal(nits: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """PQ signals in [0, 1] of nits, 0 to 10000: the inverse EOTF of BT.2100, table 4."""
    power = (nits / PQ_NITS) ** M1
    return ((C1 + C2 * power) / (1 + C3 * power)) ** M2


def hlg_scene(signal: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Light of the scene in [0, 1] of HLG signals in [0, 1]: the inverse OETF of BT.2100, table 5."""
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - HLG_C) / HLG_A) + HLG_B) / 12)


def hlg_light(scene: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 3"]:
    """Nits, 0 to 1000, of linear RGB of the scene in [0, 1]: the OOTF of BT.2100, table 5."""
    return PEAK_NITS * scene * (scene @ LUMINANCE)[..., None] ** (HLG_GAMMA - 1)


def tone_curve(signal: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """PQ signals for a screen whose white has 203 nits, of PQ signals in [0, 1] whose peak has 1000.

    The EETF of BT.2390, section 5.4, with black at 0 on both sides: up to about 85 nits it changes nothing, above it is
    a Hermite spline that reaches white without a slope.
    """
    white, peak = pq_signal(np.array([WHITE_NITS, PEAK_NITS]))
    most = white / peak
    # KS of the report.
    knee = 1.5 * most - 0.5
    share = np.minimum(signal / peak, 1.0)
    t = np.maximum(share - knee, 0.0) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    return np.where(share < knee, share, spline) * peak


def srgb_signal(light: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Signals of linear light, both in [0, 1]: IEC 61966-2-1 (1999), section 5.2."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _codes(share: Float[np.ndarray, "*shape"]) -> Integer[np.ndarray, "*shape"]:
    """Shares in [0, 1] as 16-bit codes."""
    return np.rint(share * STEPS).astype(np.uint16)


def _hlg_as_pq(codes: Integer[np.ndarray, "*shape 3"]) -> Integer[np.ndarray, "*shape 3"]:
    return _codes(pq_signal(hlg_light(_hlg_scene_table()[codes])))


@cache
def _hlg_scene_table() -> Float[np.ndarray, " codes"]:
    return hlg_scene(np.arange(STEPS + 1) / STEPS).astype(np.float32)


@cache
def _sdr_light() -> Float[np.ndarray, " codes"]:
    """Linear light on the SDR screen, in [0, 1], of each 16-bit PQ code."""
    nits = pq_light(tone_curve(np.arange(STEPS + 1) / STEPS))
    return np.clip(nits / WHITE_NITS, 0.0, 1.0).astype(np.float32)


@cache
def _srgb() -> UInt8[np.ndarray, " codes"]:
    """The byte of each 16-bit share of linear light; near black a byte is 20 codes, so nothing is lost."""
    return np.rint(255 * srgb_signal(np.arange(STEPS + 1) / STEPS)).astype(np.uint8)
