"""Variant scores of wrapped models: reference and alternate windows, read whole.

What `hyenascope.interpret.variant_passes` does for our own model with shared and
incremental passes, here for any other, by its protocol alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64
from tqdm.auto import tqdm

from hyenascope.data.fasta import FastaReader
from hyenascope.interpret.haplotype import AlleleReading, strand_text
from hyenascope.interpret.model_output import ModelOutput, NoBinError
from hyenascope.interpret.score_formulas import (
    DISTANCES,
    Pair,
    Sides,
    StatePool,
    score_sides,
    state_pools,
)
from hyenascope.interpret.scores import ScoreName
from hyenascope.interpret.window_rows import Job
from hyenascope.interpret.wrapped_maps import picked_bases
from hyenascope.models.wrappers.protocol import NoAnswerError, WrappedModel
from hyenascope.sequence.tokenizer import N_TOKEN, detokenize

MASKED_SCORES: tuple[ScoreName, ...] = (
    "conditional",
    "full_sum",
    "full_mean",
    "embedding_l2",
    "embedding_cosine",
    "variant_cosine",
)
"""Scores of a model that fills masks; the others need one that reads from the left."""

_UNKNOWN = (np.nan, np.nan)

_Tables = tuple[Float64[np.ndarray, "length 4"], Float64[np.ndarray, "length 4"]]
_States = dict[
    StatePool, tuple[Float64[np.ndarray, " channels"], Float64[np.ndarray, " channels"]]
]


@dataclass(frozen=True)
class _Asked:
    """Outputs that share their bins, and where the model has them."""

    names: tuple[str, ...]
    output: ModelOutput
    index: Int64[np.ndarray, " outputs"]


@dataclass(frozen=True)
class _Read:
    """A job on one strand: its alleles, and both haplotypes as text."""

    job: Job
    alleles: AlleleReading
    texts: tuple[str, str]


class WrappedPasses:
    """Score jobs by a wrapped model, some variants at a time.

    Parameters
    ----------
    model
        Borrowed and put back.
    genome
        Open reader.
    scores
        Of its likelihoods and states.
    outputs
        Of its predictions, by column.
    sides
        Strands to read.
    window
        Bases that ``"downstream"`` adds up.
    device
        Where to run.

    Attributes
    ----------
    failures : dict
        By row and strand, why the model gave no answer.
    """

    engine = "full passes"

    def __init__(
        self,
        model: WrappedModel,
        genome: FastaReader,
        *,
        scores: Sequence[ScoreName],
        outputs: Mapping[str, ModelOutput],
        sides: Sequence[str],
        window: int,
        device: str,
    ) -> None:
        self.model = model
        self.genome = genome
        self.scores = tuple(scores)
        self.names = (*self.scores, *outputs)
        self.sides = tuple(sides)
        self.window = window
        self.device = device
        self.failures: dict[tuple[int, str], str] = {}
        self._asked = tuple(_by_bins(model, outputs))

    def run(
        self, jobs: Sequence[Job], *, progress: bool
    ) -> Iterator[tuple[int, dict[str, Sides]]]:
        """Yield each job's row with its scores by strand."""
        bar = tqdm(total=len(jobs), disable=not progress, unit="variant")
        with self.model.borrowed(self.device), bar:
            for at in range(0, len(jobs), self.model.batch_size):
                some = jobs[at : at + self.model.batch_size]
                found = {strand: self._strand(some, strand) for strand in self.sides}
                for i, job in enumerate(some):
                    yield job.row, {strand: found[strand][i] for strand in self.sides}
                bar.update(len(some))

    def _strand(self, jobs: Sequence[Job], strand: str) -> list[Sides]:
        sides: list[Sides] = [dict.fromkeys(self.names, _UNKNOWN) for _ in jobs]
        alike: dict[int, list[tuple[int, _Read]]] = {}  # by length
        for i, job in enumerate(jobs):
            room = len(job.variant.ref)
            text = strand_text(
                self.genome, job.window, reverse=strand == "reverse", room=room
            )
            alleles = text.read(job.variant)
            if can_be_read(self.model, alleles):
                texts = detokenize(alleles.reference), detokenize(alleles.alternate)
                read = _Read(job, alleles, texts)
                alike.setdefault(len(alleles.reference), []).append((i, read))
        for some in alike.values():
            reads = [read for _, read in some]
            for (i, _), found in zip(some, self._answers(reads, strand), strict=True):
                sides[i] = found
        return sides

    def _answers(self, reads: Sequence[_Read], strand: str) -> list[Sides]:
        """Read haplotypes of one length; where the model fails, one by one."""
        try:
            found = self._likelihoods(reads) if self.scores else [{} for _ in reads]
            if self._asked:
                more = self._predictions(reads, reverse=strand == "reverse")
                found = [one | other for one, other in zip(found, more, strict=True)]
            return found
        except NoAnswerError as err:
            if len(reads) > 1:
                return [self._answers([read], strand)[0] for read in reads]
            self.failures[reads[0].job.row, strand] = str(err)
            return [dict.fromkeys(self.names, _UNKNOWN)]

    def _likelihoods(self, reads: Sequence[_Read]) -> list[Sides]:
        tables = self._tables(reads)
        states = self._states(reads)
        found: list[Sides] = []
        for read, both, state in zip(reads, tables, states, strict=True):
            ref, alt = map(picked_bases, both, read.texts)
            alleles, sides = read.alleles, Sides()
            for name in self.scores:
                # Before the change bases have another log p too, of a model that
                # fills masks or whose tokens follow from what comes after.
                at = 0 if name in ("full_sum", "full_mean") else alleles.first
                lacks = alleles.removed != alleles.added
                pair = _pair(ref, alt, at, state, lacks=lacks)
                sides |= score_sides(alleles, pair, [name], self.window)
                if at == 0 and _is_unknown(alleles, ref, alt):
                    sides[name] = _UNKNOWN
            found.append(sides)
        return found

    def _tables(self, reads: Sequence[_Read]) -> list[_Tables]:
        alone = [name for name in self.scores if name not in DISTANCES]
        if not alone:
            return [
                (np.full((len(ref), 4), np.nan), np.full((len(alt), 4), np.nan))
                for ref, alt in (read.texts for read in reads)
            ]
        # Both alleles of an SNV are in the reference's row, which sees neither
        # (without masks it sees the reference: that is what masking="none" says).
        shared = [
            alone == ["conditional"] and read.alleles.removed == read.alleles.added == 1
            for read in reads
        ]
        texts: list[str] = []
        places: list[tuple[int, int]] = []
        for read, one in zip(reads, shared, strict=True):
            asked = read.texts[:1] if one else read.texts
            texts += asked
            places += [self._place(read.alleles, alone)] * len(asked)
        found = iter(self.model.log_probs(texts, places=places, device=self.device))
        tables = []
        for one in shared:
            ref = next(found)
            tables.append((ref, ref if one else next(found)))
        return tables

    def _place(
        self, alleles: AlleleReading, scores: Sequence[ScoreName]
    ) -> tuple[int, int]:
        first, length = alleles.first, len(alleles.reference)
        if any(name not in ("conditional", "downstream") for name in scores):
            return 0, length
        more = self.window if "downstream" in scores else 0
        return first, min(max(alleles.change.stop, first + more, first + 1), length)

    def _states(self, reads: Sequence[_Read]) -> list[_States]:
        pools = state_pools(self.scores)
        if not pools:
            return [{} for _ in reads]
        texts = [text for read in reads for text in read.texts]
        found = self.model.embed(texts, device=self.device)
        return [
            {
                pool: (
                    _pooled(ref, pool, read.alleles.first),
                    _pooled(alt, pool, read.alleles.first),
                )
                for pool in pools
            }
            for read, ref, alt in zip(reads, found[::2], found[1::2], strict=True)
        ]

    def _predictions(self, reads: Sequence[_Read], *, reverse: bool) -> list[Sides]:
        texts = [text for read in reads for text in read.texts]
        found = self.model.predict(texts, device=self.device)
        both = found.reshape(len(reads), 2, *found.shape[1:])
        return [
            self._values(read.job, pair, reverse=reverse)
            for read, pair in zip(reads, both, strict=True)
        ]

    def _values(
        self, job: Job, pair: Float[np.ndarray, "2 bins outputs"], *, reverse: bool
    ) -> Sides:
        sides: Sides = {}
        for asked in self._asked:
            try:
                bins = asked.output.bins(
                    self.model,
                    job.window,
                    pair.shape[1],
                    middle=job.variant.start,
                    reverse=reverse,
                )
            except NoBinError:  # near the end of a contig, of a model that crops
                sides |= dict.fromkeys(asked.names, _UNKNOWN)
                continue
            index = self.model.other_strand[asked.index] if reverse else asked.index
            ref, alt = asked.output.values(pair, index, bins).tolist()
            sides |= zip(asked.names, zip(ref, alt, strict=True), strict=True)
        return sides


