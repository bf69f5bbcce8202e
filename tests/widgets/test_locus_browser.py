"""A browser driven by messages: what it computes, shows, saves and refuses."""

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pyBigWig
import pytest
import torch

import hyenascope as hs
from hyenascope.data.bigwig import write_bigwig
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.data.vcf import read_vcf
from hyenascope.interpret.additive_attribution import integrated_gradients
from hyenascope.interpret.gradient_targets import LogLikelihood
from hyenascope.interpret.ism import saturation_mutagenesis
from hyenascope.interpret.likelihood_track import log_prob_track
from hyenascope.viz.components import Area, BigWig, Heatmap, Line, Logo
from hyenascope.widgets.computed_lane import KINDS, ComputedLane
from hyenascope.widgets.locus_browser import LocusBrowser
from hyenascope.widgets.model_tracks import lanes_of
from hyenascope.widgets.track_recipe import TrackRecipe
from tests.models.test_incremental import random_model
from tests.toy_locus import PAYLOAD
from tests.widgets.pretend_page import PretendPage, array, note_of, notes

TEXT = "".join(np.random.default_rng(4).choice(list("ACGT"), 3000))
PLACE = Interval("chr1", 100, 130)
CONTEXT = 138  # of the model
GTF = """\
chr1\tx\tgene\t111\t140\t.\t+\t.\tgene_id "g1"; gene_name "TWICE";
chr1\tx\tgene\t611\t640\t.\t-\t.\tgene_id "g2"; gene_name "TWICE";
chr1\tx\tgene\t911\t940\t.\t+\t.\tgene_id "g3"; gene_name "ONCE1";
chr9\tx\tgene\t11\t40\t.\t+\t.\tgene_id "g4"; gene_name "AWAY1";
"""


@pytest.fixture(scope="module")
def genome(tmp_path_factory) -> Iterator[FastaReader]:
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    soft = TEXT[:200] + TEXT[200:260].lower() + "RYKMN" * 8 + TEXT[300:]
    path.write_text(
        f">chr1\n{TEXT}\n>soft\n{soft}\n>gap\n{'N' * 300}\n"
        f">short\n{TEXT[:30]}\n>one\nA\n"
    )
    with FastaReader(path) as reader:
        yield reader


@pytest.fixture(scope="module")
def model():
    return random_model(dtype=torch.float64)


@pytest.fixture
def gtf(tmp_path):
    path = tmp_path / "genes.gtf"
    path.write_text(GTF)
    return path


Opener = Callable[..., PretendPage]


@pytest.fixture
def opened(model, genome) -> Iterator[Opener]:
    """Open a browser with a page; what computes is stopped in the end."""
    pages: list[PretendPage] = []

    def make(interval: Interval = PLACE, model=model, **options) -> PretendPage:
        options = {"window": 9, "device": "cpu", **options}
        pages.append(PretendPage(LocusBrowser(model, genome, interval, **options)))
        return pages[-1]

    yield make
    for page in pages:
        page.widget.close()


def variants(*rows, **columns) -> pd.DataFrame:
    names = ["chrom", "pos", "ref", "alt", "llr"]
    return pd.DataFrame(list(rows), columns=names).assign(**columns)


def computed(page: PretendPage, interval: Interval | None = None) -> dict:
    """Look, wait for the model, and return the tile of the next look."""
    page.look(interval)
    assert page.widget.wait(60.0)
    return page.look()


def file_of(page: PretendPage, file_format: str) -> tuple[str, bytes]:
    """Save by message; return name and bytes."""
    where = page.place(page.widget.interval)
    answer = page.ask("save", format=file_format, theme="light", **where)
    assert "error" not in answer, answer["error"]
    at = next(n for n, each in enumerate(page.heard) if each is answer)
    [data] = page.buffers[at]
    return answer["name"], data


def table_of(page: PretendPage) -> pd.DataFrame:
    _, data = file_of(page, "tsv")
    return pd.read_csv(io.BytesIO(data), sep="\t")


def find(page: PretendPage, query: str) -> dict:
    return page.ask("find", query=query, **page.place(page.widget.interval))


# What a page is told before and while it draws.


def test_everything_that_is_sent_is_json(opened, gtf):
    frame = variants(
        ("chr1", 110, "A", "G", np.nan),
        ("chr1", 111, "A", "G", np.inf),
        ("chr9", 5, "A", "<DEL>", -1.0),
        id=[PAYLOAD, None, "rs3"],
    )
    page = opened(tracks=tuple(KINDS), genes=gtf, variants=frame)
    facts = page.ask("hello")
    assert facts["extras"] == "browser"
    assert facts["table"]["total"] == 3
    computed(page)
    state = page.widget.state()
    json.dumps(state, allow_nan=False)
    labels = [track["label"] for track in state["tracks"]]
    assert labels == ["genes", "variants", *KINDS.values(), "sequence"]
    assert state["addable"] == []
    plain, _ = page.widget._repr_mimebundle_()
    json.dumps(plain, allow_nan=False)


