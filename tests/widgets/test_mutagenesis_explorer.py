"""An explorer driven by messages: every edit, its numbers, and what is refused."""

import json
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

import hyenascope as hs
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.interpret.edits import Edit
from hyenascope.interpret.haplotype_effects import HaplotypeEffects
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.viz.style import THEMES
from hyenascope.viz.text import format_value
from hyenascope.widgets.mutagenesis_explorer import MutagenesisExplorer
from tests.models.test_incremental import random_model
from tests.toy_models import chain, first_order
from tests.widgets.pretend_page import PretendPage, array, note_of, notes

TEXT = "".join(np.random.default_rng(4).choice(list("ACGT"), 400))
PLACE = Interval("chr1", 100, 130)
OTHER = {"A": "C", "C": "G", "G": "T", "T": "A"}


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    odd = TEXT[:50].lower() + "NNRY" + TEXT[54:100]
    path.write_text(f">chr1\n{TEXT}\n>odd\n{odd}\n>short\n{TEXT[:12]}\n>one\nA\n")
    with FastaReader(path) as reader:
        yield reader


@pytest.fixture(scope="module")
def model():
    return random_model(dtype=torch.float64)


Opener = Callable[..., PretendPage]


@pytest.fixture
def opened(model, genome) -> Opener:
    def make(interval: Interval = PLACE, model=model, **options) -> PretendPage:
        options = {"device": "cpu", **options}
        return PretendPage(MutagenesisExplorer(model, genome, interval, **options))

    return make


def edit(page: PretendPage, op: str, **more) -> dict:
    """Edit as the page does; return the answer, a state and a tile or an error."""
    return page.ask("edit", op=op, wish=page.wish(page.widget.editable), **more)


def swap(page: PretendPage, pos: int) -> dict:
    """Substitute the base at a 1-based position by the next of the alphabet."""
    return edit(page, "substitute", pos=pos, text=OTHER[base(page, pos)])


def base(page: PretendPage, pos: int) -> str:
    return page.widget.history.reference[pos - 1 - page.widget.editable.start]


def listing(page: PretendPage) -> list[str]:
    return [each["text"] for each in page.widget.state()["edits"]]


def changed(*edits: tuple[int, int, str], place: Interval = PLACE) -> str:
    """Return the text of a haplotype by hand; edits are 0-based, right to left."""
    text = TEXT[place.start : place.end]
    for start, end, new in edits:
        text = text[: start - place.start] + new + text[end - place.start :]
    return text


# Every operation.


def test_each_operation_edits_the_sequence(opened):
    page = opened()
    swap(page, 105)
    new = OTHER[TEXT[104]]
    assert page.widget.history.sequence() == changed((104, 105, new))
    edit(page, "insert", pos=110, text="acg")
    assert page.widget.history.sequence() == changed((110, 110, "ACG"), (104, 105, new))
    edit(page, "delete", pos=120)
    assert page.widget.history.sequence() == changed(
        (119, 120, ""), (110, 110, "ACG"), (104, 105, new)
    )
    assert listing(page) == [
        f"chr1:105 {TEXT[104]}>{new}",
        "chr1: ins ACG after 110",
        "chr1: del 120",
    ]
    edit(page, "drop", number=1)
    assert page.widget.history.sequence() == changed((119, 120, ""), (104, 105, new))
    edit(page, "clear")
    assert page.widget.history.sequence() == changed()
    assert listing(page) == []


def test_undo_and_redo_go_through_every_state(opened):
    page = opened()
    shown = [page.widget.state()["edits"]]
    for pos in (105, 110, 120):
        shown.append(swap(page, pos)["state"]["edits"])
    shown.append(edit(page, "delete", pos=112)["state"]["edits"])
    for expected in reversed(shown[:-1]):
        assert edit(page, "undo")["state"]["edits"] == expected
    assert not page.widget.state()["can_undo"]
    assert edit(page, "undo")["state"]["edits"] == shown[0]
    for expected in shown[1:]:
        assert edit(page, "redo")["state"]["edits"] == expected
    assert not page.widget.state()["can_redo"]
    assert edit(page, "redo")["state"]["edits"] == shown[-1]


def test_a_new_edit_takes_the_place_of_what_was_undone(opened):
    page = opened()
    swap(page, 105)
    edit(page, "undo")
    assert page.widget.state()["can_redo"]
    swap(page, 110)
    assert not page.widget.state()["can_redo"]
    assert page.widget.state()["can_undo"]


