import pytest

from avnet.names import audioset, imagenet


@pytest.mark.parametrize(("names", "count"), [(audioset, 521), (imagenet, 1000)])
def test_every_class_has_a_name_and_an_id_of_its_own(names, count):
    assert len(set(names.CLASSES)) == len(set(names.IDS)) == count
    assert all(name == name.strip() != "" for name in names.CLASSES)


def test_audioset_stands_in_the_order_of_yamnets_outputs():
    places = {0: "Speech", 69: "Dog", 132: "Music", 333: "Helicopter", 494: "Silence", 520: "Field recording"}
    assert {place: audioset.CLASSES[place] for place in places} == places
    assert audioset.IDS[:2] == ("/m/09x0r", "/m/0ytgt")
    assert audioset.AUDIOSET.index["Child speech, kid speaking"] == 1


def test_whole_audioset_stands_in_its_own_order():
    # As in `class_labels_indices.csv`, with which AST and others were trained.
    places = {
        0: "Speech",
        3: "Child speech, kid speaking",
        12: "Battle cry",
        74: "Dog",
        137: "Music",
        526: "Field recording",
    }
    whole = audioset.vocabulary(527)
    assert {place: whole.classes[place] for place in places} == places
    assert len(set(whole.ids)) == 527 and audioset.vocabulary(521) is audioset.AUDIOSET
    left_out = {name for _, name, _, _ in audioset.LEFT_OUT}
    assert tuple(name for name in whole.classes if name not in left_out) == audioset.CLASSES


def test_imagenet_stands_in_the_order_of_its_wordnet_ids():
    # That order is what classifiers were trained with.
    assert list(imagenet.IDS) == sorted(imagenet.IDS)
    places = {
        0: "tench",
        134: "crane bird",
        207: "golden retriever",
        491: "chain saw",
        517: "crane",
        999: "toilet tissue",
    }
    assert {place: imagenet.CLASSES[place] for place in places} == places
    assert imagenet.IDS[207] == "n02099601"