def test_the_panels_say_what_there_is(opened):
    state = opened(window=20).widget.state()
    assert (state["strands"], state["window"]) == ("both", 20)
    assert state["windows"] == [20, 32, 64, 128]  # what the model can read
    assert state["has_model"]
    assert [each["name"] for each in state["actions"]] == ["ism", "attribution"]
    assert [each["kind"] for each in state["addable"]] == [
        k for k in KINDS if k != "ism"
    ]


def test_a_browser_without_a_model_shows_what_needs_none(opened, gtf):
    page = opened(model=None, genes=gtf)
    state = page.widget.state()
    assert not state["has_model"]
    assert state["actions"] == state["addable"] == []
    assert notes(page.look()) == ["genes", "sequence"]
    assert page.widget.wait(1.0)
    for told in (
        {"kind": "act", "name": "ism", "chrom": "chr1", "region": [100.5, 110.5]},
        {"kind": "track", "what": "add", "id": "ism"},
    ):
        page.tell(**told)
        assert page.said[-1] == "model must be given for the track 'ism'; got None."
    assert "None," in page.widget.python()


@pytest.mark.parametrize("tracks", [("ism",), ("saliency", "log_prob")])
def test_without_a_model_its_tracks_are_refused(genome, tracks):
    with pytest.raises(
        ValueError, match=f"model must be given for the track '{tracks[0]}"
    ):
        LocusBrowser(None, genome, PLACE, tracks=tracks)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"window": 0}, "window must be 1 to 137 bp, less than the context; got 0"),
        ({"window": 138}, "window must be 1 to 137 bp, less than the context; got 138"),
        ({"variants": variants().drop(columns="llr").assign(x="a")}, None),
        (
            {"variants": variants(("chr1", 1, "A", "G", 0.0)).drop(columns="llr")},
            "variants must have a column of numbers",
        ),
        (
            {"variants": variants(("chr1", 1, "A", "G", 0.0)), "score": "cadd"},
            "missing cadd",
        ),
        ({"genes": "no.gtf"}, "genes must be a GTF or GFF3 file; got no.gtf"),
    ],
    ids=["no window", "wide window", "empty", "no score", "other score", "no file"],
)
def test_options_that_cannot_be_are_refused(opened, options, error):
    if error is None:
        opened(**options)
        return
    with pytest.raises(ValueError, match=error):
        opened(**options)


# The model at work.


def test_what_is_looked_at_is_computed_beside_the_notebook(opened, model, genome):
    page = opened()
    assert note_of(page.look(), "mutagenesis") == "not computed yet"
    assert page.widget.wait(60.0)
    assert page.kinds()[-1] == "refresh"
    done = [each for each in page.heard if each.get("kind") == "progress"]
    assert (done[-1]["done"], done[-1]["total"]) == (1, 1)
    [lane] = lanes_of(page.widget.tracks)
    whole = saturation_mutagenesis(model, genome, PLACE, window=9, device="cpu")
    np.testing.assert_allclose(lane.signals(PLACE).values, whole.values, atol=1e-11)
    tile = page.look()
    assert note_of(tile, "mutagenesis") == "grey: reference"
    cells = array(tile["data"][0]["z"])  # over the window and its surroundings
    reference = np.array([list(TEXT[100:130])]) == np.array([list("ACGT")]).T
    expected = np.where(reference, np.nan, whole.values.T).astype(np.float32)
    at = int(PLACE.start + 0.5 - tile["left"])
    np.testing.assert_allclose(cells[:, at : at + 30], expected, rtol=1e-6)


def test_a_window_that_the_page_moves_to_is_computed_without_a_new_tile(opened):
    page = opened()
    computed(page)
    next_door = Interval("chr1", 120, 150)
    [lane] = lanes_of(page.widget.tracks)
    page.tell("window", **page.place(Interval("chr1", 200, 230)))
    assert page.widget.wait(60.0)
    assert lane.computed.missing(Interval("chr1", 200, 230)) == ()
    assert page.kinds()[-1] == "refresh"
    page.heard.clear()
    page.tell("window", **page.place(next_door))  # known already
    assert not page.widget._work.busy
    assert page.heard == []


