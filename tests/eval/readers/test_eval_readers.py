import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avnet.errors import DataError
from eval.readers.composed import read_composed_videos
from eval.readers.flickr_soundnet import read_annotators, read_flickr_soundnet
from eval.readers.labels import read_labels
from eval.readers.lists.audioset import read_audioset
from eval.readers.lists.vggsound import read_vggsound
from eval.readers.media import MediaFolder
from eval.readers.scene import Corpus, Region, Scene
from eval.readers.vggss import read_entries, read_vggss


def scene(regions, agreement=1):
    return Scene("x", Path("x"), Path("x"), "dog", ("dog",), tuple(regions), agreement)


def still(*box):
    return Region(np.array([box], float))


def test_truth_of_a_box_fills_its_pixels():
    truth = scene([still(0.25, 0.0, 0.5, 1.0)]).truth(0.0, size=8)
    np.testing.assert_array_equal(truth.sum(axis=0), [0, 0, 8, 8, 0, 0, 0, 0])


def test_truth_of_one_annotation_is_the_union_of_its_boxes():
    truth = scene([still(0, 0, 0.5, 0.5), still(0, 0, 0.5, 0.5), still(0.5, 0.5, 1, 1)]).truth(0.0, size=4)
    assert truth.max() == 1.0
    assert truth.sum() == 8


def test_two_annotators_who_agree_make_a_full_vote_and_three_no_more():
    boxes = [still(0, 0, 1, 0.5), still(0, 0, 0.5, 0.5), still(0, 0, 0.5, 0.5)]
    truth = scene(boxes, agreement=2).truth(0.0, size=4)
    np.testing.assert_array_equal(truth[0], [1.0, 1.0, 0.5, 0.5])
    np.testing.assert_array_equal(truth[3], 0.0)


def test_corners_outside_the_frame_are_clipped_and_turned_boxes_are_empty():
    assert scene([still(0.5, -3e16, 2.0, 0.5)]).truth(0.0, size=4).sum() == 4
    assert scene([still(0.5, 0.5, -3e16, 0.9)]).truth(0.0, size=4).sum() == 0


def test_a_moving_box_is_that_of_the_frame_shown():
    region = Region(np.array([[0, 0, 0.5, 1], [0.5, 0, 1, 1]], float), fps=25.0)
    np.testing.assert_array_equal(region.box_at(0.0), [0, 0, 0.5, 1])
    np.testing.assert_array_equal(region.box_at(0.04), [0.5, 0, 1, 1])
    np.testing.assert_array_equal(region.box_at(9.0), [0.5, 0, 1, 1])


def test_a_mask_is_scaled_into_its_box(tmp_path):
    mask = np.zeros((2, 2), np.uint8)
    mask[:, 1] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    region = Region(np.array([[0, 0, 1, 0.5]]), mask=tmp_path / "mask.png")
    assert scene([region]).truth(0.0, size=8).sum() == 32
    outline = scene([region]).truth(0.0, size=8, masks=True)
    np.testing.assert_array_equal(outline[:, :4].sum(), 0)
    np.testing.assert_array_equal(outline[:, 5:].sum(), 12)


def test_a_mask_that_is_not_a_image_is_refused(tmp_path):
    (tmp_path / "mask.png").write_text("no")
    with pytest.raises(DataError, match="not a mask"):
        scene([Region(np.array([[0, 0, 1, 1.0]]), mask=tmp_path / "mask.png")]).truth(0.0, masks=True)


