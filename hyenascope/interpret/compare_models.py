"""Several models on the same variants, or on every substitution of a locus."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

import anndata as ad
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64, Int64
from scipy.stats import rankdata
from tqdm.auto import tqdm

from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.interpret.ism import saturation_mutagenesis
from hyenascope.interpret.ism_plan import IsmScore, default_score, named_score
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.provenance import provenance_of
from hyenascope.interpret.scores import ScoreName
from hyenascope.interpret.unscored import NOT_FINITE, NothingScoredError
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.interpret.variant_scorer import unique_names
from hyenascope.interpret.variant_sources import VariantSource, collect_variants
from hyenascope.models.model_checks import AnyModel
from hyenascope.models.predict import check_strands
from hyenascope.models.wrappers.any_model import native
from hyenascope.models.wrappers.protocol import WrappedModel

AnyScore = ScoreName | IsmScore | HeadOutput | ModelOutput
"""One score: of variants, of a region, or an output of a head or a wrapped model."""

_LEAST = 3  # rows for a rank correlation
_TIE = 1e-5  # of a column's largest number: closer than single precision tells apart
_ROUNDING = 1e-6  # of either side: differences below it are nothing else


def compare_models(
    models: Mapping[str, AnyModel],
    where: VariantSource | Interval,
    genome: FastaReader | StrPath,
    *,
    scores: Mapping[str, AnyScore] | None = None,
    context: int | None = None,
    strands: Strands = "both",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> ad.AnnData:
    """Score the same changes with several models: a column each.

    Parameters
    ----------
    models
        Our own and wrapped ones, by the names that columns get.
    where
        Variants as in `hyenascope.score_variants`; or an `Interval`, 0-based half-open,
        of which every substitution is a row.
    genome
        Reader or FASTA path.
    scores
        One score for each model that shall not have its default: of language models
        ``"conditional"`` for variants and, where they read from the left,
        ``"downstream"`` for an interval; of others their first output. Of an interval
        it may be a `HeadOutput` of our own model.
    context
        Bases that every model reads; each its own, as the two verbs have it, if None.
    strands
        ``"both"`` is the mean of the two.
    device, progress
        As in `hyenascope.logits`.

    Returns
    -------
    anndata.AnnData
        ``.obs`` a row per change with ``chrom pos ref alt`` (1-based), ``status``,
        ``"ok"`` where every model has a number, and ``reason``, who says what;
        ``.var`` a row per model: its score, formula and unit;
        ``.X`` alternate − reference, NaN where a model has no number, each column in
        its own unit. ``.varp["spearman"]`` holds rank correlations over the rows that
        both models have, ``.varp["rows"]`` how many these are; NaN below three, or
        where a column does not vary. What differs by less than a hundred-thousandth
        of a column's largest number is a tie; of variants a column varies if its
        largest number is more than a millionth of its sides. Maps of an interval keep
        no sides: there, rounding of a model that never changes has ranks.
        ``.uns["hyenascope"]`` says where each column comes from, by its name with
        ``|`` for ``/``.

    Raises
    ------
    ValueError
        If there is no model, ``scores`` names none of them, or as
        `hyenascope.score_variants` and `hyenascope.saturation_mutagenesis`, with the
        name of the model.
    TypeError
        If ``models`` or ``scores`` is no mapping, or a model is none.
    NothingScoredError
        If no model has a number in an interval.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hyenascope.models.wrappers import FunctionModel
    >>> gc = FunctionModel(
    ...     lambda texts: [float(text.count("G") + text.count("C")) for text in texts],
    ...     context_length=20,
    ... )
    >>> at = FunctionModel(
    ...     lambda texts: [float(text.count("A") + text.count("T")) for text in texts],
    ...     context_length=20,
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.fa"
    ...     _ = path.write_text(f">I{chr(10)}{'ACGT' * 30}")
    ...     models = {"gc": gc, "at": at}
    ...     found = compare_models(models, Interval("I", 40, 44), path)
    >>> found.shape, found.varp["spearman"][0].round(3).tolist()
    ((12, 2), [1.0, -1.0])
    """
    for what, given in (("models", models), ("scores", scores)):
        if not isinstance(given, Mapping | None):
            raise TypeError(
                f"{what} must be a mapping by name of model; got "
                f"{type(given).__name__}."
            )
    if not models:
        raise ValueError("models must name at least one model; got none.")
    asked = dict(scores or {})
    strange = set(asked) - set(models)
    if strange:
        raise ValueError(
            f"scores must be of {', '.join(models)}; got {', '.join(sorted(strange))}."
        )
    check_strands(strands)
    ours = {}
    for name, model in models.items():
        with _turn_of(name):
            ours[name] = native(model)
    how = (asked, context, strands, device, progress)
    with opened(genome) as reader:
        if isinstance(where, Interval):
            found = _of_interval(ours, where, reader, *how)
        else:
            found = _of_variants(ours, where, reader, *how)
    found.varp["spearman"], found.varp["rows"] = _correlations(_told_apart(found))
    return found


@contextmanager
def _turn_of(name: str) -> Iterator[None]:
    """Say whose fault it is."""
    try:
        yield
    except NothingScoredError:
        raise
    except (ValueError, TypeError) as err:
        kind = TypeError if isinstance(err, TypeError) else ValueError
        raise kind(f"models[{name!r}]: {err}") from err


def _of_variants(
    models: Mapping[str, AnyModel],
    source: VariantSource,
    genome: FastaReader,
    asked: Mapping[str, AnyScore],
    context: int | None,
    strands: Strands,
    device: str | torch.device | None,
    progress: bool,
) -> ad.AnnData:
    variants = collect_variants(source)
    parts: dict[str, ad.AnnData] = {}
    for name, model in tqdm(models.items(), disable=not progress, unit="model"):
        score = asked.get(name, _of_a_variant(model))
        if not isinstance(score, ModelOutput) and score not in get_args(ScoreName):
            raise ValueError(
                f"scores[{name!r}] must be a score of variants; got {score!r}."
            )
        column: Sequence[ScoreName | ModelOutput] = [score]  # type: ignore[list-item]
        with _turn_of(name):
            parts[name] = score_variants(
                model,
                variants,
                genome,
                context=context,
                scores=column,
                strands=strands,
                baselines=(),
                device=device,
                progress=progress,
            )
    first = next(iter(parts.values())).obs
    obs = first[["chrom", "pos", "ref", "alt", "id", "kind"]].copy()
    states = pd.DataFrame({name: part.obs["status"] for name, part in parts.items()})
    reasons = pd.DataFrame({name: part.obs["reason"] for name, part in parts.items()})
    obs["status"] = np.where((states == "ok").all(axis=1), "ok", "flagged")
    obs["reason"] = [_joined(row) for row in reasons.to_dict("records")]
    columns = {name: part.var.iloc[0] for name, part in parts.items()}
    values = np.column_stack([np.asarray(part.X)[:, 0] for part in parts.values()])
    return ad.AnnData(
        values,
        obs,
        pd.DataFrame(columns).T[["score", "strand", "formula", "unit", "reading"]],
        layers={
            side: np.column_stack([part.layers[side][:, 0] for part in parts.values()])
            for side in ("ref", "alt")
        },
        uns={
            "hyenascope": _by_key(
                {name: part.uns["hyenascope"] for name, part in parts.items()}
            )
        },
    )


def _of_interval(
    models: Mapping[str, AnyModel],
    interval: Interval,
    genome: FastaReader,
    asked: Mapping[str, AnyScore],
    context: int | None,
    strands: Strands,
    device: str | torch.device | None,
    progress: bool,
) -> ad.AnnData:
    place = genome.inside(interval)
    text = genome.fetch(place)
    changes = [
        Variant(place.chrom, place.start + i + 1, ref, alt)
        for i, ref in enumerate(text)
        for alt in "ACGT"
        if ref in "ACGT" and alt != ref
    ]
    rows = [change.pos - 1 - place.start for change in changes]
    letters = ["ACGT".index(change.alt) for change in changes]
    maps: dict[str, _Map] = {}
    for name, model in tqdm(models.items(), disable=not progress, unit="model"):
        score = asked.get(name, default_score(model))
        known = isinstance(score, ModelOutput | HeadOutput)
        if not known and score not in get_args(IsmScore):
            raise ValueError(
                f"scores[{name!r}] must be a score of an interval; got {score!r}."
            )
        with _turn_of(name):
            maps[name] = _map_of(
                model,
                place,
                genome,
                score,  # type: ignore[arg-type]
                context,
                strands,
                device,
                progress,
            )
    nothing = {name: each.nothing for name, each in maps.items() if each.nothing}
    if len(nothing) == len(models):
        raise NothingScoredError(
            " ".join(f"models[{name!r}]: {err}" for name, err in nothing.items()),
            [row for err in nothing.values() for row in err.rows],
        )
    obs = pd.DataFrame(
        [(c.chrom, c.pos, c.ref, c.alt) for c in changes],
        columns=["chrom", "pos", "ref", "alt"],
        index=[str(change) for change in changes],
    )
    values = np.column_stack([each.table[rows, letters] for each in maps.values()])
    reasons = {
        name: [
            _why(each.unscored, change.pos - 1, value)
            for change, value in zip(changes, column, strict=True)
        ]
        for (name, each), column in zip(maps.items(), values.T, strict=True)
    }
    obs["status"] = np.where(np.isfinite(values).all(axis=1), "ok", "flagged")
    obs["reason"] = [_joined(row) for row in pd.DataFrame(reasons).to_dict("records")]
    region = {"chrom": place.chrom, "start": place.start, "end": place.end}
    about = {name: {**each.about, "strand": strands} for name, each in maps.items()}
    fields = ["score", "strand", "formula", "unit", "reading"]
    records = _by_key({name: each.record for name, each in maps.items()})
    return ad.AnnData(
        values,
        obs,
        pd.DataFrame(about).T[fields],
        uns={"hyenascope": records, "interval": region},
    )


@dataclass(frozen=True)
class _Map:
    """What one model says of an interval, or why it has nothing to say."""

    table: Float64[np.ndarray, "places 4"]
    about: dict[str, str]
    record: dict[str, str | int | float]
    unscored: Sequence[Mapping[str, object]]
    nothing: NothingScoredError | None = None


def _map_of(
    model: AnyModel,
    place: Interval,
    genome: FastaReader,
    score: IsmScore | HeadOutput | ModelOutput,
    context: int | None,
    strands: Strands,
    device: str | torch.device | None,
    progress: bool,
) -> _Map:
    label, unit, formula = named_score(score, model)
    nothing = None
    record: dict[str, Any]
    try:
        track = saturation_mutagenesis(
            model,
            genome,
            place,
            score=score,
            context=context,
            strands=strands,
            device=device,
            progress=progress,
        )
    except NothingScoredError as err:
        nothing, unscored = err, err.rows
        table = np.full((place.length, 4), np.nan)
        record = provenance_of(
            model,
            genome,
            method="saturation_mutagenesis",
            score=label,
            formula=formula,
            strands=strands,
        )
    else:
        table, record = track.values, dict(track.provenance)
        unscored = tuple(record["unscored"])
    about = {"score": label, "formula": formula, "unit": unit}
    about["reading"] = str(record.get("reading", ""))
    # Files of AnnData hold no lists of records.
    plain = {k: v for k, v in record.items() if isinstance(v, str | int | float)}
    return _Map(table, about, plain, unscored, nothing)


def _why(unscored: Sequence[Mapping[str, object]], position: int, value: float) -> str:
    """Say why a place has no number on a strand or both; nothing where it has."""
    said: dict[str, list[str]] = {}
    for run in unscored:
        if int(str(run["start"])) <= position < int(str(run["end"])):
            said.setdefault(str(run["reason"]), []).append(str(run["strand"]))
    if not said:
        return NOT_FINITE if np.isnan(value) else ""
    return "; ".join(f"{' and '.join(who)}: {why}" for why, who in said.items())


def _by_key(records: Mapping[str, object]) -> dict[str, object]:
    """Key records as files of AnnData can: names of the hub hold slashes."""
    keys = unique_names(name.replace("/", "|") for name in records)
    return dict(zip(keys, records.values(), strict=True))


def _of_a_variant(model: AnyModel) -> Literal["conditional"] | ModelOutput:
    if isinstance(model, WrappedModel) and "log_probs" not in model.offers:
        return ModelOutput()
    return "conditional"


def _joined(reasons: Mapping[Hashable, str]) -> str:
    """Say once what all models say, else who says what."""
    said = {name: reason for name, reason in reasons.items() if reason}
    if len(set(said.values())) == 1 and len(said) == len(reasons):
        return next(iter(said.values()))
    return "; ".join(f"{name}: {reason}" for name, reason in said.items())


def _told_apart(compared: ad.AnnData) -> Float64[np.ndarray, "changes models"]:
    """Return numbers of which those that only rounding tells apart are the same."""
    values = np.asarray(compared.X, np.float64)
    largest = _largest(values)
    least = _TIE * largest
    for side in compared.layers.values():
        least[largest < _ROUNDING * _largest(np.asarray(side))] = np.inf
    columns = [_tied(*each) for each in zip(values.T, least, strict=True)]
    return np.column_stack(columns)


def _largest(
    values: Float64[np.ndarray, "changes models"],
) -> Float64[np.ndarray, " models"]:
    return np.abs(values).max(axis=0, initial=0.0, where=np.isfinite(values))


def _tied(
    values: Float64[np.ndarray, " changes"], least: float
) -> Float64[np.ndarray, " changes"]:
    """Give all within ``least`` above the lowest of a run its number.

    A grid would tell neighbours apart that lie on either side of a border, and chains
    of neighbours would make one run of all that lies close.
    """
    found = values.copy()
    order = np.argsort(values)
    order = order[np.isfinite(values[order])]
    ordered, start = values[order], 0
    while start < len(ordered):
        stop = np.searchsorted(ordered, ordered[start] + least, side="right")
        found[order[start:stop]] = ordered[start]
        start = int(stop)
    return found


def _correlations(
    values: Float64[np.ndarray, "changes models"],
) -> tuple[Float64[np.ndarray, "models models"], Int64[np.ndarray, "models models"]]:
    """Spearman's rank correlation of each pair, ties at their mean rank, and rows."""
    count = values.shape[1]
    found = np.full((count, count), np.nan)
    rows = np.zeros((count, count), np.int64)
    for i in range(count):
        for j in range(count):
            both = np.isfinite(values[:, [i, j]]).all(axis=1)
            rows[i, j] = both.sum()
            if rows[i, j] < _LEAST:
                continue
            ranks = [rankdata(values[both, column]) for column in (i, j)]
            if all(np.ptp(each) > 0 for each in ranks):
                found[i, j] = np.corrcoef(ranks)[0, 1]
    return found, rows