def test_a_table_of_what_was_computed_equals_the_method(opened, model, genome):
    page = opened(tracks=("ism",))
    computed(page)
    table = table_of(page)
    whole = saturation_mutagenesis(model, genome, PLACE, window=9, device="cpu")
    assert table["pos"].tolist() == list(range(101, 131))
    np.testing.assert_allclose(table[list("ACGT")], whole.values, atol=1e-9)


@pytest.mark.parametrize(
    ("told", "method"),
    [
        ({"strands": "forward"}, {"strands": "forward", "window": 9}),
        ({"strands": "reverse"}, {"strands": "reverse", "window": 9}),
        ({"window": 32}, {"strands": "both", "window": 32}),
    ],
    ids=["forward", "reverse", "window"],
)
def test_options_change_the_numbers_and_going_back_is_free(
    opened, model, genome, monkeypatch, told, method
):
    page = opened()
    computed(page)
    before = table_of(page)
    page.tell("option", **told)
    state = next(e for e in page.heard[::-1] if e.get("kind") == "state")["state"]
    assert {key: state[key] for key in told} == told
    computed(page)
    whole = saturation_mutagenesis(model, genome, PLACE, device="cpu", **method)
    np.testing.assert_allclose(table_of(page)[list("ACGT")], whole.values, atol=1e-9)
    monkeypatch.setattr(TrackRecipe, "run", refuse_to_run)
    page.tell("option", strands="both", window=9)
    computed(page)
    pd.testing.assert_frame_equal(table_of(page), before)
    assert page.said == []


def refuse_to_run(self, place):
    raise AssertionError("is known already")


def test_an_option_that_is_refused_changes_nothing(opened):
    page = opened()
    state = page.widget.state()
    page.tell("option", window=5000)
    assert page.said == ["window must be 1 to 137 bp, less than the context; got 5000."]
    assert page.widget.state() == state
    computed(page)
    assert len(page.said) == 1


def test_a_track_that_comes_back_follows_the_options(opened):
    page = opened(tracks=("ism", "log_prob"))
    track = page.widget.tracks.tracks[0]
    page.tell("track", what="remove", id=track.id)
    page.tell("option", strands="reverse")
    page.tell("track", what="undo", id="")
    lanes = lanes_of(page.widget.tracks)
    assert [lane.computed.strands for lane in lanes] == ["reverse", "reverse"]


class Gate:
    """Holds the model up until it is let through."""

    def __init__(self, monkeypatch) -> None:
        self.let = threading.Semaphore(0)
        self.reached = threading.Event()
        self.places: list[Interval] = []
        run = TrackRecipe.run

        def held(recipe, place):
            self.places.append(place)
            self.reached.set()
            assert self.let.acquire(timeout=30)
            return run(recipe, place)

        monkeypatch.setattr(TrackRecipe, "run", held)

    def open(self) -> None:
        self.let.release(1000)


def test_cancel_stops_and_keeps_what_is_known(opened, monkeypatch):
    gate = Gate(monkeypatch)
    wide = Interval("chr1", 0, 640)
    page = opened(wide)
    page.look()
    assert gate.reached.wait(30)
    page.tell("cancel")
    assert page.heard[-1] == {"kind": "progress", "label": "", "done": 1, "total": 1}
    gate.open()
    assert page.widget.wait(60.0)
    [lane] = lanes_of(page.widget.tracks)
    assert len(gate.places) == 1
    assert len(lane.computed.missing(wide)) == 9  # of ten chunks of 64 bp
    assert lane.computed.missing(gate.places[0]) == ()


def test_what_was_asked_for_survives_looking_around(opened, monkeypatch):
    gate = Gate(monkeypatch)
    page = opened()
    region = Interval("chr1", 2000, 2064)
    page.widget.mutate(region)
    assert gate.reached.wait(30)
    page.look()
    page.look(Interval("chr1", 500, 530))
    gate.open()
    assert page.widget.wait(60.0)
    [lane] = lanes_of(page.widget.tracks)
    assert lane.computed.missing(region) == ()
    assert lane.computed.missing(PLACE) != ()
    computed(page, PLACE)
    assert lane.computed.missing(PLACE) == ()


def test_an_error_of_the_model_is_said_and_leaves_the_rest(opened, monkeypatch):
    def fail(self, place):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(TrackRecipe, "run", fail)
    page = opened()
    page.look()
    assert page.widget.wait(60.0)
    assert page.said == ["The model stopped: CUDA out of memory"]
    done = [each for each in page.heard if each.get("kind") == "progress"]
    assert done[-1]["done"] == done[-1]["total"]
    assert "sequence" in notes(page.look())