def test_media_are_found_at_any_depth_as_a_video_or_as_two_files(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name in ("deep/er/a.mp4", "b.jpg", "deep/b.wav", "c.jpg"):
        (tmp_path / name).touch()
    media = MediaFolder(tmp_path)
    assert media.find("a") == (tmp_path / "deep/er/a.mp4",) * 2
    assert media.find("b") == (tmp_path / "b.jpg", tmp_path / "deep/b.wav")
    assert media.find("c") is None


VGGSS = [
    {"file": "abc_000010", "class": "dog barking", "bbox": [[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]]},
    {"file": "-de_000020", "class": "cat, purring", "bbox": [[0.5, 0.5, -2.9e16, 0.9]]},
    {"file": "gone_000001", "class": "train", "bbox": [[0.1, 0.1, 0.2, 0.2]]},
]


def test_vggss_names_what_is_missing_and_what_has_no_area(tmp_path):
    (tmp_path / "vggss.json").write_text(json.dumps(VGGSS))
    for name in ("abc_000010.mp4", "-de_000020.mp4"):
        (tmp_path / name).touch()
    corpus = read_vggss(tmp_path / "vggss.json", tmp_path)
    assert [s.name for s in corpus.scenes] == ["abc_000010", "-de_000020"]
    assert corpus.missing == ["gone_000001"]
    assert corpus.notes == {"boxes without area": ["-de_000020"]}
    assert corpus.among(["abc_000010", "gone_000001"]) == Corpus(corpus.scenes[:1], ["gone_000001"])
    assert corpus.among(["-de_000020"]).notes == corpus.notes
    assert corpus.scenes[0].label == "dog barking"
    assert [s.moment_s for s in corpus.scenes] == [5.0, 5.0]
    assert corpus.scenes[0].truth(0.0, size=4).sum() == 8


def test_vggss_entries_may_name_another_moment(tmp_path):
    (tmp_path / "vggss.json").write_text(json.dumps([{**VGGSS[0], "frame_time_s": 2.5}]))
    assert [entry.moment_s for entry in read_entries(tmp_path / "vggss.json")] == [2.5]
    (tmp_path / "vggss.json").write_text(json.dumps([{**VGGSS[0], "frame_time_s": -1}]))
    with pytest.raises(DataError, match="frame_time_s"):
        read_entries(tmp_path / "vggss.json")


@pytest.mark.parametrize("text", ["", "[1]", '[{"file": "a"}]', '[{"file": "a", "class": "b", "bbox": [[1, 2]]}]'])
def test_vggss_annotations_of_another_form_are_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=r"a\.json"):
        read_vggss(tmp_path / "a.json", tmp_path)


def test_annotations_without_any_of_their_videos_are_refused(tmp_path):
    (tmp_path / "vggss.json").write_text(json.dumps(VGGSS))
    with pytest.raises(DataError, match="none of the 3 files"):
        read_vggss(tmp_path / "vggss.json", tmp_path)


def flickr_xml(*annotators):
    boxes = [
        "".join(
            f"<bbox><type>1</type><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bbox>"
            for a, b, c, d in boxes
        )
        for boxes in annotators
    ]
    return "<annotation>" + "".join(f"<user>{b}</user>" for b in boxes) + "</annotation>"


def test_flickr_boxes_of_all_annotators_are_votes(tmp_path):
    (tmp_path / "7.xml").write_text(flickr_xml([(0, 0, 128, 256)], [(0, 0, 256, 256)], []))
    (tmp_path / "8.xml").write_text(flickr_xml([(0, 0, 1, 1)]))
    (tmp_path / "7.jpg").touch()
    (tmp_path / "7.wav").touch()
    corpus = read_flickr_soundnet(tmp_path, tmp_path)
    assert corpus.missing == ["8"]
    truth = corpus.scenes[0].truth(0.0, size=4)
    np.testing.assert_array_equal(truth, np.tile([1.0, 1.0, 0.5, 0.5], (4, 1)))


@pytest.mark.parametrize("text", ["", "<a>", "<a><b><bbox><c>1</c></bbox></b></a>", flickr_xml([(0, 0, "x", 1)])])
def test_flickr_annotations_of_another_form_are_refused(tmp_path, text):
    (tmp_path / "7.xml").write_text(text)
    with pytest.raises(DataError, match=r"7\.xml"):
        read_annotators(tmp_path / "7.xml")


