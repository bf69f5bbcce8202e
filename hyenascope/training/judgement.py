"""How well a model reads what was held out from it, and the card that says so."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int8

from hyenascope._typing import StrPath
from hyenascope.data.annotation import read_genes
from hyenascope.data.interval import Interval
from hyenascope.models.hyena import HyenaLM
from hyenascope.training.genome_data import GenomeData
from hyenascope.training.held_out import HeldOutTable, held_out_table
from hyenascope.training.model_card import TrainingFacts, write_card
from hyenascope.training.nats_by_position import PositionNats, nats_by_position
from hyenascope.training.pretrain_options import PretrainOptions
from hyenascope.training.region_classes import region_classes
from hyenascope.training.software import Software, software


@dataclass(frozen=True, eq=False)
class Judgement:
    """A model beside uniform and Markov models, and what context does for it.

    Parameters
    ----------
    table
        Nats per base of every model, by class of bases.
    positions
        Nats per base of the model by the number of bases to the left.
    counted
        Bases of training text that the Markov models counted.
    """

    table: HeldOutTable
    positions: PositionNats
    counted: int


def judge(
    model: HyenaLM,
    data: GenomeData,
    *,
    genes: StrPath | None = None,
    orders: Sequence[int] = range(1, 13),
    most_bases: int = 5_000_000,
    most_training: int = 200_000_000,
    device: str | torch.device | None = None,
    progress: bool = False,
) -> Judgement:
    """Hold a model against the validation stretches of some genomes.

    Parameters
    ----------
    model
        A causal one; borrowed.
    data
        Its ``valid`` part is judged, its ``train`` part counted by the Markov models.
    genes
        GTF or GFF3, if there is one genome: adds a column for each class of bases.
    orders
        Of the Markov models.
    most_bases
        Judge no more than so many bases, the same share of every stretch.
    most_training
        Count no more than so many bases of training text, from the start.
    device, progress
        Where to run; show a bar.

    Raises
    ------
    ValueError
        If nothing is held out, the model is two-sided, or as `check_genes`.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> from hyenascope.training.open_genomes import open_genomes
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> data = open_genomes({"I": "ACGT" * 50, "II": "GATT" * 30}, validation=["II"])
    >>> judge(model, data, orders=[1]).table.nats.index.tolist()
    ['uniform', 'Markov, order 1', 'untitled']
    """
    if not data.valid:
        raise ValueError("data must hold something out to judge on; got nothing.")
    check_genes(genes, data)
    share = min(1.0, most_bases / data.bases("valid"))
    texts = {
        name: text[: max(1, round(share * len(text)))]
        for name, text in data.texts("valid")
    }
    training = _Counted(data, most_training)
    table = held_out_table(
        model,
        texts,
        training,
        orders=orders,
        classes=None if genes is None else _classes(data, texts, genes),
        device=device,
        progress=progress,
    )
    positions = nats_by_position(
        model, list(texts.values()), device=device, progress=progress
    )
    return Judgement(table, positions, training.bases)


def check_genes(genes: StrPath | None, data: GenomeData) -> None:
    """Refuse an annotation that has nothing to tell of the data.

    Raises
    ------
    ValueError
        If there are several genomes, or the file holds no gene or is damaged.
    OSError
        If it cannot be read.
    """
    if genes is None:
        return
    if len(data.genomes) > 1:
        raise ValueError(
            f"genes must be given for one genome only; got {len(data.genomes)} genomes."
        )
    if not read_genes(genes):
        raise ValueError(f"genes must hold genes; got none in {genes}.")


def write_judgement(
    folder: StrPath,
    model: HyenaLM,
    data: GenomeData,
    judgement: Judgement | None,
    *,
    options: PretrainOptions,
    history: pd.DataFrame | None,
    about: str,
    command: str,
    limits: str = "",
    licence: str = "",
    more: Mapping[str, str] | None = None,
    made_with: Software | None = None,
) -> None:
    """Write the model card, and the curves beside it.

    Parameters
    ----------
    folder
        Where the weights are.
    model, data, judgement
        What was trained, on what, and how well it reads, if that is known.
    options
        How it was trained.
    history
        A row per step, as in `PretrainResult.history`.
    about, limits
        What the data are, and what the model must not be used for, in Markdown.
    command
        What to type to get the numbers again; empty if there is no way to.
    licence
        Of the weights.
    more
        Settings beside the options, name to value.
    made_with
        What trained the weights; what runs now if None.
    """
    trained = data.bases("train")
    counted = ""
    if judgement is not None and 0 < judgement.counted < trained:
        counted = f" The Markov models counted its first {judgement.counted:,} bases."
    facts = TrainingFacts(
        data=f"{about}{counted}",
        fingerprint=data.fingerprint,
        training_bases=trained,
        tokens=options.tokens,
        seed=options.seed,
        settings={**options.settings(), **(more or {})},
        command=command,
        limits=limits,
        licence=licence,
        made_with=made_with or software(),
    )
    write_card(
        Path(folder),
        model,
        facts,
        None if judgement is None else judgement.table,
        positions=None if judgement is None else judgement.positions,
        curves=history,
    )


class _Counted:
    """Training texts up to a limit; knows how many bases it has given."""

    def __init__(self, data: GenomeData, limit: int) -> None:
        self._data, self._limit = data, limit
        self.bases = 0

    def __iter__(self) -> Iterator[str]:
        self.bases = 0
        for _, text in self._data.texts("train"):
            part = text[: self._limit - self.bases]
            self.bases += len(part)
            yield part
            if self.bases == self._limit:
                return


def _classes(
    data: GenomeData, texts: dict[str, str], genes: StrPath
) -> dict[str, Int8[np.ndarray, " _"]]:
    known = read_genes(genes)
    return {
        name: region_classes(
            known, Interval(region.chrom, region.start, region.start + len(text))
        )
        for region, (name, text) in zip(data.valid, texts.items(), strict=True)
    }
