"""Each verb in shards gives what its namesake gives in one call."""

import json
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from distributed import Client, LocalCluster

from hyenascope.cluster import jobs
from hyenascope.cluster.manifest import ManifestError
from hyenascope.cluster.run import Run
from hyenascope.cluster.run_folder import RunFolder
from hyenascope.cluster.start import RunBusyError, _alone
from hyenascope.cluster.variant_shards import VariantTask
from hyenascope.cluster.worker import Setting, do_shard
from hyenascope.cluster.workers import WorkersError
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.background import Background
from hyenascope.interpret.fit_background import fit_background
from hyenascope.interpret.ism import saturation_mutagenesis
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.models.checkpoint import save_pretrained
from hyenascope.models.embedding_data import embed_data
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from tests.plain_user import read_only, run_as_plain_user

TEXT = "".join(np.random.default_rng(3).choice(list("ACGT"), 900))


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">chr1\n{TEXT}\n>chr2\n{TEXT[:40]}{'N' * 30}{TEXT[:80]}\n")
    return path


@pytest.fixture(scope="module")
def model():
    config = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=66)
    model = HyenaLM(config, generator=torch.Generator().manual_seed(1)).double()
    model.name = "small"
    return model.eval()


@pytest.fixture
def bed(tmp_path):
    path = tmp_path / "places.bed"
    path.write_text("chr1\t100\t130\ta\nchr2\t30\t90\nchr1\t110\t117\ta\t0\t-\n")
    return path


@pytest.fixture
def variants():
    return [Variant("chr1", p, TEXT[p - 1], TEXT[p - 1] + "A") for p in (90, 95, 300)]


def test_variants(model, fasta, variants, client, tmp_path):
    run = jobs.score_variants(
        model,
        variants[::-1],
        fasta,
        tmp_path / "run",
        scheduler=client,
        shard_size=2,
        scores=("likelihood",),
    )
    found = run.read()
    whole = score_variants(model, variants, fasta, scores=("likelihood",))
    assert found.obs["input_row"].tolist() == [2, 1, 0]
    pd.testing.assert_frame_equal(found.obs.drop(columns="input_row"), whole.obs)
    np.testing.assert_allclose(found.X, whole.X, rtol=1e-9, atol=1e-12)
    theirs, ours = whole.uns["hyenascope"], found.uns["hyenascope"]
    for name in ("model", "checkpoint_hash", "genome", "genome_fingerprint", "engine"):
        assert ours[name] == theirs[name]
    assert ours["ref_agreement"] == theirs["ref_agreement"]


def test_tables_hold_both_sides_of_a_score(model, fasta, variants, client, tmp_path):
    run = jobs.score_variants(
        model, variants, fasta, tmp_path / "run", scheduler=client, shard_size=2
    )
    found, table = run.read(), pd.concat(run.tables())
    for layer in ("ref", "alt"):
        columns = [f"{name}_{layer}" for name in found.var_names]
        np.testing.assert_array_equal(table[columns], found.layers[layer])
    sides = table["conditional_alt"] - table["conditional_ref"]
    np.testing.assert_allclose(sides, table["conditional"])


@pytest.fixture(scope="module")
def background(model, fasta):
    return fit_background(model, fasta, variants=150, least=5)


def test_percentiles(model, fasta, background, client, tmp_path):
    pairs = zip((90, 95, 300, 411), "ACGT", strict=True)
    snvs = [Variant("chr1", p, TEXT[p - 1], b) for p, b in pairs if TEXT[p - 1] != b]
    given = [*snvs, Variant("chr1", 500, TEXT[499], TEXT[499] + "A")]
    run = jobs.score_variants(
        model,
        given,
        fasta,
        tmp_path / "run",
        scheduler=client,
        shard_size=2,
        background=background,
    )
    found = run.read()
    whole = score_variants(model, given, fasta, background=background)
    ranks = whole.layers["percentile"]
    assert np.isfinite(ranks[:-1]).all()
    np.testing.assert_allclose(found.layers["percentile"], ranks, atol=1e-12)
    pd.testing.assert_frame_equal(found.obs.drop(columns="input_row"), whole.obs)
    made = found.uns["hyenascope"]["background"]
    assert made == whole.uns["hyenascope"]["background"]
    table = pd.concat(run.tables())
    np.testing.assert_array_equal(
        table["conditional_percentile"],
        found[:, "conditional"].layers["percentile"][:, 0],
    )


