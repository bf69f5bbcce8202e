"""Scans of stretches."""

import numpy as np
import pytest
import torch

from hyenascope.data.interval import Interval
from hyenascope.interpret.perturb import deletion_scan, motif_scan, occlusion_scan
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import tokenize
from tests.interpret.test_edits import table
from tests.interpret.test_ism import random_text, write
from tests.models.test_incremental import random_model
from tests.toy_models import first_order, step

OPTIONS = {"window": 12, "strands": "forward"}


def test_a_deletion_of_a_first_order_model_changes_one_base(tmp_path):
    text = random_text(60)
    genome = write(tmp_path, text)
    with pytest.warns(UserWarning, match="FirstOrderLM"):
        track = deletion_scan(
            first_order(), genome, Interval("I", 20, 24), width=3, **OPTIONS
        )
    for i, p in enumerate(range(20, 24)):
        expected = step(text[p - 1], text[p + 3]) - step(text[p + 2], text[p + 3])
        assert track.values[i, 0] == pytest.approx(expected)


@pytest.mark.parametrize("strand", ["forward", "reverse"])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_deletions_in_repeats_are_paired_by_coordinate(tmp_path, strand, width):
    """In a repeat the bases move though the tokens beside the cut stay the same."""
    model = random_model(dtype=torch.float64)
    text = random_text(30, 8) + "A" * 9 + "CA" * 6 + "CCA" * 5 + random_text(60, 9)
    genome = write(tmp_path, text)
    track = deletion_scan(
        model, genome, Interval("I", 25, 70), width=width, window=12, strands=strand
    )
    for i, p in enumerate(range(25, 70)):
        old, new = text, text[:p] + text[p + width :]
        first = p + width
        if strand == "reverse":
            old, new = reverse_complement(old), reverse_complement(new)
            first = len(text) - p
        before, after = table(model, tokenize(old)), table(model, tokenize(new))
        expected = sum(
            after[q - width, "ACGT".index(old[q])] - before[q, "ACGT".index(old[q])]
            for q in range(first, first + 12)
        )
        assert track.values[i, 0] == pytest.approx(expected, abs=1e-10)


def test_the_reverse_strand_has_scores_in_a_tight_context(tmp_path):
    genome = write(tmp_path, random_text(300, 10))
    options = {"width": 4, "window": 15, "context": 32, "strands": "reverse"}
    track = deletion_scan(random_model(), genome, Interval("I", 100, 160), **options)
    assert not np.isnan(track.values).any()


def test_n_in_the_stretch_or_after_it_has_no_score_and_a_reason(tmp_path):
    text = random_text(40, 11) + "N" * 20 + random_text(60, 12)
    genome = write(tmp_path, text)
    track = deletion_scan(random_model(), genome, Interval("I", 25, 65), **OPTIONS)
    missing = np.flatnonzero(np.isnan(track.values[:, 0])) + 25
    assert list(missing) == [39, *range(40, 60)]  # 39: twelve N follow
    reasons = [run["reason"] for run in track.provenance["unscored"]]
    assert reasons == [
        "no base A, C, G or T follows",
        "the reference is not A, C, G or T somewhere in the stretch",
    ]
    with pytest.raises(ValueError, match="a stretch that can be scored; got I:42-50"):
        deletion_scan(random_model(), genome, Interval("I", 41, 50), **OPTIONS)


def test_occlusion_by_n_is_a_full_pass_with_n(tmp_path):
    model, text = random_model(dtype=torch.float64), random_text(60, 1)
    genome = write(tmp_path, text)
    track = occlusion_scan(
        model, genome, Interval("I", 20, 22), width=5, fill="n", **OPTIONS
    )
    tokens = np.frombuffer(text.encode(), np.uint8)
    ids = np.searchsorted(np.frombuffer(b"ACGT", np.uint8), tokens) + 7
    for i, p in enumerate((20, 21)):
        new = ids.copy()
        new[p : p + 5] = 11
        before, after = table(model, ids), table(model, new)
        after_stretch = range(p + 5, p + 17)
        expected = sum(
            after[q, ids[q] - 7] - before[q, ids[q] - 7] for q in after_stretch
        )
        assert track.values[i, 0] == pytest.approx(expected, abs=1e-10)


def test_shuffles_repeat_with_the_seed_and_not_with_the_interval(tmp_path):
    model, genome = random_model(), write(tmp_path, random_text(120, 2))
    wide = occlusion_scan(model, genome, Interval("I", 40, 60), seed=3, **OPTIONS)
    part = occlusion_scan(model, genome, Interval("I", 50, 55), seed=3, **OPTIONS)
    other = occlusion_scan(model, genome, Interval("I", 50, 55), seed=4, **OPTIONS)
    np.testing.assert_allclose(wide.values[10:15], part.values, atol=1e-5)
    assert np.abs(other.values - part.values).max() > 1e-4
    assert part.provenance["seed"] == 3


def test_a_motif_that_is_there_already_changes_nothing(tmp_path):
    text = random_text(60, 3)
    genome = write(tmp_path, text)
    track = motif_scan(
        random_model(), genome, Interval("I", 20, 25), text[22:28], **OPTIONS
    )
    assert track.values[2, 0] == 0
    assert np.abs(np.delete(track.values, 2)).min() > 0
    same = motif_scan(random_model(), genome, Interval("I", 20, 25), "NNNN", **OPTIONS)
    np.testing.assert_array_equal(same.values, 0)


@pytest.mark.parametrize("scan", [deletion_scan, occlusion_scan])
def test_the_reverse_strand_mirrors_the_forward_one(tmp_path, scan):
    model, text = random_model(dtype=torch.float64), random_text(100, 4)
    genome = write(tmp_path, text)
    flipped = write(tmp_path, reverse_complement(text), "flipped")
    options = {"width": 4, "window": 20}
    if scan is occlusion_scan:
        options["fill"] = "n"
    reverse = scan(model, genome, Interval("I", 40, 50), strands="reverse", **options)
    forward = scan(
        model, flipped, Interval("flipped", 47, 57), strands="forward", **options
    )
    np.testing.assert_allclose(reverse.values, forward.values[::-1], atol=1e-10)


def test_contig_ends_have_no_score(tmp_path):
    genome = write(tmp_path, random_text(60, 5))
    track = deletion_scan(random_model(), genome, Interval("I", 0, 60), **OPTIONS)
    missing = np.flatnonzero(np.isnan(track.values[:, 0]))
    assert list(missing) == [0, *range(47, 60)]  # 12 bases after, and one pulled in


@pytest.mark.parametrize(
    ("scan", "options", "message"),
    [
        (deletion_scan, {"width": 0}, "width must be at least 1; got 0"),
        (deletion_scan, {"window": 0}, "window must be at least 1; got 0"),
        (deletion_scan, {"window": 140}, "window must fit the context of 138 bp"),
        (occlusion_scan, {"repeats": 0}, "repeats must be at least 1; got 0"),
        (occlusion_scan, {"width": 3}, "width must be at least 4 to be shuffled"),
        (motif_scan, {"motif": ""}, "motif must have at least one base"),
        (motif_scan, {"motif": "AXC"}, "X"),
    ],
)
def test_refusals(tmp_path, scan, options, message):
    genome = write(tmp_path, random_text(60))
    with pytest.raises(ValueError, match=message):
        scan(random_model(), genome, Interval("I", 20, 25), **options)
