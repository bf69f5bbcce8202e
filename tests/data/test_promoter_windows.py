"""Windows of promoters: where they lie, and what they do not touch."""

import numpy as np
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.promoter_windows import promoter_windows
from hyenascope.data.synthetic import synthetic_genome

WIDTH, MARGIN = 120, 50
CONTIGS = {"chrA": 30_000, "chrB": 20_000, "chrC": 100}


@pytest.fixture(scope="module")
def genome():
    return synthetic_genome(seed=3, contigs=CONTIGS)


@pytest.fixture(scope="module")
def windows(genome):
    return promoter_windows(genome, WIDTH, margin=MARGIN)


def starts(genome, chrom):
    places = [gene.interval for gene in genome.genes if gene.interval.chrom == chrom]
    return np.array([each.end if each.is_reverse else each.start for each in places])


def test_a_promoter_holds_the_start_of_one_gene_near_its_middle(genome, windows):
    promoters = windows[windows["label"] == "promoter"]
    for chrom, rows in promoters.groupby("chrom"):
        begins = starts(genome, chrom)
        inner = (begins > WIDTH) & (begins < CONTIGS[chrom] - WIDTH)
        offsets = begins[inner] - rows["start"].to_numpy()
        assert ((offsets >= MARGIN) & (offsets < WIDTH - MARGIN)).all()
        assert len(set(offsets)) > 3


@pytest.mark.parametrize(("width", "seed"), [(WIDTH, 0), (301, 3), (1_000, 5)])
def test_elsewhere_is_far_from_any_start(genome, width, seed):
    windows = promoter_windows(genome, width, margin=width // 3, seed=seed)
    others = windows[windows["label"] == "elsewhere"]
    assert not others.duplicated(["chrom", "start"]).any()
    for chrom, rows in others.groupby("chrom"):
        middles = rows["start"].to_numpy() + width // 2
        away = np.abs(middles[:, None] - starts(genome, chrom)).min(axis=1)
        assert away.min() > width
        assert rows["start"].max() + width <= CONTIGS[chrom]


def test_as_many_elsewhere_as_there_is_room_for(genome, windows):
    counts = windows.groupby(["chrom", "label"]).size().unstack()
    assert (counts["elsewhere"] == counts["promoter"]).all()
    wide = promoter_windows(genome, 1_000, margin=10)
    counts = wide.groupby(["chrom", "label"]).size().unstack(fill_value=0)
    assert (counts["elsewhere"] <= counts["promoter"]).all()
    for chrom, size in CONTIGS.items():
        middles = np.arange(size - 1_000) + 500
        away = np.abs(middles[:, None] - starts(genome, chrom)).min(
            axis=1, initial=size
        )
        room = int((away > 1_000).sum())
        if chrom in counts.index:
            assert counts["elsewhere"][chrom] == min(room, counts["promoter"][chrom])


def test_sequences_are_the_forward_strand_of_their_place(genome, windows):
    assert set(windows["chrom"]) == {"chrA", "chrB"}
    for row in windows.itertuples():
        there = Interval(row.chrom, row.start, row.start + WIDTH)
        assert row.sequence == genome.fetch(there)


def test_the_seed_decides(genome, windows):
    again = promoter_windows(genome, WIDTH, margin=MARGIN)
    other = promoter_windows(genome, WIDTH, margin=MARGIN, seed=1)
    assert again.equals(windows)
    assert not other.equals(windows)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0, "margin": 0}, r"width must be at least 1; got 0\."),
        ({"width": 9, "margin": 5}, r"margin must be 0 to less than half of 9.*got 5"),
        ({"width": 9, "margin": -1}, r"margin must be 0 to less than half.*got -1"),
    ],
)
def test_refuses(genome, options, message):
    with pytest.raises(ValueError, match=message):
        promoter_windows(genome, **options)
