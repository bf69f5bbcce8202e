import sys

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.meme import read_meme
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.motifs import annotate_seqlets, call_seqlets, scan_motifs
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.one_hot import one_hot

SITE = "TGACGTCATGCA"
AT = 150
WHERE = Interval("chr1", 1000, 1400, "+")

# numba compiles the algorithms for a quarter of a minute, longer the first time.
compiled = pytest.mark.slow


def motif(text):
    return one_hot(text).astype(float) * 0.96 + 0.01


def random_dna(length, seed=0):
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


LIBRARY = {"SITE": motif(SITE)} | {
    f"other{i}": motif(random_dna(10, seed=100 + i)) for i in range(29)
}


@pytest.fixture
def text():
    """Four hundred random bases with one site."""
    letters = random_dna(400)
    return letters[:AT] + SITE + letters[AT + len(SITE) :]


@pytest.fixture
def bump():
    """Noise with a positive bump over the site and a negative one further right."""
    values = np.random.default_rng(1).normal(size=400) * 0.05
    values[AT : AT + len(SITE)] += 1
    values[300:308] -= 2
    return values


def four(bump, text):
    """The four tracks of raw mutagenesis: zero at the reference."""
    values = np.repeat(-bump[:, None] * 4 / 3, 4, axis=1)
    values[one_hot(text) > 0] = 0
    return TrackData(values, tuple("ACGT"), WHERE, "nats")


@compiled
def test_seqlets_lie_where_the_bumps_are(bump):
    found = call_seqlets(TrackData(bump, "ism", WHERE))
    assert found["start"].tolist() == pytest.approx([1000 + AT, 1300], abs=2)
    assert found["end"].tolist() == pytest.approx([1000 + AT + 12, 1308], abs=2)
    assert set(found["chrom"]) == {"chr1"}
    assert set(found["strand"]) == {"+"}
    for _, row in found.iterrows():
        inside = bump[row.start - 1000 : row.end - 1000]
        assert row.attribution == pytest.approx(inside.sum())
    assert (found["p_value"] < 1e-6).all()


@compiled
def test_sign(bump):
    data = TrackData(bump, "ism", WHERE)
    assert (call_seqlets(data, sign="positive")["attribution"] > 0).all()
    assert (call_seqlets(data, sign="negative")["attribution"] < 0).all()
    flipped = call_seqlets(TrackData(-bump, "ism", WHERE), sign="negative")
    kept = call_seqlets(data, sign="positive")
    pd.testing.assert_frame_equal(
        flipped.assign(attribution=-flipped["attribution"]), kept
    )


@compiled
def test_four_tracks_are_read_at_the_base_that_is_there(bump, text):
    expected = call_seqlets(TrackData(bump, "ism", WHERE))
    found = call_seqlets(four(bump, text), text)
    columns = ["start", "end"]
    pd.testing.assert_frame_equal(found[columns], expected[columns])
    np.testing.assert_allclose(found["attribution"], expected["attribution"])


@compiled
@pytest.mark.parametrize("width", [1, 120])
def test_nan_is_never_in_a_seqlet_and_moves_none(bump, text, width):
    values = bump.copy()
    values[10 : 10 + width] = np.nan
    values[304] = np.nan  # in the middle of the negative bump
    found = call_seqlets(TrackData(values, "ism", WHERE))
    site = found[found["attribution"] > 5]
    assert site["start"].tolist() == pytest.approx([1000 + AT], abs=2)
    for _, row in found.iterrows():
        assert not np.isnan(values[row.start - 1000 : row.end - 1000]).any()
    unknown = text[:10] + "N" * width + text[10 + width :]
    again = call_seqlets(four(bump, text), unknown, sign="positive")
    assert again["start"].tolist() == site["start"].tolist()


@pytest.mark.parametrize("values", [[np.nan] * 9, [1.0, 2.0], []])
def test_nothing_to_call(values):
    where = Interval("chr1", 0, len(values))
    found = call_seqlets(TrackData(np.array(values), "ism", where))
    assert found.empty
    assert list(found) == ["chrom", "start", "end", "strand", "attribution", "p_value"]


@compiled
def test_a_constant_track_has_no_seqlets():
    assert call_seqlets(TrackData(np.ones(50), "x", Interval("chr1", 0, 50))).empty


@pytest.mark.parametrize(
    ("data", "sequence", "options", "message"),
    [
        (
            TrackData(np.eye(2), ("a", "b"), WHERE.resize(2)),
            None,
            {},
            "one track, or A, C, G",
        ),
        (
            TrackData(np.eye(4), tuple("ACGT"), Interval("chr1", 0, 4)),
            None,
            {},
            "sequence must hold the bases of chr1:1-4; got None",
        ),
        (
            TrackData(np.eye(4), tuple("ACGT"), Interval("chr1", 0, 4)),
            "ACG",
            {},
            "got 3 bases",
        ),
        (
            TrackData([0.0], "x", WHERE.resize(1)),
            None,
            {"max_p_value": 0.0},
            r"\(0, 1\]",
        ),
        (
            TrackData([0.0], "x", WHERE.resize(1)),
            None,
            {"min_length": 9, "max_length": 5},
            "at most max_length; got 9 and 5",
        ),
    ],
)
def test_call_seqlets_refuses(data, sequence, options, message):
    with pytest.raises(ValueError, match=message):
        call_seqlets(data, sequence, **options)


