"""Notebooks as they are committed: run, without errors, small, with pictures."""

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted(Path(__file__).parents[1].glob("notebooks/[0-9]*.ipynb"))
BYTES = 1_000_000
EXTRAS = {  # what must be installed for a name to work
    "attribution": {
        *("deep_lift", "deep_lift_shap", "integrated_gradients"),
        *("input_x_gradient", "occlusion", "smoothgrad"),
    },
    "cluster": {"jobs"},
    "lab": {"write_image"},
    "motifs": {
        *("annotate_seqlets", "call_seqlets", "scan_motifs", "write_modisco"),
        *("for_tangermeme", "tangermeme_rules"),
    },
    "train": {
        *("compare", "cross_validate", "finetune", "finetune_tracks", "pretrain"),
        *("instruction_tune", "probe", "prompt_tune"),
    },
    "transformers": {"HuggingFaceModel", "transformers"},
    "widgets": {"LocusBrowser", "MutagenesisExplorer", "TrainingMonitor"},
}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def outputs(path):
    notebook = nbformat.read(path, 4)
    return [each for cell in notebook.cells for each in cell.get("outputs", [])]


def test_is_small_and_holds_no_state(path):
    notebook = nbformat.read(path, 4)
    assert path.stat().st_size <= BYTES
    assert "widgets" not in notebook.metadata
    counts = [cell.get("execution_count") for cell in notebook.cells]
    assert set(counts) == {None}
    assert notebook.metadata.kernelspec.name == "python3"


def test_was_run_without_errors(outputs):
    kinds = {each["output_type"] for each in outputs}
    assert "execute_result" in kinds
    assert "error" not in kinds
    assert not [each for each in outputs if each.get("name") == "stderr"]


def test_has_a_still_picture_of_every_figure(outputs):
    data = [each["data"] for each in outputs if "data" in each]
    figures = [each for each in data if "application/vnd.plotly.v1+json" in each]
    assert all(each["image/png"].startswith("iVBOR") for each in figures)


def test_begins_with_a_question_and_ends_with_what_was_learnt(path):
    cells = nbformat.read(path, 4).cells
    number = int(path.stem[:2])
    assert cells[0].source.startswith(f"# {number} · ")
    assert "?" in cells[0].source
    assert 'if "google.colab" in sys.modules' in cells[1].source
    assert "**Learnt:**" in cells[-1].source or "**Learnt:**" in cells[-2].source


def test_installs_on_colab_what_it_uses(path):
    code = "\n".join(
        cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"
    )
    used = set(re.findall(r"(?:\bhs\.|\binterpret\.|\bimport )(\w+)", code))
    needed = {extra for extra, names in EXTRAS.items() if names & used}
    installed = re.search(r"%pip install --quiet \"?hyenascope(?:\[(.*)\])?", code)
    assert set((installed[1] or "").split(",")) - {""} == needed
