"""Web pages in one file: images and sounds inside, nothing from other hosts, every text escaped.

Each function gives markup (`Html`) and takes text or markup; a plain string is text and is escaped where it
is put in.
"""

import base64
import html
import io
import os
import wave
from collections.abc import Iterable, Sequence
from urllib.parse import quote

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from avnet.audio.pcm import to_pcm

# In the page itself, which is read from a disk and without a network.
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #888; --card: #8881; --accent: #2a6fb0; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
figure { margin: 0 0 .5rem; } figcaption, .note { color: var(--soft); font-size: .85rem; }
figcaption, td, .card { overflow-wrap: anywhere; }
img, video { max-width: 100%; height: auto; border-radius: 4px; display: block; }
audio { width: 100%; height: 2.2rem; display: block; }
svg { display: block; width: 100%; height: 3rem; color: var(--accent); }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
.cards { margin: 1rem 0; }
.card { background: var(--card); border-radius: 6px; padding: .8rem; } .card p { margin: .3rem 0; }
.wide { overflow-x: auto; }
"""


# In a notebook, whose own style is left alone.
_FRAGMENT_STYLE = """
.avnet figure { margin: 0 0 .5rem; } .avnet img { max-width: 100%; height: auto; display: block; }
.avnet figcaption, .avnet .note { opacity: .8; font-size: .85rem; } .avnet p { margin: .3rem 0; }
.avnet audio { width: 100%; max-width: 30rem; height: 2.2rem; display: block; }
.avnet svg { display: block; width: 100%; max-width: 30rem; height: 3rem; }
.avnet .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
.avnet .card { border: 1px solid #8884; border-radius: 6px; padding: .6rem; overflow-wrap: anywhere; }
"""


class Html(str):
    """Markup: the one kind of string that is put into a page as it is."""

    __slots__ = ()


def text(value: object) -> Html:
    """A value as text, escaped; markup stays as it is."""
    return value if isinstance(value, Html) else Html(html.escape(str(value)))


def element(tag: str, *children: object, **attributes: object) -> Html:
    """An element with text or markup inside.

    Args:
        tag: its name.
        children: text (escaped) or `Html`.
        attributes: values are escaped; the last underscore of a name (`class_`) is dropped, None is left out.
    """
    present = {name.rstrip("_"): value for name, value in attributes.items() if value is not None}
    markup = "".join(f' {name}="{html.escape(str(value))}"' for name, value in present.items())
    return Html(f"<{tag}{markup}>{_join(children)}</{tag}>")


def paragraph(*children: object) -> Html:
    """A paragraph."""
    return element("p", *children)


def note(*children: object) -> Html:
    """A remark in small grey letters."""
    return element("p", *children, class_="note")


def figure(image: UInt8[np.ndarray, "height width 3"], caption: object = "", longest: int = 480) -> Html:
    """An image with a caption under it.

    Args:
        image: RGB.
        caption: text or markup.
        longest: a larger image is scaled down to this longer side, pixels.
    """
    small = Image.fromarray(image)
    small.thumbnail((longest, longest))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    source = _data("image/jpeg", buffer.getvalue())
    alternative = caption if not isinstance(caption, Html) else ""
    img = _void("img", src=source, alt=alternative, width=small.width, height=small.height)
    return element("figure", img, _caption(caption))


def audio(samples: Float[np.ndarray, " samples"], sample_rate: int, caption: object = "") -> Html:
    """A sound to play, under the shape of its loudness.

    Args:
        samples: mono in [-1, 1]; what lies outside is clipped.
        sample_rate: Hz.
        caption: text or markup.
    """
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(to_pcm(np.asarray(samples)).tobytes())
    player = element("audio", controls="", preload="metadata", src=_data("audio/wav", buffer.getvalue()))
    return element("figure", _shape(samples), player, _caption(caption))


def sound(file: str, caption: object = "") -> Html:
    """A sound to play that lies beside the page.

    Args:
        file: its path relative to the page, with slashes; not put into the page.
        caption: text or markup.
    """
    # Bytes, since the name of a file need not be text.
    player = element("audio", controls="", preload="none", src=quote(os.fsencode(file)))
    return element("figure", player, _caption(caption))


def video(file: str, caption: object = "", width: int | None = None) -> Html:
    """A video that lies beside the page.

    Args:
        file: its path relative to the page, with slashes; not put into the page.
        caption: text or markup.
        width: at which it is shown, pixels; None takes its own.
    """
    player = element("video", controls="", preload="metadata", src=quote(os.fsencode(file)), width=width)
    return element("figure", player, _caption(caption))


def table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> Html:
    """A table; cells that are numbers stand to the right."""
    head = element("tr", *(element("th", cell) for cell in header))
    body = (element("tr", *(element("td", cell, class_=_number(cell)) for cell in row)) for row in rows)
    return element("div", element("table", element("thead", head), element("tbody", *body)), class_="wide")


def cards(*items: object) -> Html:
    """Things side by side, as many to a row as fit."""
    return element("div", *(element("div", item, class_="card") for item in items), class_="cards")


def group(*children: object) -> Html:
    """Things one after the other."""
    return Html(_join(children))


def section(title: object, *children: object) -> Html:
    """A part of a page under its own heading."""
    return element("section", element("h2", title), *children)


def page(title: str, *body: object) -> str:
    """A whole page.

    Args:
        title: text, for the window and the top of the page.
        body: text or markup.

    Returns:
        HTML to be written as UTF-8.
    """
    head = _join(
        [
            _void("meta", charset="utf-8"),
            _void("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("title", title),
            element("style", Html(_STYLE)),
        ]
    )
    whole = element("html", element("head", Html(head)), element("body", element("h1", title), *body), lang="en")
    return f"<!doctype html>\n{whole}\n"


def fragment(*body: object) -> str:
    """A part of somebody else's page, as a cell of a notebook is, with a style of its own.

    Args:
        body: text or markup.
    """
    return str(element("div", element("style", Html(_FRAGMENT_STYLE)), *body, class_="avnet"))


def _join(children: Iterable[object]) -> str:
    return "".join(text(child) for child in children)


def _void(tag: str, **attributes: object) -> Html:
    return Html(element(tag, **attributes).removesuffix(f"</{tag}>"))


def _caption(caption: object) -> Html:
    return element("figcaption", caption) if caption else Html()


def _number(cell: object) -> str | None:
    return "number" if isinstance(cell, int | float | np.number) else None


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _shape(samples: np.ndarray, bars: int = 120) -> Html:
    """The loudest sample of each stretch, as upright bars about the middle."""
    parts = np.array_split(np.abs(samples), bars)
    heights = [max(0.5, 20 * min(float(part.max(initial=0.0)), 1.0)) for part in parts]
    path = "".join(f"M{x} {20 - height:.1f}V{20 + height:.1f}" for x, height in enumerate(heights, 1))
    bars_path = element("path", d=path, stroke="currentColor", fill="none")
    return element("svg", bars_path, viewBox=f"0 0 {bars + 1} 40", preserveAspectRatio="none")
