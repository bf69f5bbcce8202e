"""What a lane draws of what is known, and what it says of what is not."""

import numpy as np
import pytest
import torch

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.interpret.additive_attribution import integrated_gradients
from hyenascope.interpret.gradient_targets import LogLikelihood
from hyenascope.interpret.ism import conditional_map, saturation_mutagenesis
from hyenascope.interpret.likelihood_track import log_prob_track
from hyenascope.viz.components import Heatmap, Line, Logo
from hyenascope.viz.view import View
from hyenascope.widgets.computed_lane import KINDS, ComputedLane
from hyenascope.widgets.computed_track import ComputedTrack
from tests.models.test_incremental import random_model

CONTEXT = 40
TEXT = "".join(np.random.default_rng(4).choice(list("ACGT"), 203))
GAP = TEXT[:80] + "N" * 40 + TEXT[120:]
PLACE = Interval("I", 60, 90)


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    soft = TEXT[:60] + TEXT[60:90].lower() + TEXT[90:]
    codes = "RYSWKMBDHV" * 8
    path.write_text(
        f">I\n{TEXT}\n>gap\n{GAP}\n>short\n{TEXT[:12]}\n>one\nA\n>soft\n{soft}\n"
        f">codes\n{codes}\n"
    )
    with FastaReader(path) as reader:
        yield reader


@pytest.fixture(scope="module")
def model():
    return random_model(dtype=torch.float64)


def made(model, genome, kind="ism", **options) -> ComputedLane:
    options = {"context": CONTEXT, "chunk": 10, "device": "cpu", **options}
    return ComputedLane(ComputedTrack(kind, model, genome, **options), genome)


def fill(lane: ComputedLane, window: Interval) -> None:
    assert lane.wants(window)
    for _ in lane.compute(window):
        pass
    assert not lane.wants(window)


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_lane_without_numbers_says_so(model, genome, kind):
    lane = made(model, genome, kind)
    drawn = lane.draw(View(PLACE))
    assert drawn.note == "not computed yet"
    assert drawn.label.replace("<br>", " ").startswith(KINDS[kind])
    assert lane.signals(PLACE) is None


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_lane_keeps_its_place_when_its_numbers_come(model, genome, kind):
    lane = made(model, genome, kind)
    before = lane.draw(View(PLACE))
    fill(lane, PLACE)
    after = lane.draw(View(PLACE))
    assert (after.height, after.label) == (before.height, before.label)


def test_mutagenesis_is_drawn_as_its_heatmap(model, genome):
    whole = saturation_mutagenesis(model, genome, PLACE, context=CONTEXT, device="cpu")
    drawn_alike(
        made(model, genome),
        Heatmap(whole, sequence=genome, label="mutagenesis"),
    )


def test_likelihoods_are_drawn_as_lines_with_a_guess_among_four(model, genome):
    contig = Interval("I", 0, 203)
    whole = log_prob_track(model, genome, contig, context=CONTEXT, device="cpu")
    guess = -float(np.log(4))
    drawn_alike(
        made(model, genome, "log_prob", chunk=None),
        Line(whole.slice(PLACE), label="log p per base", reference=guess),
    )


def test_expected_bases_are_drawn_as_information(model, genome):
    grid = Interval("I", 57, 95)  # where windows of 40 bp, 19 apart, begin
    whole = conditional_map(
        model, genome, grid, context=CONTEXT, strands="both", device="cpu"
    )
    drawn_alike(
        made(model, genome, "conditional", chunk=None),
        Logo(whole.slice(PLACE), kind="information", label="expected bases"),
    )


def drawn_alike(lane: ComputedLane, component) -> None:
    fill(lane, PLACE)
    view = View(PLACE)
    drawn, whole = lane.draw(view), component.draw(view)
    assert (drawn.label, drawn.note) == (whole.label, whole.note)
    for one, other in zip(drawn.traces, whole.traces, strict=True):
        ours, theirs = one.to_plotly_json(), other.to_plotly_json()
        for name in ("x", "y", "z"):
            if isinstance(theirs.get(name), np.ndarray):
                values = ours.pop(name), theirs.pop(name)
                np.testing.assert_allclose(*values, atol=1e-6)
        for told in (ours, theirs):
            told.pop("customdata", None)
        np.testing.assert_equal(ours, theirs)


