from pathlib import Path
from typing import get_args

import pytest

from avnet.errors import DataError
from eval.readers.labels import read_labels
from eval.readers.lists.audioset import read_audioset, read_class_names
from eval.readers.lists.ave import read_ave
from eval.readers.lists.clip import LabelledClip
from eval.readers.lists.dcase import read_dcase
from eval.readers.lists.esc50 import CATEGORIES, ESC10, read_esc50
from eval.readers.lists.flickr_soundnet import read_flickr_soundnet_list
from eval.readers.lists.kinetics_sounds import CLASSES, read_kinetics_sounds
from eval.readers.lists.listing import find_clips
from eval.readers.lists.registry import READERS, DatasetName, reader_of
from eval.readers.lists.vggsound import read_vggsound

KINETICS = "label,youtube_id,time_start,time_end,split\n"
ESC = "filename,fold,target,category,esc10,src_file,take\n"


def write(folder, name, text):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def touch(folder, *names):
    for name in names:
        write(folder, name, "")


LISTS = {
    "vggsound": ("vggsound.csv", '---g-f_I2yQ,1,"people, marching",test\n'),
    "audioset": ("eval_segments.csv", '# YTID, ...\n--4gqARaEJE, 0.000, 10.000, "/m/068hy,/m/07q6cd_"\n'),
    "kinetics-sounds": ("train.csv", KINETICS + "tapping pen,---QUuC4vJs,84,94,train\n"),
    "ave": ("trainSet.txt", "Male speech, man speaking&0giAfYq9oVM&good&3&9\n"),
    "esc50": ("esc50.csv", ESC + "1-100032-A-0.wav,1,0,dog,True,100032,A\n"),
    "dcase": ("fold1_train.txt", "audio/a001_0_30.wav\tcafe/restaurant\n"),
}


def test_every_dataset_that_the_options_name_has_a_reader():
    assert set(READERS) == set(get_args(DatasetName))


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_classes_is_known_by_its_first_line(tmp_path, name):
    file, text = LISTS[name]
    path = write(tmp_path, file, text)
    assert reader_of(path) is READERS[name]
    (clip,) = READERS[name].read(path)
    assert read_labels(path) == {clip.name: clip.labels}


def test_a_list_that_nobody_knows_is_refused_with_those_that_are_known(tmp_path):
    with pytest.raises(
        DataError, match=r"x\.csv: has neither .* VGGSound, AudioSet, Kinetics-Sounds, AVE, ESC-50, DCASE"
    ):
        read_labels(write(tmp_path, "x.csv", "what is this\n"))


def test_ave_events_have_times_and_the_split_of_their_file(tmp_path):
    path = write(tmp_path, "testSet.txt", "Category&VideoID&Quality&StartTime&EndTime\nBark, bow&-x_y&good&2&5\n")
    assert read_ave(path) == [LabelledClip("-x_y", ("Bark, bow",), "-x_y", 2.0, 3.0, "test")]


def test_ave_folder_is_read_by_its_splits_else_by_all_its_events(tmp_path):
    write(tmp_path, "Annotations.txt", "Bell&a&good&0&10\nBell&b&good&0&0\n")
    assert [(clip.source, clip.duration_s, clip.split) for clip in read_ave(tmp_path)] == [("a", 10, ""), ("b", 0, "")]
    write(tmp_path, "trainSet.txt", "Bell&a&good&0&10\n")
    write(tmp_path, "valSet.txt", "Bell&b&good&0&0\n")
    assert [(clip.source, clip.split) for clip in read_ave(tmp_path)] == [("a", "train"), ("b", "validation")]
    with pytest.raises(DataError, match="holds none of trainSet"):
        read_ave(write(tmp_path, "elsewhere/x", "").parent)


def test_labels_of_a_video_with_several_events_are_joined(tmp_path):
    path = write(tmp_path, "Annotations.txt", "Bell&a&good&0&2\nBark&a&good&2&9\nBell&a&good&9&10\n")
    assert read_labels(path) == {"a": ("Bell", "Bark")}


def test_kinetics_sounds_are_those_of_kinetics_that_can_be_heard(tmp_path):
    rows = "mowing lawn,a,84,94,validate\nstomping,b,0,10,test\nair drumming,c,0,10,train\n"
    clips = read_kinetics_sounds(write(tmp_path, "k.csv", KINETICS + rows))
    assert clips == [
        LabelledClip("a", ("mowing lawn",), "a_000084_000094", 84.0, 10.0, "validation"),
        LabelledClip("b", ("stomping grapes",), "b_000000_000010", 0.0, 10.0, "test"),
    ]
    # All 34 of the paper.
    assert len(CLASSES) == 34