def test_another_background_is_another_run(
    model, fasta, variants, background, client, tmp_path
):
    def begin(background=None, **options):
        return jobs.score_variants(
            model,
            variants,
            fasta,
            tmp_path / "run",
            scheduler=client,
            background=background,
            **options,
        )

    begin(background)
    begin(Background(background.scores.copy(), least=5))  # the same numbers
    with pytest.raises(ManifestError, match=r"inputs.background: .* → none"):
        begin()
    with pytest.raises(ManifestError, match=r"options.background.least: 5 → 6"):
        begin(Background(background.scores, least=6))
    changed = background.scores.copy()
    changed.X[0, 0] += 1
    with pytest.raises(ManifestError, match=r"inputs.background.sha256: "):
        begin(Background(changed, least=5))
    with pytest.raises(ValueError, match=r"options of the background; got context 32"):
        begin(background, context=32)


def test_a_background_is_checked_before_the_folder_is_made(
    model, fasta, variants, background, client, tmp_path
):
    with pytest.raises(ValueError, match="background must hold every score"):
        jobs.score_variants(
            model,
            variants,
            fasta,
            tmp_path / "run",
            scheduler=client,
            background=background,
            scores=("downstream",),
            baselines=(),
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("shard_size", [7, 1000])
def test_mutagenesis(model, fasta, bed, client, tmp_path, shard_size):
    run = jobs.saturation_mutagenesis(
        model,
        fasta,
        bed,
        tmp_path / "run",
        scheduler=client,
        shard_size=shard_size,
        window=16,
    )
    found = run.read()
    places = [("a", "chr1", 100, 130), ("chr2:31-90", "chr2", 30, 90)]
    places.append(("a", "chr1", 110, 117))
    at = 0
    for number, (name, chrom, start, end) in enumerate(places):
        rows = found[at : at + end - start]
        track = saturation_mutagenesis(
            model, fasta, Interval(chrom, start, end), window=16
        )
        np.testing.assert_allclose(rows.X, track.values, rtol=1e-9, atol=1e-12)
        assert rows.obs["pos"].tolist() == list(range(start + 1, end + 1))
        assert set(rows.obs["name"]) == {name}
        assert set(rows.obs["input_row"]) == {number}
        at += end - start
    assert at == len(found) == len(set(found.obs_names))
    unknown = found.obs[found.obs["ref"] == "N"]
    assert len(unknown) == 30
    assert set(unknown["status"]) == {"unscored"}
    assert unknown["reason"].str.contains("the reference is not A, C, G or T").all()
    scored = found.obs[~np.isnan(found.X).any(axis=1)]
    assert set(scored["status"]) == {"ok"}
    assert run.status().status["ok"] == len(scored)


def test_mutagenesis_where_nothing_can_be_scored(model, fasta, client, tmp_path):
    run = jobs.saturation_mutagenesis(
        model, fasta, Interval("chr2", 45, 60), tmp_path / "run", scheduler=client
    )
    found = run.read()
    assert np.isnan(found.X).all()
    assert found.obs["reason"].str.startswith("forward: ").all()


def test_embeddings_of_places(model, fasta, bed, client, tmp_path):
    options = {"layers": (0, -1), "pool": "max"}
    run = jobs.embed(
        model, bed, fasta, tmp_path / "run", scheduler=client, shard_size=2, **options
    )
    found = run.read()
    whole = embed_data(model, bed, genome=fasta, **options)
    np.testing.assert_allclose(found.X, whole.X, rtol=1e-5, atol=1e-6)
    assert set(found.layers) == set(whole.layers)
    assert found.obs_names.tolist() == ["0", "1", "2"]
    columns = ["name", "length", "chrom", "start", "end", "strand"]
    pd.testing.assert_frame_equal(
        found.obs[columns].reset_index(drop=True),
        whole.obs[columns].reset_index(drop=True),
    )


def test_embeddings_of_records(model, fasta, client, tmp_path):
    run = jobs.embed(model, fasta, None, tmp_path / "run", scheduler=client)
    whole = embed_data(model, fasta)
    np.testing.assert_allclose(run.read().X, whole.X, rtol=1e-5, atol=1e-6)
    assert run.read().obs["name"].tolist() == ["chr1", "chr2"]


def test_predictions(model, fasta, client, tmp_path):
    task = SequenceTask("multiclass", ("x", "y", "z"))
    tuned = SequenceModel(model, task).eval()
    places = [Interval("chr1", 30 * i, 30 * i + 20) for i in range(5)]
    run = jobs.predict(
        tuned, places, fasta, tmp_path / "run", scheduler=client, shard_size=2
    )
    whole = tuned.predict(places, genome=fasta)
    found = run.read()
    assert found.var_names.tolist() == ["x", "y", "z"]
    np.testing.assert_allclose(found.X, whole.to_numpy(), rtol=1e-6)
    np.testing.assert_allclose(found.X.sum(axis=1), 1, rtol=1e-6)


def test_again_does_nothing_again(model, fasta, variants, client, tmp_path):
    options = {"scheduler": client, "shard_size": 2}
    jobs.score_variants(model, variants, fasta, tmp_path / "run", **options)
    files = sorted((tmp_path / "run").rglob("*.parquet"))
    before = [file.stat().st_mtime_ns for file in files]
    run = jobs.score_variants(model, variants, fasta, tmp_path / "run", **options)
    assert [file.stat().st_mtime_ns for file in files] == before
    assert run.status().finished


@pytest.mark.parametrize(
    "broken",
    ["shards/000001.json", "result.parquet/000001.parquet", "result.zarr/X/1.0"],
)
@pytest.mark.parametrize("how", ["gone", "cut", "changed"])
def test_a_damaged_shard_is_computed_again(
    model, fasta, variants, client, tmp_path, broken, how
):
    options = {"scheduler": client, "shard_size": 2}
    folder = tmp_path / "run"
    whole = jobs.score_variants(model, variants, fasta, folder, **options).read()
    first = (folder / "shards/000000.json").stat().st_mtime_ns
    path = folder / broken
    content = path.read_bytes()
    path.unlink()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "changed":
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    found = jobs.score_variants(model, variants, fasta, folder, **options).read()
    np.testing.assert_array_equal(found.X, whole.X)
    pd.testing.assert_frame_equal(found.obs, whole.obs)
    assert len(pd.read_parquet(folder / "result.parquet")) == 3
    assert (folder / "shards/000000.json").stat().st_mtime_ns == first


def test_another_run_is_refused_with_the_difference(
    model, fasta, variants, client, tmp_path
):
    def begin(model=model, variants=variants, **options):
        jobs.score_variants(
            model, variants, fasta, tmp_path / "run", scheduler=client, **options
        )

    begin()
    before = json.loads((tmp_path / "run" / "manifest.json").read_text())
    with pytest.raises(ManifestError, match=r"options.context: 64 → 32"):
        begin(context=32)
    with pytest.raises(ManifestError, match=r"inputs.source.sha256: "):
        begin(variants=variants[:-1])
    changed = HyenaLM(model.config, generator=torch.Generator().manual_seed(2))
    with pytest.raises(ManifestError, match=r"model.checkpoint_hash: "):
        begin(model=changed.double())
    with pytest.raises(ManifestError, match=r'verb: "score_variants" → "embed"'):
        jobs.embed(model, fasta, None, tmp_path / "run", scheduler=client)
    assert json.loads((tmp_path / "run" / "manifest.json").read_text()) == before


def test_two_at_once_are_refused(model, fasta, variants, client, tmp_path):
    with _alone(tmp_path), pytest.raises(RunBusyError, match="no other process"):
        jobs.score_variants(model, variants, fasta, tmp_path, scheduler=client)


def test_what_can_be_read_once_is_read_once(model, fasta, variants, client, tmp_path):
    run = jobs.score_variants(
        model, iter(variants), fasta, tmp_path / "scores", scheduler=client
    )
    assert len(run.read()) == 3
    places = (Interval("chr1", 9 * i, 9 * i + 9) for i in range(4))
    run = jobs.embed(model, places, fasta, tmp_path / "states", scheduler=client)
    assert len(run.read()) == 4


def test_a_wrong_option_does_not_keep_the_folder(model, fasta, client, tmp_path):
    place, out = Interval("chr1", 100, 110), tmp_path / "run"
    options = {"scheduler": client, "score": "full"}
    with pytest.raises(ValueError, match="window"):
        jobs.saturation_mutagenesis(model, fasta, place, out, window=30, **options)
    run = jobs.saturation_mutagenesis(model, fasta, place, out, **options)
    assert run.status().finished


def test_a_late_worker_of_another_run_writes_nothing(
    model, fasta, variants, client, tmp_path
):
    run = jobs.score_variants(
        model, variants, fasta, tmp_path / "run", scheduler=client
    )
    before = run.folder.record(0)
    late = Setting(str(run.folder.path), "another", str(fasta), device="cpu")
    with pytest.raises(ManifestError, match="holds another run by now"):
        do_shard(VariantTask, late, 0)
    assert run.folder.record(0) == before
    assert RunFolder(run.folder.path, "another").record(0) is None


@pytest.mark.filterwarnings("ignore:model must be float32")
def test_half_precision_is_what_workers_read_too(fasta, variants, client, tmp_path):
    config = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=66)
    half = HyenaLM(config, generator=torch.Generator().manual_seed(1)).bfloat16()
    run = jobs.score_variants(half, variants, fasta, tmp_path / "run", scheduler=client)
    whole = score_variants(half, variants, fasta)
    assert run.read().uns["hyenascope"]["dtype"] == "bfloat16"
    np.testing.assert_allclose(run.read().X, whole.X, atol=0.02)