def test_the_answer_is_the_latest_state_and_its_picture(opened):
    page = opened()
    answer = swap(page, 105)
    assert answer["state"] == page.widget.state() == page.ask("hello")["state"]
    tile = answer["tile"]
    assert note_of(tile, "Haplotype 1") == "1 substituted"
    [line] = [t for t in tile["data"] if "Δ log p" in t.get("hovertemplate", "")]
    np.testing.assert_array_equal(array(line["x"]), np.arange(101, 131))
    change = page.widget.reading.change.track("both")
    np.testing.assert_allclose(array(line["y"]), change, rtol=1e-6)
    assert np.isnan(change[4])
    assert np.count_nonzero(np.nan_to_num(change)) > 20


def test_other_views_are_told_but_the_one_that_asked(opened):
    page = opened()
    swap(page, 105)
    news = [each for each in page.heard if "kind" in each]
    assert [each["kind"] for each in news] == ["state", "refresh"]
    assert news[0]["state"] == page.widget.state()


def test_python_edits_too(opened):
    page = opened()
    page.widget.apply(page.widget.history.substitute(104, OTHER[TEXT[104]]))
    assert page.kinds() == ["state", "refresh"]
    assert page.heard[0]["state"]["edits"][0]["start"] == 105
    page.widget.apply(page.widget.history.undo())
    assert page.widget.state()["can_redo"]


def test_an_edit_that_changes_nothing_is_no_step(opened):
    page = opened()
    edit(page, "substitute", pos=105, text=TEXT[104])
    assert not page.widget.state()["can_undo"]
    assert set(np.nan_to_num(page.widget.reading.change.values).ravel()) == {0.0}


# Haplotypes.


def test_up_to_four_haplotypes_stand_beside_one_another(opened):
    page = opened()
    swap(page, 105)
    for count in (2, 3, 4):
        state = edit(page, "duplicate")["state"]
        assert len(state["haplotypes"]) == count
        assert state["haplotypes"][-1]["selected"]
        assert state["can_add"] == (count < 4)
        swap(page, 105 + count)
    answer = edit(page, "duplicate")
    assert answer["error"] == "haplotypes must be at most 4; got one more."
    edits = [len(each.edits) for each in page.widget.history.haplotypes]
    assert edits == [1, 2, 3, 4]
    shown = notes(page.look(PLACE))
    assert {f"Haplotype {n}" for n in (1, 2, 3, 4)} <= set(shown)


def test_operations_change_the_chosen_haplotype_alone(opened):
    page = opened()
    swap(page, 105)
    edit(page, "duplicate")
    edit(page, "clear")
    assert [len(each.edits) for each in page.widget.history.haplotypes] == [1, 0]
    state = edit(page, "select", number=0)["state"]
    assert [each["selected"] for each in state["haplotypes"]] == [True, False]
    assert listing(page) == [f"chr1:105 {TEXT[104]}>{OTHER[TEXT[104]]}"]
    edit(page, "remove")
    assert [each.name for each in page.widget.history.haplotypes] == ["Haplotype 2"]
    assert edit(page, "remove")["error"].startswith("haplotypes must be two or more")


# Numbers.


HAPLOTYPES = {
    "substitution": [(110, 111, OTHER[TEXT[110]])],
    "insertion": [(110, 110, "ACG")],
    "deletion": [(110, 113, "")],
    "several": [(104, 105, OTHER[TEXT[104]]), (112, 112, "TT"), (120, 122, "")],
}


@pytest.mark.parametrize("strands", ["forward", "reverse", "both"])
@pytest.mark.parametrize("name", HAPLOTYPES)
def test_outcomes_are_those_of_the_engine(opened, model, genome, name, strands):
    page = opened(strands=strands)
    history = page.widget.history
    for start, end, text in HAPLOTYPES[name]:
        if start == end:
            history = history.insert(start, text)
        elif text:
            history = history.substitute(start, text)
        else:
            history = history.delete(start, end)
    page.widget.apply(history)
    effects = HaplotypeEffects(model, genome, PLACE, strands=strands, device="cpu")
    reading = effects.read([Edit(*each) for each in HAPLOTYPES[name]])
    outcome = page.widget.state()["outcome"]
    names = ["forward", "reverse", "both"] if strands == "both" else [strands]
    assert outcome["columns"] == [
        "haplotype",
        *(f"Δ log p, {each} (nats)" for each in names),
    ]
    sums = [format_value(float(reading.totals.loc[each, "total"])) for each in names]
    assert outcome["rows"] == [["Haplotype 1", *sums]]
    np.testing.assert_array_equal(
        page.widget.reading.change.values, reading.change.values
    )


