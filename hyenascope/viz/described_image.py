"""Write into an image file what the image shows, where each format has a place for it.

By hand and not with an imaging library: each is a few bytes beside the picture,
whose own bytes stay as they were.
"""

import re
import struct
import zlib
from collections.abc import Callable, Mapping
from xml.sax.saxutils import escape, quoteattr

from hyenascope.data.visible_text import visible_text

_HEADER = 8 + 12 + 13  # signature and IHDR: the chunk that comes first in every PNG


def describe_image(image: bytes, suffix: str, *, title: str, text: str) -> bytes:
    """Return the image with a title and a description inside.

    PNG gets two ``iTXt`` chunks, SVG ``<title>`` and ``<desc>`` and the role of an
    image, PDF a document information dictionary. What does not look as expected
    comes back as it was: a picture without a description is better than none.

    Parameters
    ----------
    image
        Bytes of the file.
    suffix
        ``"png"``, ``"svg"`` or ``"pdf"``.
    title, text
        Plain text.

    Examples
    --------
    >>> describe_image(b"<svg><g/></svg>", "svg", title="Locus", text="A < B").decode()
    '<svg role="img" aria-label="A &lt; B"><title>Locus</title><desc>A &lt; B</desc><g/></svg>'
    """  # noqa: E501
    title, text = visible_text(title), visible_text(text)
    return _WRITERS[suffix](image, title, text)


def _png(image: bytes, title: str, text: str) -> bytes:
    if image[:8] != b"\x89PNG\r\n\x1a\n" or len(image) < _HEADER:
        return image
    chunks = _text_chunk("Title", title) + _text_chunk("Description", text)
    return image[:_HEADER] + chunks + image[_HEADER:]


def _text_chunk(keyword: str, text: str) -> bytes:
    """Return an uncompressed ``iTXt`` chunk (PNG, third edition, 11.3.3.4)."""
    body = b"iTXt" + keyword.encode() + bytes(5) + text.encode("utf-8")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _svg(image: bytes, title: str, text: str) -> bytes:
    root = re.search(rb"<svg\b[^>]*(?<!/)>", image)
    if root is None:
        return image
    opened = f'{root[0][:-1].decode("utf-8")} role="img" aria-label={quoteattr(text)}>'
    words = f"{opened}<title>{escape(title)}</title><desc>{escape(text)}</desc>"
    return image[: root.start()] + words.encode("utf-8") + image[root.end() :]


def _pdf(image: bytes, title: str, text: str) -> bytes:
    """Append an incremental update (ISO 32000-1, 7.5.6) with a new /Info."""
    ends = re.findall(rb"trailer\s*<<(.*?)>>\s*startxref\s+(\d+)\s+%%EOF", image, re.S)
    size, root = (
        re.search(key, ends[-1][0]) if ends else None
        for key in (rb"/Size (\d+)", rb"/Root (\d+ \d+ R)")
    )
    if size is None or root is None:
        return image
    number = int(size[1])
    at = len(image) + 1
    words = f"/Title {_pdf_text(title)} /Subject {_pdf_text(text)}"
    entry = f"\n{number} 0 obj\n<<{words} /Producer (hyenascope)>>\nendobj\n"
    table = f"xref\n0 1\n0000000000 65535 f \n{number} 1\n{at:010d} 00000 n \n"
    trailer = (
        f"trailer\n<</Size {number + 1} /Root {root[1].decode()} "
        f"/Info {number} 0 R /Prev {ends[-1][1].decode()}>>\n"
        f"startxref\n{len(image) + len(entry)}\n%%EOF\n"
    )
    return image + f"{entry}{table}{trailer}".encode("ascii")


def _pdf_text(text: str) -> str:
    """Return UTF-16 with its mark, in hexadecimal."""
    return f"<FEFF{text.encode('utf-16-be').hex().upper()}>"


_WRITERS: Mapping[str, Callable[[bytes, str, str], bytes]] = {
    "png": _png,
    "svg": _svg,
    "pdf": _pdf,
}
