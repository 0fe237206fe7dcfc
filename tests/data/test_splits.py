"""Splits by position, none of them empty."""

import numpy as np

from data.splits import SPLITS, split_at, split_in_name, splits_at


def test_splits_of_many_are_those_of_each():
    positions = np.random.default_rng(0).random(200).tolist()
    assert splits_at(positions) == [split_at(position) for position in positions]


def test_an_empty_split_is_given_the_nearest_of_the_largest():
    assert splits_at([0.1, 0.7, 0.2, 0.3]) == ["train", "validation", "train", "test"]
    assert splits_at([0.85, 0.86, 0.87]) == ["train", "validation", "test"]
    assert splits_at([0.1, 0.95]) == ["train", "test"]


def test_there_may_be_too_few():
    assert splits_at([]) == [] and splits_at([0.99]) == ["test"]
    assert set(splits_at([0.1, 0.2, 0.3], (0.0, 0.0, 1.0))) == {"test"} < set(SPLITS)


def test_names_of_files_tell_their_split():
    assert split_in_name("SpokenCOCO_val_unrolled_karpathy") == "val" and split_in_name("flickr8k_dev") == "dev"
    assert split_in_name("captions_train2017") == "train" and split_in_name("Train_GCC-training") == "train"
    assert split_in_name("trainval") == split_in_name("train_val") == split_in_name("contest") == ""
