"""What a synthetic genome says about itself, against hand values and its own text."""

import hashlib

import numpy as np
import pytest

from hyenascope.data.grammar import CODON_BASES, GENETIC_CODE
from hyenascope.data.interval import Interval
from hyenascope.data.synthetic import synthetic_genome
from hyenascope.data.variant import Variant
from hyenascope.sequence.dna import BASES, reverse_complement

CONTIGS = {"chrA": 80_000, "chrB": 40_000}


@pytest.fixture(scope="module")
def genome():
    return synthetic_genome(seed=5, contigs=CONTIGS)


def coding_sequence(genome, gene):
    text = "".join(
        genome.sequences[gene.chrom][block.start : block.end]
        for block in gene.transcripts[0].cds
    )
    return reverse_complement(text) if gene.strand == "-" else text


def translate(text):
    codons = (text[i : i + 3] for i in range(0, len(text), 3))
    ranks = ([CODON_BASES.index(base) for base in codon] for codon in codons)
    return "".join(GENETIC_CODE[16 * a + 4 * b + c] for a, b, c in ranks)


def unspliced(genome, strand):
    return next(
        gene
        for gene in genome.genes
        if gene.strand == strand and not gene.transcripts[0].introns
    )


@pytest.mark.parametrize("strand", ["+", "-"])
def test_every_gene_translates_from_atg_to_its_only_stop(genome, strand):
    genes = [gene for gene in genome.genes if gene.strand == strand]
    assert len(genes) > 15
    for gene in genes:
        coding = coding_sequence(genome, gene)
        protein = translate(coding)
        assert coding.startswith("ATG")
        assert protein.index("*") == len(protein) - 1


def test_every_intron_begins_with_gt_and_ends_with_ag(genome):
    introns = [i for gene in genome.genes for i in gene.transcripts[0].introns]
    assert {intron.strand for intron in introns} == {"+", "-"}
    for intron in introns:
        text = genome.fetch(intron)
        assert (text[:2], text[-2:]) == ("GT", "AG")


@pytest.mark.parametrize("strand", ["+", "-"])
def test_effect_in_a_motif_is_the_log_ratio_of_its_column(genome, strand):
    motif = next(
        m for m in genome.motifs if m.name == "A" and m.interval.strand == strand
    )
    # The first column of TATAAAAG: T 0.85 and 0.05 for each other base.
    at = motif.interval.start if strand == "+" else motif.interval.end - 1
    ref = genome.sequences[motif.interval.chrom][at]
    for alt in set(BASES) - {ref}:
        read = (ref, alt) if strand == "+" else map(reverse_complement, (ref, alt))
        before, after = (0.85 if base == "T" else 0.05 for base in read)
        variant = Variant(motif.interval.chrom, at + 1, ref, alt)
        expected = np.log(after / before)
        if strand == "-":  # here the base is also context of the spacer after it
            expected += chain_change(genome, variant)
        assert genome.true_effect(variant) == pytest.approx(expected)
        assert genome.region(variant.chrom, at) == "promoter_A"


def chain_change(genome, variant, distances=(1, 2, 3)):
    """Change of the chain at bases that far to the right of a variant."""
    text, chain = genome.sequences[variant.chrom], genome.grammar.chain
    change = 0.0
    for base, sign in ((variant.alt, 1), (variant.ref, -1)):
        changed = text[: variant.start] + base + text[variant.start + 1 :]
        for i in (variant.start + distance for distance in distances):
            word = tuple(BASES.index(letter) for letter in changed[i - 3 : i + 1])
            change += sign * np.log(chain[word])
    return change


def test_effect_in_the_background_is_the_difference_of_the_chain(genome):
    assert set(genome.regions(Interval("chrA", 45, 70))) == {"background"}
    for start in (50, 51, 52, 60):
        ref = genome.sequences["chrA"][start]
        for alt in set(BASES) - {ref}:
            variant = Variant("chrA", start + 1, ref, alt)
            expected = chain_change(genome, variant, distances=(0, 1, 2, 3))
            assert genome.true_effect(variant) == pytest.approx(expected)


