"""A published table again: numbers as by hand, folders that are not trained twice."""

import gzip
import logging
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.fasta import FastaReader
from hyenascope.data.genomic_benchmarks import read_genomic_benchmark
from hyenascope.data.nucleotide_transformer import read_nucleotide_transformer
from hyenascope.models.fine_tuned import load_fine_tuned
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.training import baselines, kept_scores
from hyenascope.training import kept_model as kept
from hyenascope.training import reproduce as home
from hyenascope.training.baselines import COLUMNS
from hyenascope.training.benchmark_facts import LEAKS_FILE
from hyenascope.training.benchmark_recipes import find_recipes
from hyenascope.training.finetune import finetune
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.kmer_baseline import fit_kmers
from hyenascope.training.label_evaluation import evaluate_labels
from hyenascope.training.reproduce import read_benchmark, reproduce

H3 = "nucleotide_transformer/H3"
SMALL = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
OPTIONS = FinetuneOptions(epochs=1, batch_size=16, learning_rate=1e-2)
HEAD = "id,region,start,end,strand\n"


@pytest.fixture
def toy(tmp_path):
    """Sequences of two kinds, 60 to learn from, of which one stands in test too."""
    rng = np.random.default_rng(0)
    texts = [
        "".join(rng.choice(list("ACGT"), 24, p=p))
        for p in np.array([[0.25] * 4, [0.4, 0.1, 0.1, 0.4]])[np.arange(90) % 2]
    ]
    texts[60] = texts[0]
    folder = tmp_path / "data" / H3
    folder.mkdir(parents=True)
    rows = [f">s{n}|{n % 2}\n{text}\n" for n, text in enumerate(texts)]
    (folder / "train.fna").write_text("".join(rows[:60]))
    (folder / "test.fna").write_text("".join(rows[60:]))
    return tmp_path


@pytest.fixture
def model():
    backbone = HyenaLM(SMALL, generator=torch.Generator().manual_seed(0))
    backbone.name = "small"
    return backbone


def run(folder, model, name=H3, **how):
    usual = {
        "options": OPTIONS,
        "download": False,
        "resamples": 0,
        "device": "cpu",
        "progress": False,
    }
    return reproduce(name, folder, model=model, **usual | how)


def values(table):
    return table.set_index("metric")["value"].sort_index()


def test_numbers_are_those_of_finetune_and_evaluate(toy, model):
    table = run(toy, model, seeds=(0, 3), resamples=20)
    assert tuple(table.columns) == COLUMNS
    assert set(table["task"]) == {"H3"}
    data = read_nucleotide_transformer(toy / "data" / H3, name="H3")
    for seed in (0, 3):
        how = FinetuneOptions(epochs=1, batch_size=16, learning_rate=1e-2, seed=seed)
        tuned = finetune(model, data, options=how, device="cpu", progress=False).model
        by_hand = evaluate_labels(tuned, data, resamples=20).table.sort_index()
        ours = table[(table["model"] == "small") & (table["seed"] == seed)]
        ours = ours.set_index("metric").sort_index()
        columns = ["value", "low", "high"]
        pd.testing.assert_frame_equal(
            ours[columns], by_hand[columns], check_names=False
        )
        kmers = evaluate_labels(fit_kmers(data, seed=seed), data, resamples=0).table
        theirs = table[(table["model"] == "kmer") & (table["seed"] == seed)]
        assert values(theirs).tolist() == kmers["value"].sort_index().tolist()
    measured = table["source"] == "measured"
    assert set(table[measured]["split"]) == {"test"}
    others = table[~measured].set_index("model")["value"].to_dict()
    assert others == {"HyenaDNA as published": 0.817, "HyenaDNA, re-run": 0.779}


