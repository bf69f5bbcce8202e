"""The forward passes behind variant scores, shared wherever they can be.

Variants that share a grid window share its reference pass, one per strand. From
there on each takes the cheapest way that gives the same numbers:

- an SNV's conditional score is in the reference pass already: log p of every base;
- other scores recompute what the change touches (`hyenascope.models.incremental`);
- where that is not exact, does not fit the memory, or would leave a GPU idle, whole
  windows are read, many at a time.
"""

import warnings
from collections.abc import Iterator, Sequence
from itertools import chain, groupby, tee

import torch
from tqdm.auto import tqdm

from hyenascope._device import borrow
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.interpret.haplotype import AlleleReading, StrandText, strand_text
from hyenascope.interpret.score_formulas import (
    Sides,
    can_be_judged,
    needs_window,
    score_sides,
    tokens_needed,
    unknown_sides,
)
from hyenascope.interpret.window_passes import WindowReader
from hyenascope.interpret.window_rows import FullWindows, Job, PassPlan
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.incremental import (
    Mutant,
    ReferencePass,
    bytes_per_place,
    tokens_for,
)
from hyenascope.models.mutant_passes import (
    READER_NAMES,
    FullPasses,
    Reader,
    choose_reader,
)

_BASES_PER_BLOCK = 65_536  # of window: what bounds the memory of full passes
_GPU_LEAST = 65_536  # bases of mutants below which one window cannot fill a GPU


