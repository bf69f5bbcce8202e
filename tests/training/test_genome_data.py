"""What a set of genomes says of itself."""

from hyenascope.training import genome_data
from hyenascope.training.open_genomes import open_genomes

GENOME = {"I": "ACGT" * 100, "II": "CCAT" * 50, "Mito": "AT" * 30}


def test_the_fingerprint_knows_text_and_split():
    prints = {
        open_genomes(genome, validation=validation).fingerprint
        for genome in (GENOME, {**GENOME, "II": "CCAA" * 50})
        for validation in (["I"], ["II"])
    }
    assert len(prints) == 4
    masked = {name: text.lower() for name, text in GENOME.items()}
    assert open_genomes(masked, validation=["I"]).fingerprint in prints


def test_contents_tell_contigs_and_stretches_apart(monkeypatch):
    data = open_genomes([GENOME, {"I": "GG"}], validation=["II"])
    found = data.contents()
    assert list(found) == ["genome 1", "genome 2", "train", "valid", "test"]
    assert found["genome 1"].keys() == GENOME.keys()
    assert found["genome 2"]["I"].startswith("2 bp, SHA-256 ")
    assert found["train"].startswith("3 stretches of 462 bp, ")
    assert found["valid"].startswith("1 stretches of 200 bp, ")
    monkeypatch.setattr(genome_data, "_LISTED", 1)
    assert data.contents()["genome 1"].startswith("3 contigs, ")