def write_truth(folder, name, split="test", sound: str | None = "dog", **changes):
    boxes = [[0.0, 0.0, 0.5, 0.5], [0.5, 0.0, 1.0, 0.5]]
    things = [
        {"class": "dog", "image": "dog.png", "sounding": sound == "dog", "boxes": boxes, "mask": None},
        {
            "class": "cat",
            "image": "cat.png",
            "sounding": sound == "cat",
            "boxes": boxes,
            "mask": f"{name}_1.png",
        },
    ]
    truth = {
        "file": f"{name}.mp4",
        "split": split,
        "seed": 0,
        "width": 64,
        "height": 64,
        "fps": 25,
        "duration_s": 0.08,
        "sound": None if sound is None else {"class": sound, "file": "x.ogg", "on_screen": sound in ("dog", "cat")},
        "objects": things,
        **changes,
    }
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(truth))
    (folder / f"{name}.mp4").touch()


def test_composed_truth_tells_sounding_from_seen_and_from_silent(tmp_path):
    write_truth(tmp_path / "test", "a")
    write_truth(tmp_path / "test", "b", sound="horn")
    write_truth(tmp_path / "test", "c", sound=None)
    write_truth(tmp_path / "train", "d", split="train")
    (tmp_path / "test" / "labels.json").write_text("{}")
    on, off, silent = read_composed_videos(tmp_path).scenes
    assert (on.label, on.visible, on.sounding, on.silent) == ("dog", ("dog", "cat"), True, False)
    assert (off.label, off.sounding, off.silent) == ("horn", False, False)
    assert (silent.label, silent.sounding, silent.silent) == ("", False, True)
    np.testing.assert_array_equal(on.truth(0.04, size=4)[0], [0, 0, 1, 1])


def test_composed_outlines_lie_beside_their_truth(tmp_path):
    write_truth(tmp_path / "test", "a", sound="cat")
    (scene,) = read_composed_videos(tmp_path).scenes
    assert scene.regions[0].mask == tmp_path / "test" / "a_1.png"


def test_composed_videos_that_are_missing_are_named(tmp_path):
    write_truth(tmp_path / "test", "a")
    write_truth(tmp_path / "test", "b")
    (tmp_path / "test" / "b.mp4").unlink()
    corpus = read_composed_videos(tmp_path)
    assert [s.name for s in corpus.scenes] == ["a"]
    assert corpus.missing == ["b"]


@pytest.mark.parametrize("changes", [{"fps": "x"}, {"objects": [{}]}, {"objects": 3}, {"fps": None}])
def test_composed_truth_of_another_form_is_refused(tmp_path, changes):
    write_truth(tmp_path / "test", "a", **changes)
    with pytest.raises(DataError, match=r"a\.json"):
        read_composed_videos(tmp_path)


def test_a_split_without_videos_is_refused(tmp_path):
    write_truth(tmp_path / "train", "a", split="train")
    with pytest.raises(DataError, match="no composed video of the split 'test'"):
        read_composed_videos(tmp_path)


AUDIOSET = """# Segments csv created Sun Mar  5 10:54:31 2017
# num_ytids=2, num_segs=2
# YTID, start_seconds, end_seconds, positive_labels
--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"
-_xyz123456, 0.000, 7.500, "/m/05zppz"
"""


def test_audioset_segments_are_read_below_their_header(tmp_path):
    (tmp_path / "eval.csv").write_text(AUDIOSET)
    first, second = read_audioset(tmp_path / "eval.csv")
    assert first.labels == ("/m/09x0r", "/t/dd00088")
    assert first.name == "--PJHxphWEs_000030"
    assert (second.start_s, second.duration_s) == (0.0, 7.5)


def test_vggsound_is_read_in_both_forms(tmp_path):
    (tmp_path / "full.csv").write_text('---g-f_I2yQ,1,"people, marching",test\n')
    (tmp_path / "test.csv").write_text('---g-f_I2yQ_000001.mp4,"people, marching"\n')
    (full,), (short,) = read_vggsound(tmp_path / "full.csv"), read_vggsound(tmp_path / "test.csv")
    assert full.split == "test"
    for clip in (full, short):
        assert (clip.source, clip.start_s, clip.labels) == ("---g-f_I2yQ", 1.0, ("people, marching",))
        assert clip.name == "---g-f_I2yQ_000001"


