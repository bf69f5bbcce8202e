"""The sequence lane by size: letters, colours, GC content."""

import numpy as np

from hyenascope.data.interval import Interval
from hyenascope.viz import bases
from hyenascope.viz.view import View


def test_a_block_stands_over_its_base(locus):
    trace = bases.base_blocks("ACGT" * 25, View(locus))
    assert (trace.x0, trace.dx) == (1001, 1)
    assert "".join(trace.text[0]) == "ACGT" * 25
    assert trace.hovertemplate == "<b>chr1:%{x:,d}</b> %{text}<extra></extra>"


def test_iupac_codes_look_like_n():
    view = View(Interval("chr1", 0, 6))
    assert list(bases.base_blocks("ACGTNR", view).z[0]) == [0, 1, 2, 3, 4, 4]


def test_gc_of_every_bin_against_its_definition():
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("ACGTN"), size=2501)) + "N" * 6
    trace, note = bases.gc_blocks(text, View(Interval("chr1", 100, 100 + len(text))))
    assert "every 3 bp" in note
    expected = []
    for start in range(0, len(text), 3):
        part = text[start : start + 3]
        known = sum(base in "ACGT" for base in part)
        gc = sum(base in "GC" for base in part)
        expected.append(gc / known if known else np.nan)
    np.testing.assert_array_equal(trace.z[0], expected)
    assert trace.x[0] == 100.5
    assert trace.x[-1] == 100.5 + len(text)
