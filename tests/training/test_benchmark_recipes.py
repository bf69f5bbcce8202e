"""The recipes say what the papers say, and name what can be fetched."""

import pandas as pd
import pytest

from hyenascope.data.benchmarks import benchmark_files, benchmark_names
from hyenascope.models.published import find_published
from hyenascope.training.benchmark_recipes import RECIPES, find_recipes
from hyenascope.training.label_metrics import METRICS_OF


def test_each_recipe_can_be_fetched_and_starts_from_a_published_checkpoint():
    names = [recipe.name for recipe in RECIPES]
    assert len(set(names)) == len(names)
    assert set(names) <= set(benchmark_names())
    assert {recipe.table.start for recipe in RECIPES} == {"tiny-1k", "tiny-1k-d256"}
    assert all(find_published(recipe.table.start) for recipe in RECIPES)
    # Of Genomic Benchmarks the paper left one out, of the other all are there.
    left = set(benchmark_names()) - set(names)
    tables = ("genomic_benchmarks/", "nucleotide_transformer/")
    assert [name for name in left if name.startswith(tables)] == [
        "genomic_benchmarks/drosophila_enhancers_stark"
    ]


@pytest.mark.parametrize(
    ("name", "metric", "published", "rerun"),
    [
        ("genomic_benchmarks/human_nontata_promoters", "accuracy", 0.966, 0.944),
        ("genomic_benchmarks/dummy_mouse_enhancers_ensembl", "accuracy", 0.851, 0.780),
        ("nucleotide_transformer/enhancers_types", "mcc", 0.557, 0.386),
        ("nucleotide_transformer/splice_sites_all", "f1_macro", 0.979, 0.956),
    ],
)
def test_numbers_of_the_papers(name, metric, published, rerun):
    (recipe,) = find_recipes(name)
    table = recipe.others()
    assert table["task"].unique().tolist() == [name.split("/")[1]]
    assert table["metric"].unique().tolist() == [metric]
    assert table["value"].tolist() == [published, rerun]
    assert table["split"].tolist()[0] == "test, which chose the epoch"
    assert "cross-validation" in table["split"].tolist()[1]
    assert table["source"].str.contains("Table").all()
    assert recipe.options.select_by == metric
    assert (recipe.options.epochs, recipe.options.learning_rate) == (100, 6e-4)


def test_the_rerun_of_genomic_benchmarks_is_lower_by_what_is_known():
    gaps = [
        100 * (it.published - it.rerun) for it in find_recipes("genomic_benchmarks")
    ]
    assert min(gaps) == pytest.approx(0.2)
    assert max(gaps) == pytest.approx(7.1)
    others = find_recipes("nucleotide_transformer")
    assert len(others) == 18
    assert all(it.rerun < it.published for it in others)


def test_metrics_apply_to_tasks_of_any_number_of_classes():
    for recipe in RECIPES:
        assert recipe.metric in METRICS_OF["binary"]
        assert recipe.metric in METRICS_OF["multiclass"]


def test_classes_with_genomes_of_their_own_are_those_of_the_files():
    for recipe in RECIPES:
        if recipe.genome is not None and not isinstance(recipe.genome, str):
            files = {file.path for file in benchmark_files(recipe.name)}
            assert {f"train/{it}.csv.gz" for it in recipe.genome} <= files
            assert len(files) == 2 * len(recipe.genome) + 1  # and metadata.yaml
    assert find_recipes("genomic_benchmarks/demo_human_or_worm")[0].assemblies == (
        *("GRCh38", "WBcel235"),
    )
    assert find_recipes("nucleotide_transformer/H3")[0].assemblies == ()


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"such as genomic_benchmarks, .*; got 'TF'"):
        find_recipes("TF")
    with pytest.raises(ValueError, match=r"nucleotide_transformer/H3\b.*; got 'h3'"):
        find_recipes("h3")


def test_rows_are_those_of_the_interval_files(shared):
    path = shared / "data" / "genomic_benchmarks" / "all_datasets_counts.tsv"
    table = pd.read_csv(path, sep="\t")
    train = table[table["split"] == "train"]
    counts = train.groupby("dataset")["n_intervals"].sum()
    for recipe in find_recipes("genomic_benchmarks"):
        assert recipe.rows == counts[recipe.task]


def test_assemblies_are_those_that_the_publisher_names(shared):
    root = shared / "data" / "genomic_benchmarks" / "intervals"
    seen = [
        it for it in find_recipes("genomic_benchmarks") if (root / it.task).is_dir()
    ]
    assert len(seen) == 3
    for recipe in seen:
        text = (root / recipe.task / "metadata.yaml").read_text()
        urls = [line for line in text.splitlines() if "url:" in line]
        assert all(f".{recipe.genome}.dna." in url for url in urls)
