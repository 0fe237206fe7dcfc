import numpy as np

from avnet.correspondence.verdict import HERE, Verdict
from avnet.pages.caption import caption, caption_of


def test_a_caption_tells_verdict_and_names():
    verdict = Verdict(1.0, 0.934, 0.5, 0.5, 0.5, HERE, {"Dog": 0.91, "Bark": 0.5})
    assert caption_of(verdict) == "sounds here 0.93: Dog 0.91, Bark 0.50"
    assert caption_of(Verdict(1.0, 0.934, 0.5, 0.5, 0.5, HERE)) == ""


def test_text_is_bright_on_the_foot_alone():
    image = np.full((220, 160, 3), 90, np.uint8)
    written = caption(image, "sounds here 0.93: Dog 0.91, and much more than there is room for in this image")
    np.testing.assert_array_equal(written[:-15], image[:-15])
    assert written[-15:].max() > 240
    assert written[-15:].min() == 30
    assert (image == 90).all()


def test_no_text_and_tiny_images():
    image = np.full((5, 4, 3), 90, np.uint8)
    assert caption(image, "") is image
    assert caption(image, "Dog").shape == image.shape
