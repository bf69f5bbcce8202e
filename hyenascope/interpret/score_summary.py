"""What a table of scores rests on, in a few lines."""

from collections.abc import Mapping
from typing import Any


def score_summary(
    provenance: Mapping[str, Any], variants: int, status: Mapping[str, int]
) -> dict[str, object]:
    """Return the facts at the top of a report and under a shell command.

    Parameters
    ----------
    provenance
        ``.uns["hyenascope"]`` of what `hyenascope.score_variants` returns.
    variants
        Rows.
    status
        Rows by their ``status``, the most frequent first.

    Examples
    --------
    >>> agreement = {"compared": 3, "match": 2, "mismatch_reverse_complement": 0}
    >>> made = {"model": "m", "checkpoint_hash": "c", "genome": "g.fa", "context": 1024}
    >>> made |= {"strands": "both", "ref_agreement": agreement, "version": "1"}
    >>> facts = score_summary(made, 3, {"ok": 2, "ref_mismatch": 1})
    >>> facts["REF agreement"], facts["flagged"]
    ('2 of 3', '1 (1 ref_mismatch)')
    """
    flagged = {name: count for name, count in status.items() if name != "ok"}
    skipped = provenance.get("skipped", {})
    return {
        "model": provenance["model"],
        "checkpoint": provenance["checkpoint_hash"],
        "genome": provenance["genome"],
        "context": f"{provenance['context']:,} bp",
        "strands": provenance["strands"],
        "variants": f"{variants:,}",
        "REF agreement": _agreement(provenance["ref_agreement"]),
        "flagged": _counts(flagged),
        **({"left out": _counts(skipped)} if skipped else {}),
        "version": provenance["version"],
    }


def _agreement(agreement: Mapping[str, int]) -> str:
    text = f"{agreement['match']:,} of {agreement['compared']:,}"
    flipped = agreement["mismatch_reverse_complement"]
    return f"{text}; {flipped:,} agree on the other strand" if flipped else text


def _counts(by_status: Mapping[str, int]) -> str:
    kinds = {name: count for name, count in by_status.items() if count}
    listed = ", ".join(f"{count:,} {name}" for name, count in kinds.items())
    return f"{sum(kinds.values()):,} ({listed})" if kinds else "0"
