"""Does a wrapped model keep its word? Its properties, tried on random DNA."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from hyenascope.models.hyena import HyenaLM
from hyenascope.models.wrappers.any_model import native
from hyenascope.models.wrappers.hyena_model import HyenaModel
from hyenascope.models.wrappers.protocol import WrappedModel
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.one_hot import one_hot

_LONGEST = 256  # bases of a sample, unless the model reads one length alone


@dataclass(frozen=True)
class Check:
    """One property: whether it holds (None: it is only measured), and what was seen."""

    name: str
    holds: bool | None
    found: str


@dataclass(frozen=True)
class ModelReport:
    """What `check_model` found; prints as a table."""

    model: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every property that can fail holds."""
        return all(check.holds is not False for check in self.checks)

    @property
    def table(self) -> pd.DataFrame:
        """One row per property."""
        words = {True: "holds", False: "FAILS", None: "measured"}
        rows = [(words[each.holds], each.found) for each in self.checks]
        index = pd.Index([each.name for each in self.checks], name="property")
        return pd.DataFrame(rows, index=index, columns=["", "found"])

    def __str__(self) -> str:
        width = max(len(each.name) for each in self.checks)
        words = {True: "holds   ", False: "FAILS   ", None: "measured"}
        lines = [
            f"{each.name:<{width}}  {words[each.holds]}  {each.found}"
            for each in self.checks
        ]
        return "\n".join([self.model, *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table.to_html()


def check_model(
    model: WrappedModel | HyenaLM,
    *,
    length: int | None = None,
    tolerance: float = 1e-4,
    seed: int = 0,
    device: str | torch.device | None = None,
) -> ModelReport:
    """Try what the protocol promises on random sequences.

    Shapes, finite numbers, rows that sum to one; the same twice; the same alone and
    beside others; a causal model that does not look ahead, a masked one that does not
    see the base it is asked for; gradients of the network that is asked. How far a
    sequence and its reverse complement differ is measured, not judged.

    Parameters
    ----------
    model
        Wrapped, or our own; borrowed and put back.
    length
        Bases per sequence; what the model reads, at most 256, if None.
    tolerance
        Largest difference, of the largest absolute number, that counts as none.
    seed
        Of the sequences.
    device
        Where to run; CUDA if there is one.

    Returns
    -------
    ModelReport
        ``.ok``, ``.table``; prints as a table. An error of the model itself is a
        property that fails, with its message.

    Raises
    ------
    TypeError
        If the model is neither wrapped nor ours.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> check_model(HyenaLM(config)).ok
    True
    """
    ours = native(model)
    asked = HyenaModel(ours) if isinstance(ours, HyenaLM) else ours
    size = asked.context_length if length is None else length
    if size < 1:
        raise ValueError(f"length must be at least 1; got {size}.")
    if length is None and not asked.fixed_length:
        size = min(size, _LONGEST)
    trial = _Trial(asked, size, tolerance, seed, device)
    return ModelReport(repr(asked), tuple(trial.run()))


class _Trial:
    def __init__(
        self,
        model: WrappedModel,
        length: int,
        tolerance: float,
        seed: int,
        device: str | torch.device | None,
    ) -> None:
        rng = np.random.default_rng(seed)
        letters = rng.choice(list("ACGT"), size=(3, length))
        self.texts = ["".join(row) for row in letters]
        self.model = model
        self.tolerance = tolerance
        self.device = device
        self.half = length // 2

    def run(self) -> Iterator[Check]:
        before = [module.training for module in self.model.modules]
        asked: list[tuple[str, Callable[[], Check]]] = []
        if "log_probs" in self.model.offers:
            asked += [
                ("log_probs: shape and sum", self.rows_sum_to_one),
                ("log_probs: the same twice", self.same(self.tables)),
                ("log_probs: alone and in a batch", self.alone(self.tables)),
                ("log_probs: what is seen", self.direction),
                ("log_probs: reverse complement", self.strands),
            ]
        if "embed" in self.model.offers:
            asked += [
                ("embed: shape", self.states_have_a_row_per_base),
                ("embed: the same twice", self.same(self.states)),
                ("embed: alone and in a batch", self.alone(self.states)),
            ]
        if "predict" in self.model.offers:
            asked += [
                ("predict: shape", self.predictions_have_their_names),
                ("predict: the same twice", self.same(self.predictions)),
                ("predict: alone and in a batch", self.alone(self.predictions)),
                ("predict: reverse complement", self.predicted_strands),
            ]
        if "gradients" in self.model.offers:
            asked.append(("gradients: of what is predicted", self.gradients))
        if "N" in self.model.alphabet:
            asked.append(("N: is read", self.reads_n))
        asked.append(("training flags: put back", lambda: self.put_back(before)))
        for name, check in asked:
            try:
                found = check()
            except Exception as err:  # whatever other people's code raises
                found = Check(name, False, f"{type(err).__name__}: {err}")
            yield Check(name, found.holds, found.found)

    def tables(self, texts: list[str]) -> list[np.ndarray]:
        return self.model.log_probs(texts, device=self.device)

    def states(self, texts: list[str]) -> list[np.ndarray]:
        return self.model.embed(texts, device=self.device)

    def predictions(self, texts: list[str]) -> list[np.ndarray]:
        return list(self.model.predict(texts, device=self.device))

    def rows_sum_to_one(self) -> Check:
        (table,) = self.tables(self.texts[:1])
        shape = (len(self.texts[0]), 4)
        if table.shape != shape:
            return Check("", False, f"shape {table.shape}, not {shape}")
        known = ~np.isnan(table)
        any_known = known.any(axis=1)
        sums = np.where(known, np.exp(table), 0.0).sum(axis=1)[any_known]
        worst = float(np.abs(sums - 1).max()) if len(sums) else float("inf")
        said = f"{any_known.sum()} of {shape[0]} rows, sums within {worst:.1e} of 1"
        return Check("", worst < 1e-6, said)

    def same(
        self, read: Callable[[list[str]], list[np.ndarray]]
    ) -> Callable[[], Check]:
        def check() -> Check:
            return self.equal(read(self.texts[:1]), read(self.texts[:1]))

        return check

    def alone(
        self, read: Callable[[list[str]], list[np.ndarray]]
    ) -> Callable[[], Check]:
        def check() -> Check:
            more = self.texts[1:]
            if read != self.predictions and not self.model.fixed_length:
                # A shorter and a longer one: what padding does is seen.
                more = [more[0][: max(1, self.half)], more[1]]
                one, other = read(more[:1]), read([more[0], self.texts[0]])[:1]
                short = self.equal(one, other)
                if not short.holds:
                    return short
            return self.equal(read(self.texts[:1]), read([self.texts[0], *more])[:1])

        return check

    def equal(self, one: list[np.ndarray], other: list[np.ndarray]) -> Check:
        (a,), (b,) = one, other
        if not (np.isnan(a) == np.isnan(b)).all():
            return Check("", False, "NaN in other places")
        scale = max(float(np.nanmax(np.abs(a))), 1e-30)
        worst = float(np.nanmax(np.abs(a - b))) / scale
        return Check(
            "", worst <= self.tolerance, f"differ by {worst:.1e} of the largest"
        )

    def direction(self) -> Check:
        """Change one base, and see which rows move."""
        text, at = self.texts[0], self.half
        other = "ACGT"[("ACGT".index(text[at]) + 1) % 4]
        changed = text[:at] + other + text[at + 1 :]
        before, after = self.tables([text])[0], self.tables([changed])[0]
        moved = np.nanmax(np.abs(after - before), axis=1, initial=0.0)
        scale = max(float(np.nanmax(np.abs(before))), 1e-30)
        if self.model.causal:
            worst = float(moved[: at + 1].max()) / scale
            said = f"rows up to a changed base move by {worst:.1e} of the largest"
            return Check("", worst <= self.tolerance, said)
        own = float(moved[at]) / scale
        left = float(np.delete(moved[: at + 1], at).max(initial=0.0)) / scale
        said = (
            f"the changed base's own row moves by {own:.1e}, rows left of it {left:.1e}"
        )
        return Check("", own <= self.tolerance, said)

    def strands(self) -> Check:
        text = self.texts[0]
        forward = self.tables([text])[0]
        reverse = self.tables([reverse_complement(text)])[0][::-1, ::-1]
        return self.apart(forward, reverse)

    def predicted_strands(self) -> Check:
        text = self.texts[0]
        (forward,) = self.predictions([text])
        (reverse,) = self.predictions([reverse_complement(text)])
        return self.apart(forward, reverse[::-1, self.model.other_strand])

    def apart(self, forward: np.ndarray, reverse: np.ndarray) -> Check:
        gap = np.abs(forward - reverse)
        if np.isnan(gap).all():
            return Check("", None, "no number on both strands")
        scale = max(float(np.nanmax(np.abs(forward))), 1e-30)
        said = f"strands differ by {np.nanmax(gap) / scale:.1e} of the largest"
        return Check("", None, said)

    def states_have_a_row_per_base(self) -> Check:
        (states,) = self.states(self.texts[:1])
        fits = states.ndim == 2 and len(states) == len(self.texts[0])
        return Check("", fits, f"{states.shape} for {len(self.texts[0])} bp")

    def predictions_have_their_names(self) -> Check:
        found = self.model.predict(self.texts[:1], device=self.device)
        starts = self.model.bins(len(self.texts[0]), found.shape[1])
        size = self.model.bin_size or len(self.texts[0])
        said = (
            f"{found.shape[1]} bins of {size} bp, outputs {found.shape[2]}, "
            f"{starts[0]} bp cut off on either side"
        )
        return Check("", found.shape[2] == len(self.model.outputs), said)

    def gradients(self) -> Check:
        text = self.texts[0]
        with self.model.borrowed(self.device) as where:
            rows = torch.from_numpy(one_hot(text))[None].to(where).requires_grad_()
            answer = self.model.network(rows)
            slope = torch.autograd.grad(answer.sum(), rows)[0]
        told = self.model.predict(text, device=self.device)
        check = self.equal([answer.detach().float().cpu().numpy()], [told])
        known = bool(slope.isfinite().all())
        moved = int((slope[0] != 0).any(dim=1).sum())
        said = f"{check.found} from predict; {moved} of {len(text)} bases have one"
        return Check("", bool(check.holds) and known and moved > 0, said)

    def reads_n(self) -> Check:
        text = self.texts[0]
        holed = text[: self.half] + "N" + text[self.half + 1 :]
        if "predict" in self.model.offers:
            self.predictions([holed])
        if "log_probs" in self.model.offers:
            self.tables([holed])
        if "embed" in self.model.offers:
            self.states([holed])
        return Check("", True, "one in the middle")

    def put_back(self, before: list[bool]) -> Check:
        after = [module.training for module in self.model.modules]
        return Check("", after == before, f"{len(before)} modules")
