"""Classes that answer with a base: the language model's own head as a classifier.

A class is given a letter, and the model's logit of that letter as the next token is
the logit of the class: no head has to be learnt. The published evaluations do so with
A and N for two classes, and A, G and N for three (Nguyen et al. 2023, arXiv
2306.15794, section 4.3 and the code beside it). They ask which of all tokens is the
likeliest; here the letters of the classes compete with one another alone.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.model_checks import require_causal
from hyenascope.models.pooling import pool
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.tokenizer import PAD_TOKEN, tokenize

_LETTERS = "ACGTN"
_BY_CLASSES = {2: "AN", 3: "AGN", 4: "ACGT", 5: "ACGTN"}


def label_letters(task: SequenceTask, letters: str | None = None) -> str:
    """Return the letter of each class, in the order of the label names.

    Parameters
    ----------
    task
        ``"binary"`` or ``"multiclass"``, with five classes at most.
    letters
        Different ones of A, C, G, T and N; by default AN, AGN, ACGT or ACGTN.

    Raises
    ------
    ValueError
        If the task has no classes or too many, or the letters do not fit.

    Examples
    --------
    >>> label_letters(SequenceTask("binary", ("no", "yes")))
    'AN'
    """
    classes = len(task.label_names)
    if task.kind not in ("binary", "multiclass") or classes not in _BY_CLASSES:
        raise ValueError(
            "task must have two to five classes, for each of which there is a letter; "
            f"got {task.kind} with {classes}."
        )
    found = _BY_CLASSES[classes] if letters is None else letters
    fits = len(found) == classes == len(set(found)) and set(found) <= set(_LETTERS)
    if not fits:
        raise ValueError(
            f"letters must be {classes} different ones of {_LETTERS}, one per class; "
            f"got {found!r}."
        )
    return found


def label_weight(
    model: HyenaLM, task: SequenceTask, letters: str
) -> Float[Tensor, "outputs channels"]:
    """Return what turns a hidden state into the logits of the classes.

    Rows of the language model's head; of two classes the difference of their rows,
    whose product with a state is the log-odds of the second class.

    Examples
    --------
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> label_weight(model, SequenceTask("binary", ("no", "yes")), "AN").shape
    torch.Size([1, 8])
    """
    rows = model.lm_head.weight[torch.from_numpy(tokenize(letters))]
    return rows[1:] - rows[:1] if task.kind == "binary" else rows


class LabelTokenModel(nn.Module):
    """A language model that is asked for the letter of a class after the last token.

    Parameters
    ----------
    backbone
        Causal; shared, not copied, and trained along wherever this is trained.
    task
        Its classes.
    letters
        As in `label_letters`.

    Raises
    ------
    ValueError
        If the model sees both sides, or letters do not fit.

    Examples
    --------
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> backbone = HyenaLM(config).eval()
    >>> model = LabelTokenModel(backbone, SequenceTask("binary", ("no", "yes")))
    >>> odds = model(torch.tensor([[7, 8, 1]]))
    >>> a, n = backbone(torch.tensor([[7, 8, 1]]))[0, -1, [7, 11]]
    >>> torch.allclose(odds, n - a, atol=1e-6)
    True
    """

    def __init__(
        self, backbone: HyenaLM, task: SequenceTask, *, letters: str | None = None
    ) -> None:
        super().__init__()
        require_causal(backbone)
        self.backbone = backbone
        self.task = task
        self.letters = label_letters(task, letters)

    @property
    def config(self) -> HyenaConfig:
        """The backbone's numbers."""
        return self.backbone.config

    def forward(
        self,
        tokens: Int[Tensor, "batch length"],
        *,
        mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch outputs"]:
        """Return logits; ``mask`` is True at real tokens, all but padding if None."""
        real = tokens != PAD_TOKEN if mask is None else mask
        last = pool(self.backbone.hidden(tokens, mask=real), "last", real)
        weight = label_weight(self.backbone, self.task, self.letters)
        return last.to(weight.dtype) @ weight.T
