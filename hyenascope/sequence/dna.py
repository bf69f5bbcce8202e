"""The DNA alphabet: checking it, and reading the other strand."""

BASES = "ACGT"
"""The four bases, in the order of every one-hot and attribution array."""

AMBIGUITY_CODES = "RYSWKMBDHVN"
"""IUPAC letters that stand for more than one base."""

IUPAC = BASES + AMBIGUITY_CODES
"""Every letter a DNA sequence may hold. U is RNA and is not among them."""

_PARTNERS = "TGCAYRSWMKVHDBN"
_COMPLEMENT = str.maketrans(IUPAC + IUPAC.lower(), _PARTNERS + _PARTNERS.lower())


def validate_dna(seq: str, *, alphabet: str = IUPAC) -> str:
    """Return ``seq`` unchanged if every letter, in either case, is allowed.

    Parameters
    ----------
    seq
        DNA text; the empty string is valid.
    alphabet
        Upper-case letters allowed, for example `BASES` or ``BASES + "N"``.

    Raises
    ------
    ValueError
        Naming the first other character and its 0-based index.

    Examples
    --------
    >>> validate_dna("ACGTnr")
    'ACGTnr'
    >>> validate_dna("ACGU")
    Traceback (most recent call last):
    ValueError: seq must hold only ACGTRYSWKMBDHVN; got 'U' (RNA? ...) at index 3.
    """
    offending = set(seq) - set(alphabet + alphabet.lower())
    if offending:
        index = next(i for i, letter in enumerate(seq) if letter in offending)
        hint = " (RNA? write T for U)" if seq[index] in "Uu" else ""
        raise ValueError(
            f"seq must hold only {alphabet}; got {seq[index]!r}{hint} at index {index}."
        )
    return seq


def is_dna(seq: str, *, alphabet: str = IUPAC) -> bool:
    """Whether every letter of ``seq``, in either case, is in ``alphabet``.

    Examples
    --------
    >>> is_dna("ACGTN"), is_dna("ACGTN", alphabet=BASES)
    (True, False)
    """
    return set(seq) <= set(alphabet + alphabet.lower())


def reverse_complement(seq: str) -> str:
    """Read the other strand 5' to 3'; IUPAC codes are complemented, case is kept.

    Raises
    ------
    ValueError
        If ``seq`` holds anything but IUPAC letters, naming the first.

    Examples
    --------
    >>> reverse_complement("AACgtRN")
    'NYacGTT'
    """
    return validate_dna(seq).translate(_COMPLEMENT)[::-1]


def either_strand(seq: str) -> str:
    """Return what a sequence and its reverse complement have in common, upper case.

    Raises
    ------
    ValueError
        As `reverse_complement`.

    Examples
    --------
    >>> either_strand("ttg"), either_strand("CAA")
    ('CAA', 'CAA')
    """
    upper = seq.upper()
    return min(upper, reverse_complement(upper))
