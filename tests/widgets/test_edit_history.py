"""Edits, undo and redo, against texts edited by hand and the laws they must keep."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.edited_window import plain_edits
from hyenascope.interpret.edits import Edit
from hyenascope.widgets.edit_history import EditHistory
from hyenascope.widgets.text_edits import TextEdit, apply_edits

START = 100
TEXT = "ACGTTACCCAGNTACG"
PLACE = Interval("chr1", START, START + len(TEXT))
BASES = st.text("ACGT", min_size=1, max_size=3)
POSITION = st.integers(START, PLACE.end - 1)


def history() -> EditHistory:
    return EditHistory(TEXT, PLACE)


@st.composite
def stretches(draw: st.DrawFn) -> tuple[int, int]:
    start = draw(POSITION)
    return start, draw(st.integers(start + 1, min(start + 5, PLACE.end)))


EDITS = st.one_of(
    st.tuples(st.just("substitute"), POSITION, st.sampled_from("ACGTacgt")),
    st.tuples(st.just("insert"), st.integers(START, PLACE.end), BASES),
    st.tuples(st.just("set_insertion"), st.integers(START, PLACE.end), BASES),
    stretches().map(lambda at: ("delete", *at)),
    stretches().map(lambda at: ("restore", *at)),
)
OTHERS = st.sampled_from(
    [
        *(("clear",), ("add",), ("duplicate",), ("remove",), ("rename", "other")),
        *(("undo",), ("redo",), *(("select", i) for i in range(4))),
    ]
)


def do(before: EditHistory, operation: tuple) -> EditHistory:
    """Run an operation; one that is refused does nothing."""
    name, *arguments = operation
    try:
        return getattr(before, name)(*arguments)
    except (ValueError, IndexError):
        return before


def after(operations: list[tuple]) -> EditHistory:
    now = history()
    for operation in operations:
        now = do(now, operation)
    return now


class Bases:
    """The rules once more, on a list of bases and a list of gaps."""

    def __init__(self, edits: tuple[TextEdit, ...]) -> None:
        self.bases = list(TEXT)
        self.gaps = [""] * (len(TEXT) + 1)
        for start, end, text in edits:
            if end - start == len(text):
                self.bases[start - START] = text
            else:
                self.bases[start - START : end - START] = [""] * (end - start)
                self.gaps[start - START] = text

    def substitute(self, position: int, base: str) -> None:
        self.bases[position - START] = base.upper()

    def insert(self, position: int, text: str) -> None:
        self.gaps[position - START] += text

    def delete(self, start: int, end: int) -> None:
        for i in range(start - START, end - START):
            self.bases[i] = ""
            if i > start - START:
                self.gaps[i] = ""

    def text(self) -> str:
        pairs = zip(self.gaps, [*self.bases, ""], strict=True)
        return "".join(gap + base for gap, base in pairs)


# Text.


@settings(deadline=None)
@given(st.lists(st.one_of(EDITS, OTHERS), max_size=25))
def test_a_sequence_is_its_edits_applied_one_by_one(operations):
    now = after(operations)
    for index, haplotype in enumerate(now.haplotypes):
        text = TEXT
        for edit in reversed(haplotype.edits):
            text = Edit(edit.start - START, edit.end - START, edit.text).apply(text)
        assert now.sequence(index) == text


SIMPLE = ("substitute", "insert", "delete")


@settings(deadline=None)
@given(st.lists(EDITS, max_size=8))
def test_each_edit_does_what_the_rules_say(operations):
    now = history()
    for operation in operations:
        name, *arguments = operation
        by_hand = Bases(now.edits)
        assert by_hand.text() == now.sequence()
        now = getattr(now, name)(*arguments)
        if name in SIMPLE:
            getattr(by_hand, name)(*arguments)
            assert now.sequence() == by_hand.text()


@settings(deadline=None)
@given(st.lists(EDITS, max_size=15))
def test_edits_are_as_the_model_reads_them(operations):
    edits = [Edit(*edit) for edit in after(operations).edits]
    assert plain_edits(edits, PLACE, TEXT) == tuple(edits)


@settings(deadline=None)
@given(st.lists(EDITS, max_size=15))
def test_positions_name_the_reference_base_of_each_base(operations):
    now = after(operations)
    places, text = now.positions(), now.sequence()
    assert len(places) == len(text)
    known = [place for place in places if place is not None]
    assert known == sorted(set(known))
    replaced = {edit.start for edit in now.edits if edit.substitutes}
    for place, base in zip(places, text, strict=True):
        if place is not None and place not in replaced:
            assert TEXT[place - START] == base


@pytest.mark.parametrize(
    ("operations", "edits"),
    [
        ([("substitute", 101, "t"), ("substitute", 101, "G")], [(101, 102, "G")]),
        ([("substitute", 101, "T"), ("substitute", 101, "C")], []),
        ([("insert", 103, "A"), ("insert", 103, "CG")], [(103, 103, "ACG")]),
        ([("insert", 103, "A"), ("set_insertion", 103, "CG")], [(103, 103, "CG")]),
        ([("insert", 103, "A"), ("set_insertion", 103, "")], []),
        ([("insert", 103, "A"), ("delete", 102, 105)], [(102, 105, "")]),
        ([("insert", 102, "AA"), ("delete", 102, 105)], [(102, 105, "AA")]),
        ([("insert", 105, "CC"), ("delete", 102, 105)], [(102, 105, "CC")]),
        ([("delete", 102, 105), ("insert", 104, "AA")], [(102, 105, "AA")]),
        ([("delete", 102, 104), ("delete", 104, 106)], [(102, 106, "")]),
        (
            [("delete", 102, 105), ("substitute", 103, "A")],
            [(102, 103, ""), (103, 104, "A"), (104, 105, "")],
        ),
        ([("delete", 104, 105), ("insert", 105, "A")], [(104, 105, "A")]),
        ([("delete", 104, 105), ("insert", 105, "T")], []),
        ([("delete", 103, 106), ("insert", 103, "TC")], [(104, 106, "C")]),
        ([("delete", 102, 106), ("restore", 103, 104)], []),
        (
            [("substitute", 103, "A"), ("insert", 103, "G"), ("restore", 103, 104)],
            [(103, 103, "G")],
        ),
        (
            [("substitute", 103, "A"), ("insert", 103, "G"), ("restore", 103, 103)],
            [(103, 104, "A")],
        ),
        (
            [("insert", 116, "A"), ("insert", 100, "C")],
            [(100, 100, "C"), (116, 116, "A")],
        ),
        ([("substitute", 111, "A"), ("clear",)], []),
    ],
)
def test_rules(operations, edits):
    assert list(after(operations).edits) == [TextEdit(*edit) for edit in edits]


def test_a_listing_names_edits_as_a_person_does():
    place = Interval("chrDemo", 8_100, 8_110)
    now = EditHistory("ACGTACGTAC", place)
    now = now.substitute(8_100, "g").delete(8_104, 8_107).insert(8_103, "ACG")
    now = now.delete(8_109, 8_110).insert(8_109, "GG")
    assert now.listing() == (
        "chrDemo:8,101 A>G",
        "chrDemo: ins ACG after 8,103",
        "chrDemo: del 8,105-8,107",
        "chrDemo: del 8,110 ins GG",
    )
    first = EditHistory("AC", Interval("c", 0, 2)).insert(0, "T").listing()
    assert first == ("c: ins T before 1",)


# Back and forth.


@settings(deadline=None)
@given(st.lists(st.one_of(EDITS, OTHERS), max_size=25))
def test_undo_goes_back_through_every_state_and_redo_returns(operations):
    now = history()
    seen = [now.state]
    for operation in operations:
        if operation[0] in ("undo", "redo", "select"):
            continue
        now = do(now, operation)
        if now.state != seen[-1]:
            seen.append(now.state)
    back = now
    for state in reversed(seen):
        assert back.state == state
        assert back.can_undo == (state is not seen[0])
        back = back.undo()
    assert back.state == seen[0]
    for state in seen:
        assert back.state == state
        back = back.redo()
    assert back == now


@settings(deadline=None)
@given(st.lists(st.one_of(EDITS, OTHERS), max_size=25))
def test_whatever_was_done_undo_ends_without_an_edit(operations):
    now = after(operations)
    while now.can_undo:
        now = now.undo()
    assert [haplotype.edits for haplotype in now.haplotypes] == [()]


def test_a_new_step_clears_redo_and_looking_does_not():
    now = history().add("second").substitute(101, "T").undo()
    assert now.select(0).can_redo
    assert now.select(0).redo().edits == (TextEdit(101, 102, "T"),)
    assert not now.insert(101, "A").can_redo
    same = now.substitute(101, "C")  # the reference's own base
    assert same == now


def test_a_history_is_never_changed():
    now = history()
    now.substitute(101, "T").add().delete(100, 104)
    assert now == history()


# Haplotypes.


def test_haplotypes_are_added_copied_renamed_and_removed():
    now = history().substitute(101, "T").add("wild").insert(102, "G").duplicate()
    assert [haplotype.name for haplotype in now.haplotypes] == [
        "Haplotype 1",
        "wild",
        "Haplotype 2",
    ]
    assert now.selected == 2
    assert now.edits == now.haplotypes[1].edits
    now = now.clear().rename(" copy ").select(1).remove()
    assert [haplotype.name for haplotype in now.haplotypes] == ["Haplotype 1", "copy"]
    assert now.selected == 0
    assert now.sequence() == TEXT[0] + "T" + TEXT[2:]
    assert now.sequence(1) == TEXT


# VCF.


@settings(deadline=None)
@given(st.lists(EDITS, max_size=15))
def test_variants_applied_to_the_reference_give_the_haplotype(operations):
    now = after(operations)
    if not now.sequence():
        with pytest.raises(ValueError, match="must keep a base of chr1:101-116"):
            now.to_variants()
        return
    variants, text = now.to_variants(), TEXT
    for variant in reversed(variants):
        text = variant.apply(text, start=START)
    assert text == now.sequence()
    assert all(variant.ref and variant.alt for variant in variants)
    ends = [START, *(variant.end for variant in variants)]
    assert all(v.start >= end for v, end in zip(variants, ends, strict=False))
    again = history().load(variants)
    assert again.sequence() == now.sequence()


@pytest.mark.parametrize(
    ("operations", "variants"),
    [
        ([("substitute", 101, "T")], ["chr1:102:C>T"]),
        ([("delete", 101, 103)], ["chr1:101:ACG>A"]),
        ([("insert", 103, "AA")], ["chr1:103:G>GAA"]),
        ([("delete", 100, 102)], ["chr1:101:ACG>G"]),
        ([("insert", 100, "T")], ["chr1:101:A>TA"]),
        ([("insert", 116, "T")], ["chr1:116:G>GT"]),
        ([("substitute", 102, "A"), ("delete", 103, 105)], ["chr1:103:GTT>A"]),
        ([("insert", 100, "T"), ("delete", 101, 103)], ["chr1:101:ACG>TA"]),
        ([("delete", 101, 104), ("insert", 101, "GG")], ["chr1:102:CGT>GG"]),
        (
            [("substitute", 102, "A"), ("substitute", 103, "A")],
            ["chr1:103:G>A", "chr1:104:T>A"],
        ),
    ],
)
def test_variants_are_padded_as_vcf_does(operations, variants):
    assert [str(variant) for variant in after(operations).to_variants()] == variants


def test_records_are_loaded_in_place_of_other_edits():
    now = history().insert(103, "CC").substitute(105, "T")
    records = [Variant("1", 103, "G", "GAA"), Variant("chr1", 105, "TACC", "T")]
    found = now.load(records)
    assert found.edits == (TextEdit(103, 103, "AA"), TextEdit(105, 108, ""))
    assert found.load(records) == found
    assert found.undo().state == now.state
    assert now.load([]) == now


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ([Variant("chr2", 102, "C", "T")], "variants must lie on chr1; got chr2:102"),
        ([Variant("chr1", 90, "C", "T")], "variants must lie in chr1:101-116; got"),
        ([Variant("chr1", 102, "C", "<DEL>")], "ALT must hold only A, C, G and T; got"),
        ([Variant("chr1", 102, "C", "N")], "ALT must hold only A, C, G and T; got"),
        (
            [Variant("chr1", 102, "A", "T")],
            "REF of chr1:102:A>T must be the reference there, C; got A",
        ),
        (
            [Variant("chr1", 102, "CG", "C"), Variant("chr1", 103, "G", "T")],
            "variants must not overlap; got chr1:102:CG>C and chr1:103:G>T",
        ),
    ],
)
def test_refused_variants(variants, message):
    with pytest.raises(ValueError, match=message):
        history().load(variants)


# JSON.


@settings(deadline=None)
@given(st.lists(st.one_of(EDITS, OTHERS), max_size=20))
def test_json_carries_every_haplotype(operations):
    now = after(operations)
    back = EditHistory.from_json(now.to_json(), TEXT.lower(), PLACE)
    assert back.state == now.state
    assert not back.can_undo
    assert not back.can_redo


def changed(**fields: object) -> str:
    state = json.loads(history().substitute(101, "T").to_json())
    return json.dumps({**state, **fields})


def one(edits: object, name: object = "x") -> list[dict[str, object]]:
    return [{"name": name, "edits": edits}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "state must be JSON text; got '{'"),
        ("[" * 100_000, "state must be JSON text; got"),
        ("[1]", 'state must be JSON with "format": "hyenascope edit history"'),
        (changed(format="other"), 'state must be JSON with "format"'),
        (changed(version=2), "state must be of version 1; got 2"),
        (changed(chrom="chr2"), "state must be of chr1:101-116; got one of chr2"),
        (changed(reference_sha256="0"), "state must be of the same reference; got"),
        (changed(start=None), "start of the state must be int; got None"),
        (changed(selected=True), "selected of the state must be int; got True"),
        (changed(selected=1), "selected must be 0 to 0; got 1"),
        (changed(haplotypes=[]), "state must hold 1 to 4 haplotypes; got 0"),
        (changed(haplotypes=one([]) * 2), "name must not be taken; got 'x'"),
        (changed(haplotypes=one([], "a\nb")), "name must be one line of 1 to 60"),
        (changed(haplotypes=[3]), "haplotypes must have a name and a list of edits"),
        (changed(haplotypes=one([[1, 2]])), r"edits must be \[start, end, text\]; got"),
        (changed(haplotypes=one([[1, 2, "A"]])), "edits must lie in chr1:101-116; got"),
        (changed(haplotypes=one([[101, 102, "<b>"]])), "edits must bring only A, C"),
        (
            changed(haplotypes=one([[101, 104, ""], [103, 104, "A"]])),
            "edits must be in genome order and not overlap",
        ),
    ],
)
def test_refused_states(text, message):
    with pytest.raises(ValueError, match=message):
        EditHistory.from_json(text, TEXT, PLACE)


def test_a_state_has_no_link_and_no_reference():
    text = history().add("second").insert(103, "ACG").to_json()
    assert TEXT not in text
    assert "://" not in text
    assert json.loads(text)["haplotypes"][1] == {
        "name": "second",
        "edits": [[103, 103, "ACG"]],
    }


# Refusals.


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (("substitute", 99, "A"), "positions must lie in chr1:101-116, 0-based 100 to"),
        (("substitute", 116, "A"), "positions must lie in chr1:101-116, .* got 116 to"),
        (("substitute", 101, "N"), "base must be A, C, G or T; got 'N'"),
        (("insert", 101, ""), "bases must hold at least one base; got ''"),
        (("insert", 101, "AXG"), "bases must be only A, C, G and T; got 'AXG'"),
        (("insert", 117, "A"), "positions must lie in chr1:101-116"),
        (("delete", 103, 103), "start must be below end; got 103 and 103"),
        (("delete", 105, 103), "positions must lie in .* got 105 to 103"),
        (("rename", ""), "name must be one line of 1 to 60 characters; got ''"),
        (("add", "Haplotype 1"), "name must not be taken; got 'Haplotype 1'"),
        (("remove",), "haplotypes must be two or more to remove one; got 1"),
    ],
)
def test_refused_operations(operation, message):
    name, *arguments = operation
    with pytest.raises(ValueError, match=message):
        getattr(history(), name)(*arguments)


def test_refusals_of_counts_and_references():
    four = history().add().add().add()
    with pytest.raises(ValueError, match="haplotypes must be at most 4; got one more"):
        four.duplicate()
    with pytest.raises(IndexError, match="index must be 0 to 3, of a haplotype; got 4"):
        four.select(4)
    with pytest.raises(ValueError, match=r"reference must have the 16 bp of chr1:101"):
        EditHistory("ACGT", PLACE)
    with pytest.raises(ValueError, match="seq must hold only"):
        EditHistory("ACX", Interval("I", 0, 3))


def test_torch_and_ipywidgets_are_not_loaded():
    code = (
        "import sys, hyenascope.widgets.edit_history;"
        "sys.exit(bool({'torch', 'ipywidgets'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_edits_are_applied_by_hand():
    assert apply_edits("ACGT", 0, [TextEdit(0, 0, "T"), TextEdit(1, 3, "")]) == "TAT"
