import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyenascope.sequence.dna import (
    AMBIGUITY_CODES,
    BASES,
    IUPAC,
    either_strand,
    is_dna,
    reverse_complement,
    validate_dna,
)

# What each IUPAC letter stands for (NC-IUB 1984).
STANDS_FOR = {
    **{base: base for base in BASES},
    **{"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"},
    **{"B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT"},
}


def test_the_alphabet_is_the_fifteen_iupac_letters():
    assert IUPAC == BASES + AMBIGUITY_CODES
    assert set(IUPAC) == set(STANDS_FOR)


@pytest.mark.parametrize("letter", IUPAC)
def test_complement_stands_for_the_complements(letter):
    partner = {"A": "T", "C": "G", "G": "C", "T": "A"}
    expected = {partner[base] for base in STANDS_FOR[letter]}
    assert set(STANDS_FOR[reverse_complement(letter)]) == expected


def test_reverse_complement_by_hand_keeps_case():
    assert reverse_complement("AACgtRybN") == "NvrYacGTT"


@given(st.text("ACGTNacgt", max_size=30))
def test_either_strand_is_one_name_for_both(seq):
    name = either_strand(seq)
    assert name == either_strand(reverse_complement(seq)) == either_strand(seq.lower())
    assert name in (seq.upper(), reverse_complement(seq).upper())


def test_reverse_complement_twice_is_identity():
    assert reverse_complement(reverse_complement(IUPAC + IUPAC.lower())) == (
        IUPAC + IUPAC.lower()
    )


@pytest.mark.parametrize(
    ("seq", "message"),
    [
        ("AC-GT", r"got '-' at index 2"),
        ("1", r"got '1' at index 0"),
        ("ACGU-", r"got 'U' \(RNA\? write T for U\) at index 3"),
        ("AC GT", r"got ' ' at index 2"),
        ("ACÅ", r"got 'Å' at index 2"),
    ],
)
def test_other_letters_are_refused_by_name_and_place(seq, message):
    with pytest.raises(ValueError, match=message):
        validate_dna(seq)
    with pytest.raises(ValueError, match=message):
        reverse_complement(seq)
    assert not is_dna(seq)


def test_a_smaller_alphabet_is_honoured_in_both_cases():
    assert validate_dna("acgTN", alphabet=BASES + "N") == "acgTN"
    with pytest.raises(ValueError, match="only ACGTN; got 'r' at index 1"):
        validate_dna("ArN", alphabet=BASES + "N")
    assert is_dna("", alphabet=BASES)