LEUCINES = {"CTA": 0.03, "CTC": 0.12, "CTG": 0.79, "CTT": 0.06}


@pytest.mark.parametrize("strand", ["+", "-"])
def test_synonymous_effect_is_the_log_ratio_of_codon_usage(genome, strand):
    gene = unspliced(genome, strand)
    coding = coding_sequence(genome, gene)
    codon = next(
        i for i in range(3, len(coding) - 3, 3) if coding[i : i + 3] in LEUCINES
    )
    ref = coding[codon + 2]
    for alt in set(BASES) - {ref}:
        expected = np.log(LEUCINES[f"CT{alt}"] / LEUCINES[f"CT{ref}"])
        variant = coding_variant(gene, codon + 2, ref, alt)
        assert genome.true_effect(variant) == pytest.approx(expected)


@pytest.mark.parametrize("strand", ["+", "-"])
def test_missense_and_nonsense_effects(genome, strand):
    gene = unspliced(genome, strand)
    coding = coding_sequence(genome, gene)
    codon = next(i for i in range(3, len(coding) - 3, 3) if coding[i : i + 3] == "AAA")
    # Lysine, 14 of 108, is AAA or AAG by 5 to 3; glutamate, 10, GAA or GAG by 10 to 5.
    lysine = 14 * 0.05 / (0.05 + 0.03)
    glutamate = 10 * 0.10 / (0.10 + 0.05)
    missense = coding_variant(gene, codon, "A", "G")
    expected = np.log(glutamate / lysine)
    assert genome.true_effect(missense) == pytest.approx(expected)
    nonsense = coding_variant(gene, codon, "A", "T")
    p_lysine = lysine / 108 * (1 - 3e-4)  # three stops take the floor
    expected = np.log(1e-4 / p_lysine)
    assert genome.true_effect(nonsense) == pytest.approx(expected)


def coding_variant(gene, offset, ref, alt):
    """Variant at a 0-based offset into the coding sequence of an unspliced gene."""
    block = gene.transcripts[0].cds[0]
    if gene.strand == "+":
        return Variant(gene.chrom, block.start + offset + 1, ref, alt)
    ref, alt = reverse_complement(ref), reverse_complement(alt)
    return Variant(gene.chrom, block.end - offset, ref, alt)


@pytest.mark.parametrize("strand", ["+", "-"])
def test_losing_the_start_costs_the_floor(genome, strand):
    gene = unspliced(genome, strand)
    variant = coding_variant(gene, 1, "T", "C")
    assert genome.region(variant.chrom, variant.start) == "start"
    expected = np.log(1e-4 / (1 - 63e-4))
    if strand == "-":  # one base of the codon lies between it and the 5' UTR
        expected += chain_change(genome, variant, distances=(2, 3))
    assert genome.true_effect(variant) == pytest.approx(expected)


def test_true_effects_agree_with_true_effect_everywhere(genome):
    gene = next(g for g in genome.genes if g.transcripts[0].introns)
    where = Interval(gene.chrom, gene.interval.start - 60, gene.interval.end + 60)
    table, text = genome.true_effects(where), genome.fetch(where)
    for i in range(0, where.length, 3):
        for column, alt in enumerate(BASES):
            variant = Variant(gene.chrom, where.start + i + 1, text[i], alt)
            effect = genome.true_effect(variant)
            assert table[i, column] == pytest.approx(effect, abs=1e-9)


def test_an_mnv_is_two_changes_one_after_the_other(genome):
    gene = unspliced(genome, "+")
    start = gene.transcripts[0].cds[0].start + 31
    text = genome.sequences[gene.chrom]
    ref = text[start : start + 2]
    alt = ref.translate(str.maketrans("ACGT", "CATG"))
    whole = genome.true_effect(Variant(gene.chrom, start + 1, ref, alt))
    before, after = (sum_log_probs(genome, gene.chrom, start, b) for b in (ref, alt))
    assert whole == pytest.approx(after - before)


