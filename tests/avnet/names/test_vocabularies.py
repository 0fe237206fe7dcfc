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
