"""The recipes say what the papers say, and name what can be fetched."""

from dataclasses import asdict

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


# In per cent, as the tables print them.
NUMBERS = [
    ("genomic_benchmarks/dummy_mouse_enhancers_ensembl", "accuracy", 85.1, 78.0),
    ("genomic_benchmarks/demo_coding_vs_intergenomic_seqs", "accuracy", 91.3, 90.4),
    ("genomic_benchmarks/demo_human_or_worm", "accuracy", 96.6, 96.4),
    ("genomic_benchmarks/human_enhancers_cohn", "accuracy", 74.2, 72.9),
    ("genomic_benchmarks/human_enhancers_ensembl", "accuracy", 89.2, 84.9),
    ("genomic_benchmarks/human_ensembl_regulatory", "accuracy", 93.8, 86.9),
    ("genomic_benchmarks/human_nontata_promoters", "accuracy", 96.6, 94.4),
    ("genomic_benchmarks/human_ocr_ensembl", "accuracy", 80.9, 78.3),
    ("nucleotide_transformer/enhancers", "mcc", 62.6, 51.7),
    ("nucleotide_transformer/enhancers_types", "mcc", 55.7, 38.6),
    ("nucleotide_transformer/H3", "mcc", 81.7, 77.9),
    ("nucleotide_transformer/H3K4me1", "mcc", 57.1, 51.2),
    ("nucleotide_transformer/H3K4me2", "mcc", 53.9, 45.5),
    ("nucleotide_transformer/H3K4me3", "mcc", 61.2, 54.9),
    ("nucleotide_transformer/H3K9ac", "mcc", 65.1, 58.1),
    ("nucleotide_transformer/H3K14ac", "mcc", 66.3, 61.2),
    ("nucleotide_transformer/H3K36me3", "mcc", 65.3, 61.3),
    ("nucleotide_transformer/H3K79me3", "mcc", 71.6, 67.2),
    ("nucleotide_transformer/H4", "mcc", 79.6, 76.3),
    ("nucleotide_transformer/H4ac", "mcc", 63.7, 56.4),
    ("nucleotide_transformer/promoter_all", "f1_macro", 96.5, 96.0),
    ("nucleotide_transformer/promoter_no_tata", "f1_macro", 96.6, 95.9),
    ("nucleotide_transformer/promoter_tata", "f1_macro", 96.7, 94.4),
    ("nucleotide_transformer/splice_sites_acceptors", "f1_macro", 96.6, 95.8),
    ("nucleotide_transformer/splice_sites_donors", "f1_macro", 97.3, 94.9),
    ("nucleotide_transformer/splice_sites_all", "f1_macro", 97.9, 95.6),
]


@pytest.mark.parametrize(("name", "metric", "published", "rerun"), NUMBERS)
def test_numbers_of_the_papers(name, metric, published, rerun):
    (recipe,) = find_recipes(name)
    table = recipe.others()
    assert table["task"].unique().tolist() == [name.split("/")[1]]
    assert table["metric"].unique().tolist() == [metric]
    assert (100 * table["value"]).tolist() == pytest.approx([published, rerun])
    assert table["split"].tolist()[0] == "test, which chose the epoch"
    assert "cross-validation" in table["split"].tolist()[1]
    assert table["source"].str.contains("Table").all()
    assert recipe.options.select_by == metric


def test_no_recipe_is_without_its_numbers():
    assert [recipe.name for recipe in RECIPES] == [name for name, *_ in NUMBERS]


@pytest.mark.parametrize("table", ["genomic_benchmarks", "nucleotide_transformer"])
def test_options_are_those_of_the_authors_script(table):
    script = {
        "epochs": 100,
        "patience": None,
        "batch_size": 128,
        "learning_rate": 6e-4,
        "weight_decay": 0.1,
        "dropout": 0.0,
        "warmup": 0.01,
        "clip": 1.0,
        "frozen": "nothing",
        "layer_decay": 1.0,
        "pooling": "mean",
        "class_weights": None,
        "reverse_complement": False,
        "strands": "forward",
    }
    for recipe in find_recipes(table):
        options = asdict(recipe.options)
        assert {name: options[name] for name in script} == script


def test_what_no_source_says_is_not_made_up():
    (recipe,) = find_recipes("nucleotide_transformer/splice_sites_all")
    assert (recipe.rows, recipe.length) == (None, None)
    assert "splice_sites_all" in recipe.table.unknown
    known = [it for it in RECIPES if it is not recipe]
    assert all(it.rows and it.length for it in known)


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