def test_validation_rows_are_never_test_rows(toy, model, monkeypatch):
    seen = []

    def spied(start, data, **how):
        result = finetune(start, data, **how)
        seen.append(result)
        return result

    monkeypatch.setattr(kept, "finetune", spied)
    before = run(toy, model, baselines=())
    test = toy / "data" / H3 / "test.fna"
    flipped = test.read_text().replace("|0", "|x").replace("|1", "|0")
    test.write_text(flipped.replace("|x", "|1"))
    after = run(toy / "again", model, baselines=(), data=toy / "data")
    one, two = (each.history.drop(columns="seconds") for each in seen)
    assert one.equals(two)  # other test labels change nothing but the judgement
    assert values(before[before["model"] == "small"])["accuracy"] == pytest.approx(
        1 - values(after[after["model"] == "small"])["accuracy"]
    )


def test_what_is_finished_is_not_trained_again(toy, model, monkeypatch):
    trained, kills = [], [2]

    def counted(start, data, *, options, **how):
        if options.seed in kills:
            raise MemoryError("killed")
        trained.append(options.seed)
        return finetune(start, data, options=options, **how)

    monkeypatch.setattr(kept, "finetune", counted)
    with pytest.raises(MemoryError, match="killed"):
        run(toy, model, seeds=(0, 1, 2))
    assert sorted(it.name for it in (toy / H3).iterdir() if it.is_dir()) == [
        *("small-0", "small-1"),
    ]
    kills.clear()
    whole = run(toy, model, seeds=(0, 1, 2, 3))
    assert trained == [0, 1, 2, 3]
    again = run(toy, model, seeds=(0, 1, 2, 3))
    assert trained == [0, 1, 2, 3]
    pd.testing.assert_frame_equal(whole, again)
    assert (toy / H3 / "small-2" / "history.tsv").is_file()


def test_scratch_is_kept_as_the_models_are(toy, model, monkeypatch):
    monkeypatch.setattr(
        home, "find_published", lambda _: type("", (), {"config": SMALL})
    )
    table = run(toy, model, baselines=("scratch", "kmer"))
    assert set(table["model"]) >= {"small", "scratch", "kmer"}
    assert (toy / H3 / "scratch-0").is_dir()
    data = read_nucleotide_transformer(toy / "data" / H3, name="H3")
    by_hand = finetune(SMALL, data, options=OPTIONS, device="cpu", progress=False)
    expected = evaluate_labels(by_hand.model, data, resamples=0).table["value"]
    found = values(table[table["model"] == "scratch"])
    assert found.tolist() == expected.sort_index().tolist()
    monkeypatch.setattr(kept, "finetune", None)  # nothing is trained any more
    alone = run(toy, "scratch", baselines=("scratch",))
    assert values(alone[alone["model"] == "scratch"]).equals(found)


def test_a_given_configuration_is_not_called_as_the_papers(toy, monkeypatch):
    papers = HyenaConfig(d_model=4, n_layer=1, d_inner=8, l_max=34)
    monkeypatch.setattr(
        home, "find_published", lambda _: type("", (), {"config": papers})
    )
    run(toy, SMALL, baselines=("scratch",))
    widths = {
        name: load_fine_tuned(toy / H3 / f"{name}-0").config.d_model
        for name in ("configuration", "scratch")
    }
    assert widths == {"configuration": 8, "scratch": 4}


def test_a_model_called_as_a_baseline_is_told_from_it(toy, model):
    model.name = "kmer"
    table = run(toy, model)
    assert {"kmer", "kmer-model"} < set(table["model"])
    data = read_nucleotide_transformer(toy / "data" / H3, name="H3")
    expected = evaluate_labels(fit_kmers(data, seed=0), data, resamples=0).table
    found = values(table[table["model"] == "kmer"])
    assert found.tolist() == expected["value"].sort_index().tolist()


