"""Real genomes: what is sampled is what is in the files."""

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hyenascope.cli import main
from hyenascope.data.fasta import FastaReader
from hyenascope.models.hyena import HyenaConfig
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import detokenize
from hyenascope.training.hardware import Hardware
from hyenascope.training.open_genomes import open_genomes
from hyenascope.training.pretrain import PretrainOptions, pretrain
from hyenascope.training.windows import WindowRules, Windows

pytestmark = pytest.mark.slow

README = Path(__file__).parents[2] / "README.md"
YEAST = "data/yeast_R64/Saccharomyces_cerevisiae.R64-1-1.fa.gz"
CHR20 = "data/human_hg19_chr20/hg19.chr20.fa.gz"
TINY = HyenaConfig(d_model=16, n_layer=1, d_inner=32, l_max=258)


def test_yeast_without_two_chromosomes_and_the_mitochondrion(shared):
    data = open_genomes(
        shared / YEAST, validation=["chrVIII", "XVI"], leave_out=["chrM"]
    )
    assert {region.chrom for region in data.valid} == {"VIII", "XVI"}
    assert len(data.train) == 14
    assert data.bases("train") == 10_560_617
    assert data.bases("valid") == 562_643 + 948_066


def test_windows_of_a_padded_chromosome_lie_where_there_are_bases(shared):
    """60 of 63 Mb are N: every window is real, and all real text is reached."""
    path = shared / CHR20
    data = open_genomes(path, validation=0.0)
    windows = Windows(data, 1024, seed=0, rules=WindowRules(max_unknown=0.0))
    assert windows.per_epoch == pytest.approx(2_613_565 / 1024, rel=0.01)
    with FastaReader(path) as genome:
        for index in range(0, windows.per_epoch, 50):
            place = windows.place(index)
            region = place.region
            text = genome.fetch_region(region.chrom, region.start, region.end)
            read = detokenize(windows[index].tokens)
            assert read == (reverse_complement(text) if place.reverse else text)
            assert "N" not in read


def test_soft_masked_bases_are_never_asked_for(shared):
    data = open_genomes(shared / CHR20, validation=0.0)
    rules = WindowRules(lower_case="mask", max_unknown=0.0, reverse_complement=False)
    windows = Windows(data, 1024, seed=0, rules=rules)
    with FastaReader(shared / CHR20, keep_case=True) as genome:
        seen = set()
        for index in range(0, 800, 20):
            region = windows.place(index).region
            text = genome.fetch_region(region.chrom, region.start, region.end)
            upper = np.array([letter.isupper() for letter in text])
            assert np.array_equal(windows[index].asked, upper)
            seen.add(bool(upper.all()))
    assert seen == {True, False}


def test_two_species_in_turn(shared):
    worm = shared / "data/celegans_1pct/C.elegans_1pct.fa.gz"
    options = PretrainOptions(
        steps=20, batch_size=4, length=256, windows=WindowRules(balance="genomes")
    )
    result = pretrain(
        TINY,
        [shared / YEAST, worm],
        options=replace(options, learning_rate=5e-3),
        hardware=Hardware(device="cpu"),
        progress=False,
    )
    assert result.finished
    assert result.losses[-1] < result.losses[0] - 0.3


def test_the_line_of_the_readme_runs(shared, tmp_path, monkeypatch):
    """Word by word, but for two steps where it has 1,000."""
    _, rest = README.read_text(encoding="utf-8").split("```sh\nhyenascope pretrain ")
    words = shlex.split(rest.split("```")[0].replace("\\\n", " "))
    words[words.index("--steps") + 1] = "2"
    for file in (shared / YEAST).parent.glob(f"{words[0]}*"):
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["pretrain", *words])
    assert done.exit_code == 0, done.output
    card = (tmp_path / "yeast" / "README.md").read_text(encoding="utf-8")
    assert "Training text: 10,560,617 bases." in card
    assert "VIII:1-562,643 (562,643 bp), XVI:1-948,066 (948,066 bp)" in card
    assert "hyenascope evaluate --model yeast " + words[0] in card
