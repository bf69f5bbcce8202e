"""One order of windows for any number of devices and workers."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from hyenascope.training.open_genomes import open_genomes
from hyenascope.training.pretrain_options import PretrainOptions
from hyenascope.training.step_batches import StepBatches
from hyenascope.training.warmup import length_stages


@pytest.fixture
def data(tmp_path):
    bases = "".join(np.random.default_rng(0).choice(list("ACGT"), 3000))
    path = tmp_path / "g.fa"
    path.write_text(f">I\n{bases}\n")
    return open_genomes(path, validation=0.1)


def made(data, *, rank=0, world_size=1, **options):
    chosen = {"steps": 6, "batch_size": 4, "length": 32, **options}
    return StepBatches(
        data, PretrainOptions(**chosen), rank=rank, world_size=world_size
    )


@pytest.mark.parametrize("objective", ["next_token", "masked"])
def test_devices_share_the_rows_of_one_process(data, objective):
    whole = made(data, objective=objective)
    parts = [
        made(data, objective=objective, rank=rank, world_size=2) for rank in (0, 1)
    ]
    for step in range(6):
        for kind in (0, 1):
            rows = whole[step][kind]
            assert torch.equal(rows[0::2], parts[0][step][kind])
            assert torch.equal(rows[1::2], parts[1][step][kind])


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_read_what_one_process_reads(data, workers):
    alone = made(data)
    loader = DataLoader(made(data), batch_size=None, num_workers=workers)
    for step, (inputs, targets) in enumerate(loader):
        assert torch.equal(inputs, alone[step][0])
        assert torch.equal(targets, alone[step][1])


def test_copies_for_workers_read_the_same(data):
    batches = made(data)
    copy = pickle.loads(pickle.dumps(batches))
    assert torch.equal(copy[3][0], batches[3][0])


def test_stages_change_the_shape_and_not_the_tokens(data):
    batches = made(data, stages=length_stages(32, 6, start=8))
    shapes = [tuple(batches[step][0].shape) for step in range(6)]
    assert shapes == [(16, 8), (8, 16), (8, 16), (8, 16), (4, 32), (4, 32)]
    assert [batches.length(step) for step in range(6)] == [s[1] for s in shapes]


def test_no_window_is_read_twice_in_an_epoch(data):
    batches = made(data)
    places = [place for step in range(6) for place in batches.places(step)]
    first = [place.region for place in places if place.epoch == 0]
    assert len(first) == len(set(first))
    held = data.valid[0]
    for region in first:
        assert region.end <= held.start or region.start >= held.end


def test_rows_must_divide_among_the_devices(data):
    with pytest.raises(ValueError, match="multiple of the 3 devices"):
        made(data, world_size=3)


def test_there_is_no_step_after_the_last(data):
    with pytest.raises(IndexError, match="step must be below 6; got 6"):
        made(data)[6]
