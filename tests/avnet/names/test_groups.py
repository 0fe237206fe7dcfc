from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from avnet.names import audioset, groups, imagenet

BY_NAME = {group.name: group for group in groups.GROUPS}
PLACES = {group.name: place for place, group in enumerate(groups.GROUPS)}


def test_groups_have_names_of_their_own_and_every_class_exists():
    assert len(BY_NAME) == len(groups.GROUPS)
    for group in groups.GROUPS:
        assert set(group.images) <= set(imagenet.CLASSES), group.name
        assert set(group.sounds) <= set(audioset.CLASSES), group.name
        assert group.sounds and (group.images or group.includes), group.name
        for names in (group.images, group.sounds, group.includes):
            assert len(set(names)) == len(names), group.name


def test_a_class_is_in_one_group_but_for_those_with_a_reason():
    images = Counter(name for group in groups.GROUPS for name in group.images)
    sounds = Counter(name for group in groups.GROUPS for name in group.sounds)
    assert {name for name, count in images.items() if count > 1} == {"stage", "guinea pig", "hamster"}
    assert {name for name, count in sounds.items() if count > 1} == {"Howl", "Growling", "Hiss"}


def test_narrower_groups_stand_before_wider_ones():
    for group in groups.GROUPS:
        assert all(PLACES[name] < PLACES[group.name] for name in group.includes)
    table = groups.narrower()
    assert table[PLACES["animal"], PLACES["dog"]] and not table[PLACES["dog"], PLACES["animal"]]
    assert not table.diagonal().any() and not (table & table.T).any()
    # Through others: what a narrower group includes, the wider one does.
    assert not (((table.astype(int) @ table) > 0) & ~table).any()


def test_images_count_for_wider_groups_and_sounds_do_not():
    images, sounds = groups.image_matrix(), groups.sound_matrix()
    beagle, bark = imagenet.IMAGENET.index["beagle"], audioset.AUDIOSET.index["Bark"]
    wide = {groups.GROUPS[i].name for i in np.flatnonzero(images[beagle])}
    assert wide == {"dog", "canine", "pet", "animal"}
    assert [groups.GROUPS[i].name for i in np.flatnonzero(sounds[bark])] == ["dog"]
    assert set(np.unique(images)) == set(np.unique(sounds)) == {0.0, 1.0}


def test_sounding_things_that_both_sides_tell_apart_have_groups_of_their_own():
    pairs = [
        ("violin", "cello"),
        ("dog", "cat"),
        ("chainsaw", "lawn mower"),
        ("bus", "truck"),
        ("electric guitar", "harp"),
    ]
    for one, other in pairs:
        assert not set(BY_NAME[one].images) & set(BY_NAME[other].images)
    assert "chain saw" in BY_NAME["chainsaw"].images and "Chainsaw" in BY_NAME["chainsaw"].sounds


def test_most_classes_are_in_a_group():
    images, sounds = groups.images_without_sound(), groups.sounds_without_image()
    assert (len(imagenet.CLASSES) - len(images), len(audioset.CLASSES) - len(sounds)) == (715, 448)
    assert {"tench", "daisy", "bookcase"} <= set(images)
    assert {"Silence", "White noise", "Sonar"} & set(sounds) == {"Silence", "White noise"}
    # Only sounds without a thing that makes them, or one that ImageNet lacks.
    assert {"Speech", "Dog", "Music", "Helicopter", "Rain"}.isdisjoint(sounds)


def test_groups_that_do_not_include_one_another_share_no_images_but_their_narrower_ones():
    matrix, table = groups.image_matrix().astype(bool), groups.narrower()
    for one, other in combinations(range(len(groups.GROUPS)), 2):
        shared = matrix[:, one] & matrix[:, other]
        if not shared.any() or table[one, other] or table[other, one]:
            continue
        common = [i for i in range(len(groups.GROUPS)) if table[one, i] and table[other, i]]
        rest = shared & ~matrix[:, common].any(axis=1)
        names = {imagenet.CLASSES[i] for i in np.flatnonzero(rest)}
        assert names <= {"stage", "guinea pig", "hamster"}, (groups.GROUPS[one].name, groups.GROUPS[other].name, names)


def test_program_lists_what_is_in_no_group(capsys):
    from eval.__main__ import main

    main(["groups"])
    out = capsys.readouterr().out
    assert f"groups: {len(groups.GROUPS)}" in out
    assert "classes of sounds in no group, 73 of 521: " in out and "Silence" in out


@pytest.mark.parametrize("name", ["person", "water", "fire", "wind", "crowd", "music", "vehicle"])
def test_scenes_and_people_have_groups(name):
    assert BY_NAME[name].sounds


def test_what_yamnet_leaves_out_is_in_the_groups_of_what_it_is_like():
    whole, own = groups.sound_matrix(527), groups.sound_matrix()
    names = audioset.vocabulary(527).index
    rest = [place for name, place in names.items() if name in audioset.AUDIOSET.index]
    np.testing.assert_array_equal(whole[rest], own)
    np.testing.assert_array_equal(whole[names["Male singing"]], own[audioset.AUDIOSET.index["Singing"]])
    assert whole[names["Male speech, man speaking"]].sum() > 0