def test_a_region_is_mutated_however_long(opened, model, genome):
    page = opened(tracks=())
    page.tell("act", name="ism", chrom="chr1", region=[200.5, 320.5])
    assert page.widget.wait(60.0)
    region = Interval("chr1", 200, 320)
    [lane] = lanes_of(page.widget.tracks)
    assert lane.label == "mutagenesis"
    whole = saturation_mutagenesis(model, genome, region, window=9, device="cpu")
    np.testing.assert_allclose(lane.signals(region).values, whole.values, atol=1e-11)
    page.widget.mutate(Interval("chr1", 10, 20))
    assert page.widget.wait(60.0)
    assert lanes_of(page.widget.tracks) == [lane]
    assert np.isfinite(lane.signals(Interval("chr1", 10, 20)).values).any()


def test_a_region_is_attributed_to_all_that_is_read(opened, model, genome):
    page = opened()
    page.tell("act", name="attribution", chrom="chr1", region=[200.5, 210.5])
    assert page.widget.wait(60.0)
    added = page.widget.tracks.tracks[-1]
    assert added.label == "integrated gradients of 201-210"
    assert isinstance(added.component, Logo)
    found = added.component.track_data
    middle = Interval("chr1", 205 - CONTEXT // 2, 205 + CONTEXT // 2)
    whole = integrated_gradients(
        model,
        genome,
        middle,
        target=LogLikelihood(Interval("chr1", 200, 210)),
        baseline="uniform",
        steps=32,
        tolerance=float("inf"),
        strands="both",
        device="cpu",
    )
    assert found.interval == middle
    np.testing.assert_allclose(found.values, whole.values, atol=1e-9)
    assert page.kinds()[-3:] == ["refresh", "progress", "refresh"]
    tile = page.look(Interval("chr1", 190, 220))
    assert any(text.startswith(added.label) for text in notes(tile))


def test_a_region_longer_than_the_context_is_refused_in_words(opened):
    page = opened()
    page.tell("act", name="attribution", chrom="chr1", region=[200.5, 900.5])
    assert page.said == ["region must fit the context of 138 bp; got 700 bp."]
    assert not page.widget._work.busy


# Tracks, marks and places.


def test_tracks_are_changed_by_messages(opened):
    page = opened(tracks=("ism",))

    def change(what, track="", **more):
        page.tell("track", what=what, id=track, **more)
        kinds = page.kinds()
        assert kinds[-2:] == ["state", "refresh"]
        return [t["label"] for t in page.heard[-2]["state"]["tracks"]]

    ism, sequence = (track.id for track in page.widget.tracks.tracks)
    assert change("add", "log_prob") == ["mutagenesis", "sequence", "log p per base"]
    added = page.widget.tracks.tracks[-1].id
    assert change("move", added, by=-2) == ["log p per base", "mutagenesis", "sequence"]
    change("show", sequence, visible=False)
    assert "sequence" not in notes(page.look())
    change("resize", added, factor=2.0)
    assert page.widget.tracks.tracks[0].scale == 2.0
    assert change("remove", ism) == ["log p per base", "sequence"]
    for _ in range(5):
        last = change("undo")
    assert last == ["mutagenesis", "sequence"]
    assert page.said == []
    change("undo")
    assert page.said == ["There is nothing to undo."]


def test_wrong_changes_of_tracks_are_said(opened):
    page = opened(tracks=())
    page.tell("track", what="remove", id="nothing-9")
    assert page.said[-1] == "track_id must be one of sequence-1; got 'nothing-9'."
    page.tell("track", what="remove", id="sequence-1")
    assert page.said[-1] == "tracks must hold at least one; this is the last."
    page.tell("track", what="add", id="magic")
    assert page.said[-1].startswith("tracks must be of ")
    assert len(page.widget.tracks.tracks) == 1


def test_tracks_of_ones_own_have_names_to_tell_them_apart(opened, tmp_path):
    depth = TrackData(np.zeros(30), ("depth",), PLACE)
    write_bigwig(tmp_path / "liver.bw", np.zeros(30), PLACE)
    own = [Line(depth), BigWig(tmp_path / "liver.bw"), Line(depth, label="mine")]
    page = opened(tracks=["ism", *own])
    labels = [track.label for track in page.widget.tracks.tracks]
    assert labels == ["mutagenesis", "depth", "liver", "mine", "sequence"]
    page.widget.add("again", Line(depth))
    page.widget.add("p", "log_prob")
    assert [track.label for track in page.widget.tracks.tracks][-2:] == ["again", "p"]
    assert page.kinds()[-2:] == ["state", "refresh"]


def test_marks_are_followed(opened):
    page = opened()
    page.tell("select", chrom="chr1", region=[110.5, 120.5])
    assert page.widget.selection == Interval("chr1", 110, 120)
    page.tell("select", chrom="chr1", region=None)
    assert page.widget.selection is None
    with pytest.raises(ValueError, match="interval must hold bases of chr1"):
        page.widget.select(Interval("chr1", 2990, 3001))


def test_a_row_of_the_variants_leads_to_its_place(opened):
    frame = variants(
        ("1", 1500, "A", "G", 0.5),
        ("chr1", 1, "A", "G", 9.0),
        ("chr1", 3000, "A", "G", 1.0),
    )
    page = opened(variants=frame)
    rows = page.ask("hello")["table"]["rows"]
    assert [row["row"] for row in rows] == [1, 2, 0]
    for row, place in [(0, (1459, 1540)), (1, (0, 41)), (2, (2959, 3000))]:
        page.tell("variant", row=row)
        assert page.widget.interval == Interval("chr1", *place)
        go = page.heard[-1]
        assert (go["left"], go["right"]) == (place[0] + 0.5, place[1] + 0.5)
    assert page.said == []


@pytest.mark.parametrize(
    ("chrom", "pos", "message"),
    [
        ("chr1", 3001, "pos must be 1 to 3,000, the length of chr1; got 3001"),
        ("chr1", 0, "pos must be 1 to 3,000, the length of chr1; got 0"),
        ("chr1", np.nan, "pos must be 1 to 3,000, the length of chr1; got nan"),
        ("chr9", 5, "g.fa has no contig 'chr9'"),
    ],
    ids=["behind the end", "zero", "missing", "contig"],
)
def test_a_variant_of_elsewhere_is_not_gone_to(opened, chrom, pos, message):
    page = opened(variants=variants((chrom, pos, "A", "G", 0.5)))
    page.tell("variant", row=0)
    assert page.said[-1].startswith(message)
    assert page.widget.interval == PLACE
    assert "go" not in page.kinds()
    page.look()


def test_names_of_genes_and_variants_are_found(opened, gtf):
    frame = variants(("chr1", 1500, "A", "G", 0.5), id=["rs17"])
    page = opened(genes=gtf, variants=frame)
    [gene] = find(page, "once1")["choices"]
    assert gene["left"] < 910.5 < 940.5 < gene["right"]
    [variant] = find(page, "rs17")["choices"]
    assert variant["left"] < 1500 < variant["right"]


def test_an_unknown_gene_has_its_nearest_names_offered(opened, gtf):
    answer = find(opened(genes=gtf), "TWICF")
    assert answer["choices"] == []
    assert answer["message"] == "Nothing is called TWICF. Did you mean TWICE?"


def test_two_genes_of_one_name_are_two_choices(opened, gtf):
    answer = find(opened(genes=gtf), "TWICE")
    labels = [choice["label"] for choice in answer["choices"]]
    assert labels == [
        "TWICE (g1) chr1:111-140, forward strand",
        "TWICE (g2) chr1:611-640, reverse strand",
    ]
    assert answer["message"] == "2 places are called TWICE."


def test_a_gene_on_a_contig_that_the_genome_lacks_is_said(opened, gtf):
    message = find(opened(genes=gtf), "AWAY1")["message"]
    assert message.startswith(
        "AWAY1 lies at chr9:11-40:+ in the annotation; this genome"
    )


# Files and code.


def run_code(code: str, **names: object) -> LocusBrowser:
    exec(code, names)
    made = names["browser"]
    assert isinstance(made, LocusBrowser)
    return made


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tracks": ()},
        {"tracks": ("saliency", "ism"), "strands": "reverse", "window": 33},
        {"genes": True, "window": None},
    ],
    ids=["defaults", "no tracks", "options", "genes"],
)
def test_code_makes_the_same_view(opened, model, gtf, options):
    options = {**options, "genes": gtf} if "genes" in options else options
    page = opened(**options)
    page.look(Interval("chr1", 700, 760))
    code = page.ask("save", format="python", **page.place(page.widget.interval))["text"]
    assert code == page.widget.python()
    made = run_code(code, model=model)
    try:
        assert made.interval == Interval("chr1", 700, 760)
        assert made.state() == page.widget.state()
    finally:
        made.close()