@pytest.mark.filterwarnings("ignore:mutants are read by full passes")
def test_outcomes_equal_the_likelihood_by_hand(opened):
    # Under a first-order chain a text's likelihood is a sum over neighbours.
    page = opened(model=first_order(), strands="forward")
    swap(page, 105)
    edit(page, "insert", pos=110, text="GA")
    edit(page, "delete", pos=120)
    before, after = TEXT[99:130], TEXT[99] + page.widget.history.sequence()
    expected = chain(after) - chain(before)
    assert page.widget.reading.totals.loc["forward", "total"] == pytest.approx(expected)
    [[_, shown]] = page.widget.state()["outcome"]["rows"]
    assert float(shown.replace("−", "-")) == pytest.approx(expected, abs=5e-4)


def test_outcomes_stand_in_a_row_per_haplotype(opened):
    page = opened()
    swap(page, 105)
    edit(page, "duplicate")
    edit(page, "clear")
    rows = page.widget.state()["outcome"]["rows"]
    assert [row[0] for row in rows] == ["Haplotype 1", "Haplotype 2"]
    assert rows[1][1:] == ["0.000"] * 3
    assert rows[0][1:] != rows[1][1:]


def test_heads_predict_each_haplotype(opened, model, genome):
    def mean(hidden):
        return hidden.mean(dim=(1, 2))

    head = HeadOutput(mean, name="activity")
    page = opened(outputs=(head,))
    swap(page, 105)
    outcome = page.widget.state()["outcome"]
    assert outcome["columns"][-1] == "activity"
    effects = HaplotypeEffects(model, genome, PLACE, outputs=(head,), device="cpu")
    [row] = effects.read([Edit(104, 105, OTHER[TEXT[104]])]).predictions.to_dict(
        "records"
    )
    told = f"{format_value(row['ref'])} → {format_value(row['alt'])}"
    assert outcome["rows"][0][-1] == told


# Records of a VCF.


def record(pos: int, /, **changes: object) -> dict[str, object]:
    ref = TEXT[pos - 1]
    plain = {"chrom": "chr1", "pos": pos, "ref": ref, "alt": OTHER[ref], "id": "rs1"}
    return {**plain, **changes}


@pytest.mark.parametrize(
    "written",
    [
        "105 {ref}>{alt}",
        "chr1:105:{ref}>{alt}",
        "chr1-105-{ref}-{alt}",
        "1:105 {ref}/{alt}",
    ],
)
def test_a_variant_is_loaded_by_what_is_typed(opened, written):
    page = opened()
    ref, alt = TEXT[104], OTHER[TEXT[104]]
    answer = edit(page, "load", text=f" {written.format(ref=ref.lower(), alt=alt)} ")
    assert answer["state"]["edits"] == [{"text": f"chr1:105 {ref}>{alt}", "start": 105}]


def test_a_variant_is_loaded_by_its_id(opened):
    frame = pd.DataFrame([record(105, id="rs1;rs9"), record(110, id="rs2")])
    page = opened(variants=frame)
    edit(page, "load", text="RS9")
    edit(page, "load", text="rs2")
    assert [each["start"] for each in page.widget.state()["edits"]] == [105, 110]


def test_an_id_of_two_variants_is_not_guessed(opened):
    ref = TEXT[104]
    second = next(each for each in "ACGT" if each not in (ref, OTHER[ref]))
    frame = pd.DataFrame([record(105), record(105, alt=second), record(105)])
    page = opened(variants=frame)
    error = edit(page, "load", text="rs1")["error"]
    first = f"chr1:105:{ref}>{OTHER[ref]}"
    assert error == (
        f"variant must be one; rs1 names {first}, chr1:105:{ref}>{second}. "
        "Type one of these."
    )
    assert edit(page, "load", text=first)["state"]["edits"][0]["start"] == 105


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"ref": "AAAA"}, "REF of chr1:105:AAAA>{alt} must be the reference there"),
        ({"chrom": "chr2"}, "variants must lie on chr1; got chr2:105"),
        ({"pos": 300}, "variants must lie in chr1:101-130; got chr1:300"),
        ({"alt": "<DEL>"}, "ALT must hold only A, C, G and T; got chr1:105"),
        ({"pos": np.nan}, "cannot convert float NaN to integer"),
    ],
    ids=["REF", "contig", "place", "symbolic", "no place"],
)
def test_a_record_that_does_not_fit_is_refused_in_words(opened, changes, error):
    made = record(105, **changes)
    page = opened(variants=pd.DataFrame([made]))
    answer = edit(page, "load", text="rs1")
    assert answer["error"].startswith(error.format(alt=made["alt"]))
    assert page.widget.history.sequence() == changed()
    assert not page.widget.state()["can_undo"]


