"""How a layout writes bases: drawing them, and the probability of each.

The sequence of a contig is a product of factors, each read from one table of the
`Grammar`: ``p(sequence | layout) = Π chain · Π columns · Π codons``. Read left to
right the same product is a product over bases, because a codon splits into three
conditional steps. Bases are codes here: A 0, C 1, G 2, T 3.
"""

import numpy as np
from jaxtyping import Float, Int

from hyenascope.data.genome_layout import Layout
from hyenascope.data.grammar import Grammar

_UNWRITTEN = 4


def draw_bases(
    grammar: Grammar, layout: Layout, generator: np.random.Generator
) -> Int[np.ndarray, " length"]:
    """Draw motifs and codons first, then let the chain run through the rest.

    Examples
    --------
    >>> from hyenascope.data.genome_layout import draw_layout
    >>> grammar, generator = Grammar.default(), np.random.default_rng(0)
    >>> layout = draw_layout(grammar, 1000, generator)
    >>> np.unique(draw_bases(grammar, layout, generator))
    array([0, 1, 2, 3], dtype=int8)
    """
    codes = np.full(len(layout.region), _UNWRITTEN, np.int8)
    sites = np.flatnonzero(layout.column >= 0)
    columns = grammar.columns[layout.column[sites]]
    codes[sites] = _invert(columns, generator.random(len(sites)))
    for table, p in enumerate(grammar.forward_codons):
        triples = layout.codons[layout.codon_tables == table]
        uniform = generator.random(len(triples))
        drawn = np.searchsorted(np.cumsum(p) / p.sum(), uniform, side="right")
        codes[triples] = np.stack(np.unravel_index(drawn, p.shape), axis=1)
    _run_chain(grammar, codes, generator)
    return codes


def log_probs(
    grammar: Grammar,
    layout: Layout,
    codes: Int[np.ndarray, " length"],
    start: int,
    end: int,
) -> Float[np.ndarray, "window 4"]:
    """Return log p(base | bases to the left, layout) over ``[start, end)``, in nats.

    ``codes`` is the whole contig; positions are 0-based. Columns are A, C, G, T and
    sum to one in probability.

    Examples
    --------
    >>> from hyenascope.data.genome_layout import draw_layout
    >>> grammar, generator = Grammar.default(), np.random.default_rng(0)
    >>> layout = draw_layout(grammar, 1000, generator)
    >>> codes = draw_bases(grammar, layout, generator)
    >>> np.exp(log_probs(grammar, layout, codes, 0, 1)).round(2)  # the composition
    array([[0.29, 0.21, 0.21, 0.29]])
    """
    rows = grammar.log_chain[_contexts(grammar.order, codes, start, end)]
    column = layout.column[start:end]
    rows[column >= 0] = grammar.log_columns[column[column >= 0]]
    inside = np.flatnonzero(layout.codon[start:end] >= 0)
    table, slot, triples = _codons_at(layout, codes, start + inside)
    rows[inside] = grammar.log_codon_steps[table, slot, triples[:, 0], triples[:, 1]]
    return rows


def substitution_effects(
    grammar: Grammar,
    layout: Layout,
    codes: Int[np.ndarray, " length"],
    start: int,
    end: int,
) -> Float[np.ndarray, "window 4"]:
    """Return log p(changed sequence) − log p(sequence) for every single change.

    In nats, over ``[start, end)`` (0-based), columns A, C, G, T; 0 for the base
    that is there. The sum of two parts: the log-ratio in the factor that wrote the
    base, and the log-ratios of those chain bases after it that have it as context.

    Examples
    --------
    >>> from hyenascope.data.genome_layout import draw_layout
    >>> grammar, generator = Grammar.default(), np.random.default_rng(0)
    >>> layout = draw_layout(grammar, 1000, generator)
    >>> codes = draw_bases(grammar, layout, generator)
    >>> effects = substitution_effects(grammar, layout, codes, 0, 1000)
    >>> bool(pick(effects, codes).any()), bool(effects.mean() < 0)
    (False, True)
    """
    own = log_probs(grammar, layout, codes, start, end)
    inside = np.flatnonzero(layout.codon[start:end] >= 0)
    table, slot, triples = _codons_at(layout, codes, start + inside)
    for base in range(4):
        changed = triples.copy()
        changed[np.arange(len(slot)), slot] = base
        own[inside, base] = grammar.log_codons[table, *changed.T]
    effects = own - pick(own, codes[start:end])[:, None]
    for distance in range(1, grammar.order + 1):
        effects += _as_context(grammar, layout, codes, start, end, distance)
    return effects


