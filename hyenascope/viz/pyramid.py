"""All that a page without a kernel needs to zoom: the figure at every distance.

Level 0 is one tile over everything. Each further level has tiles a quarter as wide
that overlap by a sixth, so that some tile holds any window a sixth as wide. The
components draw the tiles, as they draw everything else; levels end where all is drawn
in full, or where the page would grow too large.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hyenascope.data.interval import Interval
from hyenascope.viz.lane import Component
from hyenascope.viz.packing import Packer, joined
from hyenascope.viz.style import ThemeName
from hyenascope.viz.tile import Tile, draw_tile

FINEST = 6144
"""Bases of the narrowest tiles: each base of a signal is a point of its own there."""

_FACTOR, _OVERLAP = 4, 6
_PIXELS = 900
_BASE64 = 4 / 3


@dataclass(frozen=True, eq=False)
class Pyramid:
    """The levels, packed.

    Parameters
    ----------
    content
        Gzipped base64 for `saved_page.js`.
    widths
        Bases of a tile of each level, coarse to fine.
    cut
        Whether finer levels were left out for size.
    """

    content: str
    widths: tuple[int, ...]
    cut: bool


def build_pyramid(
    components: Sequence[Component],
    interval: Interval,
    facts: dict[str, Any],
    *,
    max_bytes: int,
    theme: ThemeName = "light",
) -> Pyramid:
    """Draw and pack the levels.

    Parameters
    ----------
    components
        Top to bottom.
    interval
        All that the page can show, 0-based half-open.
    facts
        JSON that goes with the levels.
    max_bytes
        Most bytes of ``content``; level 0 is kept whatever its size.
    theme
        Colours for light or dark paper.
    """
    packer = Packer()
    levels: list[list[dict[str, Any]]] = []
    kept: list[int] = []
    block, size, cut = b"", _packed_size(_json(facts)), False
    for width in _widths(interval):
        tiles = [
            draw_tile(
                components,
                place,
                pixels=_PIXELS if not kept else 2 * _PIXELS,
                max_points=FINEST,
                theme=theme,
            )
            for place in _places(interval, width)
        ]
        level = [_packed(tile, packer) for tile in tiles]
        data = packer.data()
        grown = _packed_size(_json(level) + data[len(block) :])
        if kept and size + grown > max_bytes:
            cut = True
            break
        levels.append(level)
        kept.append(width)
        block, size = data, size + grown
        if all(tile.complete for tile in tiles):
            break
    header = _json({**facts, "levels": levels, "cut": cut})
    return Pyramid(joined(header, block), tuple(kept), cut)


def _packed_size(data: bytes) -> float:
    return _BASE64 * len(gzip.compress(data, 6))


def _widths(interval: Interval) -> Iterator[int]:
    yield interval.length
    width = FINEST
    while 2 * _FACTOR * width < interval.length:
        width *= _FACTOR
    while width >= FINEST and width < interval.length:
        yield width
        width //= _FACTOR


def _places(interval: Interval, width: int) -> Iterator[Interval]:
    start = interval.start
    while True:
        end = min(start + width, interval.end)
        yield replace(interval, start=max(interval.start, end - width), end=end)
        if end == interval.end:
            return
        start += width - width // _OVERLAP


def _packed(tile: Tile, packer: Packer) -> dict[str, Any]:
    return {
        "left": tile.interval.start + 0.5,
        "right": tile.interval.end + 0.5,
        "complete": tile.complete,
        "data": packer.pack(list(tile.data)),
        "layout": packer.pack(tile.layout),
        "letters": packer.pack([_without_bottoms(spec) for spec in tile.letters]),
    }


def _without_bottoms(spec: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the page knows: most letters stand on the axis or on another."""
    x, bottom, top = spec["x"], spec["bottom"], spec["top"]
    below = np.concatenate([[0.0], np.where(x[1:] == x[:-1], top[:-1], 0.0)])
    on_axis = np.flatnonzero((bottom == 0) & (below != 0))  # the other way round
    hair = 1e-5 * np.abs(top).max(initial=0.0)  # heights are packed more coarsely
    if not np.allclose(bottom, np.where(bottom == 0, 0.0, below), rtol=0, atol=hair):
        return spec
    lean = {key: value for key, value in spec.items() if key != "bottom"}
    return {**lean, "on_axis": on_axis}


def _json(value: object) -> bytes:
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")