class VariantPasses:
    """Score jobs, and remember by which passes.

    Parameters
    ----------
    model
        Borrowed and put back.
    genome
        Open reader.
    plan
        What is asked.
    device
        Where to run.
    """

    def __init__(
        self,
        model: HyenaLM,
        genome: FastaReader,
        plan: PassPlan,
        device: torch.device,
    ) -> None:
        self.model = model
        self.genome = genome
        self.plan = plan
        self.device = device
        self._kind: Reader | None = None
        self._full = FullWindows(model, genome, plan, device)
        self._used: set[str] = set()

    @property
    def engine(self) -> str:
        """How mutants were read so far."""
        return " and ".join(sorted(self._used)) or "one pass per strand"

    def run(
        self, jobs: Sequence[Job], *, progress: bool
    ) -> Iterator[tuple[int, dict[str, Sides]]]:
        """Yield each job's row with its scores by strand.

        Memory does not grow with the number of variants: mutants are held for one
        batch, full passes for one block of windows. A reference pass is kept as
        long as the next variants are in the same window.
        """
        warn_if_half(self.model)
        bar = tqdm(total=len(jobs), disable=not progress, unit="variant")
        block: list[Job] = []
        with borrow(self.model, self.device), bar:
            for group in _groups(jobs):
                if self._is_incremental(group):
                    self._used.add(READER_NAMES[ReferencePass])
                    yield from self._incremental(group)
                    bar.update(len(group))
                    continue
                if any(self.plan.needs_mutant(job.variant) for job in group):
                    self._used.add(READER_NAMES[FullPasses])
                for job in group:
                    if block and len(block) * job.window.length >= _BASES_PER_BLOCK:
                        yield from self._full.score(block)
                        bar.update(len(block))
                        block = []
                    block.append(job)
            yield from self._full.score(block)
            bar.update(len(block))

    def _is_incremental(self, group: Sequence[Job]) -> bool:
        mutants = sum(self.plan.needs_mutant(job.variant) for job in group)
        window = group[0].window
        if not mutants or not self._fits(group):
            return False
        if self.device.type == "cuda" and mutants * window.length < _GPU_LEAST:
            return False
        return self._reader_kind(window) is ReferencePass

    def _fits(self, group: Sequence[Job]) -> bool:
        """Whether a reference pass may keep what the group's mutants need."""
        spread, longest = _spread(group), _longest_allele(group)
        length = group[0].window.length
        if needs_window(self.plan.scores):
            first = min(
                min(job.variant.start - job.window.start for job in group),
                min(job.window.end - job.variant.end for job in group),
            )
            places = spread + length - max(0, first)
        else:
            places = 1 + max(self.plan.window, longest)  # cut into pieces if more
        return places * bytes_per_place(self.model) <= self.plan.max_memory

    def _reader_kind(self, window: Interval) -> Reader:
        """Try the incremental engine once per call."""
        if self._kind is None:
            text = strand_text(self.genome, window, reverse=False, room=0)
            with torch.inference_mode():
                self._kind = choose_reader(
                    self.model, tokens_for(self.model, text.tokens)
                )
        return self._kind

    def _incremental(
        self, group: Sequence[Job]
    ) -> Iterator[tuple[int, dict[str, Sides]]]:
        found: dict[int, dict[str, Sides]] = {job.row: {} for job in group}
        room = _longest_allele(group)
        for strand in self.plan.sides:
            text = strand_text(
                self.genome, group[0].window, reverse=strand == "reverse", room=room
            )
            for row, sides in self._read_strand(text, group).items():
                found[row][strand] = sides
        yield from found.items()

    @torch.inference_mode()
    def _read_strand(self, text: StrandText, group: Sequence[Job]) -> dict[int, Sides]:
        """Score a group on one strand from one reference pass, or few."""
        scores = self.plan.scores
        found = {job.row: unknown_sides(scores) for job in group}
        places = []
        for job in group:
            reading = text.read(job.variant)
            if can_be_judged(reading):
                width = tokens_needed(reading, scores, self.plan.window)
                places.append((reading.first, width, job))
        places.sort(key=lambda place: place[:2])
        tokens = tokens_for(self.model, text.reference)
        for piece in self._pieces(places):
            reader = WindowReader(
                ReferencePass(
                    self.model,
                    tokens,
                    start=piece[0][0],
                    end=piece[-1][0] + 1,
                    window=max(width for _, width, _ in piece),
                    keep_hidden=bool(self.plan.pools),
                )
            )
            jobs = [job for *_, job in piece]
            found |= self._read_mutants(reader, text, jobs)
        return found

    def _pieces(
        self, places: list[tuple[int, int, Job]]
    ) -> Iterator[list[tuple[int, int, Job]]]:
        """Cut sorted places so that what a reference pass keeps fits the memory."""
        room = self.plan.max_memory // bytes_per_place(self.model)
        whole = needs_window(self.plan.scores)
        piece: list[tuple[int, int, Job]] = []
        widest = 0
        for place in places:
            widest = max(widest, place[1])
            if piece and not whole and place[0] - piece[0][0] + widest > room:
                yield piece
                piece, widest = [], place[1]
            piece.append(place)
        if piece:
            yield piece

    def _read_mutants(
        self, reader: WindowReader, text: StrandText, jobs: Sequence[Job]
    ) -> dict[int, Sides]:
        plan = self.plan
        found = {}
        readings, again = tee(text.read(job.variant) for job in jobs)
        mutants = (self._mutant(reading) for reading in again)
        alternates = reader.alternates(
            mutants, pools=plan.pools, batch_size=plan.batch_size
        )
        for job, reading, alternate in zip(jobs, readings, alternates, strict=True):
            pair = reader.pair(
                reading.first,
                len(reading.reference),
                alternate,
                lacks=reading.removed != reading.added,
            )
            found[job.row] = score_sides(reading, pair, plan.scores, plan.window)
        return found

    def _mutant(self, reading: AlleleReading) -> Mutant:
        width = tokens_needed(reading, self.plan.scores, self.plan.window)
        stop = reading.first + width
        changed = None if reading.changed is None else min(reading.changed, width)
        return Mutant(reading.first, reading.alternate[reading.first : stop], changed)


def warn_if_half(model: HyenaLM) -> None:
    """Warn if weights are too coarse for likelihood ratios.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> warn_if_half(HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)))
    """
    dtype = model.backbone.embeddings.word_embeddings.weight.dtype
    if dtype in (torch.bfloat16, torch.float16):
        warnings.warn(
            f"model must be float32 for exact likelihood ratios; got {dtype}: bfloat16 "
            "errs by some 0.06 nats per variant at 1 kb. Use model.float().",
            UserWarning,
            stacklevel=3,
        )


def _groups(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Jobs in genome order, those of one window together."""
    ordered = sorted(jobs, key=lambda job: (job.window, job.variant.pos))
    for _, group in groupby(ordered, key=lambda job: job.window):
        yield list(group)


def _spread(group: Sequence[Job]) -> int:
    starts = [job.variant.start for job in group]
    return max(starts) - min(starts) + _longest_allele(group)


def _longest_allele(group: Sequence[Job]) -> int:
    alleles = chain.from_iterable((job.variant.ref, job.variant.alt) for job in group)
    return max(map(len, alleles))
