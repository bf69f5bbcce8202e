"""A genome browser in a notebook, with the model as one of its sources."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import torch

from hyenascope._typing import Strands, StrPath
from hyenascope.data.atomic import atomic_path
from hyenascope.data.fasta import FastaReader
from hyenascope.data.gene import Gene
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.models.model_checks import AnyModel
from hyenascope.models.wrappers.protocol import WrappedModel
from hyenascope.viz.components import BigWig, Genes, Logo, Variants
from hyenascope.viz.components import Sequence as Bases
from hyenascope.viz.lane import Component
from hyenascope.widgets.computed_lane import KINDS, ComputedLane
from hyenascope.widgets.computed_track import TrackKind
from hyenascope.widgets.live_tracks import LiveTracks, upper_case_reader
from hyenascope.widgets.locus_host import Message, in_words, widget_script
from hyenascope.widgets.model_tracks import ModelTracks, lanes_of
from hyenascope.widgets.model_work import ModelWork
from hyenascope.widgets.variant_table import table_rows
from hyenascope.widgets.view_code import python_of
from hyenascope.widgets.view_files import (
    FileFormat,
    OneSignal,
    format_of,
    only_file,
    view_bytes,
)
from hyenascope.widgets.worker import Progress

_WINDOWS = (32, 64, 128, 256, 512)
_NEAR = 40  # bases on either side of a variant one goes to


class LocusBrowser(LiveTracks):
    """Browse a genome: bases, genes, variants, signals, and what a model says.

    Drag, wheel and arrow keys move; + and − zoom; Home shows the first view again;
    / searches for a place, gene or variant; Shift + drag marks a stretch, to look
    closer or to ask the model about it. The model computes beside the notebook, never
    in its way, and what it has computed is kept. Without a kernel the notebook shows
    the figure as it was.

    Parameters
    ----------
    model
        Computes tracks: our own, or a wrapped one of what it offers; None for a
        browser without one.
    genome
        Reader or FASTA path.
    interval
        The first window, 0-based half-open.
    tracks
        Names of what the model shall compute (``"ism"``, ``"conditional"``,
        ``"log_prob"``, ``"saliency"``, ``"integrated_gradients"``,
        ``"deep_lift_shap"``), and components of your own, top to bottom; by default
        ``("ism",)`` if there is a model.
    genes
        GTF or GFF3 path, or genes.
    variants
        One row per variant, as `hyenascope.wide` gives of scores: ``chrom``, ``pos``
        (1-based), ``ref``, ``alt``, perhaps ``id``, and the score.
    score
        Column that places and ranks variants; by default the first number.
    output
        What mutagenesis and attributions ask of a wrapped model that predicts; by
        default its first output.
    strands
        Which strand the model reads.
    window
        Bases from the changed one on that mutagenesis adds up, by default 128, or as
        many as the model reads.
    device
        Where the model runs.

    Attributes
    ----------
    interval : Interval
        What the page shows now, 0-based half-open.
    selection : Interval or None
        What is marked.
    tracks : TrackList
        Top to bottom.

    Raises
    ------
    ValueError
        If the interval is empty or off its contig, a track has no such name or needs
        a model, an option is out of range, the variants lack a column, or ``output``
        is none that the model predicts.
    TypeError
        If ``model`` is neither ours nor wrapped, or ``output`` no `ModelOutput`.

    Examples
    --------
    >>> import hyenascope as hs
    >>> locus = hs.example_locus()
    >>> browser = LocusBrowser(
    ...     None, locus.fasta, hs.Interval("chrDemo", 8000, 8200), genes=locus.genes
    ... )
    >>> [track.label for track in browser.tracks.tracks]
    ['genes', 'sequence']
    """

    _esm = widget_script("browser_extras.js")
    answers: ClassVar[tuple[str, ...]] = (
        *LiveTracks.answers,
        "select",
        "track",
        "option",
        "act",
        "variant",
        "save",
        "cancel",
    )
    extras = "browser"

    def __init__(
        self,
        model: AnyModel | None,
        genome: FastaReader | StrPath,
        interval: Interval,
        *,
        tracks: Sequence[TrackKind | Component] | None = None,
        genes: StrPath | Sequence[Gene] | None = None,
        variants: pd.DataFrame | None = None,
        score: str | None = None,
        output: ModelOutput | None = None,
        strands: Strands = "both",
        window: int | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        reader = upper_case_reader(genome)
        self._work = ModelWork(self._progressed, self.refresh, self._failed)
        super().__init__(reader, interval)
        self.selection: Interval | None = None
        self._model_tracks = ModelTracks(model, reader, strands, window, device, output)
        self._genes = genes
        self.find_among(genes, variants)
        self._score = _score_column(variants, score)
        first: tuple[TrackKind, ...] = () if model is None else ("ism",)
        self._fill(first if tracks is None else tracks)

    def add(self, label: str, component: Component | str) -> str:
        """Put a track at the bottom; return its id.

        Raises
        ------
        ValueError
            If a name is none of those the model computes, or there is no model.
        TypeError
            If a component cannot draw itself.
        """
        if isinstance(component, str):
            component = self._model_tracks.lane(component)
        with self.lock:
            added = self.tracks.add(label, self._fitted(component))
        self._changed()
        return added

    def select(self, interval: Interval | None) -> None:
        """Mark a stretch (0-based half-open), or nothing."""
        self.selection = None if interval is None else self.genome.inside(interval)

    def save(self, path: StrPath) -> None:
        """Write what is shown, as the suffix says.

        ``.png``, ``.svg`` and ``.pdf`` are images, ``.html`` is a page to browse,
        ``.tsv`` a table with a row per base; ``.bw`` holds the only signal,
        ``.zip`` a bigWig file for each of several.

        Raises
        ------
        ValueError
            If the suffix is another one, there are no numbers to write, or several
            signals for one ``.bw``.
        """
        _, data = self._file(format_of(path))
        if Path(path).suffix.lower() in (".bw", ".bigwig"):
            data = only_file(data)
        with atomic_path(path) as partial:
            partial.write_bytes(data)

    def python(self) -> str:
        """Return code that makes this view again."""
        options, shown = self._model_tracks, self.tracks.tracks
        made = ComputedLane | Bases | Genes | Variants
        own = [t.label for t in shown if not isinstance(t.component, made)]
        if self._variants is not None:
            own = ["variants", *own]
        lanes = lanes_of(self.tracks, hidden=True)
        kinds = tuple(lane.computed.kind for lane in lanes)
        return python_of(
            "LocusBrowser",
            None if options.model is None else options.model.name,
            str(self.genome.path),
            self.interval,
            {
                "tracks": None if options.model is None else kinds,
                "genes": self._genes if isinstance(self._genes, str | Path) else None,
                "output": options.output,
                "strands": None if options.strands == "both" else options.strands,
                "window": options.window,
            },
            own,
            is_wrapped=isinstance(options.model, WrappedModel),
        )

    def compute(self, timeout: float | None = None) -> bool:
        """Compute what the shown stretch lacks, as an open page asks for by itself.

        For `save` in a script and for the still picture of a saved notebook. Returns
        whether that came about within ``timeout`` seconds, as `wait` does.
        """
        self.looked_at(self.interval)
        return self.wait(timeout)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the model has nothing left to compute; whether it came about."""
        return self._work.wait(timeout)

    def close(self) -> None:
        """Stop computing and take the widget out of the page."""
        self._work.close()
        super().close()

    def facts(self) -> dict[str, Any]:
        """Return what a page must know before it draws."""
        table = None
        if self._variants is not None and len(self._variants):
            table = table_rows(self._variants, self._score)
        return {**super().facts(), "state": self.state(), "table": table}

    def state(self) -> dict[str, Any]:
        """Return what the panels of the page show."""
        options = self._model_tracks
        return {
            "tracks": [
                {"id": track.id, "label": track.label, "visible": track.visible}
                for track in self.tracks.tracks
            ],
            "addable": [
                {"kind": kind, "label": KINDS[kind]}
                for kind in options.addable(self.tracks)
            ],
            "strands": options.strands,
            "window": options.added_up,
            "windows": sorted(
                {*(w for w in _WINDOWS if w <= options.most), options.added_up}
            ),
            "has_model": options.model is not None,
            "actions": _ACTIONS if options.model is not None else [],
        }

    def answer_window(self, message: Message) -> None:
        """Follow the page: what is in sight now may still lack numbers."""
        super().answer_window(message)
        lanes = lanes_of(self.tracks)
        said = [lane.message for lane in lanes]
        self.looked_at(self.interval)
        if said != [lane.message for lane in lanes]:
            self.refresh()

    def looked_at(self, window: Interval) -> None:
        """Compute what the visible lanes lack of a window."""
        self._work.fill(lanes_of(self.tracks), window)

    def answer_select(self, message: Message) -> None:
        """Take note of what is marked."""
        region = message.get("region")
        self.selection = None if region is None else self._region(message)

    def answer_variant(self, message: Message) -> None:
        """Go to a row of the variants."""
        if self._variants is None:
            return
        row = self._variants.iloc[int(message["row"])]
        chrom = self.genome.resolve(str(row["chrom"]))
        size = self.genome.contigs[chrom]
        if not 1 <= row["pos"] <= size:
            raise ValueError(
                f"pos must be 1 to {size:,}, the length of {chrom}; got {row['pos']}. "
                "Are the variants of another assembly?"
            )
        pos = int(row["pos"])
        self.goto(Interval(chrom, max(0, pos - 1 - _NEAR), min(size, pos + _NEAR)))

    def answer_track(self, message: Message) -> None:
        """Change the list of tracks."""
        what, track_id = message["what"], str(message["id"])
        if what == "add":
            lane = self._model_tracks.lane(track_id)
            self.add(lane.label, lane)
            return
        if what == "undo":
            if not self.tracks.undo():
                self.say("There is nothing to undo.")
            self._model_tracks.follow(self.tracks)  # what is back knows old options
        elif what == "show":
            self.tracks.show(track_id, bool(message["visible"]))
        elif what == "move":
            self.tracks.move(track_id, int(message["by"]))
        elif what == "resize":
            self.tracks.resize(track_id, float(message["factor"]))
        elif what == "remove":
            self.tracks.remove(track_id)
        self._changed()

    def answer_option(self, message: Message) -> None:
        """Read another strand, or add up another number of bases."""
        window = message.get("window")
        options = replace(
            self._model_tracks,
            strands=message.get("strands", self._model_tracks.strands),
            window=self._model_tracks.window if window is None else int(window),
        )
        self._work.cancel()
        self._model_tracks = options
        options.follow(self.tracks)
        self._changed()

    def answer_act(self, message: Message) -> None:
        """Ask the model about the marked stretch."""
        region = self._region(message)
        if message["name"] == "attribution":
            self.attribute(region)
        else:
            self.mutate(region)

    def mutate(self, region: Interval) -> None:
        """Substitute every base of a region (0-based half-open), however long.

        Returns at once; the mutagenesis track fills while the model computes.
        """
        lane = self._lane_of("ism")
        label = f"{lane.label} of {region.length:,} bp"
        self._work.run(label, lane.compute(region), lambda known: None)

    def attribute(self, region: Interval) -> None:
        """Add a track of which bases make a region (0-based half-open) likely.

        Integrated gradients of the region's log-likelihood. Returns at once; the
        track appears when the model is done.

        Raises
        ------
        ValueError
            If the region exceeds the context.
        """
        computed = self._model_tracks.track("integrated_gradients")
        if region.length > computed.reads:
            raise ValueError(
                f"region must fit the context of {computed.reads:,} bp; "
                f"got {region.length:,} bp."
            )

        def job() -> Generator[Progress, None, TrackData]:
            yield Progress(0, 1, region)
            return computed.attribute(region)

        def done(found: TrackData) -> None:
            drawn = Logo(found, sequence=self.genome, label=label)
            self.add(label, drawn)

        place = f"{region.start + 1:,}-{region.end:,}"
        label = f"{KINDS['integrated_gradients']} of {place}"
        self._work.run(label, job(), done)

    def answer_save(self, message: Message) -> Message | None:
        """Send the view as a file, or as Python."""
        self.interval = self._window(message)
        if message["format"] == "python":
            return {"text": self.python()}
        name, data = self._file(message["format"])
        self.send({"to": message["from"], "name": name}, buffers=[data])
        return None

    def answer_cancel(self, message: Message) -> None:
        """Stop computing."""
        del message
        self._work.cancel()

    def _fill(self, tracks: Sequence[TrackKind | Component]) -> None:
        if self._genes is not None:
            self.tracks.add("genes", Genes(self._genes))
        if self._variants is not None:
            self.tracks.add("variants", Variants(self._variants, score=self._score))
        for track in tracks:
            if isinstance(track, str):
                lane = self._model_tracks.lane(track)
                self.tracks.add(lane.label, lane)
            else:
                self.tracks.add(_label(track), self._fitted(track))
        self.tracks.add("sequence", Bases(self.genome))
        self.tracks.settle()

    def _fitted(self, component: Component) -> Component:
        """Let a bigWig file be refused that was made for another assembly."""
        if isinstance(component, BigWig) and component.contig_lengths is None:
            return replace(component, contig_lengths=self.genome.contigs)
        return component

    def _lane_of(self, kind: TrackKind) -> ComputedLane:
        """Return the lane of a kind, added if there is none."""
        for lane in lanes_of(self.tracks, hidden=True):
            if lane.computed.kind == kind:
                return lane
        lane = self._model_tracks.lane(kind)
        self.tracks.add(lane.label, lane)
        self._changed()
        return lane

    def _region(self, message: Message) -> Interval:
        left, right = message["region"]
        return self._window({"chrom": message["chrom"], "left": left, "right": right})

    def _file(self, file_format: FileFormat) -> tuple[str, bytes]:
        for lane in lanes_of(self.tracks):
            lane.message = ""  # about a window, which a file has not
        return view_bytes(
            self._shown(),
            self.interval,
            file_format,
            contig_lengths=self.genome.contigs,
            theme=self.theme,
        )

    def _changed(self) -> None:
        self.send({"kind": "state", "state": self.state()})
        self.refresh()

    def _progressed(self, label: str, done: int, total: int) -> None:
        self.send({"kind": "progress", "label": label, "done": done, "total": total})

    def _failed(self, error: BaseException) -> None:
        self.say(f"The model stopped: {in_words(error)}", error=True)


_NOT_SCORES = {"pos", "start", "end", "window_start", "window_end", "ambiguous_bases"}
_ACTIONS = [
    {"name": "ism", "label": "Mutagenesis"},
    {"name": "attribution", "label": "Attribution"},
]


def _label(component: Component) -> str:
    """Return what the list of tracks calls a component."""
    label = getattr(component, "label", None)
    if label:
        return str(label)
    if isinstance(component, BigWig):
        return Path(component.path).stem
    if isinstance(component, OneSignal) and len(component.track_data.names) == 1:
        return component.track_data.names[0]
    return type(component).__name__.lower()


def _score_column(variants: pd.DataFrame | None, score: str | None) -> str:
    if variants is None:
        return ""
    if score is not None:
        return score
    if variants.empty:
        return "score"
    numbers = variants.select_dtypes("number").columns
    known = [str(name) for name in numbers if name not in _NOT_SCORES]
    if not known:
        raise ValueError(
            "variants must have a column of numbers to draw as score; "
            f"got {', '.join(map(str, variants.columns))}."
        )
    return known[0]
