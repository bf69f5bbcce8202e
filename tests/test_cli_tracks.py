"""``hyenascope finetune-tracks`` and ``predict-tracks``, as typed."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from hyenascope.cli import main
from hyenascope.data.bigwig import bigwig_contigs, read_bigwig, write_bigwig
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.models.checkpoint import (
    checkpoint_hash,
    load_pretrained,
    save_pretrained,
)
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.predict_track import predict_track
from hyenascope.models.saved_track_model import load_track_model

GTF = "\n".join(
    f'chr1\tx\t{kind}\t101\t250\t.\t+\t{frame}\tgene_id "g"; transcript_id "t";'
    for kind, frame in (("exon", "."), ("CDS", "0"))
)


@pytest.fixture
def place(tmp_path):
    """A genome, a signal of its G and C, a gene, and a small model."""
    rng = np.random.default_rng(0)
    texts = {name: "".join(rng.choice(list("ACGT"), 400)) for name in ("chr1", "chr2")}
    (tmp_path / "g.fa").write_text("".join(f">{n}\n{t}\n" for n, t in texts.items()))
    (tmp_path / "g.gtf").write_text(GTF + "\n")
    write_bigwig(
        tmp_path / "gc.bw",
        np.array([9.0 * (base in "GC") for base in texts["chr1"]]),
        Interval("chr1", 0, 400),
        contig_lengths={"chr1": 400, "chr2": 400},
    )
    model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=66))
    save_pretrained(model, tmp_path / "small")
    return tmp_path


def run(*words):
    return CliRunner().invoke(main, list(map(str, words)))


def tuned(place, *words):
    how = f"--model {place / 'small'} --epochs 2 --device cpu --quiet --batch-size 2"
    out = place / "model"
    return run("finetune-tracks", place / "g.fa", "--out", out, *how.split(), *words)


def test_a_signal_is_learnt_and_drawn(place):
    words = "--contigs chr1 --log1p --bin-size 4 --window 60 --learning-rate 0.02"
    done = tuned(place, "--bigwig", place / "gc.bw", *words.split())
    assert done.exit_code == 0, done.output
    assert "pearson" in done.output
    model = load_track_model(place / "model")
    assert (model.window, model.bin_size, model.units) == (60, 4, "log(1 + value)")
    region = Interval("chr2", 100, 300)
    expected = predict_track(model, place / "g.fa", region, device="cpu").values[:, 0]

    def drawn(name, *words):
        said = run(
            *("predict-tracks", place / "g.fa", "--region", "chr2:101-300", "--quiet"),
            *("--model", place / "model", "--out", place / name, *words),
        )
        assert said.exit_code == 0, said.output
        assert "200 bases, gc: " in said.output
        return place / name

    table = pd.read_csv(drawn("t.tsv"), sep="\t")
    assert table["pos"].tolist() == list(range(101, 301))
    np.testing.assert_allclose(table["gc"], expected, rtol=1e-5)
    np.testing.assert_allclose(
        TrackData.from_parquet(drawn("t.parquet")).values[:, 0], expected
    )
    np.testing.assert_allclose(
        read_bigwig(drawn("{track}.bw").with_name("gc.bw"), region), expected, rtol=1e-6
    )
    assert bigwig_contigs(place / "gc.bw") == {"chr1": 400, "chr2": 400}
    page = drawn("t.html", "--genes", place / "g.gtf")
    assert "chr2" in page.read_text()


def test_what_a_file_leaves_out_may_be_zero(place):
    write_bigwig(
        place / "few.bw",
        np.array([5.0, 3.0] * 20),
        Interval("chr1", 180, 220),
        contig_lengths={"chr1": 400, "chr2": 400},
    )
    for words, known in (((), 40), (("--zero-missing",), 800)):
        done = tuned(place, "--bigwig", place / "few.bw", "--validation", "0.5", *words)
        assert done.exit_code == 0, done.output
        facts = json.loads((place / "model" / "config.json").read_text())
        assert sum(facts["metadata"]["known_bases"].values()) == known


def test_classes_of_bases_are_learnt_from_an_annotation(place):
    done = tuned(place, "--genes", place / "g.gtf", "--freeze", "--validation", "0.4")
    assert done.exit_code == 0, done.output
    model = load_track_model(place / "model")
    assert model.task.label_names == ("intergenic", "CDS")
    untouched = load_pretrained(place / "small")
    assert checkpoint_hash(model.backbone) == checkpoint_hash(untouched)
    assert "intergenic" in (place / "model" / "README.md").read_text()
    assert "mcc" in done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "give --bigwig or --genes, one of them"),
        ("--genes {}/g.gtf --bigwig {}/gc.bw", "give --bigwig or --genes, one of them"),
        ("--genes {}/g.gtf --classes exon", "classes must be of intergenic"),
        ("--genes {}/g.gtf --bin-size 2", "options.bin_size must be 1"),
        ("--genes {}/g.gtf --log1p", "--log1p must come with --bigwig"),
        ("--bigwig {}/gc.bw --classes CDS", "--classes must come with --genes"),
        ("--genes {}/g.gtf --contigs chr9", "chr9"),
        ("--bigwig {}/gc.bw --window 100", "window must be 1 to 66 bp; got 100"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(place, words, message):
    done = tuned(place, *words.format(place, place).split())
    assert done.exit_code == 1
    assert message in done.output
    assert "Traceback" not in done.output
    assert not (place / "model" / "config.json").exists()


def test_predictions_need_a_format_and_a_model_of_tracks(place):
    done = tuned(place, "--genes", place / "g.gtf", "--validation", "0.4")
    assert done.exit_code == 0, done.output
    base = ("predict-tracks", place / "g.fa", "--region", "chr1:1-50", "--model")
    how = (*base, place / "model")
    said = run(*how, "--out", place / "t.txt")
    assert said.exit_code == 1
    assert "out must end in .tsv" in said.output
    for out, message in (
        ("t.bw", "out must hold {track}, since a file holds one signal"),
        ("none/t.tsv", "out must be in a folder that exists"),
    ):
        said = run(*how, "--out", place / out)
        assert said.exit_code == 1
        assert message in said.output
    said = run(*base, place / "small", "--out", place / "t.tsv")
    assert said.exit_code == 1
    assert "of a fine-tuned model, with head.json" in said.output
    off = ("--region", "chr1:390-401", "--model", place / "model")
    said = run("predict-tracks", place / "g.fa", *off, "--out", place / "t.tsv")
    assert "--region must hold bases of chr1, which has 400 bp" in said.output