def test_attributions_are_letters_of_each_chunk_in_its_own_window(model, genome):
    lane = made(model, genome, "integrated_gradients", steps=8)
    where = Interval("I", 60, 70)
    fill(lane, where)
    known = lane.signals(where)
    around = lane.computed.window_around(where)
    whole = integrated_gradients(
        model,
        genome,
        around,
        target=LogLikelihood(),
        baseline="uniform",
        steps=8,
        tolerance=float("inf"),
        device="cpu",
    )
    np.testing.assert_allclose(known.values, whole.slice(where).values, atol=1e-9)
    assert lane.draw(View(where)).letters


def test_what_is_known_is_drawn_while_the_rest_is_computed(model, genome):
    lane = made(model, genome)
    parts = lane.compute(PLACE)
    first = next(parts).place
    assert lane.wants(PLACE)
    cells = lane.draw(View(PLACE)).traces[0].z
    told = ~np.isnan(cells).all(axis=0)
    offsets = np.flatnonzero(told) + PLACE.start
    assert first.start <= offsets.min() < offsets.max() < first.end
    parts.close()


def test_too_much_is_not_computed_and_says_why(model, genome):
    lane = made(model, genome, widest=25)
    assert not lane.wants(PLACE)
    message = "Mutagenesis is computed for up to 25 bp at a time; 30 bp are shown."
    assert lane.draw(View(PLACE)).note == message
    near = Interval("I", 60, 80)
    fill(lane, near)
    assert lane.message == ""
    assert not lane.wants(PLACE)
    # What is known of the middle is drawn, and the message stays.
    assert lane.draw(View(PLACE)).note.endswith(message)


@pytest.mark.parametrize(
    ("window", "reason"),
    [
        (Interval("gap", 90, 110), "the reference is not A, C, G or T"),
        (Interval("codes", 20, 40), "the reference is not A, C, G or T"),
        (Interval("one", 0, 1), "no base is read before it"),
        (Interval("short", 0, 12), "the contig ends less than 30 bp further on"),
    ],
    ids=["N", "IUPAC codes", "one base", "shorter than the window"],
)
def test_a_window_without_any_number_says_why(model, genome, window, reason):
    lane = made(model, genome, window=30)
    fill(lane, window)
    assert lane.signals(window) is None
    note = lane.draw(View(window)).note
    assert note.startswith("no numbers here: ")
    assert reason in note
    fill(lane, PLACE)
    assert lane.message == ""


@pytest.mark.parametrize("kind", list(KINDS))
def test_contigs_shorter_than_the_context_have_numbers(model, genome, kind):
    where = Interval("short", 0, 12)
    lane = made(model, genome, kind, **({"window": 4} if kind == "ism" else {}))
    fill(lane, where)
    known = lane.signals(where)
    assert known.values.shape[0] == 12
    assert np.isfinite(known.values[2:8]).all()
    assert lane.draw(View(where)).note != "not computed yet"


def test_soft_masked_bases_are_bases(model, genome):
    lanes = [made(model, genome, window=9) for _ in range(2)]
    soft = Interval("soft", 60, 70)
    for lane, where in zip(lanes, (soft, Interval("I", 60, 70)), strict=True):
        fill(lane, where)
    masked, plain = lanes[0].signals(soft), lanes[1].signals(Interval("I", 60, 70))
    np.testing.assert_array_equal(masked.values, plain.values)
    grey = lanes[0].draw(View(soft)).traces[1].z
    names = np.array(list("ACGT"))
    assert "".join(names[np.nanargmin(grey, axis=0)]) == TEXT[60:70]


def test_a_message_is_text_and_no_markup(model, genome):
    lane = made(model, genome)
    lane.message = "<b>loud</b>"
    assert lane.draw(View(PLACE)).note == "&lt;b&gt;loud&lt;/b&gt;"
