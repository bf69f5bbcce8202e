"""What is held out is held out for good."""

import numpy as np
import pytest

from hyenascope.training.open_genomes import open_genomes

GENOME = {"I": "ACGT" * 100, "II": "CCAT" * 50, "Mito": "AT" * 30}
OTHER = {"chr1": "GGTC" * 100, "chr2": GENOME["II"].lower()}


@pytest.mark.parametrize("parts", [("train", "test"), ("valid", "test")])
def test_leaks_are_found_however_the_intervals_nest(tmp_path, parts):
    """A brute-force look at random intervals, base by base."""
    rng = np.random.default_rng(0)
    bed = tmp_path / "s.bed"
    for _ in range(200):
        rows, marks = [], {part: np.zeros(400, bool) for part in parts}
        for part in rng.choice(parts, rng.integers(2, 6)):
            start = int(rng.integers(380))
            end = start + int(rng.integers(1, 20))
            rows.append(f"I\t{start}\t{end}\t{part}\n")
            marks[part][start:end] = True
        rows.append("II\t0\t5\ttrain\n")
        bed.write_text("".join(rows))
        if np.logical_and(*marks.values()).any():
            with pytest.raises(ValueError, match="must not overlap"):
                open_genomes(GENOME, intervals=bed)
        else:
            open_genomes(GENOME, intervals=bed)


def test_a_contig_that_is_there_twice_is_one_text():
    twice = {**GENOME, "copy": GENOME["II"]}
    with pytest.raises(ValueError, match=r"copy and II are one text"):
        open_genomes(twice, validation=["II"])
    with pytest.raises(
        ValueError,
        match=r"II:1-200 for training and chr2:1-200 held out, "
        "in genome 1 and in genome 2; II and chr2 are one text",
    ):
        open_genomes([GENOME, OTHER], validation=["chr2"], leave_out=["chr1"])


def test_one_text_is_not_validated_and_tested_on():
    twice = {**GENOME, "copy": GENOME["II"]}
    with pytest.raises(
        ValueError,
        match=r"validation must not overlap test; got copy:1-200 for validation and "
        r"II:1-200 for test, in genome 1; copy and II are one text",
    ):
        open_genomes(twice, validation=["copy"], test=["II"])


def test_twins_that_are_cut_alike_do_not_leak():
    data = open_genomes([GENOME, OTHER], validation=0.1)
    assert data.bases("valid") == 40 + 20 + 6 + 40 + 20


def test_gaps_are_no_twins():
    gaps = {"I": "ACGT" * 9, "II": "N" * 30, "III": "N" * 30}
    assert open_genomes(gaps, validation=["III"]).bases("train") == 66