def test_a_table_that_was_killed_keeps_its_finished_tasks(toy, model, monkeypatch):
    tasks = find_recipes(H3) + find_recipes("nucleotide_transformer/H4")
    monkeypatch.setattr(home, "find_recipes", lambda name: tasks)
    folder = toy / "data" / "nucleotide_transformer"
    shutil.copytree(folder / "H3", folder / "H4")
    trained = []

    def counted(data, **how):
        if data.name == "H4" and "H4" not in trained:
            trained.append("H4")
            raise MemoryError("killed")
        trained.append(data.name)
        return fit_kmers(data, **how)

    monkeypatch.setattr(baselines, "fit_kmers", counted)
    with pytest.raises(MemoryError, match="killed"):
        run(toy, model, "nucleotide_transformer")
    first = kept_scores._read(toy / H3 / "scores.tsv")
    assert set(first["task"]) == {"H3"}
    whole = run(toy, model, "nucleotide_transformer")
    assert trained == ["H3", "H4", "H4"]
    pd.testing.assert_frame_equal(whole[whole["task"] == "H3"], first)
    again = run(toy, model, "nucleotide_transformer")
    assert trained == ["H3", "H4", "H4"]
    pd.testing.assert_frame_equal(again, whole)
    run(toy, model, "nucleotide_transformer", resamples=20)
    assert trained == ["H3", "H4", "H4", "H3", "H4"]  # another question, another table


def test_places_are_looked_at_before_anything_is_fetched(toy, model, monkeypatch):
    run(toy, model, baselines=())
    monkeypatch.setattr(home, "download_benchmark", None)
    other = FinetuneOptions(epochs=2)
    with pytest.raises(ValueError, match="differs in options"):
        run(toy, model, baselines=(), options=other, download=True)
    (toy / H3 / "small-1").mkdir()
    with pytest.raises(TypeError, match="not callable"):  # so far it came
        run(toy, model, baselines=(), seeds=(1,), download=True)
    assert not (toy / H3 / "small-1").exists()


def test_leaks_are_counted_written_and_said(toy, model, caplog):
    with caplog.at_level(logging.WARNING, logger="hyenascope"):
        table = run(toy, model, baselines=(), duplicates="drop")
    leaks = pd.read_csv(toy / H3 / LEAKS_FILE, sep="\t").iloc[0]
    assert (leaks["split"], leaks["exact"], leaks["rows"]) == ("test", 1, 30)
    assert "H3: 1 of 30 rows of test are in train too, or nearly." in caplog.text
    assert "train has 60 rows; published were 13468." in caplog.text
    assert set(table["rows"].dropna()) == {29}


def test_cut_sequences_are_said(toy, model, caplog):
    short = FinetuneOptions(epochs=1, longest=20, too_long="start")
    with caplog.at_level(logging.WARNING, logger="hyenascope"):
        run(toy, model, baselines=(), options=short)
    assert "90 of 90 sequences are longer than the 20 bp that are read" in caplog.text


def intervals(root, **rows):
    """Write intervals of each class, the same for both splits."""
    for split in ("train", "test"):
        (root / split).mkdir(parents=True)
        for label, lines in rows.items():
            raw = (HEAD + "\n".join(lines)).encode()
            (root / split / f"{label}.csv.gz").write_bytes(gzip.compress(raw))
    return root


def test_each_class_is_read_from_the_genome_of_its_assembly(tmp_path):
    (recipe,) = find_recipes("genomic_benchmarks/demo_human_or_worm")
    for name, text in {"h": "AACC", "w": "GGTT"}.items():
        (tmp_path / f"{name}.fa").write_text(f">1\n{text}\n")
    root = intervals(tmp_path / "t", human=["a,1,0,4,+"], worm=["b,1,0,3,-"])
    genome = {
        "WBcel235": tmp_path / "w.fa",
        "GRCh38": tmp_path / "h.fa",
        "GRCm38": tmp_path / "not needed.fa",
    }
    data = read_benchmark(recipe, root, genome=genome)
    assert data.name == "demo_human_or_worm"
    assert data.split("test").sequences == ("AACC", "ACC")
    with pytest.raises(ValueError, match=r"from GRCh38, WBcel235, .*; got one genome"):
        read_benchmark(recipe, root, genome=tmp_path / "h.fa")


@pytest.mark.parametrize(
    ("name", "genome", "message"),
    [
        (
            "genomic_benchmarks/human_enhancers_cohn",
            None,
            "a FASTA of GRCh38, whose intervals genomic_benchmarks holds; got None",
        ),
        (
            "genomic_benchmarks",
            "hg38.fa",
            "from GRCm38, GRCh38-cdna, GRCh38, WBcel235, .*; got one genome",
        ),
        (
            "genomic_benchmarks/human_enhancers_cohn",
            {"hg38": "hg38.fa"},
            "a FASTA of GRCh38, .*; got hg38",
        ),
    ],
)
def test_a_missing_genome_is_said_before_anything_is_fetched(
    tmp_path, model, monkeypatch, name, genome, message
):
    monkeypatch.setattr(home, "download_benchmark", None)
    with pytest.raises(ValueError, match=message):
        run(tmp_path, model, name, genome=genome, download=True)