def test_audioset_split_is_that_of_its_file_and_ids_have_names(tmp_path):
    text = LISTS["audioset"][1]
    for name, split in {"eval_segments": "test", "unbalanced_train_segments": "train", "mine": ""}.items():
        assert [clip.split for clip in read_audioset(write(tmp_path, f"{name}.csv", text))] == [split]
    path = write(tmp_path, "class_labels_indices.csv", 'index,mid,display_name\n0,/m/068hy,"Domestic animals, pets"\n')
    assert read_class_names(path) == {"/m/068hy": "Domestic animals, pets"}


def test_esc50_is_read_from_its_table_wherever_one_looks(tmp_path):
    table = ESC + "1-100032-A-0.wav,1,0,dog,True,100032,A\n2-103423-A-4.wav,2,4,frog,False,103423,A\n"
    path = write(tmp_path, "meta/esc50.csv", table)
    clips = read_esc50(tmp_path)
    assert clips == read_esc50(path)
    assert clips[0] == LabelledClip("1-100032-A-0.wav", ("dog",), "1-100032-A-0", 0.0, 5.0, "1")
    assert [clip.labels for clip in clips] == [("dog",), ("frog",)]
    assert [clip.labels for clip in read_esc50(tmp_path, esc10=True)] == [("dog",)]


def test_esc50_is_read_from_names_of_files(tmp_path):
    touch(tmp_path, "5-9032-A-0.wav", "deep/3-1-B-49.flac", "other.wav", "1-2-A-3.txt", "6-x-A-1.wav")
    assert [(clip.labels, clip.split, clip.source) for clip in read_esc50(tmp_path)] == [
        (("dog",), "5", "5-9032-A-0.wav"),
        (("hand_saw",), "3", "deep/3-1-B-49.flac"),
    ]
    assert [clip.labels for clip in read_esc50(tmp_path, esc10=True)] == [("dog",)]


def test_esc50_is_read_from_folders_of_classes(tmp_path):
    touch(tmp_path, "dog/sounds/1-2-A.ogg", "101 - Rooster/2-33-B.ogg", "dog/sounds/bark.ogg")
    assert [(clip.labels, clip.split) for clip in read_esc50(tmp_path)] == [(("101 - Rooster",), "2"), (("dog",), "1")]
    with pytest.raises(DataError, match="nobody can tell whether it is of ESC-10"):
        read_esc50(tmp_path, esc10=True)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("x.wav", "holds neither"), ("1-2-A.wav", "nor a folder that says it"), ("1-2-A-50.wav", "are 0 to 49")],
)
def test_esc50_folders_of_another_form_are_refused(tmp_path, name, reason):
    touch(tmp_path, name)
    with pytest.raises(DataError, match=reason):
        read_esc50(tmp_path)


def test_esc50_has_fifty_classes_of_which_ten_are_esc10():
    assert len(set(CATEGORIES)) == 50
    animals, weather = {"dog", "rooster"}, {"rain", "sea_waves", "crackling_fire"}
    others = {"crying_baby", "sneezing", "clock_tick", "helicopter", "chainsaw"}
    assert {CATEGORIES[i] for i in ESC10} == animals | weather | others


def test_dcase_is_read_in_all_its_forms(tmp_path):
    old = write(tmp_path, "2016/meta.txt", "audio/a001_0_30.wav\tcafe/restaurant\taudio/a001\n")
    new = write(tmp_path, "2018/meta.csv", "filename\tscene_label\tidentifier\naudio/a-1.wav\tairport\tlyon-1\n")
    touch(tmp_path, "2013/scenes_stereo/bus01.wav", "2013/scenes_stereo/quietstreet10.wav", "2013/readme.wav")
    assert read_dcase(old.parent) == [LabelledClip("audio/a001_0_30.wav", ("cafe/restaurant",), "a001_0_30")]
    assert read_dcase(new.parent) == [LabelledClip("audio/a-1.wav", ("airport",), "a-1")]
    assert [clip.labels for clip in read_dcase(tmp_path / "2013")] == [("bus",), ("quietstreet",)]


def test_dcase_lists_of_what_is_to_be_predicted_have_no_scenes(tmp_path):
    for name in ("fold1_test.txt", "fold1_evaluate.txt"):
        (clip,) = read_dcase(write(tmp_path, name, "audio/a.wav\n"))
        assert (clip.labels, clip.split) == ((), "test")
    assert read_dcase(write(tmp_path, "fold1_train.txt", "audio/a.wav\tbus\n"))[0].split == "train"


def test_flickr_soundnet_is_read_from_lists_and_from_annotations(tmp_path):
    path = write(tmp_path, "flickr_test.csv", "10000130166,202\n10007936344,0\n")
    assert [(clip.name, clip.split) for clip in read_flickr_soundnet_list(path)] == [
        ("10000130166", "test"),
        ("10007936344", "test"),
    ]
    assert [clip.name for clip in read_flickr_soundnet_list(write(tmp_path, "flickr_10k.txt", "123\n"))] == ["123"]
    touch(tmp_path, "Annotations/7.xml", "Annotations/readme.txt")
    assert [clip.name for clip in read_flickr_soundnet_list(tmp_path / "Annotations")] == ["7"]
    with pytest.raises(DataError, match=r"holds no NAME\.xml"):
        read_flickr_soundnet_list(tmp_path)


