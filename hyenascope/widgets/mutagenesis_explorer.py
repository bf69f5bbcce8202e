"""Click a base, change it, and watch the model change its mind."""

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.gene import Gene
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.data.variant import Variant
from hyenascope.interpret.edits import Edit
from hyenascope.interpret.haplotype_effects import HaplotypeEffects, HaplotypeReading
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.models.hyena import HyenaLM
from hyenascope.viz.components import Arcs, Area, Genes, Haplotype, Line
from hyenascope.viz.components import Sequence as Bases
from hyenascope.viz.lane import Component
from hyenascope.viz.text import format_value
from hyenascope.widgets.edit_history import EditHistory
from hyenascope.widgets.live_tracks import LiveTracks, upper_case_reader
from hyenascope.widgets.locus_host import Message, widget_script
from hyenascope.widgets.track_list import TrackList

_MOST_HAPLOTYPES = 4
_ARCS, _ALL_ARCS = 60, 100_000  # drawn; counted
_VARIANT = re.compile(
    r"(?:(?P<chrom>[^\s:]+)[:\-])?(?P<pos>\d[\d,]*)[:\-\s]*"
    r"(?P<ref>[ACGTN]+)[>\-/:](?P<alt>[ACGTN]+)",
    re.IGNORECASE,
)