def test_code_loads_a_model_by_its_name(opened):
    model = hs.load_pretrained("demo-synthetic")
    page = opened(model=model, window=None)
    made = run_code(page.widget.python())
    try:
        assert made.state() == page.widget.state()
        assert made._model_tracks.model.name == "demo-synthetic"
    finally:
        made.close()


def test_code_names_what_it_cannot_make(opened):
    depth = TrackData(np.zeros(30), ("depth",), PLACE)
    frame = variants(("chr1", 1500, "A", "G", 0.5))
    code = opened(tracks=["ism", Line(depth)], variants=frame).widget.python()
    own = [line.split("'")[1] for line in code.splitlines() if line.startswith("#")]
    assert own == ["variants", "depth"]


def test_files_hold_what_is_shown(opened, tmp_path):
    depth = TrackData(np.arange(3000.0), ("depth",), Interval("chr1", 0, 3000))
    page = opened(tracks=[Line(depth)])
    page.look(Interval("chr1", 500, 520))
    page.widget.save(tmp_path / "view.tsv")
    table = pd.read_csv(tmp_path / "view.tsv", sep="\t")
    assert table["depth"].tolist() == list(range(500, 520))
    page.widget.save(tmp_path / "view.bw")
    with pyBigWig.open(str(tmp_path / "view.bw")) as file:
        assert file.values("chr1", 500, 520) == list(range(500, 520))
        assert file.chroms("chr1") == 3000
    page.widget.save(tmp_path / "view.html")
    assert "chr1:501-520" in (tmp_path / "view.html").read_text(encoding="utf-8")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"view.tsv", "view.bw", "view.html"}


