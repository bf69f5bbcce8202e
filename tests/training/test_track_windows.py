"""Windows of an epoch: what they cover, what stands in them, what is turned."""

import numpy as np
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelError
from hyenascope.data.track_data import TrackData
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import detokenize
from hyenascope.training.collect_targets import collect_targets
from hyenascope.training.track_options import TrackOptions
from hyenascope.training.track_windows import TrackWindows

NAN = float("nan")
LONG = "".join(np.random.default_rng(0).choice(list("ACGT"), 400))
SHORT = LONG[100:111]


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "tiny.fa"
    path.write_text(f">long\n{LONG}\n>short\n{SHORT}\n")
    return FastaReader(path)


def windows(genome, tracks, *, window=20, bin_size=1):
    targets = collect_targets(tracks, genome, task="regression")
    return TrackWindows(genome, targets, window, bin_size, np.zeros(1), np.ones(1))


def numbered(start, end, chrom="long"):
    """A track whose value is the place itself."""
    return TrackData(np.arange(start, end), "a", Interval(chrom, start, end))


def batches(found, epoch=1, **options):
    return list(found.batches(TrackOptions(batch_size=4, **options), epoch))


def rows(found, **how):
    """Text and targets of every window of an epoch."""
    for batch in batches(found, **how):
        for tokens, mask, targets in zip(
            batch.tokens, batch.mask, batch.targets, strict=True
        ):
            yield detokenize(tokens[mask].numpy()), targets[:, 0].numpy()


def test_a_window_is_read_where_its_targets_are(genome):
    found = windows(genome, numbered(100, 300))
    assert len(found) == 11  # ten that are shifted, and the rest of the first
    assert found.bases == 220
    seen = list(rows(found))
    assert len(seen) == 11
    for text, values in seen:
        known = ~np.isnan(values)
        assert known.any()
        for at in np.flatnonzero(known):
            assert text[at] == LONG[int(values[at])]


def test_windows_tile_a_stretch_and_are_shifted_in_every_epoch(genome):
    found = windows(genome, numbered(100, 300))
    firsts = set()
    for epoch in range(8):
        counts = np.zeros(400, int)
        starts = []
        for _, values in rows(found, epoch=epoch):
            known = values[~np.isnan(values)].astype(int)
            counts[known] += 1
            starts.append(known.min())
        assert counts[100:300].max() == 1
        assert counts[100:300].sum() >= 180  # a layout that needs fewer has one twice
        firsts.add(sorted(starts)[1])
    assert len(firsts) > 3


def test_a_layout_that_needs_more_or_fewer_windows_still_has_as_many(genome):
    found = windows(genome, [numbered(100, 190), numbered(250, 300)], window=30)
    for epoch in range(12):
        assert len(list(rows(found, epoch=epoch))) == len(found)


def test_sparse_bases_are_met_in_every_epoch_somewhere_in_their_window(genome):
    values = np.full(300, NAN)
    places = [0, 7, 150, 151, 290]
    values[places] = 1.0
    found = windows(genome, TrackData(values, "a", Interval("long", 50, 350)))
    assert len(found) in (3, 4)
    met, inside = np.zeros(5, int), set()
    for epoch in range(30):
        for text, targets in rows(found, epoch=epoch):
            assert len(text) == 20
            start = LONG.index(text)
            here = [start <= 50 + at < start + 20 for at in places]
            met += here
            assert np.nansum(targets) == sum(here)
            inside.add(int(np.flatnonzero(targets == 1)[0]))
    assert met.min() >= 20
    assert len(inside) > 10


def test_a_contig_shorter_than_a_bin_is_refused_at_once(genome):
    tracks = [numbered(0, 60), numbered(0, 11, "short")]
    with pytest.raises(LabelError, match="at least one bin, 12 bp; got short of 11 bp"):
        windows(genome, tracks, window=24, bin_size=12)


def test_at_the_ends_of_a_contig_windows_stay_on_it(genome):
    found = windows(genome, [numbered(0, 60), numbered(0, 11, "short")])
    lengths = {len(text) for epoch in range(5) for text, _ in rows(found, epoch=epoch)}
    assert lengths == {20, 11}
    for batch in batches(found):
        assert batch.mask.sum(1).tolist() == [
            int((row != 4).sum()) for row in batch.tokens
        ]


def test_windows_count_by_what_is_known_of_them(genome):
    found = windows(genome, [numbered(0, 60), numbered(0, 11, "short")])
    for batch in batches(found):
        known = (~batch.targets.isnan()).sum(dim=(1, 2))
        assert batch.weights.tolist() == known.tolist()


def test_bins_are_means_in_units_of_what_is_learnt(genome):
    targets = collect_targets(numbered(100, 300), genome, task="regression")
    found = TrackWindows(genome, targets, 20, 5, np.array([200.0]), np.array([50.0]))
    for text, values in rows(found):
        assert len(values) == 4
        start = LONG.index(text)
        for number, value in enumerate(values):
            places = np.arange(start + 5 * number, start + 5 * number + 5)
            known = places[(places >= 100) & (places < 300)]
            if len(known):
                assert value == pytest.approx((known.mean() - 200) / 50)
            else:
                assert np.isnan(value)


def test_a_turned_window_has_its_values_turned(genome):
    found = windows(genome, numbered(100, 300))
    turned = 0
    for text, values in rows(found, reverse_complement=True):
        known = np.flatnonzero(~np.isnan(values))
        if np.diff(values[known]).mean() < 0:
            turned += 1
            text, values = reverse_complement(text), values[::-1]
            known = np.flatnonzero(~np.isnan(values))
        for at in known:
            assert text[at] == LONG[int(values[at])]
    assert 0 < turned < 11


def test_seed_and_epoch_decide_all(genome):
    found = windows(genome, numbered(100, 300))
    texts = [
        [t for t, _ in rows(found, epoch=e, seed=s)]
        for e, s in [(1, 0), (1, 0), (2, 0), (1, 1)]
    ]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]
    assert texts[0] != texts[3]