@pytest.mark.parametrize("text", ["", ".", "rs404", "105 A", "A>C", ", A>C", "105 Z>C"])
def test_what_is_no_variant_is_refused(opened, text):
    frame = pd.DataFrame([record(105, id=".")])
    answer = edit(opened(variants=frame), "load", text=text)
    assert answer["error"].startswith(
        "variant must be an ID of the table, or look like"
    )


# To share.


def test_a_state_comes_back_as_it_was(opened):
    page = opened()
    swap(page, 105)
    edit(page, "duplicate")
    edit(page, "insert", pos=110, text="ACG")
    text = page.ask("state")["text"]
    assert text == page.widget.to_json()
    other = opened()
    answer = edit(other, "restore", text=text)
    for name in ("haplotypes", "edits", "outcome", "can_add"):
        assert answer["state"][name] == page.widget.state()[name]
    assert not answer["state"]["can_undo"]
    third = opened()
    third.widget.restore(text)
    assert third.widget.to_json() == text


def test_a_state_of_elsewhere_is_refused(opened):
    text = opened(Interval("chr1", 101, 131)).widget.to_json()
    page = opened()
    swap(page, 105)
    state = page.widget.state()
    for given, error in [
        (text, "state must be of chr1:101-130; got one of chr1:102-131"),
        ("{", "state must be JSON text"),
        (json.dumps({"format": "x"}), 'state must be JSON with "format"'),
    ]:
        assert edit(page, "restore", text=given)["error"].startswith(error)
        with pytest.raises(ValueError, match=re.escape(error)):
            page.widget.restore(given)
    assert page.widget.state() == state


# What cannot be.


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"op": "substitute", "pos": 100, "text": "A"}, "positions must lie in chr1"),
        ({"op": "substitute", "pos": 131, "text": "A"}, "positions must lie in chr1"),
        ({"op": "substitute", "pos": 105, "text": "N"}, "base must be A, C, G or T"),
        ({"op": "substitute", "pos": 105, "text": "AC"}, "base must be A, C, G or T"),
        ({"op": "insert", "pos": 105, "text": ""}, "bases must hold at least one"),
        ({"op": "insert", "pos": 105, "text": "AXG"}, "bases must be only A, C, G"),
        ({"op": "insert", "pos": 131, "text": "A"}, "positions must lie in chr1"),
        ({"op": "delete", "pos": 131}, "positions must lie in chr1"),
        ({"op": "drop", "number": 0}, "number must be of an edit; got 0"),
        ({"op": "drop", "number": -1}, "number must be of an edit; got -1"),
        ({"op": "select", "number": 1}, "index must be 0 to 0, of a haplotype; got 1"),
        ({"op": "explode", "pos": 105}, "op must be an edit; got 'explode'"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value.get("op")),
)
def test_edits_that_cannot_be_are_refused_and_change_nothing(opened, told, error):
    page = opened()
    state, tracks = page.widget.state(), page.widget.tracks
    assert edit(page, **told)["error"].startswith(error)
    assert page.widget.state() == state
    assert page.widget.tracks is tracks


def test_an_error_of_the_model_leaves_the_last_state(opened, monkeypatch):
    page = opened()
    swap(page, 105)
    state = page.widget.state()

    def fail(self, edits=(), *, arcs=50):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(HaplotypeEffects, "read", fail)
    assert edit(page, "delete", pos=110)["error"] == "out of memory"
    assert page.widget.state() == state
    monkeypatch.undo()
    assert edit(page, "delete", pos=110)["state"]["can_undo"]


def test_every_base_may_go(opened):
    page = opened(Interval("short", 0, 12))
    for pos in range(1, 13):
        answer = edit(page, "delete", pos=pos)
    assert answer["state"]["edits"] == [{"text": "short: del 1-12", "start": 1}]
    assert page.widget.history.sequence() == ""
    assert note_of(answer["tile"], "Haplotype 1") == "12 deleted"


