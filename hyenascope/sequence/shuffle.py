"""Shuffles that keep what a base says about its neighbour.

A sequence is a walk that uses every one of its dinucleotides once, so each shuffle
is another Eulerian walk over the same edges. Such walks correspond to a tree of last
exits into the final base, and any order of the other exits (Altschul & Erickson,
Mol Biol Evol 2(6), 1985). The tree is drawn with Wilson's loop-erased walk (STOC
1996), which needs no rejection, so every distinct shuffle is equally likely.
"""

from itertools import pairwise

import numpy as np

from hyenascope.sequence.dna import validate_dna


def dinucleotide_shuffle(seq: str, *, generator: np.random.Generator) -> str:
    """Return a random sequence with exactly the dinucleotide counts of ``seq``.

    The first and the last base stay, and so do the counts of single bases. Every
    sequence with these properties is equally likely. Letters are compared as they
    are written: N is a letter like the others, and ``a`` is not ``A``.

    Parameters
    ----------
    seq
        DNA text, IUPAC.
    generator
        Source of randomness; the same state gives the same shuffle.

    Raises
    ------
    ValueError
        If ``seq`` holds anything but IUPAC letters, naming the first.

    References
    ----------
    Altschul SF, Erickson BW. Significance of nucleotide sequence alignments: a method
    for random sequence permutation that preserves dinucleotide and codon usage.
    Mol Biol Evol 2(6), 1985.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> shuffled = dinucleotide_shuffle("AACAGATAAG", generator=generator)
    >>> shuffled[0], shuffled[-1], shuffled.count("AG"), shuffled.count("CG")
    ('A', 'G', 2, 0)
    """
    validate_dna(seq)
    followers = _followers(seq)
    exits = _last_exits(followers, seq[-1:], generator)
    orders = {
        letter: _random_order(after, exits.get(letter), generator)
        for letter, after in followers.items()
    }
    walk = list(seq[:1])
    for _ in seq[1:]:
        walk.append(orders[walk[-1]].pop())
    return "".join(walk)


def _followers(seq: str) -> dict[str, list[str]]:
    """For each letter, what comes after it, once per occurrence."""
    followers: dict[str, list[str]] = {letter: [] for letter in sorted(set(seq))}
    for letter, after in pairwise(seq):
        followers[letter].append(after)
    return followers


def _last_exits(
    followers: dict[str, list[str]], final: str, generator: np.random.Generator
) -> dict[str, str]:
    """Draw the last exit of every letter but ``final``: a tree that leads to it.

    From each letter outside the tree, walk at random until the tree is met; writing
    over earlier exits erases the loops of the walk.
    """
    exits: dict[str, str] = {}
    in_tree = {final}
    for letter in followers:
        here = letter
        while here not in in_tree:
            after = followers[here]
            exits[here] = after[generator.integers(len(after))]
            here = exits[here]
        here = letter
        while here not in in_tree:
            in_tree.add(here)
            here = exits[here]
    return exits


def _random_order(
    followers: list[str], last: str | None, generator: np.random.Generator
) -> list[str]:
    """Shuffle exits into a stack that gives out ``last`` at the end."""
    rest = list(followers)
    if last is not None:
        rest.remove(last)
    order = [rest[i] for i in generator.permutation(len(rest))]
    return order if last is None else [last, *order]