def test_a_bigwig_file_of_several_signals_is_a_zip(opened, tmp_path):
    page = opened()
    computed(page)
    with pytest.raises(ValueError, match=r"path must end in \.zip for several signals"):
        page.widget.save(tmp_path / "ism.bw")
    assert list(tmp_path.iterdir()) == []
    page.widget.save(tmp_path / "ism.zip")
    with zipfile.ZipFile(tmp_path / "ism.zip") as archive:
        assert archive.namelist() == ["A.bw", "C.bw", "G.bw", "T.bw"]


@pytest.mark.parametrize("name", ["view.gif", "view", "view.tsv.gz"])
def test_a_wrong_suffix_is_refused(opened, tmp_path, name):
    with pytest.raises(ValueError, match=r"path must end in \.png"):
        opened().widget.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_write_is_said_to_the_page(opened):
    page = opened(model=None)
    answer = page.ask("save", format="tsv", **page.place(PLACE))
    assert answer["error"] == "tracks must hold a signal at chr1:101-130; none does."


# Input that is not as it should be.


@pytest.mark.parametrize(
    ("interval", "error"),
    [
        (
            Interval("chr1", -5, 20),
            "interval must hold bases of chr1, which has 3,000 bp",
        ),
        (Interval("chr1", 2990, 3001), "interval must hold bases of chr1"),
        (Interval("chr1", 7, 7), "interval must hold bases of chr1"),
        (Interval("chr7", 0, 9), "g.fa has no contig 'chr7'; close names: chr1"),
    ],
    ids=["before", "behind", "empty", "contig"],
)
def test_a_first_view_off_the_chromosome_is_refused(opened, interval, error):
    with pytest.raises(ValueError, match=error):
        opened(interval)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("chr1:9,000-9,100", "chr1 has 3,000 bp; 9,000 lies beyond its end."),
        ("chr1:2,950-9,100", "chr1 ends at 3,000."),
        ("chr1:200-150", "Start and end were swapped."),
        ("chr7:5", "This genome has no contig 'chr7'"),
        ("chr1:150", ""),
        ("chr1:150-150", "1 bp, shown in 20 bp."),
    ],
)
def test_places_that_cannot_be_are_said(opened, query, said):
    answer = find(opened(), query)
    assert answer["message"].startswith(said)
    for choice in answer["choices"]:
        assert 0.5 <= choice["left"] < choice["right"] <= 3000.5


@pytest.mark.parametrize("start", [0, 150, 2999])
def test_a_single_base_is_a_view(opened, start):
    page = opened(Interval("chr1", start, start + 1))
    tile = computed(page)
    assert tile["left"] < start + 1 < tile["right"]
    assert page.said == []


@pytest.mark.parametrize("chrom", ["gap", "one", "short", "soft"])
def test_odd_contigs_are_shown_with_reasons(opened, genome, chrom):
    size = genome.contigs[chrom]
    where = Interval(chrom, 0, min(size, 300))
    page = opened(where, window=60)
    tile = computed(page)
    assert page.said == []
    note = note_of(tile, "mutagenesis")
    reasons = {
        "gap": "no numbers here: the reference is not A, C, G or T",
        "one": "no numbers here: no base is read before it",
        "short": "no numbers here: no base is read before it; the contig ends less",
        "soft": "grey: reference",
    }
    assert note.startswith(reasons[chrom])
    [letters] = [spec for spec in tile["letters"] if spec["yaxis"] == "y2"]
    assert letters["text"][: where.length] == genome.fetch(where)


