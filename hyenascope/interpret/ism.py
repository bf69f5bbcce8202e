"""In-silico mutagenesis: what every substitution does, exactly.

Three scores of the language model itself, each from as little work as it allows:

``conditional``
    log p(base | left) − log p(reference base | left). One pass per strand holds it
    for all four bases everywhere; no mutant is run.
``downstream``
    change in log-likelihood of the W bases from the mutated one on. Mutants are
    recomputed on those W positions alone (`hyenascope.models.incremental`), so the
    cost does not depend on the context.
``full``
    the same to the end of the window.

And the output of a head or of any function of the hidden states.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor
from tqdm.auto import tqdm

from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.interpret.ism_passes import (
    MapPlan,
    WindowShare,
    conditional_rows,
    mutant_rows,
)
from hyenascope.interpret.ism_plan import (
    IsmScore,
    default_score,
    map_windows,
    named_score,
    plan_map,
    reads_n,
    require_contig,
    require_likelihoods,
)
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.provenance import provenance_of
from hyenascope.interpret.strand_windows import (
    StrandWindow,
    strand_windows,
)
from hyenascope.interpret.unscored import (
    NOT_FINITE,
    NothingScoredError,
    UnscoredRuns,
)
from hyenascope.interpret.wrapped_maps import wrapped_conditional, wrapped_mutants
from hyenascope.models.incremental import tokens_for
from hyenascope.models.model_checks import AnyModel, window_context
from hyenascope.models.mutant_passes import READER_NAMES, FullPasses, choose_reader
from hyenascope.models.predict import check_strands, mean_known
from hyenascope.models.wrappers.any_model import borrowed, native, sees_left
from hyenascope.models.wrappers.protocol import WrappedModel
from hyenascope.sequence.dna import BASES
from hyenascope.sequence.one_hot import one_hot

ScoreFunction = Callable[[Tensor], Tensor]
"""From hidden states of whole windows to one number each."""

Center = Literal["mean4", "alt3"]
"""How a map is centred: on the mean of four bases, or of the three alternates."""

_SEEN = {True: "the bases before it", False: "all others"}


def saturation_mutagenesis(
    model: AnyModel,
    genome: FastaReader | StrPath,
    interval: Interval,
    *,
    score: IsmScore | HeadOutput | ModelOutput | ScoreFunction | None = None,
    window: int | None = None,
    context: int | None = None,
    strands: Strands = "both",
    center: Center | None = None,
    max_memory: int = 2 * 2**30,
    device: str | torch.device | None = None,
    progress: bool = False,
) -> TrackData:
    """Score all substitutions of every base in ``interval``.

    Parameters
    ----------
    model
        A causal model (two-sided ones only with a `HeadOutput`, by full passes), or
        any wrapped one (`hyenascope.models.wrappers`), by full passes; borrowed and
        put back.
    genome
        Reader or FASTA path.
    interval
        0-based half-open, inside its contig; results are in forward order and
        letters whatever its strand.
    score
        ``"conditional"``, ``"downstream"``, ``"full"``, a `HeadOutput`, or any
        function from hidden states "batch length channels" to "batch"; of a wrapped
        model that predicts, a `ModelOutput`. By default ``"downstream"``; of a wrapped
        model that fills masks ``"conditional"``, log p given all other bases, and of
        one without likelihoods its first output. With masks ``"full"`` is the
        difference of pseudo-log-likelihoods, a pass per token and mutant.
    window
        Bases that ``"downstream"`` adds up, the mutated one included; 512 by
        default, at most half the context and half the contig.
    context
        Bases that the model reads; by default its own, at most 16,384. For a
        `HeadOutput`: the one window, centred on ``interval``, that the head sees; by
        default ``interval`` itself. For a `ModelOutput` the like, by default what the
        model reads.
    strands
        ``"both"`` is the mean of the two strands where both have a number.
    center
        None keeps the raw difference, 0 at the reference base. ``"mean4"``
        subtracts the mean over four bases, ``"alt3"`` the mean over the three
        alternates.
    max_memory
        Bytes that a reference pass may keep for its mutants. Less memory means more
        passes, never other numbers; what cannot hold one window is refused.
    device, progress
        As in `hyenascope.logits`.

    Returns
    -------
    TrackData
        Tracks A, C, G, T: alternate − reference in nats (a head's own unit);
        negative means that the model likes the base less than the reference. NaN
        where the reference is N or a strand cannot judge, with the reason in
        ``provenance["unscored"]``. ``provenance["last_tenth"]`` is Σ|Δ| over the
        last tenth of the window, of Σ|Δ| over all of it: a large share says that
        effects go on past the window.

    Raises
    ------
    ValueError
        If the interval is empty or leaves its contig, is longer than a head's
        context, nothing in it can be scored, or an option is out of range.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.fa"
    ...     _ = path.write_text(f">I{chr(10)}{'ACGT' * 30}")
    ...     track = saturation_mutagenesis(model, path, Interval("I", 40, 50), window=8)
    >>> track.values.shape, track.names, track.values[0, 0]  # position 41 is an A
    ((10, 4), ('A', 'C', 'G', 'T'), np.float64(0.0))
    """
    check_strands(strands)
    model = native(model)
    if score is None:
        score = default_score(model)
    if callable(score) and not isinstance(score, HeadOutput | ModelOutput):
        score = HeadOutput(score, name=getattr(score, "__name__", "score"))
    name, units, formula = named_score(score, model)
    with opened(genome) as reader:
        place = reader.inside(interval)
        size = reader.contigs[place.chrom]
        if isinstance(score, ModelOutput):
            score = score.on(reader)
        plan = plan_map(model, place, size, score, window, context, max_memory)
        windows = list(map_windows(reader, place, plan, strands))
        found = _StrandMaps(place)
        with _running(model, plan, device), torch.inference_mode():
            _read(model, reader, windows, plan, found, progress=progress)
        details = provenance_of(
            model,
            reader,
            method="saturation_mutagenesis",
            score=name,
            formula=formula,
            window=plan.span,
            context=plan.context,
            strands=strands,
            center=None,
            engine=found.engine,
            last_tenth=found.share.value,
            unscored=found.unscored.rows,
            reading="Negative: the base lowers the output."
            if isinstance(score, ModelOutput)
            else "Negative: the model likes the base less than the reference.",
        )
    track = TrackData(found.mean(), tuple(BASES), place, units, details)
    return track if center is None else center_map(track, center)


def conditional_map(
    model: AnyModel,
    genome: FastaReader | StrPath,
    interval: Interval,
    *,
    context: int | None = None,
    strands: Strands = "forward",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> TrackData:
    """Return log p(base | left) of all four bases everywhere, in nats.

    Of a wrapped model that fills masks, log p(base | all others). One strand's four
    probabilities sum to one; ``"reverse"`` reads from the right and is given in forward
    order and letters; ``"both"`` is the mean of the two log-probabilities. Parameters
    and errors are those of `saturation_mutagenesis`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.fa"
    ...     _ = path.write_text(f">I{chr(10)}{'ACGT' * 30}")
    ...     track = conditional_map(model, path, Interval("I", 40, 50))
    >>> np.exp(track.values).sum(axis=1).round(6)[:3]
    array([1., 1., 1.])
    """
    check_strands(strands)
    model = native(model)
    require_likelihoods(model)
    plan = MapPlan(
        window_context(model, context),
        1,
        None,
        0,
        sees_left=sees_left(model),
        reads_n=reads_n(model),
    )
    with opened(genome) as reader:
        place = reader.inside(interval)
        require_contig(model, place, reader.contigs[place.chrom])
        room = 1 if plan.sees_left else plan.context // 2
        windows = list(
            strand_windows(
                reader, place, context=plan.context, room=room, strands=strands
            )
        )
        found = _StrandMaps(place)
        with _running(model, plan, device), torch.inference_mode():
            for item in tqdm(windows, disable=not progress, unit="window"):
                found.put(item, _conditional(model, item, plan), plan)
        details = provenance_of(
            model,
            reader,
            method="conditional_map",
            context=plan.context,
            strands=strands,
            unscored=found.unscored.rows,
            reading=f"log p of each base given {_SEEN[plan.sees_left]}; 0 is certain.",
        )
    return TrackData(found.mean(), tuple(BASES), place, "log p (nats)", details)


def center_map(track: TrackData, center: Center) -> TrackData:
    """Centre a raw map: 0 at every reference base.

    ``"mean4"`` subtracts the mean over four bases (tangermeme's hypothetical
    convention: the reference gets −Σ/4), ``"alt3"`` the mean over the three
    alternates (AlphaGenome's ``ism_matrix``: the reference gets −Σ/3).

    Raises
    ------
    ValueError
        If ``center`` is unknown, the map has not four tracks, or it is no raw map.

    Examples
    --------
    >>> raw = TrackData([[0.0, -1, -2, -1]], tuple("ACGT"), Interval("I", 0, 1))
    >>> center_map(raw, "mean4").values
    array([[ 1.,  0., -1.,  0.]])
    """
    if center not in get_args(Center):
        raise ValueError(f"center must be 'mean4' or 'alt3'; got {center!r}.")
    if track.names != tuple(BASES):
        raise ValueError(f"track must have A, C, G and T; got {list(track.names)}.")
    known = track.values[~np.isnan(track.values).any(axis=1)]
    if not (known == 0).any(axis=1).all():
        raise ValueError(
            "track must be a raw map, 0 at every reference base; got other numbers."
        )
    divisor = 4 if center == "mean4" else 3
    values = track.values - track.values.sum(axis=1, keepdims=True) / divisor
    details = {**track.provenance, "center": center}
    return TrackData(values, track.names, track.interval, track.units, details)


class _StrandMaps:
    """Rows of either strand, how they were read, and what has no number."""

    def __init__(self, place: Interval) -> None:
        self.place = place
        self.tables = np.full((2, place.length, 4), np.nan)
        self.unscored = UnscoredRuns()
        self.share = WindowShare()
        self.engine = "one pass per strand"

    def put(
        self, item: StrandWindow, rows: Float64[np.ndarray, "places 4"], plan: MapPlan
    ) -> None:
        at = item.places.start - self.place.start
        self.tables[int(item.reverse), at : at + item.places.length] = rows
        for offset in np.flatnonzero(np.isnan(rows).all(axis=1)):
            position = item.places.start + int(offset)
            reason = plan.reason(item.tokens, item.index(position)) or NOT_FINITE
            strand = "reverse" if item.reverse else "forward"
            self.unscored.note(strand, position, reason)

    def mean(self) -> Float64[np.ndarray, "length 4"]:
        if np.isnan(self.tables).all():
            raise NothingScoredError(
                f"interval must hold a base that can be scored; got {self.place}, "
                f"where {self.unscored.first_reason}.",
                self.unscored.rows,
            )
        return mean_known(self.tables)


@contextmanager
def _running(
    model: AnyModel, plan: MapPlan, device: str | torch.device | None
) -> Iterator[None]:
    """Borrow the model, and the head if there is one."""
    with borrowed(model, device) as where:
        if plan.head is None:
            yield
            return
        with plan.head.borrowed(where):
            yield


def _conditional(
    model: AnyModel, item: StrandWindow, plan: MapPlan
) -> Float64[np.ndarray, "places 4"]:
    if isinstance(model, WrappedModel):
        return wrapped_conditional(model, item, plan)
    return conditional_rows(model, item)


def _read(
    model: AnyModel,
    genome: FastaReader,
    windows: Sequence[StrandWindow],
    plan: MapPlan,
    found: _StrandMaps,
    *,
    progress: bool,
) -> None:
    """Run every window; a conditional map needs no mutant."""
    total = 3 * sum(item.places.length for item in windows)
    with tqdm(total=total, disable=not progress, unit="mutant") as bar:
        if plan.span == 1:
            for item in windows:
                rows = _conditional(model, item, plan)
                found.put(item, _less_reference(rows, genome, item), plan)
                bar.update(3 * item.places.length)
            return
        if isinstance(model, WrappedModel):
            found.engine = READER_NAMES[FullPasses]
            for item in windows:
                rows = wrapped_mutants(model, item, plan, found.share, bar.update)
                found.put(item, rows, plan)
            return
        kind = choose_reader(model, tokens_for(model, windows[0].tokens))
        found.engine = READER_NAMES[kind]
        for item in windows:
            rows = mutant_rows(model, item, plan, kind, found.share, bar.update)
            found.put(item, rows, plan)


def _less_reference(
    rows: Float64[np.ndarray, "places 4"], genome: FastaReader, item: StrandWindow
) -> Float64[np.ndarray, "places 4"]:
    """Subtract each row's reference base; NaN where that is none."""
    bases = one_hot(genome.fetch(item.places))
    expected = np.where(bases > 0, rows, 0.0).sum(axis=1, keepdims=True)
    expected[bases.sum(axis=1) == 0] = np.nan
    return rows - expected
