"""Text from files is text in Markdown, too, which is shown as HTML."""

from functools import partial
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

import hyenascope as hs
from hyenascope.data.markdown_text import code_block, code_span, escape_markdown
from hyenascope.data.provenance import Provenance
from hyenascope.data.score_tables import score_markdown
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.models.track_model import TrackModel
from hyenascope.training.judgement import judge
from hyenascope.training.label_card import label_card
from hyenascope.training.track_card import track_card
from hyenascope.training.track_result import TrackResult
from tests.hostile_files import CONTIG, HOSTILE, write_hostile
from tests.markup import Page
from tests.training import test_label_card as labelled

NAMES = [*(" ".join(text.split()) for text in HOSTILE.values()), "a`b``c|d\\|e # f #"]
CONFIG = hs.HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=66)
BLOCKS = {"p", "h1", "h2", "code", "pre", "strong"}
CELLS = {"table", "thead", "tbody", "tr", "th", "td"}


def read_markdown(text: str) -> Page:
    """Show Markdown as a hub does; refuse an element that is not of a card."""
    page = Page(MarkdownIt("commonmark").enable("table").render(text))
    assert page.tags <= BLOCKS | CELLS
    assert page.attributes <= {"class", "style"}
    return page


@pytest.mark.parametrize("name", NAMES)
def test_markdown_shows_a_name_as_it_is(name):
    for marked in (escape_markdown(name), code_span(name), code_block(name)):
        for around in ("{}", "# {}", "said of {}, twice"):
            if "\n" in marked:
                around = "{}"
            assert name in read_markdown(around.format(marked)).text
    table = pd.DataFrame({"task": [name], "model": name, "metric": "f1", "value": 0.5})
    page = read_markdown(score_markdown(table.assign(low=np.nan), "f1"))
    assert page.text.count(name) == 2


def test_markdown_of_plain_names_stays_as_it_was():
    for name in ("tf_0", "chr1:1,000-2,000", "yeast-1k", "3-5-mers + x (a)", "é 汉"):
        assert escape_markdown(name) == name
    assert (escape_markdown("a\n\u202eb\ud800"), code_span("")) == (
        "a \ufffdb\ufffd",
        "",
    )


def test_labels_and_files_are_text_in_the_card_of_a_fine_tuned_model(monkeypatch):
    names = (" ".join(NAMES[:5]), " ".join(NAMES[5:9]), " ".join(NAMES[9:]))
    monkeypatch.setitem(labelled.TASKS, "multiclass", SequenceTask("multiclass", names))
    file = {"file": "<b>toy.csv", "bytes": 1, "sha256": "ab"}
    more = Provenance({"files": [file], "<i>": "<u>`"})
    facts = labelled.facts("multiclass", data=NAMES[0], backbone="<s>", provenance=more)
    result = labelled.result("multiclass", facts=facts)
    data = labelled.data("multiclass", name=NAMES[1])
    found = hs.evaluate_labels(result.model, data, split="test", resamples=0)
    page = read_markdown(label_card(result, evaluations=[found]))
    for text in (*names, "<b>toy.csv", "<i> <u>`", NAMES[0], NAMES[1], "<s>"):
        assert text in page.text


def test_labels_and_contigs_are_text_in_the_card_of_a_model_of_tracks():
    backbone = hs.HyenaLM(CONFIG)
    backbone.name = NAMES[0]
    task = SequenceTask("multilabel", tuple(NAMES[:6]))
    scores = pd.DataFrame({"value": 0.5, "rows": 9, "note": NAMES[3]}, [NAMES[2]])
    result = TrackResult(
        model=TrackModel(backbone, task),
        reports=(),
        best_epoch=0,
        scores=scores,
        finished=True,
        message="Done.",
    )
    facts = {
        "genome": "<b>g`.fa",
        "genome_fingerprint": "ab",
        "stretches": {"training": [f"{CONTIG}:1-9"]},
        "known_bases": {"training": 9},
        "begun_from": "cd",
        "options": {"masks": "`<b>"},
        "software": {"hyenascope": "1"},
    }
    page = read_markdown(track_card(result, facts))
    for text in (*NAMES[:6], "<b>g`.fa", f"{CONTIG}:1-9", "`<b>"):
        assert text in page.text


def test_contigs_and_files_are_text_in_the_card_of_a_pretrained_model(
    tmp_path, monkeypatch
):
    files = write_hostile(tmp_path)
    quick = partial(judge, orders=(1,))  # Markov models of high order take seconds
    module = import_module("hyenascope.training.pretrain")
    monkeypatch.setattr(module, "judge", quick)
    options = hs.PretrainOptions(steps=1, batch_size=2, length=64)
    hs.pretrain(
        CONFIG,
        files.fasta,
        options=options,
        out=tmp_path / "run",
        validation=0.2,
        progress=False,
    )
    card = (tmp_path / "run" / "README.md").read_text(encoding="utf-8")
    page = read_markdown(card)
    assert CONTIG in page.text
    assert "<b>genome" in page.text
