import base64
import io
import re
import wave
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from avnet.pages.html import (
    Html,
    audio,
    cards,
    element,
    figure,
    group,
    note,
    page,
    paragraph,
    section,
    table,
    text,
    video,
)

VOID = {"meta", "img"}


class Reader(HTMLParser):
    """Collects elements, and checks that they close in order."""

    def __init__(self, markup):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def attributes(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def content_of(address, kind):
    assert address.startswith(f"data:{kind};base64,")
    return base64.b64decode(address.split(",")[1])


def test_text_is_escaped_and_markup_is_not():
    assert text('<b> & "c"') == "&lt;b&gt; &amp; &quot;c&quot;"
    assert text(Html("<b>x</b>")) == "<b>x</b>"
    assert element("p", "<i>", element("b", 1), title='"<') == '<p title="&quot;&lt;">&lt;i&gt;<b>1</b></p>'
    assert element("td", "x", class_=None) == "<td>x</td>"


def test_no_name_of_a_file_becomes_markup():
    evil = '"><script>alert(1)</script>'
    image = np.zeros((4, 4, 3), np.uint8)
    parts = [
        figure(image, evil),
        audio(np.zeros(10, np.float32), 8000, evil),
        video(evil, evil),
        table([evil], [[evil]]),
        cards(evil),
        section(evil, paragraph(evil), note(evil), group(evil)),
    ]
    reader = Reader(page(evil, *parts, evil))
    assert "script" not in {tag for tag, _ in reader.elements}
    assert sum(evil in words for words in reader.words) >= 11


def test_sound_in_a_page_is_the_sound():
    samples = np.sin(np.arange(2400) / 20).astype(np.float32) * 0.5
    player = Reader(audio(samples, 24_000, "tone")).attributes("audio")[0]
    with wave.open(io.BytesIO(content_of(player["src"], "audio/wav"))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        sound = np.frombuffer(file.readframes(9999), "<i2") / 32767
    np.testing.assert_allclose(sound, samples, atol=1e-4)


def test_sound_beyond_full_scale_is_clipped_and_an_empty_one_is_allowed():
    player = Reader(audio(np.array([2.0, -3.0]), 8000)).attributes("audio")[0]
    with wave.open(io.BytesIO(content_of(player["src"], "audio/wav"))) as file:
        assert np.frombuffer(file.readframes(2), "<i2").tolist() == [32767, -32767]
    Reader(audio(np.zeros(0, np.float32), 8000))


def test_shape_of_a_sound_is_high_where_it_is_loud():
    samples = np.concatenate([np.zeros(600), np.ones(600)])
    path = Reader(audio(samples, 8000)).attributes("path")[0]["d"]
    tops = [float(top) for top in re.findall(r"M\d+ ([\d.]+)V", path)]
    assert len(tops) == 120 and set(tops[:60]) == {19.5} and set(tops[60:]) == {0.0}


def test_image_in_a_page_is_the_image_scaled_down():
    image = np.zeros((300, 600, 3), np.uint8)
    image[:, 300:] = (255, 0, 0)
    reader = Reader(figure(image, "two halves", longest=200))
    img = reader.attributes("img")[0]
    small = np.asarray(Image.open(io.BytesIO(content_of(img["src"], "image/jpeg"))))
    assert small.shape == (100, 200, 3)
    assert (img["width"], img["height"], img["alt"]) == ("200", "100", "two halves")
    assert small[50, 20].max() < 10 and small[50, 180, 0] > 245


def test_small_image_keeps_its_size():
    img = Reader(figure(np.zeros((3, 5, 3), np.uint8))).attributes("img")[0]
    assert (img["width"], img["height"]) == ("5", "3")


def test_video_is_named_by_a_relative_address():
    assert Reader(video("a b/ä#1.mp4")).attributes("video")[0]["src"] == "a%20b/%C3%A4%231.mp4"


def test_numbers_in_a_table_stand_to_the_right():
    reader = Reader(table(["name", "score"], [["a", 0.5], ["b", Html("<b>1</b>")]]))
    assert [cell.get("class") for cell in reader.attributes("td")] == [None, "number", None, None]


def test_page_needs_no_other_host():
    whole = page("title", figure(np.zeros((4, 4, 3), np.uint8)), audio(np.zeros(8), 8000), video("a.mp4"))
    assert whole.startswith("<!doctype html>")
    assert not re.search(r"(https?:)?//", re.sub(r"base64,[A-Za-z0-9+/=]*", "", whole))
    assert Reader(whole).attributes("meta")[0] == {"charset": "utf-8"}
