"""Pieces of an HTML page; all text is escaped here."""

import base64
from collections.abc import Iterable, Sequence
from html import escape

SCALE, SMALLEST_SCALE = 0.75, 0.6  # pixels on the page for one of a picture, 128 an inch
WIDTH_IN_PNG = slice(16, 20)  # bytes of the file


def element(tag: str, *content: str, **attributes: str) -> str:
    """An element around HTML.

    Args:
        tag: its name.
        content: HTML, such as other elements or what `text` gives.
        attributes: plain text, escaped here; `class_` for `class`.
    """
    given = "".join(f' {name.rstrip("_")}="{escape(v)}"' for name, v in attributes.items() if v)
    return f"<{tag}{given}>{''.join(content)}</{tag}>"


def text(plain: object) -> str:
    """Plain text as HTML."""
    return escape(str(plain))


def paragraph(plain: str) -> str:
    """A paragraph of plain text."""
    return element("p", text(plain))


def items(plain: Iterable[str]) -> str:
    """A list of plain texts; nothing if there are none."""
    listed = [element("li", text(each)) for each in plain]
    return element("ul", *listed) if listed else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls sideways where the screen is narrow.

    Args:
        heads: plain headings.
        rows: HTML of the cells; the first of each row is its heading.
    """
    head = element("tr", *(element("th", text(each), scope="col") for each in heads))
    body = [
        element("tr", element("th", first, scope="row"), *(element("td", cell) for cell in others))
        for first, *others in rows
    ]
    whole = element("table", element("thead", head), element("tbody", *body))
    return element("div", whole, class_="wide")


def picture(data: bytes, alt: str) -> str:
    """A picture inside the page, which scrolls sideways where the screen is narrow.

    Args:
        data: a PNG file.
        alt: what it shows, for those who do not see it.
    """
    pixels = int.from_bytes(data[WIDTH_IN_PNG], "big")
    source = f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
    # Its own size where there is room; where there is not, text in it must stay legible.
    width_px, narrowest_px = int(SCALE * pixels), int(SMALLEST_SCALE * pixels)
    style = f"min-width:{narrowest_px}px"
    image = f'<img src="{source}" alt="{escape(alt)}" width="{width_px}" style="{style}">'
    return element("div", image, class_="wide picture")