def sum_log_probs(genome, chrom, start, bases):
    """log p of the codons around ``start`` with ``bases`` written there."""
    layout, text = genome.layouts[chrom], genome.sequences[chrom]
    changed = text[:start] + bases + text[start + len(bases) :]
    rows = set(layout.codon[start : start + len(bases)].tolist())
    return sum(
        genome.grammar.log_codons[
            layout.codon_tables[row],
            *(BASES.index(changed[i]) for i in layout.codons[row]),
        ]
        for row in rows
    )


@pytest.mark.parametrize("alt", ["", "GATTACA", "<DEL>"])
def test_a_change_of_length_has_no_true_effect(genome, alt):
    ref = genome.sequences["chrA"][99]
    variant = Variant("chrA", 100, ref, alt or f"{ref}G")
    assert np.isnan(genome.true_effect(variant))


def test_wrong_questions_are_refused(genome):
    text = genome.sequences["chrA"]
    wrong = "A" if text[99] != "A" else "C"
    with pytest.raises(ValueError, match=f"ref must be {text[99]} at chrA:100-100"):
        genome.true_effect(Variant("chrA", 100, wrong, "G"))
    with pytest.raises(ValueError, match="alt must hold only ACGT; got N"):
        genome.true_effect(Variant("chrA", 100, text[99], "N"))
    with pytest.raises(ValueError, match="inside chrA, which has 80000 bp; got"):
        genome.true_log_probs(Interval("chrA", 79_999, 80_001))
    with pytest.raises(ValueError, match="chrom must be one of chrA, chrB; got chrC"):
        genome.true_effects(Interval("chrC", 0, 1))


def test_fetch_pads_and_reads_the_other_strand(genome):
    text = genome.sequences["chrB"]
    assert genome.fetch(Interval("chrB", -2, 3)) == "NN" + text[:3]
    assert genome.fetch(Interval("chrB", 39_998, 40_001)) == text[-2:] + "N"
    assert genome.fetch(Interval("chrB", -9, -5)) == "NNNN"
    minus = genome.fetch(Interval("chrB", 10, 20, "-"))
    assert minus == reverse_complement(text[10:20])


def test_entropy_is_the_mean_over_contigs_weighted_by_length(genome):
    mean = (80 * genome.entropy("chrA") + 40 * genome.entropy("chrB")) / 120
    assert genome.entropy() == pytest.approx(mean)
    rows = genome.true_log_probs(Interval("chrB", 0, 40_000))
    expected = -(np.exp(rows) * rows).sum(1).mean()
    assert genome.entropy("chrB") == pytest.approx(expected, abs=0.01)
    assert 1.15 < genome.entropy() < 1.22 < np.log(4)


def test_a_contig_depends_on_seed_name_and_length_only(genome):
    alone = synthetic_genome(seed=5, contigs={"chrB": 40_000})
    assert alone.sequences["chrB"] == genome.sequences["chrB"]
    other = synthetic_genome(seed=6, contigs={"chrB": 40_000})
    assert other.sequences["chrB"] != genome.sequences["chrB"]
    renamed = synthetic_genome(seed=5, contigs={"chrC": 40_000})
    assert renamed.sequences["chrC"] != genome.sequences["chrB"]


def test_the_shipped_weights_learned_this_very_genome():
    """If this fails the grammar changed: train ``demo-synthetic`` again."""
    text = synthetic_genome(seed=0, contigs={"chrA": 50_000}).sequences["chrA"]
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert digest[:16] == "e0144dec6988f438"


def test_motifs_are_named_after_their_gene_or_are_decoys(genome):
    names = {gene.name for gene in genome.genes}
    owners = [motif.gene for motif in genome.motifs if motif.gene is not None]
    assert sorted(owners) == sorted([*names, *names])
    decoy = next(motif for motif in genome.motifs if motif.gene is None)
    assert set(genome.regions(decoy.interval)) == {"decoy"}


def test_contigs_and_seed_are_checked():
    with pytest.raises(ValueError, match="at least 1 bp; got chrA: 0"):
        synthetic_genome(contigs={"chrA": 0})
    with pytest.raises(ValueError, match="seed must not be negative; got -1"):
        synthetic_genome(seed=-1, contigs={"chrA": 10})