def _by_bins(
    model: WrappedModel, outputs: Mapping[str, ModelOutput]
) -> Iterator[_Asked]:
    alike: dict[ModelOutput, list[str]] = {}
    for name, output in outputs.items():
        alike.setdefault(replace(output, output=0), []).append(name)
    index = {name: i for i, name in enumerate(model.outputs)}
    for output, names in alike.items():
        places = [index[str(outputs[name].output)] for name in names]
        yield _Asked(tuple(names), output, np.array(places))


def _is_unknown(
    alleles: AlleleReading,
    ref: Float64[np.ndarray, " length"],
    alt: Float64[np.ndarray, " length"],
) -> bool:
    """Whether a base that goes or comes has no log p: no token spells it there."""
    gone = ref[alleles.first : alleles.first + alleles.removed]
    come = alt[alleles.first : alleles.first + alleles.added]
    return bool(np.isnan(gone).any() or np.isnan(come).any())


def can_be_read(model: WrappedModel, reading: AlleleReading) -> bool:
    """Whether the model sees all of the change, and enough around it.

    The first base of a strand has nothing before it, which matters to a causal model;
    a contig that ends within the window is too short for one of fixed length.
    """
    if is_too_short(model, reading) or has_strange_letters(model, reading):
        return False
    needs_left = "log_probs" in model.offers and model.causal
    return reading.is_seen and (reading.first > 0 or not needs_left)


def is_too_short(model: WrappedModel, reading: AlleleReading) -> bool:
    """Whether a model of fixed length wants more bases than the contig has."""
    return model.fixed_length and len(reading.reference) < model.context_length


def has_strange_letters(model: WrappedModel, reading: AlleleReading) -> bool:
    """Whether there is N, such as a deletion pulls in, and the model has no N."""
    read = (reading.reference, reading.alternate)
    return "N" not in model.alphabet and any((x == N_TOKEN).any() for x in read)


def _pair(
    ref: Float64[np.ndarray, " length"],
    alt: Float64[np.ndarray, " length"],
    at: int,
    states: _States,
    *,
    lacks: bool,
) -> Pair:
    before = ref[:at]
    known = ~np.isnan(ref)
    return Pair(
        ref[at:],
        alt[at:],
        float(np.nansum(before)),
        int((~np.isnan(before)).sum()),
        float(ref[known].mean()) if lacks and known.any() else 0.0,
        states,
    )


def _pooled(
    states: Float32[np.ndarray, "length channels"], pool: StatePool, first: int
) -> Float64[np.ndarray, " channels"]:
    if pool == "mean":
        return states.mean(axis=0, dtype=np.float64)
    return states[-1 if pool == "last" else first].astype(np.float64)