@compiled
@pytest.mark.parametrize("strand", ["+", "-"])
def test_annotation_names_the_planted_motif_and_its_strand(bump, text, strand):
    genome = {"chr1": "N" * 1000 + text}
    site = SITE if strand == "+" else reverse_complement(SITE)
    seqlets = call_seqlets(TrackData(bump, "ism", WHERE))
    found = annotate_seqlets(seqlets, genome, {**LIBRARY, "SITE": motif(site)}, count=3)
    assert len(found) == 3 * len(seqlets)
    best = found[found["rank"] == 1].iloc[0]
    assert (best["motif"], best["motif_strand"]) == ("SITE", strand)
    assert best["motif_e_value"] == pytest.approx(30 * best["motif_p_value"])
    assert best["motif_e_value"] < 0.01
    assert found["rank"].tolist() == [1, 2, 3] * len(seqlets)


@compiled
def test_annotation_against_published_motifs(shared, text):
    database = shared / "data" / "motifs" / "JASPAR2022_CORE_vertebrates.meme"
    ctcf = read_meme(database)["MA0139.1 CTCF"].argmax(axis=1)
    genome = {"x": text + "".join("ACGT"[i] for i in ctcf) + text}
    seqlets = pd.DataFrame({"chrom": ["x"], "start": [400], "end": [419]})
    found = annotate_seqlets(seqlets, genome, database)
    assert found["motif"].tolist() == ["MA0139.1 CTCF"]
    hits = scan_motifs(genome, database, Interval("x", 380, 440), max_p_value=1e-6)
    best = hits.loc[hits["score"].idxmax()]
    assert (best["motif"], best["start"], best["strand"]) == ("MA0139.1 CTCF", 400, "+")


def test_annotating_no_seqlets():
    seqlets = pd.DataFrame({"chrom": [], "start": [], "end": []})
    found = annotate_seqlets(seqlets, {"chr1": "ACGT"}, LIBRARY)
    assert list(found)[3:] == [
        *("rank", "motif", "motif_strand", "motif_p_value", "motif_e_value")
    ]


@compiled
def test_scan_finds_both_strands_in_genome_coordinates(text):
    genome = {"a": text, "b": reverse_complement(text)}
    found = scan_motifs(genome, {"SITE": motif(SITE)}, max_p_value=1e-6)
    assert found[["chrom", "start", "end", "strand", "motif"]].to_numpy().tolist() == [
        ["a", AT, AT + 12, "+", "SITE"],
        ["b", 400 - AT - 12, 400 - AT, "-", "SITE"],
    ]
    expected = 12 * np.log2(0.9701 / 0.25)  # memelite adds 1e-4 to each probability
    assert found["score"].tolist() == pytest.approx([expected] * 2, rel=1e-2)


@compiled
def test_scan_of_intervals_of_any_length_and_strand(text):
    places = [
        Interval("a", AT - 5, AT + 30, "-"),
        Interval("a", AT, AT + 12),
        Interval("a", AT + 1, AT + 13),
        Interval("a", 0, 3),
    ]
    found = scan_motifs({"a": text}, {"SITE": motif(SITE)}, places, max_p_value=1e-6)
    assert found["start"].tolist() == [AT, AT]
    assert found["strand"].tolist() == ["+", "+"]


@compiled
def test_scan_leaves_out_what_touches_n(text, tmp_path):
    masked = text[: AT + 5] + "N" + text[AT + 6 :]
    path = tmp_path / "x.fa"
    path.write_text(f">a\n{text}\n>b\n{masked}\n")
    found = scan_motifs(path, {"SITE": motif(SITE)}, max_p_value=1e-4)
    assert found["chrom"].tolist() == ["a"]


@compiled
def test_scan_without_a_match():
    found = scan_motifs({"a": "A" * 50}, {"SITE": motif(SITE)}, max_p_value=1e-6)
    assert found.empty
    assert list(found) == [
        *("chrom", "start", "end", "strand", "motif", "score", "p_value")
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: scan_motifs({"a": "A"}, LIBRARY, max_p_value=0.0),
            r"max_p_value must be in \(0, 1\); got 0",
        ),
        (
            lambda: scan_motifs({"a": "A"}, {}),
            "motifs must hold at least one; got none",
        ),
        (
            lambda: annotate_seqlets(pd.DataFrame({"chrom": []}), {"a": "A"}, LIBRARY),
            "seqlets must have columns chrom, start, end; missing end, start",
        ),
        (
            lambda: annotate_seqlets(
                pd.DataFrame({"chrom": ["b"], "start": [0], "end": [1]}),
                {"a": "A"},
                LIBRARY,
            ),
            r"intervals must hold bases of \['a'\]; got b:1-1",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("memelite.fimo", lambda: scan_motifs({"a": "ACGT"}, LIBRARY)),
        (
            "tangermeme.seqlet",
            lambda: call_seqlets(TrackData(np.arange(9.0), "x", WHERE.resize(9))),
        ),
    ],
)
def test_a_missing_extra_is_named(monkeypatch, module, call):
    monkeypatch.setitem(sys.modules, module, None)
    package = module.partition(".")[0]
    with pytest.raises(ImportError, match=rf"{package} must be .*hyenascope\[motifs\]"):
        call()