def pick(
    rows: Float[np.ndarray, "window 4"], codes: Int[np.ndarray, " window"]
) -> Float[np.ndarray, " window"]:
    """Return from each row the entry of the base that is there.

    Examples
    --------
    >>> pick(np.eye(4), np.array([0, 1, 2, 2]))
    array([1., 1., 1., 0.])
    """
    return rows[np.arange(len(codes)), codes]


def _as_context(
    grammar: Grammar,
    layout: Layout,
    codes: Int[np.ndarray, " length"],
    start: int,
    end: int,
    distance: int,
) -> Float[np.ndarray, "window 4"]:
    """Change in log p of the chain base ``distance`` to the right, by new base here."""
    effects = np.zeros((end - start, 4))
    after = np.arange(start, min(end, len(codes) - distance)) + distance
    after = after[(layout.column[after] < 0) & (layout.codon[after] < 0)]
    if not len(after):
        return effects
    first = int(after[0])
    contexts = _contexts(grammar.order, codes, first, int(after[-1]) + 1)[after - first]
    digit = 5 ** (distance - 1)
    blank = contexts - digit * codes[after - distance].astype(np.int64)
    reference = grammar.log_chain[contexts, codes[after]]
    for base in range(4):
        alternate = grammar.log_chain[blank + digit * base, codes[after]]
        effects[after - distance - start, base] = alternate - reference
    return effects


def _contexts(
    order: int, codes: Int[np.ndarray, " length"], start: int, end: int
) -> Int[np.ndarray, " window"]:
    """Read the ``order`` bases before each position in base 5; 4 is off the contig."""
    first = max(start - order, 0)
    padded = np.full(end - start + order, 4, np.int64)
    padded[first - start + order :] = codes[first:end]
    contexts = np.zeros(end - start, np.int64)
    for i in range(order):
        contexts = 5 * contexts + padded[i : i + end - start]
    return contexts


def _codons_at(
    layout: Layout,
    codes: Int[np.ndarray, " length"],
    positions: Int[np.ndarray, " sites"],
) -> tuple[
    Int[np.ndarray, " sites"], Int[np.ndarray, " sites"], Int[np.ndarray, "sites 3"]
]:
    """Return table, place in the codon and its bases, read on the forward strand."""
    codon = layout.codon[positions]
    triples = layout.codons[codon]
    slot = (triples == positions[:, None]).argmax(1)
    return layout.codon_tables[codon], slot, codes[triples]


def _run_chain(
    grammar: Grammar, codes: Int[np.ndarray, " length"], generator: np.random.Generator
) -> None:
    """Fill what is still unwritten, all stretches growing side by side.

    A stretch needs only the bases before it, and every feature is longer than the
    chain's order, so no stretch waits for another.
    """
    edges = np.flatnonzero(np.diff(codes == _UNWRITTEN, prepend=False, append=False))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    longest_first = np.argsort(-lengths, kind="stable")
    starts, lengths = starts[longest_first], lengths[longest_first]
    chain = grammar.chain.reshape(-1, 4)
    for step in range(lengths.max(initial=0)):
        here = starts[lengths > step] + step
        contexts = np.zeros(len(here), np.int64)
        for distance in range(grammar.order, 0, -1):
            before = here - distance
            digit = np.where(before < 0, 4, codes[np.maximum(before, 0)])
            contexts = 5 * contexts + digit
        codes[here] = _invert(chain[contexts], generator.random(len(here)))


def _invert(
    p: Float[np.ndarray, "sites 4"], uniform: Float[np.ndarray, " sites"]
) -> Int[np.ndarray, " sites"]:
    """Draw from each row of probabilities by inverting its running sum."""
    return (uniform[:, None] >= np.cumsum(p[:, :3], axis=1)).sum(1)
