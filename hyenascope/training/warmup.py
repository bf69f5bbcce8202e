"""Sequence-length warm-up: short windows first, as many tokens per step throughout.

A long-context model that begins with short windows trains faster and ends better
(Nguyen et al. 2023, arXiv 2306.15794, section 3.2: 40 % less time at 450 kb). The
filters span the longest window from the first step on: only windows grow.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """Some steps with windows of one length.

    Parameters
    ----------
    length
        Bases per window.
    steps
        Optimiser steps.
    """

    length: int
    steps: int

    def __post_init__(self) -> None:
        for name in ("length", "steps"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"{name} must be at least 1; got {value}.")


def length_stages(length: int, steps: int, *, start: int = 1024) -> tuple[Stage, ...]:
    """Double the length from ``start`` on; the last two stages take twice as long.

    With ``start=1024`` and ``length=32768`` these are the shares of the published
    example: two epochs each at 1,024, 2,048, 4,096 and 8,192 bases, four each at
    16,384 and 32,768. The paper itself starts at 64.

    Parameters
    ----------
    length
        Bases per window in the end.
    steps
        Optimiser steps of all stages together.
    start
        Bases per window in the first stage.

    Raises
    ------
    ValueError
        If ``start`` is below 1, ``length`` is not ``start`` doubled some times, or
        there are fewer steps than stages.

    Examples
    --------
    >>> length_stages(4096, 100)  # doctest: +NORMALIZE_WHITESPACE
    (Stage(length=1024, steps=20), Stage(length=2048, steps=40),
     Stage(length=4096, steps=40))
    """
    if start < 1:
        raise ValueError(f"start must be at least 1; got {start}.")
    lengths = [start]
    while lengths[-1] < length:
        lengths.append(2 * lengths[-1])
    if lengths[-1] != length:
        raise ValueError(
            f"length must be start={start:,} doubled some times; got {length:,}."
        )
    if steps < len(lengths):
        raise ValueError(
            f"steps must be at least {len(lengths)}, one per stage; got {steps}."
        )
    shares = [4 if place >= len(lengths) - 2 else 2 for place in range(len(lengths))]
    done = [0]
    for number in range(1, len(lengths) + 1):
        ideal = round(steps * sum(shares[:number]) / sum(shares))
        least, most = done[-1] + 1, steps - (len(lengths) - number)
        done.append(min(max(ideal, least), most))
    return tuple(
        Stage(size, last - first)
        for size, first, last in zip(lengths, done, done[1:], strict=False)
    )