class MutagenesisExplorer(LiveTracks):
    """Edit a stretch of DNA by mouse or keys; the model answers at once.

    Click a base and choose another, insert, or delete; or type A, C, G, T, Delete, I,
    with ← → to move. Ctrl + Z and Ctrl + Y undo and redo. Up to four haplotypes stand
    beside one another. What is drawn: the change in log-likelihood of every base that
    the haplotypes share with the reference, the strongest dependencies of the edits
    of the chosen haplotype, and the haplotypes. Numbers are exact: they equal full
    passes of the model over either sequence.

    Parameters
    ----------
    model
        A causal model.
    genome
        Reader or FASTA path.
    interval
        What may be edited and is scored, 0-based half-open; must fit the context.
    outputs
        Heads whose predictions are shown: `HeadOutput`, or functions of the final
        hidden states.
    variants
        A table with ``chrom``, ``pos`` (1-based), ``ref``, ``alt`` and ``id``, to load
        records of by their ID.
    genes
        GTF or GFF3 path, or genes, to draw above.
    strands, context, device
        As in `HaplotypeEffects`.

    Attributes
    ----------
    history : EditHistory
        Haplotypes, and what can be undone.
    reading : HaplotypeReading
        The chosen haplotype beside the reference.

    Raises
    ------
    ValueError
        If the interval does not fit the context or leaves its contig.

    Examples
    --------
    >>> import hyenascope as hs
    >>> locus = hs.example_locus()
    >>> model = hs.load_pretrained("demo-synthetic")
    >>> place = hs.Interval("chrDemo", 8000, 8100)
    >>> explorer = MutagenesisExplorer(model, locus.fasta, place)
    >>> explorer.apply(explorer.history.substitute(8049, "G"))
    >>> explorer.history.listing()
    ('chrDemo:8,050 T>G',)
    """

    _esm = widget_script("explorer_extras.js")
    answers: ClassVar[tuple[str, ...]] = (*LiveTracks.answers, "edit", "state")
    extras = "explorer"

    def __init__(
        self,
        model: HyenaLM,
        genome: FastaReader | StrPath,
        interval: Interval,
        *,
        outputs: Sequence[HeadOutput | Callable[[Tensor], Tensor]] = (),
        variants: pd.DataFrame | None = None,
        genes: StrPath | Sequence[Gene] | None = None,
        strands: Strands = "both",
        context: int | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        reader = upper_case_reader(genome)
        super().__init__(reader, interval)
        self.effects = HaplotypeEffects(
            model,
            reader,
            self.interval,
            context=context,
            strands=strands,
            outputs=outputs,
            device=device,
        )
        self.editable = self.effects.interval
        self.find_among(genes, variants)
        self._genes = genes
        self._strands = strands
        self._take(EditHistory(self.effects.reference, self.editable))

    @property
    def reading(self) -> HaplotypeReading:
        """The chosen haplotype beside the reference."""
        return self._readings[self.history.selected]

    def apply(self, history: EditHistory) -> None:
        """Take over another state of the edits, and show it."""
        self._take(history)
        self.send({"kind": "state", "state": self.state()})
        self.refresh()

    def to_json(self) -> str:
        """Return the haplotypes as JSON, to keep or to send; `restore` reads it."""
        return self.history.to_json()

    def restore(self, text: str) -> None:
        """Take up what `to_json` wrote.

        Raises
        ------
        ValueError
            If it is malformed, or about another sequence.
        """
        self.apply(self._restored(text))

    def facts(self) -> dict[str, Any]:
        """Return what a page must know before it draws."""
        return {**super().facts(), "state": self.state()}

    def state(self) -> dict[str, Any]:
        """Return what the panels of the page show."""
        history = self.history
        return {
            "chrom": self.editable.chrom,
            "editable": list(self._edges(self.editable).values()),
            "can_undo": history.can_undo,
            "can_redo": history.can_redo,
            "can_add": len(history.haplotypes) < _MOST_HAPLOTYPES,
            "haplotypes": [
                {"name": each.name, "selected": number == history.selected}
                for number, each in enumerate(history.haplotypes)
            ],
            "edits": [
                # Text behind the last base has no base of its own to go to.
                {"text": text, "start": min(edit.start + 1, self.editable.end)}
                for text, edit in zip(history.listing(), history.edits, strict=True)
            ],
            "outcome": self._outcome(),
        }

    def answer_edit(self, message: Message) -> Message:
        """Edit, read the haplotypes again, and draw them in every view."""
        self._take(self._edited(message))
        state = self.state()
        asked_by = str(message.get("from", ""))
        self.send({"kind": "state", "state": state})
        self.send({"kind": "refresh", "except": asked_by})
        return {"state": state, **self.answer_look(message["wish"])}

    def answer_state(self, message: Message) -> Message:
        """Send the haplotypes as JSON."""
        del message
        return {"text": self.to_json()}

    def _edited(self, message: Message) -> EditHistory:
        history, op = self.history, message["op"]
        if op in ("undo", "redo"):
            possible = history.can_undo if op == "undo" else history.can_redo
            return getattr(history, op)() if possible else history
        if op in ("clear", "duplicate", "remove"):
            return getattr(history, op)()
        if op == "select":
            return history.select(int(message["number"]))
        if op == "restore":
            return self._restored(str(message["text"]))
        if op == "load":
            return history.load([self._variant(str(message["text"]))])
        if op == "drop":
            number, listing = int(message["number"]), history.listing()
            there = 0 <= number < len(listing)
            if not there or message.get("text", listing[number]) != listing[number]:
                raise ValueError(f"number must be of an edit; got {number}.")
            edit = history.edits[number]
            return history.restore(edit.start, edit.end)
        position = int(message["pos"]) - 1
        if op == "substitute":
            return history.substitute(position, str(message["text"]))
        if op == "insert":
            return history.insert(position + 1, str(message["text"]).upper())
        if op == "delete":
            return history.delete(position, position + 1)
        raise ValueError(f"op must be an edit; got {op!r}.")

    def _restored(self, text: str) -> EditHistory:
        return EditHistory.from_json(text, self.history.reference, self.editable)

    def _variant(self, text: str) -> Variant:
        """Return the record of an ID, or what ``pos ref>alt`` says."""
        known = self._records(text.strip())
        if len(known) > 1:
            raise ValueError(
                f"variant must be one; {text.strip()} names "
                f"{', '.join(map(str, known))}. Type one of these."
            )
        if known:
            return known[0]
        match = _VARIANT.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                "variant must be an ID of the table, or look like 8,101 A>G or "
                f"chr1-8101-A-G; got {text!r}."
            )
        chrom = match["chrom"] or self.editable.chrom
        pos = int(match["pos"].replace(",", ""))
        return Variant(chrom, pos, match["ref"].upper(), match["alt"].upper())

    def _records(self, name: str) -> list[Variant]:
        """Return the different variants of an ID."""
        if self._variants is None or "id" not in self._variants:
            return []
        ids = self._variants["id"].astype(str).str.casefold().str.split(";")
        wanted = name.casefold()
        rows = self._variants[[wanted != "." and wanted in each for each in ids]]
        parts = zip(*(rows[c] for c in ("chrom", "pos", "ref", "alt")), strict=True)
        found = (Variant(str(c), int(p), str(r), str(a)) for c, p, r, a in parts)
        return list(dict.fromkeys(found))

    def _take(self, history: EditHistory) -> None:
        """Read every haplotype and make the tracks anew; all of it or nothing."""
        readings = [
            self.effects.read([Edit(*edit) for edit in each.edits], arcs=_ALL_ARCS)
            for each in history.haplotypes
        ]
        self.history: EditHistory = history
        self._readings: list[HaplotypeReading] = readings
        tracks = TrackList()
        if self._genes is not None:
            tracks.add("genes", Genes(self._genes))
        tracks.add("change", self._changes())
        chrom = self.editable.chrom
        arcs = self.reading.arcs.assign(chrom=chrom)
        tracks.add("arcs", self._arcs(arcs))
        for each in self.history.haplotypes:
            drawn = Haplotype(each.edits, label=each.name, chrom=chrom)
            tracks.add(each.name, drawn)
        tracks.add("sequence", Bases(self.genome))
        self.tracks = tracks

    def _arcs(self, frame: pd.DataFrame) -> Arcs:
        """Return what leans on the edits of the chosen haplotype."""
        return Arcs(
            frame,
            value="change",
            units="Δ log2 odds",
            max_arcs=_ARCS,
            label="dependency on the edits",
        )

    def _changes(self) -> Component:
        """Return Δ of one haplotype as an area, of several as lines."""
        names = [each.name for each in self.history.haplotypes]
        columns = [each.change.track(self._strands) for each in self._readings]
        values = np.stack(columns, axis=1)
        data = TrackData(values, names, self.editable, "Δ log p (nats)")
        if len(names) == 1:
            return Area(data, label="alternate − reference")
        return Line(data, reference=0.0)

    def _outcome(self) -> dict[str, Any]:
        """Return a row per haplotype: sums per strand, and heads."""
        totals = [each.totals for each in self._readings]
        strands = [str(name) for name in totals[0].index]
        heads = [str(name) for name in self.reading.predictions["name"]]
        rows = []
        for each, reading in zip(self.history.haplotypes, self._readings, strict=True):
            sums = [format_value(reading.totals.loc[name, "total"]) for name in strands]
            found = [
                f"{format_value(ref)} → {format_value(alt)}"
                for ref, alt in zip(
                    reading.predictions["ref"], reading.predictions["alt"], strict=True
                )
            ]
            rows.append([each.name, *sums, *found])
        columns = ["haplotype", *(f"Δ log p, {s} (nats)" for s in strands), *heads]
        return {"columns": columns, "rows": rows}