@pytest.mark.parametrize("line", ["a,b,c", "a,x,label,test", "nothing.mp4,label"])
def test_vggsound_lines_of_another_form_are_refused_with_their_number(tmp_path, line):
    (tmp_path / "list.csv").write_text(f"abc_000001.mp4,dog\n{line}\n")
    with pytest.raises(DataError, match="row 2"):
        read_vggsound(tmp_path / "list.csv")


@pytest.mark.parametrize("line", ["a, 1", 'a, b, c, "d"'])
def test_audioset_lines_of_another_form_are_refused(tmp_path, line):
    (tmp_path / "list.csv").write_text(f"# header\n{line}\n")
    with pytest.raises(DataError, match="row 2"):
        read_audioset(tmp_path / "list.csv")


def test_lists_that_a_spreadsheet_has_saved_are_read(tmp_path):
    (tmp_path / "vggsound.csv").write_bytes(b"\xef\xbb\xbf ---g-f_I2yQ , 1 , people ,test\r\n\r\n")
    assert read_labels(tmp_path / "vggsound.csv") == {"---g-f_I2yQ_000001": ("people",)}
    (tmp_path / "audioset.csv").write_bytes(b"\xef\xbb\xbf" + AUDIOSET.replace("\n", "\r\n").encode())
    assert read_labels(tmp_path / "audioset.csv")["--PJHxphWEs_000030"] == ("/m/09x0r", "/t/dd00088")
    (tmp_path / "utf16.csv").write_bytes("file,label\na.mp4,dog\n".encode("utf-16"))
    with pytest.raises(DataError, match="is UTF-16; save it as UTF-8"):
        read_labels(tmp_path / "utf16.csv")
    (tmp_path / "latin1.csv").write_bytes("a_000001.mp4,dog\ncafé_000001.mp4,bird\n".encode("latin-1"))
    with pytest.raises(DataError, match="row 2 is not UTF-8"):
        read_labels(tmp_path / "latin1.csv")


def test_media_are_found_by_names_that_differ_in_case_or_accents(tmp_path):
    for name in ("Caf\u00e9.mp4", "a.jpg", "A.wav", "b.mp4", "B.mp4"):
        (tmp_path / name).write_bytes(b"x")
    folder = MediaFolder(tmp_path)
    assert folder.find("cafe\u0301") == (tmp_path / "Caf\u00e9.mp4",) * 2
    assert folder.find("a") == (tmp_path / "a.jpg", tmp_path / "A.wav")
    assert folder.find("b") == (tmp_path / "b.mp4",) * 2 and folder.find("d") is None
    assert folder.why_none(["x", "y"]) == "it names 'x', 'y'; there are 'A', 'B', 'Caf\u00e9' and 2 more"


def test_labels_are_read_from_every_list(tmp_path):
    (tmp_path / "labels.json").write_text('{"test/a.mp4": ["dog", "cat"], "b.mp4": []}')
    (tmp_path / "labels.csv").write_text("file,label\na.mp4,dog\nb.mp4,\n")
    (tmp_path / "audioset.csv").write_text(AUDIOSET)
    (tmp_path / "vggsound.csv").write_text("abc_000001.mp4,dog\n")
    assert read_labels(tmp_path / "labels.json") == {"test/a.mp4": ("dog", "cat")}
    assert read_labels(tmp_path) == {"test/a.mp4": ("dog", "cat")}
    assert read_labels(tmp_path / "labels.csv") == {"a.mp4": ("dog",)}
    assert read_labels(tmp_path / "audioset.csv")["--PJHxphWEs_000030"] == ("/m/09x0r", "/t/dd00088")
    assert read_labels(tmp_path / "vggsound.csv") == {"abc_000001": ("dog",)}


@pytest.mark.parametrize(
    ("name", "text"), [("a.json", "[]"), ("a.json", "{}"), ("a.csv", ""), ("a.csv", "file,label\n")]
)
def test_labels_that_name_nothing_are_refused(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=name):
        read_labels(tmp_path / name)


@pytest.mark.parametrize("read", [read_audioset, read_vggsound, read_labels, read_annotators])
def test_missing_lists_are_refused(tmp_path, read):
    with pytest.raises(DataError, match=r"none\.csv"):
        read(tmp_path / "none.csv")
