"""How the sequences of labels are read: how long, from which strands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hyenascope._typing import Strands
from hyenascope.models.batching import TokenRow
from hyenascope.models.predict import check_strands
from hyenascope.sequence.tokenizer import tokenize

TooLong = Literal["refuse", "centre", "start", "end"]


@dataclass(frozen=True)
class SequenceInput:
    """How a sequence is read.

    Parameters
    ----------
    longest
        Bases that are read at most.
    too_long
        What becomes of a longer sequence: it is refused, or its ``"centre"``,
        ``"start"`` or ``"end"`` is read.
    strands
        ``"both"`` averages the logits of a sequence and its reverse complement.
    """

    longest: int
    too_long: TooLong = "refuse"
    strands: Strands = "both"

    def __post_init__(self) -> None:
        if self.longest < 1:
            raise ValueError(f"longest must be at least 1; got {self.longest}.")
        if self.too_long not in ("refuse", "centre", "start", "end"):
            raise ValueError(
                "too_long must be 'refuse', 'centre', 'start' or 'end'; got "
                f"{self.too_long!r}."
            )
        check_strands(self.strands)

    def rows(self, names: Sequence[str], texts: Sequence[str]) -> list[TokenRow]:
        """Tokenize sequences.

        Raises
        ------
        ValueError
            If one is empty, no DNA, or too long to be read.
        """
        return [self._row(n, t) for n, t in zip(names, texts, strict=True)]

    def _row(self, name: str, text: str) -> TokenRow:
        if not text:
            raise ValueError(f"sequences must hold bases; got none in {name}.")
        spare = len(text) - self.longest
        if spare > 0 and self.too_long == "refuse":
            raise ValueError(
                f"sequences must have at most {self.longest:,} bp; got {len(text):,} "
                f"in {name}. Give too_long='centre' to read its middle."
            )
        skipped = {"centre": spare // 2, "end": spare}.get(self.too_long, 0)
        first = max(skipped, 0)
        return tokenize(text[first : first + self.longest])
