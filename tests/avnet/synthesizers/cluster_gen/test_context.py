"""What trees may ask."""

import numpy as np

from avnet.synthesizers.cluster_gen.context import FRAME_FEATURES, UNIT_FEATURES, frame_contexts, unit_contexts

# The first coordinate of a unit is its number, the others are 0.
COORDINATES = np.eye(1, 5, dtype=np.float32) * np.arange(8, dtype=np.float32)[:, None]
UNITS, DURATIONS = np.array([3, 1, 4]), np.array([2, 1, 30])


def test_neighbors_are_those_before_and_after_by_turns():
    features = frame_contexts(UNITS, DURATIONS, COORDINATES)
    assert features.shape == (2 * 33, FRAME_FEATURES) and features.dtype == np.float32
    # In front of unit 1, after it, and nothing farther on.
    assert features[4, :30:5].tolist() == [3, 4, 0, 0, 0, 0] and not features[4, 1:5].any()
    assert features[4, 30:37].tolist() == [2, 30, 0, 0, 0, 0, 1]
    assert features[0, :30:5].tolist() == [0, 1, 0, 4, 0, 0]


def test_places_count_frames_of_five_milliseconds():
    features = frame_contexts(UNITS, DURATIONS, COORDINATES)
    assert features[1, 37:43].tolist() == [1.5, 2.5, 0.375, 1, 65, np.float32(1 / 66)]
    assert features[4, 37:40].tolist() == [0.5, 1.5, 0.25]


def test_windows_hold_means_and_nothing_beyond_the_ends():
    features = frame_contexts(UNITS, DURATIONS, COORDINATES)
    windows = features[:, 43:].reshape(66, 6, 5)[..., 0]
    # At frame 6: five frames before it are 3, 3, 3, 1, 1; then all is unit 4 until frame 65.
    assert windows[6, 2] == np.float32(11 / 5) and windows[6, 3] == 4 and windows[6, 5] == np.float32(39 / 60 * 4)
    assert not windows[0, :3].any()


def test_durations_depend_on_units_and_their_order_alone():
    features = unit_contexts(UNITS, COORDINATES)
    assert features.shape == (3, UNIT_FEATURES)
    assert features[1, :30:5].tolist() == [3, 4, 0, 0, 0, 0] and features[1, 30:].tolist() == [1, 2]