def test_an_unknown_baseline_is_refused_before_hours_of_training():
    # `reproduce` itself is refused by the type checker of the tests.
    with pytest.raises(ValueError, match="of kmer, cnn, scratch; got svm"):
        home._check_baselines(("kmer", "svm"))


def test_what_is_fetched_is_what_is_read(toy, model, monkeypatch):
    asked = []
    monkeypatch.setattr(
        home, "download_benchmark", lambda name, root, **_: asked.append((name, root))
    )
    run(toy, model, baselines=(), download=True)
    assert asked == [(H3, toy / "data")]


def test_real_intervals_of_three_classes(shared, tmp_path, model):
    folder = shared / "data" / "genomic_benchmarks"
    table = pd.read_csv(folder / "window_subset.hg38.chr9_chr20.tsv.gz", sep="\t")
    table = table[table["dataset"] == "human_ensembl_regulatory"]
    name = "genomic_benchmarks/human_ensembl_regulatory"
    for (split, label), rows in table.groupby(["split", "class"]):
        place = tmp_path / "data" / name / split
        place.mkdir(parents=True, exist_ok=True)
        own = rows.rename(columns={"chrom": "region", "start0": "start"})
        own[HEAD.strip().split(",")].to_csv(place / f"{label}.csv.gz", index=False)
    genome = shared / "data" / "human_hg38_1Mb" / "hg38.chr9_chr20.first1Mb.fa.gz"
    (recipe,) = find_recipes(name)
    quick = FinetuneOptions(epochs=1, longest=32, too_long="start")
    found = run(tmp_path, model, name, genome=genome, options=quick)
    data = read_genomic_benchmark(
        tmp_path / "data" / name, genome=genome, name=recipe.task
    )
    by_hand = finetune(model, data, options=quick, device="cpu", progress=False).model
    expected = evaluate_labels(by_hand, data, resamples=0).table["value"]
    assert values(found[found["model"] == "small"]).tolist() == (
        expected.sort_index().tolist()
    )
    assert set(found["rows"].dropna()) == {55}
    rerun = found[found["model"] == "HyenaDNA, re-run"]
    assert rerun[["metric", "value"]].values.tolist() == [["accuracy", 0.869]]


class Everywhere(FastaReader):
    """A genome as long as its intervals reach, whose bases follow from the place."""

    def __init__(self, path, ends):
        path.write_text("".join(f">{name}\nACGT\n" for name in ends))
        super().__init__(path)
        self.contigs = ends

    def fetch_region(self, chrom, start, end):
        return "ACGT"[start % 4] * (end - start)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "test"),
    [
        ("human_nontata_promoters", 9_034),
        ("human_enhancers_cohn", 6_948),
        ("dummy_mouse_enhancers_ensembl", 242),
    ],
)
def test_every_row_of_the_real_interval_files_is_read(shared, tmp_path, task, test):
    root = shared / "data" / "genomic_benchmarks" / "intervals" / task
    tables = [pd.read_csv(path) for path in sorted(root.glob("*/*.csv.gz"))]
    rows = pd.concat(tables)
    ends = rows.groupby("region")["end"].max().to_dict()
    genome = Everywhere(tmp_path / "g.fa", ends)
    (recipe,) = find_recipes(f"genomic_benchmarks/{task}")
    data = read_benchmark(recipe, root, genome=genome)
    counts = data.counts().sum(axis=1)
    assert counts.to_dict() == {"train": recipe.rows, "test": test}
    lengths = pd.Series([len(text) for text in data.sequences])
    assert lengths.median() == pytest.approx(recipe.length, abs=1)
    assert set(data.ids) == set(rows["id"].astype(str))