def test_soft_masked_and_ambiguous_bases(opened, model, genome):
    where = Interval("soft", 230, 310)
    page = opened(where)
    computed(page)
    table = table_of(page)
    whole = saturation_mutagenesis(model, genome, where, window=9, device="cpu")
    np.testing.assert_allclose(table[list("ACGT")], whole.values, atol=1e-9)
    assert table[list("ACGT")].isna().all(axis=1).to_numpy()[30:70].all()


def test_a_reader_that_keeps_case_makes_no_difference(model, genome):
    where = Interval("soft", 230, 260)
    with FastaReader(genome.path, keep_case=True) as reader:
        page = PretendPage(LocusBrowser(model, reader, where, window=9, device="cpu"))
    computed(page)
    whole = saturation_mutagenesis(model, genome, where, window=9, device="cpu")
    np.testing.assert_allclose(table_of(page)[list("ACGT")], whole.values, atol=1e-9)
    page.widget.close()


def test_a_genome_that_was_closed_is_said(model, genome):
    with FastaReader(genome.path) as reader:
        page = PretendPage(LocusBrowser(model, reader, PLACE, device="cpu"))
    tile = page.look()
    assert note_of(tile, "sequence").startswith("cannot be drawn: ")
    assert "is closed; open a new FastaReader" in note_of(tile, "sequence")
    assert page.widget.wait(60.0)
    assert page.said[0].startswith("The model stopped: ")
    page.widget.close()


def test_a_window_too_wide_to_compute_says_so_in_its_first_tile(opened):
    page = opened(Interval("chr1", 0, 2500), tracks=("ism", "log_prob"))
    tile = page.look()
    assert note_of(tile, "mutagenesis") == (
        "Mutagenesis is computed for up to 2,000 bp at a time; 2,500 bp are shown."
    )
    assert page.widget.wait(60.0)
    assert note_of(page.look(), "log p per base").endswith("dotted line at −1.386")


def test_fifty_megabases_are_shown_quickly_and_say_what_is_not_computed(
    model, tmp_path
):
    width, lines = 100, 500_000
    body = np.full((lines, width + 1), ord("\n"), np.uint8)
    rng = np.random.default_rng(0)
    body[:, :width] = np.frombuffer(b"ACGT", np.uint8)[
        rng.integers(0, 4, (lines, width), np.uint8)
    ]
    body[:10_000, :width] = ord("N")
    path = tmp_path / "big.fa"
    path.write_bytes(b">chr1\n" + body.tobytes())
    del body
    whole = Interval("chr1", 0, width * lines)
    page = PretendPage(LocusBrowser(model, path, whole, device="cpu"))
    tile = page.look()
    assert "up to 2,000 bp at a time; 50,000,000 bp" in note_of(tile, "mutagenesis")
    assert "GC content of every 50,000 bp" in note_of(tile, "GC")
    gc = array(tile["data"][1]["z"])[0]
    assert np.isnan(gc[:20]).all()  # N
    np.testing.assert_allclose(gc[20:], 0.5, atol=0.02)
    assert len(json.dumps(tile)) < 100_000
    assert page.widget.wait(1.0)
    page.widget.close()


def test_genes_without_exons_are_drawn_and_found(opened, gtf):
    page = opened(Interval("chr1", 100, 150), genes=gtf)
    tile = page.look()
    told = [text for trace in tile["data"] for text in trace.get("text") or ()]
    assert any("TWICE" in text for text in told if isinstance(text, str))
    assert len(find(page, "g1")["choices"]) == 1


@pytest.mark.parametrize(
    ("text", "note"),
    [("", "cannot be drawn: "), ("# nothing\n", ""), ("chr1\tx\tgene\n", "cannot be")],
    ids=["empty", "comment", "cut off"],
)
def test_annotations_that_cannot_be_read_take_no_track_away(
    opened, tmp_path, text, note
):
    path = tmp_path / "bad.gtf"
    path.write_text(text)
    page = opened(genes=path)
    tile = page.look()
    assert note_of(tile, "genes").startswith(note or "none annotated here")
    assert "sequence" in notes(tile)
    message = find(page, "TWICE")["message"]
    assert message.startswith(
        "The annotation cannot be read" if note else "Nothing is called TWICE"
    )


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(columns=["chrom", "pos", "ref", "alt", "id"]),
        variants(),
    ],
    ids=["nothing", "no score", "no rows"],
)
def test_no_variants_are_no_variants(opened, frame):
    page = opened(variants=frame)
    assert page.ask("hello")["table"] is None
    assert note_of(page.look(), "variants") == "no variants"
    assert (
        find(page, "rs1")["message"] == "rs1 is not among the variants that are loaded."
    )
    page.tell("variant", row=0)
    assert page.said


