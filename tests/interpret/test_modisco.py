import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.data.track_files import read_tracks, write_tracks
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.modisco import write_modisco
from hyenascope.interpret.score_module import ScoreModule
from hyenascope.models.wrappers import OneHotModel
from hyenascope.sequence.one_hot import one_hot

MOTIF = "TGACGTCATG"


def window(values, start=0):
    values = np.asarray(values, float)
    return TrackData(
        values, tuple("ACGT"), Interval("chr1", start, start + len(values))
    )


def test_arrays_are_sequences_by_base_by_length(tmp_path):
    rng = np.random.default_rng(0)
    tracks = [window(rng.normal(size=(6, 4)), 10 * i) for i in range(3)]
    texts = ["ACGTAC", "CCGTAN", "aCGTAC"]
    pair = write_modisco(tmp_path / "scan", iter(tracks), iter(texts))
    assert [each.name for each in pair] == [
        "scan.sequences.npz",
        "scan.attributions.npz",
    ]
    bases, given = (np.load(each)["arr_0"] for each in pair)
    assert bases.shape == given.shape == (3, 4, 6)
    np.testing.assert_array_equal(bases[0].T, one_hot(texts[0]))
    expected = tracks[0].values - tracks[0].values.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(given[0].T, expected, rtol=1e-6)
    assert not bases[1][:, 5].any()
    assert not given[1][:, 5].any()
    np.testing.assert_array_equal(bases[2], bases[0])


def test_nan_is_zero_in_both(tmp_path):
    values = np.ones((3, 4)) * [0, 1, 2, 3]
    values[1, 2] = np.nan
    pair = write_modisco(tmp_path / "x", [window(values)], ["ACG"])
    bases, given = (np.load(each)["arr_0"][0].T for each in pair)
    assert bases.sum(axis=1).tolist() == [1, 0, 1]
    assert given[1].tolist() == [0, 0, 0, 0]
    assert given[0].tolist() == [-1.5, -0.5, 0.5, 1.5]


@pytest.mark.parametrize(
    ("tracks", "texts", "message"),
    [
        ([], [], "tracks must hold at least one window; got none"),
        (
            [window(np.zeros((3, 4)))],
            ["AC"],
            "3 bases of each window; got 2 at index 0",
        ),
        (
            [window(np.zeros((3, 4))), window(np.zeros((2, 4)))],
            ["ACG", "AC"],
            r"must all have one length; got \[2, 3\]",
        ),
        (
            [TrackData(np.zeros(3), "x", Interval("chr1", 0, 3))],
            ["ACG"],
            r"must have A, C, G and T; got \['x'\] at index 0",
        ),
        ([window(np.zeros((3, 4)))], [], "shorter"),
    ],
)
def test_refusals_leave_no_file(tmp_path, tracks, texts, message):
    with pytest.raises(ValueError, match=message):
        write_modisco(tmp_path / "x", tracks, texts)
    assert list(tmp_path.iterdir()) == []


def motif_counter():
    """A network that adds up by how much places exceed seven of the motif's ten."""
    scan, total = nn.Conv1d(4, 1, len(MOTIF)), nn.Linear(201 - len(MOTIF), 1)
    with torch.no_grad():
        scan.weight[0] = torch.from_numpy(one_hot(MOTIF).T.copy())
        scan.bias.fill_(-7.0)
        total.weight.fill_(1.0)
        total.bias.zero_()
    return nn.Sequential(scan, nn.ReLU(), nn.Flatten(), total)


@pytest.mark.slow
def test_modisco_finds_a_planted_motif(tmp_path):
    """From a network of somebody else's by way of tangermeme to TF-MoDISco."""
    pytest.importorskip("modiscolite")
    tangermeme = pytest.importorskip("tangermeme.deep_lift_shap")
    rng = np.random.default_rng(0)
    texts = []
    for _ in range(150):
        letters = rng.choice(list("ACGT"), 200)
        at = int(rng.integers(60, 130))
        letters[at : at + len(MOTIF)] = list(MOTIF)
        texts.append("".join(letters))
    model = OneHotModel(motif_counter(), context_length=200)
    found = tangermeme.deep_lift_shap(
        ScoreModule(model, ModelOutput()),
        torch.from_numpy(np.stack([one_hot(text).T for text in texts])),
        n_shuffles=4,
        hypothetical=True,
        device="cpu",
        random_state=0,
    )
    tracks = [window(each.T, 1000 * i) for i, each in enumerate(found.numpy())]
    write_tracks(tracks, tmp_path / "scan.parquet")
    pair = write_modisco(tmp_path / "x", read_tracks(tmp_path / "scan.parquet"), texts)
    command = [
        *(sys.executable, "-c", "from modiscolite.cli import cli; cli()", "motifs"),
        *("-s", str(pair[0]), "-a", str(pair[1]), "-n", "500", "-w", "200"),
        *("-o", str(tmp_path / "found.h5")),
    ]
    subprocess.run(command, check=True, capture_output=True)
    with h5py.File(tmp_path / "found.h5") as file:
        pattern = file["pos_patterns/pattern_0/contrib_scores"][:]
    best = "".join("ACGT"[i] for i in np.abs(pattern).argmax(axis=1))
    assert MOTIF in best or MOTIF in best[::-1].translate(str.maketrans("ACGT", "TGCA"))
