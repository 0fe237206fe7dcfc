import json

import numpy as np
import pytest

from avnet.errors import DataError
from eval.retrieval.ontology import Ontology, class_relevance, item_relevance, read_ontology

NAMES = {
    "music": "Music",
    "guitar": "Guitar",
    "acoustic": "Acoustic guitar",
    "electric": "Electric guitar",
    "drum": "Drum",
}
PARENTS = {"guitar": ["music"], "acoustic": ["guitar"], "electric": ["guitar"], "drum": ["music"]}


@pytest.fixture
def tree():
    return Ontology({**NAMES, "dog": "Dog"}, PARENTS)


def test_distance_goes_through_the_nearest_common_ancestor(tree):
    assert tree.distance("acoustic", "acoustic") == 0
    assert tree.distance("acoustic", "electric") == 2
    assert tree.distance("acoustic", "drum") == 3
    assert tree.distance("acoustic", "music") == 2


def test_top_classes_share_one_root(tree):
    assert tree.distance("dog", "music") == 2
    assert tree.distance("dog", "acoustic") == 4


def test_distance_is_symmetric(tree):
    for a in tree.names:
        for b in tree.names:
            assert tree.distance(a, b) == tree.distance(b, a)


def test_of_several_parents_the_nearest_counts():
    tree = Ontology(
        {"animal": "Animal", "pet": "Pet", "dog": "Dog", "wolf": "Wolf", "cat": "Cat"},
        {"dog": ["pet", "animal"], "wolf": ["animal"], "cat": ["pet"]},
    )
    assert tree.distance("dog", "wolf") == 2
    assert tree.distance("dog", "cat") == 2
    # Down to a shared child and up again is no way through a tree.
    assert tree.distance("wolf", "cat") == 4


def test_classes_are_found_by_id_and_by_name(tree):
    assert tree.find("acoustic") == "acoustic"
    assert tree.find("acoustic GUITAR") == "acoustic"
    assert tree.find("acoustic_guitar") == "acoustic"
    assert tree.find("zither") is None


def test_relevance_of_classes_is_twenty_minus_their_distance(tree):
    np.testing.assert_array_equal(class_relevance(tree, ["acoustic", "electric", "drum"])[0], [20, 18, 17])


def test_relevance_of_items_is_the_best_over_their_classes(tree):
    of_classes = class_relevance(tree, ["acoustic", "electric", "drum"])
    items = [[0, 2], [1], [2]]
    np.testing.assert_array_equal(item_relevance(of_classes, items, items), [[20, 18, 20], [18, 20, 17], [20, 17, 20]])
    np.testing.assert_array_equal(item_relevance(of_classes, items[1:2], items), [[18, 20, 17]])


def test_the_published_form_is_read(tmp_path):
    children = {parent: [c for c, above in PARENTS.items() if parent in above] for parent in NAMES}
    classes = [{"id": i, "name": name, "child_ids": children[i], "restrictions": []} for i, name in NAMES.items()]
    path = tmp_path / "ontology.json"
    path.write_text(json.dumps(classes))
    assert read_ontology(path).distance("acoustic", "drum") == 3


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"id": 1}]'])
def test_files_of_another_form_are_refused(tmp_path, text):
    path = tmp_path / "ontology.json"
    path.write_text(text)
    with pytest.raises(DataError, match="not AudioSet's ontology"):
        read_ontology(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_ontology(tmp_path / "none.json")


def test_rings_are_refused():
    with pytest.raises(DataError, match="ring"):
        Ontology({"a": "A", "b": "B"}, {"a": ["b"], "b": ["a"]})


def test_parents_that_are_not_classes_are_refused():
    with pytest.raises(DataError, match="missing"):
        Ontology({"a": "A"}, {"a": ["b"]})