BAD = {
    "no end": (read_audioset, "a, 1, 1, /m/a", "row 1 is not a clip of AudioSet .*before it begins"),
    "no label": (read_audioset, 'a, 1, 2, "/m/a,"', "row 1 .*no label"),
    "no video": (read_audioset, ", 1, 2, /m/a", "row 1 .*no video"),
    "negative": (read_vggsound, "a,-1,dog,test", "row 1 is not a clip of VGGSound .*no time"),
    "endless": (read_vggsound, "a,inf,dog,test", "row 1 .*no time"),
    "unnamed class": (read_vggsound, "a,1,,test", "row 1 .*no label"),
    "nothing": (read_vggsound, "", "names no clip of VGGSound"),
    "too few": (read_ave, "Bell&a&good&0&2\nBell&a&good&0", "row 2 is not a clip of AVE .*5 columns"),
    "turned": (read_ave, "Bell&a&good&5&2", "row 1 .*before it begins"),
    "no category": (read_ave, "&a&good&5&9", "row 1 .*no category"),
    "split": (read_kinetics_sounds, KINETICS + "singing,a,0,9,mine", "row 2 .*the split must be one of train, val"),
    "no class": (read_kinetics_sounds, KINETICS + "abseiling,a,0,9,train", "names no clip of Kinetics-Sounds"),
    "columns": (read_kinetics_sounds, "label,youtube_id\nsinging,a", "names the columns label, youtube_id, time_start"),
    "cells": (read_kinetics_sounds, KINETICS + "singing,a,0", "row 2 has 3 of 5 cells"),
    "fold": (read_esc50, ESC + "1-1-A-0.wav,x,0,dog,True,1,A", "row 2 is not a clip of ESC-50 .*fold must be a number"),
    "no sound": (read_dcase, "bus\taudio/a.wav", "row 1 is not a clip of DCASE .*not the name of a sound"),
    "no scene": (read_dcase, "a.wav\tbus\nb.wav", "row 2 .*no scene"),
    "no number": (read_flickr_soundnet_list, "12,3\nabc", "row 2 is not a clip of Flickr-SoundNet"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_malformed_list_is_refused_with_its_file_and_row(tmp_path, case):
    read, text, reason = BAD[case]
    with pytest.raises(DataError, match=rf"list\.csv: .*{reason}"):
        read(write(tmp_path, "list.csv", text))


@pytest.mark.parametrize("read", [reader.read for reader in READERS.values()])
def test_missing_lists_of_every_dataset_are_refused(tmp_path, read):
    with pytest.raises(DataError, match=r"none\.csv"):
        read(tmp_path / "none.csv")


@pytest.mark.parametrize(
    "file",
    [
        "ID_000030.mp4",
        "x/ID_000030_000040.mkv",
        "ID_30_40.flac",
        "YID.wav",
        "ID_30000_40000.flac",
        "YID_30.000_40.000.wav",
    ],
)
def test_copies_from_youtube_are_there_under_all_their_usual_names(tmp_path, file):
    touch(tmp_path, file, "ID2.mp4")
    clip = LabelledClip("ID", (), "ID_000030", 30.0, 10.0)
    listing = find_clips(
        [clip, LabelledClip("gone", (), "gone_000001", 1.0, 10.0)], tmp_path, READERS["audioset"].spellings
    )
    assert listing.files == [(clip, tmp_path / file)]
    assert [clip.name for clip in listing.missing] == ["gone_000001"]


def test_the_usual_name_comes_before_others(tmp_path):
    touch(tmp_path, "ID.mp4", "ID_000030.mp4", "ID_000030_000040.mp4")
    for name, dataset in {"ID_000030": "vggsound", "ID_000030_000040": "kinetics-sounds"}.items():
        clip = LabelledClip("ID", (), name, 30.0, 10.0)
        assert find_clips([clip], tmp_path, READERS[dataset].spellings).files == [(clip, tmp_path / f"{name}.mp4")]


def test_a_folder_without_any_file_of_the_list_is_refused(tmp_path):
    touch(tmp_path, "other.mp4")
    clip = LabelledClip("ID", (), "ID_000030", 30.0, 10.0)
    with pytest.raises(
        DataError, match=r"holds none of the 1 clips of the list: it names 'ID_000030'; there are 'other'"
    ):
        find_clips([clip], tmp_path)
    with pytest.raises(DataError, match="is not a folder of media"):
        find_clips([clip], Path(tmp_path / "other.mp4"))
