"""Saving and loading a model of bases."""

import numpy as np
import pytest
import torch

from hyenascope.models.fine_tuned import load_fine_tuned, save_fine_tuned
from hyenascope.models.saved_track_model import load_track_model, save_track_model
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from tests.models.test_track_model import TEXT, model


def test_all_comes_back(tmp_path):
    saved = model(window=24, bin_size=3, strands="reverse", dropout=0.25, units="log")
    saved.centre.copy_(torch.tensor([5.0, -1.0]))
    text = TEXT[:20]
    expected = saved.predict([text], device="cpu")[0]
    save_track_model(saved, tmp_path / "mine", card="# Mine\n", metadata={"r": 0.5})
    loaded = load_track_model(tmp_path / "mine")
    assert (loaded.window, loaded.bin_size, loaded.strands) == (24, 3, "reverse")
    assert loaded.task == saved.task
    assert loaded.units == "log"
    assert loaded.readout.dropout.p == 0.25
    assert not loaded.training
    assert np.array_equal(loaded.predict([text], device="cpu")[0], expected)
    assert (tmp_path / "mine" / "README.md").read_text() == "# Mine\n"


def test_a_model_of_the_other_sort_is_refused_by_name(tmp_path):
    save_track_model(model(), tmp_path / "bases")
    with pytest.raises(ValueError, match="one of bases; load_track_model reads it"):
        load_fine_tuned(tmp_path / "bases")
    backbone = model().backbone
    whole = SequenceModel(backbone, SequenceTask("binary", ("no", "yes"))).double()
    save_fine_tuned(whole, tmp_path / "whole")
    with pytest.raises(ValueError, match="whole sequences; load_fine_tuned reads it"):
        load_track_model(tmp_path / "whole")
