"""Where a score stands among random SNVs of the same mutation class.

A C>T in a CpG and an A>C are not alike to any model that has learnt a genome:
raw scores of different classes must not be ranked together. A background holds
scores of random SNVs of the same genome by the same model with the same options,
and gives each variant its percentile among those of its class.

Classes are, from fine to coarse: substitution and trinucleotide (``ACG>ATG``);
substitution and whether a CpG is hit (``C>T CpG``, ``C>T other``); substitution
alone (``C>T``). Scores of both strands know no strand, so there a change and its
reverse complement are one class, named from the pyrimidine. For a column of one
strand the class is the change as that strand reads it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import anndata as ad
import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from hyenascope._typing import StrPath
from hyenascope.interpret.read_scores import read_scores
from hyenascope.interpret.score_files import write_scores
from hyenascope.sequence.dna import reverse_complement

Classes = Literal["trinucleotide", "substitution"]
"""The finest classes of a background: 96 trinucleotides, or substitution and CpG."""

_SAME = (
    *("checkpoint_hash", "modulation_shift", "genome_fingerprint", "context"),
    *("window_stride", "strands", "downstream_window", "markov_order"),
)


@dataclass(frozen=True)
class Background:
    """Scores of random SNVs, sorted by mutation class.

    Parameters
    ----------
    scores
        What `hyenascope.score_variants` gives for random SNVs.
    classes
        The finest classes.
    least
        SNVs that a class must have to be used; with fewer the next coarser one is.

    Raises
    ------
    ValueError
        If the classes are unknown, or ``least`` is below 1.

    Examples
    --------
    >>> obs = {"ref": ["C"] * 3, "alt": ["T"] * 3}
    >>> obs |= {"trinucleotide_context": ["ACG>ATG"] * 3}
    >>> scores = ad.AnnData(
    ...     np.array([[-1.0], [0.0], [2.0]]),
    ...     pd.DataFrame(obs, index=["a", "b", "c"]),
    ...     pd.DataFrame({"strand": ["both"]}, index=["conditional"]),
    ...     uns={"hyenascope": {}},
    ... )
    >>> background = Background(scores, least=1)
    >>> background.percentile(scores).layers["percentile"].ravel().round(2)
    array([0.17, 0.5 , 0.83])
    """

    scores: ad.AnnData
    classes: Classes = "trinucleotide"
    least: int = 50

    def __post_init__(self) -> None:
        check_classes(self.classes, self.least)

    def percentile(self, scores: ad.AnnData) -> ad.AnnData:
        """Return ``scores`` with how they rank among random SNVs of their class.

        Parameters
        ----------
        scores
            What `hyenascope.score_variants` gave, by the same model on the same
            genome with the same options.

        Returns
        -------
        anndata.AnnData
            A copy. ``.layers["percentile"]``: the share of the class with a lower
            score, ties counted half, 0 to 1; NaN for indels and MNVs, where there
            is no score, and where not even the coarsest class was drawn.
            ``.obs["background_class"]`` and ``["background_n"]``: the class used
            for scores of both strands, and how many SNVs it has.

        Raises
        ------
        ValueError
            If the two differ in model, genome or options, or a column is missing.
        """
        self.check(scores.uns["hyenascope"], scores.var)
        result = scores.copy()
        layer = np.full(scores.shape, np.nan)
        values = np.asarray(scores.X, dtype=np.float64)
        for column, (name, strand) in enumerate(scores.var["strand"].items()):
            layer[:, column] = self._ranks(
                str(name), values[:, column], read_contexts(scores.obs, str(strand))
            )
        result.layers["percentile"] = layer
        used = [self._class(label, "both") for label in read_contexts(scores.obs)]
        result.obs["background_class"] = used
        members = self._members["both"]
        counts = [len(members.get(name, ())) for name in used]
        result.obs["background_n"] = np.array(counts, dtype=np.int64)
        result.uns["hyenascope"]["background"] = self.provenance
        return result

    def check(self, provenance: Mapping[str, object], columns: pd.DataFrame) -> None:
        """Refuse scores that this background says nothing about.

        Raises
        ------
        ValueError
            If model, genome or options differ, or a column is missing; the message
            says which.
        """
        own = self.scores.uns["hyenascope"]
        differ = [
            f"{key} {provenance.get(key)} against {own.get(key)}"
            for key in _SAME
            if str(provenance.get(key)) != str(own.get(key))
        ]
        if differ:
            raise ValueError(
                "scores must come from the model, genome and options of the "
                f"background; got {'; '.join(differ)}."
            )
        missing = [name for name in columns.index if name not in self.scores.var_names]
        if missing:
            raise ValueError(
                f"background must hold every score of the table; got no "
                f"{', '.join(missing)}."
            )

    @property
    def counts(self) -> "pd.Series[int]":
        """SNVs per class, strands folded."""
        members = self._members["both"]
        return pd.Series({name: len(members[name]) for name in sorted(members)})

    @property
    def provenance(self) -> dict[str, object]:
        """How it was made, short: for the results that rest on it."""
        own = self.scores.uns["hyenascope"]
        return {
            "variants": self.scores.n_obs,
            "classes": self.classes,
            "least": self.least,
            "seed": int(own.get("seed", -1)),
            "intervals": str(own.get("intervals", "")),
        }

    def save(self, path: StrPath) -> None:
        """Write it to an ``.h5ad`` file, whole or not at all.

        Raises
        ------
        ValueError
            If the suffix is another.
        """
        if Path(path).suffix != ".h5ad":
            raise ValueError(f"path must end in .h5ad; got {path}.")
        kept = self.scores.copy()
        kept.uns["background"] = {"classes": self.classes, "least": self.least}
        write_scores(kept, path)

    @classmethod
    def load(cls, path: StrPath) -> "Background":
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If the file is damaged or holds something else.
        """
        scores = read_scores(path)
        if "background" not in scores.uns:
            raise ValueError(f"path must be a saved background; got {path}.")
        made = scores.uns.pop("background")
        return cls(scores, str(made["classes"]), int(made["least"]))  # type: ignore[arg-type]

    @cached_property
    def _members(self) -> dict[str, dict[str, Int64[np.ndarray, " snvs"]]]:
        """Rows of each class, by strand."""
        return {
            strand: self._rows(read_contexts(self.scores.obs, strand))
            for strand in ("both", "forward", "reverse")
        }

    def _rows(self, labels: list[str]) -> dict[str, Int64[np.ndarray, " snvs"]]:
        found: dict[str, list[int]] = {}
        for row, label in enumerate(labels):
            for name in self._ladder(label):
                found.setdefault(name, []).append(row)
        return {name: np.array(rows, dtype=np.int64) for name, rows in found.items()}

    def _ladder(self, label: str) -> list[str]:
        names = list(mutation_classes(label))
        return names[1:] if self.classes == "substitution" else names

    def _class(self, label: str, strand: str) -> str:
        """Return the finest class with enough SNVs, or the coarsest; "" for none."""
        members = self._members[strand]
        names = [name for name in self._ladder(label) if name in members]
        enough = (name for name in names if len(members[name]) >= self.least)
        return next(enough, names[-1] if names else "")

    def _ranks(
        self, name: str, values: Float64[np.ndarray, " variants"], labels: list[str]
    ) -> Float64[np.ndarray, " variants"]:
        strand = str(self.scores.var.loc[name, "strand"])
        column = np.asarray(self.scores[:, name].X, dtype=np.float64).ravel()
        ranks = np.full(len(values), np.nan)
        for label, rows in pd.Series(labels).groupby(labels).groups.items():
            used = self._class(str(label), strand)
            if used:
                sample = column[self._members[strand][used]]
                at = np.asarray(rows)
                ranks[at] = _mid_ranks(values[at], sample)
        return ranks


