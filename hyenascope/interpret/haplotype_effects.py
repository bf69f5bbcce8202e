"""What a haplotype does to every base around it, quickly enough to play with.

One pass per strand over the reference is kept (`hyenascope.models.incremental`); a
haplotype then costs the bases from its first edit to the end of the interval. The
numbers are those of full passes over either sequence.

Bases are compared in the coordinates of the reference. A base that both haplotypes
hold has a change, log p under the haplotype − log p under the reference. A base that
is substituted, inserted or deleted has no partner: its own number is the conditional
change, in a table of its own, and the two add up to the change in log-likelihood.
Else one substitution of some −3 nats would hide what it does to its neighbours.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Lock

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64
from torch import Tensor

from hyenascope._device import borrow
from hyenascope._typing import Strands
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.attribution import SequenceOrGenome, window_text
from hyenascope.interpret.edited_window import (
    Edits,
    Surroundings,
    edited_strand,
    plain_edits,
)
from hyenascope.interpret.edits import Edit
from hyenascope.interpret.haplotype_passes import (
    StrandChange,
    StrandPasses,
    check_memory,
)
from hyenascope.interpret.haplotype_tables import (
    arc_table,
    edited_table,
    kept_changes,
    totals_table,
)
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.interpret.provenance import provenance_of
from hyenascope.interpret.strand_windows import centred_windows
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.incremental import tokens_for
from hyenascope.models.model_checks import (
    require_causal,
    weight_versions,
    window_context,
)
from hyenascope.models.mutant_passes import READER_NAMES, choose_reader
from hyenascope.models.predict import check_strands, mean_known
from hyenascope.sequence.dna import BASES
from hyenascope.sequence.tokenizer import detokenize, tokenize

_REMEMBERED = 128  # haplotypes whose numbers are kept, for undo and for arcs


@dataclass(frozen=True, eq=False)
class HaplotypeReading:
    """A haplotype beside the reference; what `HaplotypeEffects.read` returns.

    Parameters
    ----------
    edits
        As few and as short as they can be, in genome order, 0-based.
    sequence
        The haplotype's bases over the interval.
    change
        log p(base | context) of the haplotype − of the reference, in nats, at every
        base that both hold; tracks ``forward``, ``reverse`` and their mean ``both``,
        of what was read. NaN at edited bases, at N, at the first base a strand
        reads, and where an insertion pushed a base out of the window. Exactly 0
        before the first edit in reading order, which no strand can see past.
    edited
        One row per base that only one of them holds: ``pos`` (1-based; of an
        inserted base the one before it), ``kind``, ``ref``, ``alt`` and, per
        strand, log p(alt) − log p(ref) in nats, where a missing allele counts 0.
    totals
        One row per strand, in nats: ``downstream`` (sum of ``change``),
        ``substituted``, ``inserted``, ``deleted`` (sums of ``edited``), and
        ``total``, the change in log-likelihood of the interval. What has no number
        is left out.
    arcs
        The strongest dependencies, strongest first: ``pos_a`` (edited base) and
        ``pos_b``, 1-based; ``value``, the largest size of a change in log2 odds, of the
        four bases at ``pos_b`` when this edit alone is made; ``base``, the one it is
        of; and ``change``, the same with its sign.
    log_probs
        log p(A, C, G, T | context) of the haplotype per strand, in nats, in
        reference coordinates and forward letters; NaN at deleted bases.
    predictions
        One row per head: ``name``, ``ref``, ``alt``, ``difference``, ``units``;
        means over strands.
    """

    edits: Edits
    sequence: str
    change: TrackData
    edited: pd.DataFrame
    totals: pd.DataFrame
    arcs: pd.DataFrame
    log_probs: Mapping[str, TrackData]
    predictions: pd.DataFrame


class HaplotypeEffects:
    """The effect of any haplotype of an interval, a few milliseconds each.

    Calls may come from any thread and wait for one another. The model is borrowed
    during a call and put back. If its weights are changed in place (by an optimizer
    or ``load_state_dict``) the reference is read anew.

    Parameters
    ----------
    model
        A causal model.
    sequence
        DNA text of the interval, forward strand, which is then all that is read; or
        a genome, as a `FastaReader` or a `pathlib.Path`.
    interval
        What may be edited and is looked at, 0-based half-open; must fit the context.
    context
        The one window that is read, centred on the interval and pushed inside its
        contig, as in `dependency_map`; by default the model's, at most 16,384. An
        insertion pushes bases out at the far end of it, a deletion pulls some in.
    strands
        ``"both"`` reads either; a base left of all edits changes on the reverse
        strand alone, one right of them on the forward strand alone.
    outputs
        Heads to predict with: `HeadOutput`, or any function from hidden states
        "batch length channels" of the whole window to "batch". Pass
        ``context=interval.length`` for what `saturation_mutagenesis` shows a head.
    max_memory
        Bytes that the reference passes may keep.
    device
        As in `hyenascope.logits`.

    Attributes
    ----------
    interval, window : Interval
        What is looked at and what is read, 0-based half-open.
    reference : str
        Bases of the interval.
    log_probs : Mapping[str, TrackData]
        log p(A, C, G, T | context) of the reference, per strand.
    engine : str
        How haplotypes are read, ``"incremental"`` or ``"full passes"``.

    Raises
    ------
    ValueError
        If the interval is empty, leaves its contig or is longer than the context,
        what the passes keep exceeds ``max_memory``, or the model is two-sided.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> effects = HaplotypeEffects(model, "ACGTACGTAC", Interval("I", 40, 50))
    >>> found = effects.read([Edit(44, 45, "G"), Edit(47, 49, "")])
    >>> found.sequence
    'ACGTGCGC'
    >>> found.edited[["pos", "kind", "ref", "alt"]].to_numpy().tolist()
    [[45, 'substituted', 'A', 'G'], [48, 'deleted', 'T', ''], [49, 'deleted', 'A', '']]
    >>> found.change.track("forward")[1:5]
    array([ 0.,  0.,  0., nan])
    """

    def __init__(
        self,
        model: HyenaLM,
        sequence: SequenceOrGenome,
        interval: Interval,
        *,
        context: int | None = None,
        strands: Strands = "both",
        outputs: Sequence[HeadOutput | Callable[[Tensor], Tensor]] = (),
        max_memory: int = 2 * 2**30,
        device: str | torch.device | None = None,
    ) -> None:
        require_causal(model)
        check_strands(strands)
        context = window_context(model, context)
        self.model = model
        self.outputs = tuple(_as_output(output, model) for output in outputs)
        self._device = device
        self._around, self.interval, genome = _surroundings(sequence, interval, context)
        self.window = self._around.window
        inside = self.interval.start - self._around.start
        here = slice(inside, inside + self.interval.length)
        self.reference = detokenize(self._around.tokens[here])
        self._options = {"context": context, "strands": strands}
        self._genome = genome
        self._reverses = [r for r in (False, True) if strands in ("both", _name(r))]
        self._lock = Lock()
        check_memory(
            model, self.interval, strands=len(self._reverses), max_memory=max_memory
        )
        with self._borrowed():
            self._begin()

    def read(self, edits: Iterable[Edit] = (), *, arcs: int = 50) -> HaplotypeReading:
        """Return what a haplotype changes.

        Parameters
        ----------
        edits
            In genome coordinates, 0-based, inside the interval; none is the
            reference. Their order does not matter.
        arcs
            How many dependencies to list at most.

        Raises
        ------
        ValueError
            If edits leave the interval, overlap or bring anything but A, C, G and
            T, or ``arcs`` is negative.
        """
        if arcs < 0:
            raise ValueError(f"arcs must not be negative; got {arcs}.")
        plain = plain_edits(edits, self.interval, self.reference)
        with self._lock, self._borrowed():
            if self._weights != weight_versions(self.model):
                self._begin()
            alone = [(edit,) for edit in plain] if arcs else []
            found = self._changes([plain, *alone])
            if plain not in self._predictions:
                self._predictions[plain] = self._outputs(plain)
            outputs = self._predictions[plain].copy()
        place, text, sides = self.interval, self.reference, found[plain]
        changes = kept_changes(place, text, plain, sides)
        edited = edited_table(place, text, plain, sides)
        singles = [(each[0], found[each]) for each in alone]
        return HaplotypeReading(
            plain,
            self._sequence(plain),
            self._track(changes),
            edited,
            totals_table(changes, edited),
            arc_table(place, text, singles, arcs),
            self._tables({name: side.alternate for name, side in sides.items()}),
            outputs,
        )

    @contextmanager
    def _borrowed(self) -> Iterator[None]:
        """Borrow the model and every head."""
        with borrow(self.model, self._device) as where, ExitStack() as heads:
            for output in self.outputs:
                heads.enter_context(output.borrowed(where))
            with torch.inference_mode():
                yield

    def _begin(self) -> None:
        """Read the reference."""
        self._known: OrderedDict[Edits, dict[str, StrandChange]] = OrderedDict()
        self._predictions: dict[Edits, pd.DataFrame] = {}
        self._weights = weight_versions(self.model)
        first = edited_strand(self._around, (), reverse=self._reverses[0]).tokens
        kind = choose_reader(self.model, tokens_for(self.model, first))
        self.engine = READER_NAMES[kind]
        self._sides = {
            _name(reverse): StrandPasses(
                self.model, self._around, self.interval, reverse=reverse, kind=kind
            )
            for reverse in self._reverses
        }
        self._expected = {
            name: self._predicted(side, ()) for name, side in self._sides.items()
        }
        self._record = provenance_of(
            self.model,
            self._genome,
            method="haplotype_effects",
            engine=self.engine,
            **self._options,
        )
        self.log_probs = self._tables(
            {name: side.table for name, side in self._sides.items()}
        )

    def _changes(
        self, haplotypes: Sequence[Edits]
    ) -> dict[Edits, dict[str, StrandChange]]:
        """Return every strand of each haplotype, from memory where it was read."""
        new = [each for each in dict.fromkeys(haplotypes) if each not in self._known]
        fresh: dict[Edits, dict[str, StrandChange]] = {each: {} for each in new}
        for name, side in self._sides.items():
            for edits, change in zip(new, side.read(new), strict=True):
                fresh[edits][name] = change
        found = {each: fresh.get(each) or self._known[each] for each in haplotypes}
        for each, sides in found.items():
            self._known[each] = sides
            self._known.move_to_end(each)
        while len(self._known) > _REMEMBERED:
            forgotten, _ = self._known.popitem(last=False)
            self._predictions.pop(forgotten, None)
        return found

    def _predicted(self, side: StrandPasses, edits: Edits) -> list[float]:
        """Ask every head about one strand, by a full pass."""
        if not self.outputs:
            return []
        tokens = tokens_for(self.model, side.tokens(edits))
        hidden = self.model.hidden(tokens[None])
        return [float(output(hidden)[0]) for output in self.outputs]

    def _outputs(self, edits: Edits) -> pd.DataFrame:
        """Compare what heads say, means over strands."""
        found = [
            self._predicted(side, edits) if edits else self._expected[name]
            for name, side in self._sides.items()
        ]
        ref = np.mean(list(self._expected.values()), axis=0)
        alt = np.mean(found, axis=0)
        return pd.DataFrame(
            {
                "name": [output.name for output in self.outputs],
                "ref": ref,
                "alt": alt,
                "difference": alt - ref,
                "units": [output.units for output in self.outputs],
            }
        )

    def _sequence(self, edits: Edits) -> str:
        text = self.reference
        for edit in reversed(edits):
            start, end = (p - self.interval.start for p in (edit.start, edit.end))
            text = Edit(start, end, edit.text).apply(text)
        return text

    def _tables(
        self, tables: Mapping[str, Float64[np.ndarray, "length 4"]]
    ) -> dict[str, TrackData]:
        every = dict(tables)
        if len(every) > 1:
            every["both"] = mean_known(np.stack(list(tables.values())))
        return {
            name: TrackData(
                table, tuple(BASES), self.interval, "log p (nats)", self._record
            )
            for name, table in every.items()
        }

    def _track(
        self, columns: Mapping[str, Float64[np.ndarray, " length"]]
    ) -> TrackData:
        values = np.stack(list(columns.values()), axis=1)
        return TrackData(
            values, tuple(columns), self.interval, "Δ log p (nats)", self._record
        )


def _surroundings(
    sequence: SequenceOrGenome, interval: Interval, context: int
) -> tuple[Surroundings, Interval, FastaReader | None]:
    """Read the window, and as much beside it as deletions can pull in."""
    text = window_text(sequence, interval)
    place = text.interval
    if place.length > context:
        raise ValueError(
            f"interval must fit the context of {context:,} bp; got {place.length:,} bp."
        )
    if isinstance(sequence, str):
        return Surroundings(place, place.start, tokenize(text.bases)), place, None
    with opened(sequence) as reader:
        item = next(centred_windows(reader, place, context=context, strands="forward"))
        window = item.window
        start = max(0, window.start - place.length)
        end = min(reader.contigs[place.chrom], window.end + place.length)
        tokens = tokenize(reader.fetch_region(place.chrom, start, end))
    return Surroundings(window, start, tokens), place, text.genome


def _as_output(
    output: HeadOutput | Callable[[Tensor], Tensor], model: HyenaLM
) -> HeadOutput:
    if not isinstance(output, HeadOutput):
        output = HeadOutput(output, name=getattr(output, "__name__", "score"))
    output.check_model(model)
    return output


def _name(reverse: bool) -> str:
    return "reverse" if reverse else "forward"
