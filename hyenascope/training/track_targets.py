"""What is to be learned of every base: tracks over stretches of a genome."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Float64

from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelError
from hyenascope.models.sequence_task import SequenceTask


@dataclass(frozen=True, eq=False)
class Stretch:
    """Numbers of the bases of an interval.

    Parameters
    ----------
    interval
        0-based half-open, in the genome's spelling.
    values
        A row per base, left to right; read-only, and shared with whom they are of.
    known
        At which bases something is known, and the genome has a letter.
    """

    interval: Interval
    values: Float[np.ndarray, "length track"]
    known: Bool[np.ndarray, " length"]

    def part(self, start: int, end: int) -> "Stretch":
        """Return what lies in ``[start, end)`` of the contig, with no copy."""
        rows = slice(start - self.interval.start, end - self.interval.start)
        place = Interval(self.interval.chrom, start, end)
        return Stretch(place, self.values[rows], self.known[rows])


@dataclass(frozen=True, eq=False)
class TrackTargets:
    """Numbers of bases, and what they mean.

    Of NaN, and of bases that are N in the genome, nothing is known: they are neither
    learnt from nor judged.

    Parameters
    ----------
    stretches
        They do not overlap, and are sorted by contig and place.
    task
        ``"multilabel"``: each track is 0 or 1. ``"regression"``: each is a number.
        ``"multiclass"``: the one track is the number of a class, from 0.
    units
        Of the values.

    Raises
    ------
    LabelError
        If stretches overlap, or nothing is known.
    """

    stretches: tuple[Stretch, ...] = field(repr=False)
    task: SequenceTask
    units: str = ""

    def __post_init__(self) -> None:
        for one, after in pairwise(each.interval for each in self.stretches):
            if one.overlaps(after):
                raise LabelError(
                    f"tracks must lie apart, training and validation too; {one} and "
                    f"{after} overlap."
                )
        if not self.bases:
            raise LabelError("tracks must have a value at some base; got none.")

    @cached_property
    def bases(self) -> int:
        """Bases of which something is known."""
        return sum(int(stretch.known.sum()) for stretch in self.stretches)

    @cached_property
    def _of_contig(self) -> dict[str, tuple[list[int], list[Stretch]]]:
        found: dict[str, tuple[list[int], list[Stretch]]] = {}
        for stretch in self.stretches:
            starts, stretches = found.setdefault(stretch.interval.chrom, ([], []))
            starts.append(stretch.interval.start)
            stretches.append(stretch)
        return found

    def over(
        self, interval: Interval, bin_size: int = 1
    ) -> Float64[np.ndarray, "bins track"]:
        """Return the mean of what is known in each bin of an interval, NaN elsewhere.

        Bins count from the start of the interval; the last may be short.
        """
        width = self.stretches[0].values.shape[1]
        values = np.full((interval.length, width), np.nan)
        starts, stretches = self._of_contig.get(interval.chrom, ([], []))
        at = max(0, bisect_right(starts, interval.start) - 1)
        for stretch in stretches[at:]:
            if stretch.interval.start >= interval.end:
                break
            both = stretch.interval.intersect(interval)
            if both is not None:
                part = stretch.part(both.start, both.end)
                here = slice(both.start - interval.start, both.end - interval.start)
                values[here] = np.where(part.known[:, None], part.values, np.nan)
        return _bin_means(values, bin_size) if bin_size > 1 else values

    def moments(self, bin_size: int = 1) -> tuple[Float64[np.ndarray, " track"], ...]:
        """Return mean and standard deviation of each track over its known bins.

        Bins count from the start of each stretch. NaN of a track that has no value.
        """
        mean = self._mean(bin_size, lambda values: values)
        variance = self._mean(bin_size, lambda values: (values - mean) ** 2)
        return mean, np.sqrt(variance)

    def ends(self) -> tuple[Float64[np.ndarray, " track"], ...]:
        """Return the least and the largest value of each track, ±inf if it has none."""
        low = np.full(self.stretches[0].values.shape[1], np.inf)
        high = -low
        for stretch in self.stretches:
            values = self.over(stretch.interval)
            low = np.fmin(low, np.fmin.reduce(values, axis=0, initial=np.inf))
            high = np.fmax(high, np.fmax.reduce(values, axis=0, initial=-np.inf))
        return low, high

    def _mean(
        self, bin_size: int, number: Callable[[np.ndarray], np.ndarray]
    ) -> Float64[np.ndarray, " track"]:
        """Return the mean of a number over the known bins of each track."""
        total = np.zeros(self.stretches[0].values.shape[1])
        count = total.copy()
        for stretch in self.stretches:
            found = number(self.over(stretch.interval, bin_size))
            total += np.nansum(found, axis=0)
            count += (~np.isnan(found)).sum(axis=0)
        nothing = np.full_like(total, np.nan)
        return np.divide(total, count, out=nothing, where=count > 0)


def _bin_means(
    values: Float64[np.ndarray, "length track"], bin_size: int
) -> Float64[np.ndarray, "bins track"]:
    """Mean over what is known in each bin, NaN where nothing is."""
    short = -len(values) % bin_size
    padded = np.pad(values, ((0, short), (0, 0)), constant_values=np.nan)
    bins = padded.reshape(-1, bin_size, values.shape[1])
    counts = (~np.isnan(bins)).sum(axis=1)
    sums = np.nansum(bins, axis=1)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