def test_a_folder_with_other_files_is_left_alone(
    model, fasta, variants, client, tmp_path
):
    mine = tmp_path / "inputs" / "mine.parquet"
    mine.parent.mkdir()
    mine.write_text("not to be lost")
    with pytest.raises(ManifestError, match="out must be a new folder, an empty one"):
        jobs.score_variants(model, variants, fasta, tmp_path, scheduler=client)
    assert mine.read_text() == "not to be lost"
    assert [each.name for each in tmp_path.iterdir()] == ["inputs"]


AGAIN = """
import hyenascope as hs
from hyenascope.cluster import jobs
from hyenascope.cluster.run import Run

if __name__ == "__main__":
    variants = [hs.Variant.parse(name) for name in {names!r}]
    model, options = hs.load_pretrained({model!r}), {{"scores": ("likelihood",)}}
    print(jobs.score_variants(model, variants, {fasta!r}, {run!r}, **options).status())
    print(len(Run({run!r}).read()), sum(map(len, Run({run!r}).tables(as_given=True))))
"""


def test_a_finished_run_in_a_folder_that_cannot_be_written(
    model, fasta, variants, client, tmp_path
):
    options = {"scores": ("likelihood",), "scheduler": client}
    run = jobs.score_variants(model, variants[::-1], fasta, tmp_path / "run", **options)
    save_pretrained(model, tmp_path / "small")
    code = AGAIN.format(
        names=[str(variant) for variant in variants[::-1]],
        model=str(tmp_path / "small"),
        fasta=str(fasta),
        run=str(tmp_path / "run"),
    )
    with read_only(tmp_path / "run"):
        again = run_as_plain_user(code)
    assert "rows_done=3" in again.stdout, again.stderr
    assert again.stdout.split()[-2:] == ["3", "3"]
    run.folder.record_path(0).unlink()
    with read_only(tmp_path / "run"):
        refused = run_as_plain_user(code)
    assert "out must be a folder that can be written, unless its" in refused.stderr