def test_an_empty_vcf_is_an_empty_track(opened, tmp_path):
    path = tmp_path / "empty.vcf"
    path.write_text(
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    )
    frame = pd.DataFrame([vars(each) for each in read_vcf(path)])
    assert note_of(opened(variants=frame).look(), "variants") == "no variants"


def test_variants_of_contigs_that_the_genome_lacks_are_flagged(opened):
    page = opened(variants=variants(("chr9", 5, "A", "G", 0.5)))
    message = (
        "nothing here: variants must lie on chr1, the contig of the figure; got chr9."
    )
    assert note_of(page.look(), "variants") == message
    assert message in [note.text for note in page.widget.figure().layout.annotations]
    assert page.ask("hello")["table"]["total"] == 1


def test_ten_thousand_variants_at_one_place(opened):
    rng = np.random.default_rng(0)
    frame = variants(
        *[("chr1", 110, "A", "G", score) for score in rng.normal(size=10_000)]
    )
    page = opened(variants=frame, tracks=())
    tile = page.look()
    assert note_of(tile, "variants").startswith("10,000 variants")
    assert "9,000 weaker ones without a head" in note_of(tile, "variants")
    heads = [t for t in tile["data"] if t.get("mode") == "markers"]
    assert sum(len(array(trace["x"])) for trace in heads) == 1000
    assert len(page.ask("hello")["table"]["rows"]) == 1000


def test_nan_and_infinity_in_a_track_are_gaps_that_are_counted(opened):
    values = np.linspace(-1, 1, 3000)
    values[105:110], values[112], values[113] = np.nan, np.inf, -np.inf
    data = TrackData(values, ("x",), Interval("chr1", 0, 3000))
    kinds = [Line, Area, Heatmap]
    made = [kind(data, label=kind.__name__) for kind in kinds]
    made.append(Logo(data, sequence=TEXT, label="Logo"))
    tile = opened(tracks=made).look()
    for label in ("Line", "Area", "Heatmap", "Logo"):
        assert "2 infinite values not drawn" in note_of(tile, label)


def test_a_track_without_any_number_says_so(opened):
    data = TrackData(np.full(3000, np.nan), ("x",), Interval("chr1", 0, 3000))
    made = [Line(data, label="Line"), Area(data, label="Area")]
    made += [Heatmap(data, label="Heatmap"), Logo(data, sequence=TEXT, label="Logo")]
    tile = opened(tracks=made).look()
    for label in ("Line", "Area", "Heatmap", "Logo"):
        assert "no values here" in note_of(tile, label)


def test_a_bigwig_file_of_another_assembly_is_said(opened, tmp_path):
    write_bigwig(tmp_path / "a.bw", np.ones(30), PLACE, contig_lengths={"chr1": 4000})
    write_bigwig(tmp_path / "b.bw", np.ones(9), Interval("chrX", 0, 9))
    page = opened(tracks=[BigWig(tmp_path / "a.bw"), BigWig(tmp_path / "b.bw")])
    texts = notes(page.look())
    [wrong] = [text for text in texts if text.startswith("cannot be drawn")]
    assert "whose chr1 has 3,000 bp;" in wrong
    assert wrong.endswith("Was it made for another assembly?")
    [absent] = [text for text in texts if text.startswith("nothing here")]
    assert "path must hold chr1" in absent
    assert "sequence" in texts
    answer = page.ask("save", format="tsv", **page.place(PLACE))
    assert answer["error"].endswith("Was it made for another assembly?")


def test_likelihoods_of_a_whole_contig(opened, model, genome):
    page = opened(Interval("chr1", 1000, 1400), tracks=("log_prob",))
    computed(page)
    whole = log_prob_track(
        model, genome, Interval("chr1", 0, 3000), strands="both", device="cpu"
    )
    table = table_of(page)
    np.testing.assert_allclose(table["both"], whole.track("both")[1000:1400], atol=1e-9)


def test_a_closed_browser_computes_no_more(opened):
    page = opened(Interval("chr1", 0, 640))
    page.look()
    page.widget.close()
    assert page.widget.wait(30.0)
    assert isinstance(lanes_of(page.widget.tracks)[0], ComputedLane)


def test_without_a_page_what_is_shown_is_computed_when_asked(opened):
    browser = opened(tracks=("ism", "conditional")).widget
    assert "not computed yet" in browser.figure().to_json()
    assert browser.compute(60.0)
    assert "not computed yet" not in browser.figure().to_json()
