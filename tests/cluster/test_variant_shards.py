"""Variants cut into shards: order, names and numbers as in one process."""

from collections import Counter
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.cluster.manifest import Manifest
from hyenascope.cluster.run_folder import RunFolder
from hyenascope.cluster.variant_shards import VariantTask, plan_variants
from hyenascope.cluster.worker import OpenRun, Setting
from hyenascope.data.fasta import FastaReader
from hyenascope.data.variant import Variant
from hyenascope.interpret.baselines import Baselines
from hyenascope.interpret.scoring_options import ScoringOptions
from hyenascope.interpret.variant_checks import VariantError
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.models.checkpoint import save_pretrained
from hyenascope.models.hyena import HyenaConfig, HyenaLM

TEXT = "".join(np.random.default_rng(3).choice(list("ACGT"), 900))


def change(chrom: str, pos: int) -> Variant:
    ref = TEXT[pos - 1]
    return Variant(chrom, pos, ref, "ACGT"[("ACGT".index(ref) + 1) % 4], f"rs{pos}")


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "g.fa"
    path.write_text(f">chr1\n{TEXT}\n>chr2\n{TEXT}\n")
    with FastaReader(path) as reader:
        yield reader


@pytest.fixture
def model():
    config = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=66)
    model = HyenaLM(config, generator=torch.Generator().manual_seed(1)).double()
    model.name = "small"
    return model


def planned(variants, genome, tmp_path, size=3):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    assert plan_variants(iter(variants), genome, folder, size) == len(variants)
    folder.write_size(len(variants), size)
    assert {each.name for each in folder.path.iterdir()} == {"inputs", "size.json"}
    files = [folder.input(shard) for shard in range(folder.shards)]
    assert [len(pd.read_parquet(file)) for file in files[:-1]] == [size] * (
        len(files) - 1
    )
    return folder, pd.concat(map(pd.read_parquet, files), ignore_index=True)


def names(variants):
    seen = Counter()
    for each in map(str, variants):
        seen[each] += 1
        yield each if seen[each] == 1 else f"{each}#{seen[each]}"


def test_a_sorted_file_keeps_its_order(genome, tmp_path):
    # chr2 first, and a contig that the genome has not: still the order of a file.
    given = [change("chr2", 9), change("chr2", 9), change("2", 9), change("chrU", 5)]
    given += [change("1", 3), change("1", 4), change("1", 4)]
    _, rows = planned(given, genome, tmp_path)
    assert rows["input_row"].tolist() == list(range(7))
    assert rows["name"].tolist() == list(names(given))
    assert rows["id"].tolist() == [each.id for each in given]


def test_any_other_is_put_in_the_order_of_the_genome(genome, tmp_path):
    given = [change("chr2", 9), change("chrU", 5), change("chr1", 30)]
    given += [change("1", 4), change("chr1", 4), change("1", 4), change("chr2", 8)]
    _, rows = planned(given, genome, tmp_path)
    assert rows["input_row"].tolist() == [3, 4, 5, 2, 6, 0, 1]
    assert rows["name"].tolist() == list(names(given[i] for i in rows["input_row"]))


def test_a_call_that_was_cut_off_as_it_sorted_is_no_hindrance(genome, tmp_path):
    left = tmp_path / "run" / "unsorted" / "000000.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    given = [change("chr2", 9), change("chr1", 30), change("chr2", 8)]
    folder = RunFolder(tmp_path / "run")
    assert plan_variants(iter(given), genome, folder, 2) == 3
    assert pd.read_parquet(folder.input(0))["input_row"].tolist() == [1, 2]
    assert [each.name for each in folder.path.iterdir()] == ["inputs"]


@pytest.fixture
def setting(genome, model, tmp_path):
    variants = [change("chr1", 40 + 11 * i) for i in range(7)]
    variants[3] = Variant("chr1", variants[3].pos, "N", "A")
    folder, _ = planned(variants, genome, tmp_path)
    save_pretrained(model, folder.model)
    Manifest(
        verb="score_variants",
        inputs={},
        model={"model": "small", "dtype": "float64"},
        options={**options(model).provenance(), "on_error": "flag"},
        version="0",
        shard_size=3,
    ).write(folder.path)
    return variants, Setting(str(folder.path), "run", str(genome.path))


def options(model):
    return ScoringOptions.of(
        model,
        context=None,
        scores=("conditional", "likelihood"),
        strands="both",
        baselines=("markov", "cpg", "trinucleotide"),
        markov_order=8,
        max_ambiguous=0.25,
        downstream_window=512,
        window_stride=None,
    )


def test_options_come_back_from_a_record(model):
    found = ScoringOptions.from_record(options(model).provenance())
    assert found.provenance() == options(model).provenance()


def test_shards_make_what_one_call_makes(setting, genome, model):
    variants, setting = setting
    folder = RunFolder(Path(setting.folder))
    task = VariantTask(OpenRun(setting, Manifest.read(folder.path)))
    results = [task.run(pd.read_parquet(folder.input(shard))) for shard in range(3)]
    whole = score_variants(model, variants, genome)
    found = ad.concat([result.data for result in results])
    np.testing.assert_allclose(found.X, whole.X, rtol=1e-9, atol=1e-12)
    pd.testing.assert_frame_equal(found.obs.drop(columns="input_row"), whole.obs)
    bad = {whole.obs["status"].iloc[3]: 1, "ok": 2}
    counted = [result.facts["status"] for result in results]
    assert counted == [{"ok": 3}, bad, {"ok": 1}]


def test_words_are_counted_once_in_a_run(setting, monkeypatch):
    _, setting = setting
    folder = RunFolder(Path(setting.folder))
    VariantTask(OpenRun(setting, Manifest.read(folder.path)))
    assert (folder.path / "baselines.npz").is_file()
    monkeypatch.setattr(Baselines, "fit", None)
    VariantTask(OpenRun(setting, Manifest.read(folder.path)))


def test_raises_where_asked(setting):
    _, setting = setting
    folder = RunFolder(Path(setting.folder))
    manifest = Manifest.read(folder.path)
    manifest.options["on_error"] = "raise"
    task = VariantTask(OpenRun(setting, manifest))
    with pytest.raises(VariantError, match=r"1 of 3 variants cannot be scored"):
        task.run(pd.read_parquet(folder.input(1)))