def test_text_at_the_ends_belongs_to_a_base_that_can_be_gone_to(opened):
    page = opened()
    edit(page, "insert", pos=100, text="A")
    edit(page, "insert", pos=130, text="C")
    assert page.widget.state()["edits"] == [
        {"text": "chr1: ins A after 100", "start": 101},
        {"text": "chr1: ins C after 130", "start": 130},
    ]


@pytest.mark.parametrize("chrom", ["one", "short"])
def test_contigs_shorter_than_anything(opened, genome, chrom):
    page = opened(Interval(chrom, 0, genome.contigs[chrom]))
    answer = swap(page, 1)
    assert [each["start"] for each in answer["state"]["edits"]] == [1]
    assert "sequence" in notes(answer["tile"])


def test_soft_masked_and_ambiguous_bases(opened):
    page = opened(Interval("odd", 40, 70))
    assert page.widget.history.reference == TEXT[40:50] + "NNNN" + TEXT[54:70]
    state = edit(page, "substitute", pos=51, text="G")["state"]
    assert state["edits"] == [{"text": "odd:51 N>G", "start": 51}]
    assert edit(page, "load", text="53 R>A")["error"].startswith("variant must be")


def test_a_reader_that_keeps_case_makes_no_difference(model, genome):
    with FastaReader(genome.path, keep_case=True) as reader:
        place = Interval("odd", 20, 50)
        page = PretendPage(MutagenesisExplorer(model, reader, place, device="cpu"))
    assert page.widget.history.reference == TEXT[20:50]


@pytest.mark.parametrize(
    ("interval", "error"),
    [
        (Interval("chr1", 0, 139), "interval must fit the context of 138 bp; got 139"),
        (Interval("chr1", 390, 401), "interval must hold bases of chr1"),
        (Interval("chr1", 9, 9), "interval must hold bases of chr1"),
        (Interval("chr7", 0, 9), "g.fa has no contig 'chr7'"),
    ],
    ids=["too long", "off the end", "empty", "contig"],
)
def test_stretches_that_cannot_be_read_are_refused(opened, interval, error):
    with pytest.raises(ValueError, match=error):
        opened(interval)


# What the page sees.


def test_the_theme_of_the_page_is_followed_by_edits(opened):
    page = opened()
    for name, theme in THEMES.items():
        wish = page.wish(PLACE, theme=name)
        tile = page.ask("edit", op="undo", wish=wish)["tile"]
        assert tile["layout"]["font"]["color"] == theme.ink


def test_edits_are_not_drawn_on_another_contig(opened):
    page = opened()
    swap(page, 105)
    tile = page.look(Interval("odd", 0, 100))
    assert note_of(tile, "Haplotype 1") == (
        "nothing here: edits must lie on odd, the contig of the figure; got chr1."
    )
    told = [t for t in notes(tile) if t.startswith("nothing here")]
    assert len(told) == 3  # the change, the dependencies, the haplotype
    figure = page.widget.figure()
    assert "sequence" in [note.text for note in figure.layout.annotations]


def test_everything_that_is_sent_is_json(opened):
    page = opened()
    facts = page.ask("hello")
    assert facts["extras"] == "explorer"
    assert facts["state"]["editable"] == [100.5, 130.5]
    edit(page, "insert", pos=110, text="ACG")
    json.dumps(page.widget.state(), allow_nan=False)
    plain, _ = page.widget._repr_mimebundle_()
    json.dumps(plain, allow_nan=False)


@pytest.mark.parametrize("kind", ["cancel", "select", "window"])
def test_what_a_page_tells_in_passing_is_no_error(opened, kind):
    page = opened()
    page.tell(kind, region=None, **page.place(PLACE))
    assert page.said == []


def test_places_are_found(opened):
    page = opened()
    answer = page.ask("find", query="chr1:1-50", **page.place(PLACE))
    assert [(c["left"], c["right"]) for c in answer["choices"]] == [(0.5, 50.5)]


def test_the_demo_model_in_its_example():
    locus = hs.example_locus()
    model = hs.load_pretrained("demo-synthetic")
    place = Interval("chrDemo", 8000, 8060)
    page = PretendPage(MutagenesisExplorer(model, locus.fasta, place, device="cpu"))
    swap(page, 8031)
    effects = HaplotypeEffects(model, FastaReader(locus.fasta), place, device="cpu")
    new = OTHER[base(page, 8031)]
    total = effects.read([Edit(8030, 8031, new)]).totals.loc["both", "total"]
    assert page.widget.state()["outcome"]["rows"][0][-1] == format_value(float(total))