def check_classes(classes: str, least: int) -> None:
    """Refuse what a background cannot be divided into.

    Raises
    ------
    ValueError
        If the classes are unknown, or ``least`` is below 1.
    """
    if classes not in get_args(Classes):
        raise ValueError(
            f"classes must be 'trinucleotide' or 'substitution'; got {classes!r}."
        )
    if least < 1:
        raise ValueError(f"least must be at least 1; got {least}.")


def read_contexts(obs: pd.DataFrame, strand: str = "both") -> list[str]:
    """Return each SNV's trinucleotides as a strand reads them; "" for the others.

    ``"both"`` names them from the pyrimidine, whichever strand that is on.

    Examples
    --------
    >>> columns = ["ref", "alt", "trinucleotide_context"]
    >>> obs = pd.DataFrame([["G", "A", "ACG>ATG"]], columns=columns)
    >>> [read_contexts(obs, strand)[0] for strand in ("both", "forward", "reverse")]
    ['ACG>ATG', 'CGT>CAT', 'ACG>ATG']
    """
    labels = [str(label) for label in obs["trinucleotide_context"]]
    if strand == "both":
        return labels
    alleles = zip(map(str, obs["ref"]), map(str, obs["alt"]), strict=True)
    turned = [_changed_base(ref, alt) in "AG" for ref, alt in alleles]
    return [
        _turned(label) if label and turn == (strand == "forward") else label
        for label, turn in zip(labels, turned, strict=True)
    ]


def mutation_classes(label: str) -> Iterator[str]:
    """Yield the classes of an SNV from fine to coarse; none for an empty label.

    Examples
    --------
    >>> list(mutation_classes("ACG>ATG")), list(mutation_classes("ATG>ACG"))
    (['ACG>ATG', 'C>T CpG', 'C>T'], ['ATG>ACG', 'T>C other', 'T>C'])
    """
    if not label:
        return
    before, after = label.split(">")
    yield label
    yield f"{before[1]}>{after[1]} {'CpG' if 'CG' in before else 'other'}"
    yield f"{before[1]}>{after[1]}"


def _mid_ranks(
    values: Float64[np.ndarray, " variants"], sample: Float64[np.ndarray, " snvs"]
) -> Float64[np.ndarray, " variants"]:
    """Return the share of ``sample`` below each value, ties counted half."""
    ordered = np.sort(sample[~np.isnan(sample)])
    if not len(ordered):
        return np.full(len(values), np.nan)
    below, upto = (ordered.searchsorted(values, side=s) for s in ("left", "right"))
    return np.where(np.isnan(values), np.nan, (below + upto) / (2 * len(ordered)))


def _turned(label: str) -> str:
    return ">".join(map(reverse_complement, label.split(">")))


def _changed_base(ref: str, alt: str) -> str:
    """Return the base of REF that an SNV changes, also where it is padded."""
    return next((a for a, b in zip(ref, alt, strict=False) if a != b), "N")
