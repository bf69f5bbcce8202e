"""Chunk by chunk against everything at once, and what is said of the rest."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

from hyenascope.data.contigs import UnknownContigError
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.interpret.additive_attribution import (
    deep_lift_shap,
    integrated_gradients,
)
from hyenascope.interpret.gradient import saliency
from hyenascope.interpret.gradient_targets import LogLikelihood
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.interpret.ism import conditional_map, saturation_mutagenesis
from hyenascope.interpret.likelihood_track import log_prob_track
from hyenascope.widgets.chunk_cache import ChunkCache
from hyenascope.widgets.computed_track import ComputedTrack
from hyenascope.widgets.worker import Worker
from tests.models.test_incremental import random_model

CONTEXT = 40
TEXT = "".join(np.random.default_rng(4).choice(list("ACGT"), 203))
GAP = TEXT[:70] + "N" * 20 + TEXT[90:]


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">I\n{TEXT}\n>gap\n{GAP}\n>short\n{TEXT[:25]}\n")
    with FastaReader(path) as reader:
        yield reader


@pytest.fixture(scope="module")
def model():
    return random_model(dtype=torch.float64)


def made(model, genome, kind="ism", **options) -> ComputedTrack:
    options = {"context": CONTEXT, "chunk": 8, "device": "cpu", **options}
    return ComputedTrack(kind, model, genome, **options)


def run(track: ComputedTrack, interval: Interval):
    parts = list(track.compute(interval))
    assert not track.missing(interval)
    return parts, track.known(interval)


@pytest.mark.parametrize("strands", ["forward", "reverse", "both"])
@pytest.mark.parametrize(
    "place",
    [
        Interval("I", 61, 90),
        Interval("I", 0, 19),
        Interval("I", 180, 203),
        Interval("gap", 60, 100),
        Interval("short", 0, 25),
    ],
    ids=["middle", "first", "last", "gap", "short"],
)
def test_mutagenesis_by_chunks_is_mutagenesis_of_the_whole(
    model, genome, place, strands
):
    track = made(model, genome, strands=strands, window=9)
    _, found = run(track, place)
    whole = saturation_mutagenesis(
        model, genome, place, window=9, context=CONTEXT, strands=strands
    )
    np.testing.assert_allclose(found.values, whole.values, atol=1e-11)
    assert (found.names, found.units, found.interval) == (
        whole.names,
        whole.units,
        place,
    )
    expected = places_of(whole.provenance["unscored"])
    assert places_of(found.provenance["unscored"]) == expected


def places_of(rows) -> set[tuple[str, int, str]]:
    return {
        (side, position, row["reason"])
        for row in rows
        for side in (
            ("forward", "reverse") if row["strand"] == "both" else (row["strand"],)
        )
        for position in range(row["start"], row["end"])
    }


@pytest.mark.parametrize("score", ["conditional", "full"])
def test_other_scores_by_chunks_are_those_of_the_whole(model, genome, score):
    place = Interval("I", 61, 80)
    _, found = run(made(model, genome, score=score), place)
    whole = saturation_mutagenesis(model, genome, place, score=score, context=CONTEXT)
    np.testing.assert_allclose(found.values, whole.values, atol=1e-11)


@pytest.mark.parametrize("strands", ["forward", "reverse", "both"])
@pytest.mark.parametrize("chunk", [None, 7])
@pytest.mark.parametrize("place", [Interval("I", 0, 203), Interval("gap", 60, 100)])
def test_expected_bases_by_chunks_are_those_of_the_whole(
    model, genome, place, chunk, strands
):
    track = made(model, genome, "conditional", strands=strands, chunk=chunk)
    _, found = run(track, place)
    whole = conditional_map(model, genome, place, context=CONTEXT, strands=strands)
    np.testing.assert_allclose(found.values, whole.values, atol=1e-11)
    assert (found.names, found.units) == (whole.names, whole.units)


@pytest.mark.parametrize("strands", ["forward", "reverse", "both"])
@pytest.mark.parametrize(
    ("name", "chunk"), [("I", None), ("I", 13), ("gap", None), ("short", None)]
)
def test_likelihoods_by_chunks_are_those_of_the_whole(
    model, genome, name, chunk, strands
):
    place = Interval(name, 0, genome.contigs[name])
    track = made(model, genome, "log_prob", strands=strands, chunk=chunk)
    _, found = run(track, place)
    whole = log_prob_track(model, genome, place, context=CONTEXT, strands=strands)
    np.testing.assert_allclose(found.values, whole.values, atol=1e-11)
    assert (found.names, found.units) == (whole.names, whole.units)
    lacking = np.flatnonzero(np.isnan(found.values).any(axis=1))
    reasons = found.provenance["unscored"]
    assert {position for _, position, _ in places_of(reasons)} == set(lacking)


@pytest.mark.parametrize(
    ("kind", "method", "options"),
    [
        ("saliency", saliency, {}),
        (
            "integrated_gradients",
            integrated_gradients,
            {"baseline": "uniform", "steps": 4, "tolerance": 1e9},
        ),
        ("deep_lift_shap", deep_lift_shap, {"shuffles": 2}),
    ],
)
def test_an_attribution_explains_the_window_around_each_chunk(
    model, genome, kind, method, options
):
    track = made(model, genome, kind, chunk=10, steps=4, shuffles=2)
    _, found = run(track, Interval("I", 60, 70))
    window = Interval("I", 45, 85)  # 40 bp with the chunk in the middle
    whole = method(model, genome, window, target=LogLikelihood(), **options)
    np.testing.assert_allclose(found.values, whole.values[15:25], atol=1e-11)
    assert (found.names, found.units) == (whole.names, whole.units)
    assert found.provenance["method"] == whole.provenance["method"]
    assert found.provenance["explained"] == ("each 10 bp by the 40 bp around them")


def test_a_region_is_explained_in_one_call(model, genome):
    track = made(model, genome, "deep_lift_shap", shuffles=2)
    region = Interval("I", 195, 203, "+")
    found = track.attribute(region)
    assert found.interval == Interval("I", 163, 203)  # pushed onto the contig
    record = found.provenance
    assert record["target"] == "log-likelihood of I:196-203"
    difference = record["target_value"] - record["baseline_value"]
    assert found.values.sum() == pytest.approx(difference, abs=1e-9)
    with pytest.raises(ValueError, match=r"region must fit the context of 40 bp"):
        track.attribute(Interval("I", 0, 41))
    with pytest.raises(ValueError, match="must hold bases of I, which has 203 bp"):
        track.attribute(Interval("I", 200, 204))


def test_a_region_of_another_kind_is_computed(model, genome):
    track, region = made(model, genome, window=9), Interval("I", 60, 70)
    assert track.attribute(region) == track.known(region)
    assert np.isfinite(track.known(region).values).all()
    with pytest.raises(ValueError, match="kind must be one of saliency, integrated"):
        track.explain(region)


def test_a_head_is_mutated_and_explained(model, genome):
    head = HeadOutput(lambda hidden: hidden.mean(1), output=3, name="mine")
    _, found = run(made(model, genome, score=head), Interval("I", 64, 72))
    whole = saturation_mutagenesis(
        model, genome, Interval("I", 64, 72), score=head, context=CONTEXT
    )
    np.testing.assert_allclose(found.values, whole.values, atol=1e-11)
    assert found.units == whole.units == "mine"
    _, slope = run(made(model, genome, "saliency", score=head), Interval("I", 64, 72))
    assert slope.units == "mine"


def test_chunks_lie_on_a_grid_and_the_centre_comes_first(model, genome):
    track = made(model, genome, window=9)
    view = Interval("I", 61, 90)
    assert [(part.start, part.end) for part in track.missing(view)] == [
        (72, 80),
        (64, 72),
        (80, 88),
        (56, 64),
        (88, 96),
    ]
    parts, _ = run(track, view)
    assert [part.done for part in parts] == [1, 2, 3, 4, 5]
    assert {part.total for part in parts} == {5}
    assert list(track.compute(view)) == []  # all is known
    assert track.missing(Interval("I", 198, 900)) == (
        Interval("I", 200, 203),
        Interval("I", 192, 200),
    )
    assert track.missing(Interval("I", 500, 600)) == ()


def test_what_is_known_grows_from_the_centre_and_survives_a_cancelled_job(
    model, genome
):
    track, view = made(model, genome, window=9), Interval("I", 61, 90)
    before = track.known(view)
    assert np.isnan(before.values).all()
    assert (before.names, before.units) == (track.names, track.units)
    assert before.provenance["not_computed"] == ((61, 90),)
    job = track.compute(view)
    first = next(job)
    job.close()
    assert first.place == Interval("I", 72, 80)
    after = track.known(view)
    rows = np.flatnonzero(np.isfinite(after.values).all(axis=1))
    np.testing.assert_array_equal(rows + 61, range(72, 80))
    assert after.provenance["not_computed"] == ((61, 72), (80, 90))
    assert after.provenance["window"] == 9
    assert len(track.missing(view)) == 4


def test_a_worker_computes_it(model, genome):
    track, view, seen = made(model, genome, window=9), Interval("I", 61, 90), []
    worker = Worker()
    worker.submit(track.compute(view), on_result=seen.append, on_error=seen.append)
    assert worker.wait(60.0)
    worker.close()
    assert seen == [track.known(view)]


def test_options_have_their_own_numbers_in_one_cache(model, genome):
    track, view = made(model, genome, window=9), Interval("I", 64, 72)
    run(track, view)
    for change in ({"strands": "forward"}, {"window": 5}, {"context": 30}):
        other = replace(track, **change)
        assert other.cache is track.cache
        assert len(other.missing(view)) == 1
        run(other, view)
        assert not np.allclose(other.known(view).values, track.known(view).values)
    assert not track.missing(view)
    assert not replace(track, widest=5).missing(view)
    conditional = replace(track, kind="conditional")
    run(conditional, view)
    assert not replace(conditional, window=5).missing(view)  # it has no meaning there


def test_another_model_has_its_own_numbers(model, genome):
    track, view = made(model, genome, window=9), Interval("I", 64, 72)
    run(track, view)
    other = replace(track, model=random_model(5, torch.float64))
    assert len(other.missing(view)) == 1


def test_weights_that_change_in_place_have_their_own_numbers(genome):
    model = random_model()
    track = made(model, genome, "conditional")
    place = Interval("I", 40, 60)
    list(track.compute(place))
    assert not track.missing(place)
    with torch.no_grad():
        next(model.parameters()).mul_(1.5)
    assert track.missing(place)
    assert np.isnan(track.known(place).values).all()


def test_a_full_cache_forgets_and_computing_still_ends(model, genome):
    track = made(model, genome, window=9, cache=ChunkCache(limit=6_000))
    view = Interval("I", 64, 104)
    assert len(list(track.compute(view))) == 5
    assert 0 < len(track.cache) < 5
    assert len(track.missing(view)) == 5 - len(track.cache)


def test_stretches_without_a_number_have_reasons(model, genome):
    gap = made(model, genome, window=9)
    _, found = run(gap, Interval("gap", 72, 88))  # N all along
    assert np.isnan(found.values).all()
    assert places_of(found.provenance["unscored"]) == {
        (side, position, "the reference is not A, C, G or T")
        for side in ("forward", "reverse")
        for position in range(72, 88)
    }
    assert found.provenance["not_computed"] == ()
    end = made(model, genome, window=9, strands="forward")
    _, found = run(end, Interval("I", 200, 203))
    assert places_of(found.provenance["unscored"]) == {
        ("forward", position, "the contig ends less than 9 bp further on")
        for position in range(200, 203)
    }


def test_a_model_that_gives_nothing_finite_is_said_to(genome):
    broken = random_model(dtype=torch.float64)
    with torch.no_grad():
        broken.backbone.ln_f.weight.fill_(float("nan"))
    view = Interval("I", 64, 72)
    for kind in ("ism", "conditional", "log_prob", "saliency"):
        options = {"window": 9} if kind == "ism" else {}
        slow = pytest.warns(UserWarning, match="full passes")
        with slow if kind == "ism" else nullcontext():
            _, found = run(made(broken, genome, kind, **options), view)
        assert np.isnan(found.values).all()
        reasons = {reason for _, _, reason in places_of(found.provenance["unscored"])}
        assert reasons == {"the model gives no finite number"}, kind


def test_off_the_contig_nothing_is_known(model, genome):
    track = made(model, genome, window=9)
    run(track, Interval("I", 190, 203))
    found = track.known(Interval("I", 196, 210))
    finite = np.isfinite(found.values).any(axis=1)
    # Of the last base neither strand knows: 9 bp do not follow, nothing comes before.
    np.testing.assert_array_equal(finite, [*[True] * 6, *[False] * 8])
    with pytest.raises(UnknownContigError, match="no contig 'II'"):
        track.missing(Interval("II", 0, 5))


def test_very_wide_views_are_cut_to_their_middle(model, genome):
    found = made(model, genome).known(Interval("I", -(10**8), 10**8))
    assert found.interval.length == 250_000
    assert found.interval.center == 0


@pytest.mark.parametrize(
    ("kind", "limit"),
    [("ism", 2_000), ("integrated_gradients", 4_000), ("log_prob", 100_000)],
)
def test_too_wide_is_said_in_plain_words(model, tmp_path, kind, limit):
    path = tmp_path / "long.fa"
    path.write_text(">I\n" + "A" * 150_000)
    track = ComputedTrack(kind, model, path)
    assert track.too_wide(Interval("I", 5, limit + 5)) is None
    message = track.too_wide(Interval("I", 5, limit + 6))
    assert message is not None
    assert f"up to {limit:,} bp at a time; {limit + 1:,} bp are shown." in message
    # What lies off the contig is not computed.
    assert track.too_wide(Interval("I", 149_990, 10**9)) is None
    assert track.too_wide(Interval("I", 10**8, 10**9)) is None
    assert replace(track, widest=10).too_wide(Interval("I", 0, 11)) is not None


def test_default_chunks(model, genome):
    def width(kind: str, **options) -> int:
        return ComputedTrack(kind, model, genome, **options).chunk_width

    assert model.context_length == 138
    assert width("ism") == 64
    assert width("ism", context=20) == 10
    assert width("log_prob") == 69
    assert width("conditional") == width("ism", score="conditional") == 68
    assert width("saliency") == 34
    assert width("saliency", chunk=5) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context": 3}, "context must be 4 to 140 bp"),
        ({"window": 40}, "window must be 1 to 39, less than the context; got 40"),
        ({"chunk": 0}, "chunk must be at least 1; got 0"),
        ({"widest": 0}, "widest must be at least 1; got 0"),
        ({"steps": 0}, "steps must be at least 1; got 0"),
        ({"kind": "saliency", "score": "full"}, "score must be 'conditional'"),
        ({"kind": "log_prob", "score": "full"}, "score must be 'conditional'"),
    ],
)
def test_options_are_checked(model, genome, options, message):
    options = {"kind": "ism", "context": CONTEXT, **options}
    with pytest.raises(ValueError, match=message):
        ComputedTrack(model=model, genome=genome, **options)