def test_a_closed_client_is_said_at_once(model, fasta, variants, tmp_path):
    with LocalCluster(
        n_workers=1, processes=False, dashboard_address="127.0.0.1:0"
    ) as cluster:
        client = Client(cluster)
        client.close()
        with pytest.raises(WorkersError, match="got one that is closed"):
            jobs.score_variants(
                model, variants, fasta, tmp_path / "run", scheduler=client
            )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shard_size": 0}, "shard_size must be at least 1; got 0"),
        ({"workers": 0}, "workers must be at least 1; got 0"),
        ({"on_error": "skip"}, "on_error must be raise or flag"),
        ({"context": 9999}, "context must"),
        ({"device": "nowhere"}, "device must be 'cpu', 'cuda'"),
        ({"scheduler": "tcp://127.0.0.1:9", "workers": 2}, "workers must be left out"),
    ],
)
def test_refuses_options(model, fasta, variants, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        jobs.score_variants(model, variants, fasta, tmp_path / "run", **options)


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (Interval("chr1", 890, 901), r"got chr1:891-901 on chr1, which has 900 bp"),
        (Interval("chr1", 5, 5), "places must hold bases"),
        (Interval("chrX", 5, 9), "chrX"),
        ([], "places must not be empty"),
        ("places.txt", "a file of places must end in .bed"),
        ("other.fa", "genome must be None where places is a FASTA itself"),
        (pd.DataFrame({"chrom": ["chr1"]}), "a table of sequences must have"),
    ],
)
def test_refuses_places(model, fasta, client, tmp_path, places, message):
    with pytest.raises(ValueError, match=message):
        jobs.embed(model, places, fasta, tmp_path / "run", scheduler=client)
    assert not (tmp_path / "run" / "manifest.json").exists()


def test_another_fasta_names_no_places(model, fasta, client, tmp_path):
    with pytest.raises(ValueError, match="places must be the FASTA that bases"):
        jobs.saturation_mutagenesis(
            model, fasta, "other.fa", tmp_path / "run", scheduler=client
        )


def test_says_how_far_it_is(model, fasta, variants, client, tmp_path):
    bad = [replace(variants[0], ref="N"), *variants[1:]]
    jobs.score_variants(
        model, bad, fasta, tmp_path / "run", scheduler=client, shard_size=2
    )
    (tmp_path / "run" / "shards" / "000001.json").unlink()
    run = Run(tmp_path / "run")
    found = run.status()
    assert (found.rows, found.rows_done, found.shards, found.shards_done) == (
        3,
        2,
        2,
        1,
    )
    assert sum(found.status.values()) == 2
    assert found.status["ok"] == 1
    assert not found.finished
    assert "score_variants, 2 of 3 rows" in repr(run)
    assert len(run.read()) == len(pd.concat(run.tables())) == 2
    assert isinstance(run.read(), ad.AnnData)
