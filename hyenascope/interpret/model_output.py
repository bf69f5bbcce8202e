"""What is asked of a model of readouts: one output, over some of its bins."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Float64, Int64

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.models.wrappers.protocol import WrappedModel

Aggregation = Literal["mean", "sum"]


class NoBinError(ValueError):
    """None of the bins that a model gives lies where one is asked for."""


@dataclass(frozen=True)
class ModelOutput:
    """One output of a wrapped model, added up or averaged over bins.

    Parameters
    ----------
    output
        Its name, or its number from 0.
    region
        0-based half-open: the bins that overlap it. All that the model gives if None.
    width
        Instead of a region: the bins that overlap this many bases around the middle
        of what is mutated, or around the variant.
    aggregation
        ``"mean"`` or ``"sum"`` over the bins.

    Raises
    ------
    ValueError
        If both ``region`` and ``width`` are given, or one is empty.

    Examples
    --------
    >>> str(ModelOutput("DNase", width=501))
    'mean of DNase, 501 bp around'
    """

    output: str | int | np.integer = 0
    region: Interval | None = None
    width: int | None = None
    aggregation: Aggregation = "mean"

    def __post_init__(self) -> None:
        if self.aggregation not in get_args(Aggregation):
            raise ValueError(
                f"aggregation must be 'mean' or 'sum'; got {self.aggregation!r}."
            )
        if self.region is not None and self.width is not None:
            raise ValueError("region must not come with width; got both.")
        if self.region is not None and self.region.length < 1:
            raise ValueError(f"region must hold at least one base; got {self.region}.")
        if self.width is not None and self.width < 1:
            raise ValueError(f"width must be at least 1; got {self.width}.")

    def __str__(self) -> str:
        what = self.output if isinstance(self.output, str) else f"output {self.output}"
        where = "" if self.width is None else f", {self.width:,} bp around"
        where = where if self.region is None else f" over {self.region}"
        return f"{self.aggregation} of {what}{where}"

    def on(self, genome: FastaReader) -> "ModelOutput":
        """Return the same with its region under the genome's name of the contig.

        Raises
        ------
        ValueError
            If the region is not on the genome.
        """
        if self.region is None:
            return self
        return replace(self, region=genome.inside(self.region))

    def column(self, model: WrappedModel) -> str:
        """Return a short name: that of the output, and what is unusual about it.

        Raises
        ------
        ValueError
            As `index`.
        """
        name = model.outputs[self.index(model)]
        parts = [name]
        if self.region is not None:
            parts.append(f"over {self.region}")
        if self.width is not None:
            parts.append(f"{self.width:,} bp")
        if self.aggregation != "mean":
            parts.append(self.aggregation)
        return ", ".join(parts)

    def index(self, model: WrappedModel, *, reverse: bool = False) -> int:
        """Return which of the model's outputs it is.

        With ``reverse`` the one that says the same of the forward strand when the
        model reads the reverse complement.

        Raises
        ------
        ValueError
            If the model gives no predictions, or none by this name or number.
        """
        model.require("predict")
        number = self.output
        if isinstance(number, str) and number in model.outputs:
            number = model.outputs.index(number)
        if not isinstance(number, str | bool) and 0 <= number < len(model.outputs):
            return int(model.other_strand[number] if reverse else number)
        known = ", ".join(model.outputs[:8])
        more = ", …" if len(model.outputs) > 8 else ""
        raise ValueError(
            f"output must be one of the {len(model.outputs)} of {model.name} "
            f"({known}{more}) or its number; got {self.output!r}."
        )

    def bins(
        self,
        model: WrappedModel,
        window: Interval,
        bins: int,
        *,
        middle: int,
        reverse: bool,
    ) -> Int64[np.ndarray, " some"]:
        """Return the numbers of the bins that count, as the model has them.

        Parameters
        ----------
        model
            Whose bins they are.
        window
            What it reads, 0-based half-open.
        bins
            How many it gives.
        middle
            0-based position around which a ``width`` lies.
        reverse
            Whether it reads the reverse complement.

        Raises
        ------
        NoBinError
            If no bin overlaps what is asked for.
        """
        starts = window.start + model.bins(window.length, bins)
        size = model.bin_size or window.length
        start, end = window.start, window.end
        if self.region is not None:
            start, end = self.region.start, self.region.end
            if self.region.chrom != window.chrom:
                start = end = -1
        elif self.width is not None:
            start = middle - self.width // 2
            end = start + self.width
        found = np.flatnonzero((starts < end) & (starts + size > start))
        if not len(found):
            wanted = self.region or f"{self.width} bp around {middle + 1:,}"
            raise NoBinError(
                f"region must overlap the bins of {model.name} in {window}, "
                f"{starts[0] + 1:,} to {starts[-1] + size:,}; got {wanted}."
            )
        return bins - 1 - found[::-1] if reverse else found

    def values(
        self,
        found: Float[np.ndarray, "batch bins outputs"],
        index: Int64[np.ndarray, " asked"],
        bins: Int64[np.ndarray, " some"],
    ) -> Float64[np.ndarray, "batch asked"]:
        """Return some outputs of each sequence over the same bins."""
        picked = found[:, bins][:, :, index].astype(np.float64)
        return picked.mean(axis=1) if self.aggregation == "mean" else picked.sum(axis=1)
