"""Networks on one-hot DNA: values by hand, other people's networks, wrong options."""

import numpy as np
import pytest
import torch
from torch import nn

from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.score_module import ScoreModule
from hyenascope.models.wrappers import FunctionModel, OneHotModel, check_model
from hyenascope.models.wrappers.protocol import NoAnswerError
from hyenascope.sequence.one_hot import one_hot

TEXT = "ACGTTGCATTACAGGC"


class Counts(nn.Module):
    """How many of each base every 4 bp have."""

    def forward(self, rows):
        return rows.unflatten(2, (-1, 4)).sum(3)  # batch 4 bins


class Both(nn.Module):
    """Two species, as Enformer answers."""

    def forward(self, rows):
        mean = rows.mean(dim=1, keepdim=True)
        return {"human": mean, "mouse": 2 * mean}


def counts(**options):
    given = {"context_length": 16, "outputs": tuple("ACGT"), "bin_size": 4}
    return OneHotModel(Counts(), **{**given, **options})


def test_bins_and_outputs_are_where_they_belong():
    found = counts().predict([TEXT, "A" * 16])
    assert found.shape == (2, 4, 4)
    by_hand = [
        [TEXT[i : i + 4].count(base) for base in "ACGT"] for i in range(0, 16, 4)
    ]
    np.testing.assert_array_equal(found[0], by_hand)
    np.testing.assert_array_equal(found[1], [[4, 0, 0, 0]] * 4)


@pytest.mark.parametrize("unknown", [0.0, 0.25])
def test_n_is_what_the_network_knows_it_as(unknown):
    found = counts(unknown=unknown).predict("N" * 16)
    np.testing.assert_allclose(found, 4 * unknown)


def test_axes_and_keys():
    model = OneHotModel(
        Both(),
        context_length=16,
        outputs=4,
        input_axes="batch length 4",
        output_axes="batch bins outputs",
        bin_size=16,
        select="mouse",
    )
    expected = 2 * one_hot(TEXT).mean(axis=0)
    np.testing.assert_allclose(model.predict(TEXT)[0, 0], expected, rtol=1e-6)
    by_function = OneHotModel(
        Both(),
        context_length=16,
        outputs=4,
        input_axes="batch length 4",
        select=lambda answer: answer["mouse"][:, 0],
    )
    np.testing.assert_array_equal(by_function.predict(TEXT), model.predict(TEXT))


def test_what_a_network_cuts_off_is_alike_on_either_side():
    class Middle(Counts):
        def forward(self, rows):
            return super().forward(rows)[..., 1:-1]

    model = OneHotModel(Middle(), context_length=16, outputs=4, bin_size=4)
    assert model.bins(16, 2).tolist() == [4, 8]
    assert model.predict(TEXT).shape == (1, 2, 4)


def test_enformer_with_random_weights():
    enformer = pytest.importorskip("enformer_pytorch")
    torch.manual_seed(0)
    network = enformer.Enformer.from_hparams(
        dim=192,
        depth=1,
        heads=2,
        output_heads={"human": 3, "mouse": 2},
        target_length=4,
        num_downsamples=7,
        dim_divisible_by=16,
    )
    model = OneHotModel(
        network,
        context_length=1024,
        outputs=("DNase", "CAGE", "H3K27ac"),
        bin_size=128,
        input_axes="batch length 4",
        output_axes="batch bins outputs",
        select="human",
    )
    assert model.bins(1024, 4).tolist() == [256, 384, 512, 640]
    report = check_model(model)
    assert report.ok, report
    text = "".join(np.random.default_rng(0).choice(list("ACGT"), 1024))
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(one_hot(text))[None])["human"]
    np.testing.assert_allclose(model.predict(text), expected.numpy(), rtol=1e-5)


def test_borzoi_with_random_weights():
    borzoi = pytest.importorskip("borzoi_pytorch")
    from borzoi_pytorch.config_borzoi import BorzoiConfig

    torch.manual_seed(0)
    network = borzoi.Borzoi(
        BorzoiConfig(
            dim=64, depth=1, heads=2, bins_to_return=16, enable_mouse_head=False
        )
    )
    model = OneHotModel(
        network, context_length=2048, outputs=7611, bin_size=32, batch_size=2
    )
    assert model.bins(2048, 16)[0] == (2048 - 16 * 32) // 2
    report = check_model(model)
    assert report.ok, report


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unknown": float("nan")}, r"unknown must be 0 or 0.25; got nan"),
        ({"select": "human"}, r"select must be a function, or None, .* got 'human'"),
        ({"outputs": "ACGT"}, r"outputs must have names of their own; got 'ACGT'"),
        ({"other_strand": (1, 0)}, r"other_strand must pair .* for 4 outputs"),
        ({"other_strand": (1, 2, 3, 0)}, "each the other of its other"),
        ({"bin_size": 5}, r"bin_size must divide the length of 16 bp; got 5"),
        ({"bin_size": None}, r"Counts must give 'batch outputs', or select must say"),
        ({"outputs": ("A", "C")}, r"outputs must name the 4 that Counts gives; got 2"),
        ({"outputs": tuple("AACG")}, r"outputs must have names of their own"),
        ({"bin_size": 8}, r"bin_size must fit: 4 bins of 8 bp must lie in the middle"),
        ({"input_axes": "4 batch"}, r"input_axes must be one of .*got '4 batch'"),
        ({"output_axes": "batch outputs"}, r"bin_size must come with output_axes"),
        ({"context_length": 0}, r"context_length must be at least 1; got 0"),
    ],
)
def test_wrong_options_are_refused(unchecked, options, message):
    with pytest.raises(ValueError, match=message):
        counts(**options).predict(TEXT)


def test_bins_that_would_not_be_whole_are_no_answer():
    model = OneHotModel(
        nn.Sequential(nn.AvgPool1d(4)),
        context_length=16,
        outputs=4,
        bin_size=4,
        fixed_length=False,
    )
    assert model.predict("ACGT" * 3).shape == (1, 3, 4)
    with pytest.raises(NoAnswerError, match=r"whole bins of 4 bp .* got 10 bp"):
        model.predict("ACGTACGTAC")


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_networks_of_any_precision_read_rows_alike(dtype):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv1d(4, 2, 4, stride=4)).to(dtype)
    model = OneHotModel(network, context_length=16, outputs=2, bin_size=4)
    assert check_model(model).ok
    rows = torch.from_numpy(model.rows(TEXT))[None]
    net = ScoreModule(model, ModelOutput(1, aggregation="sum"))
    assert net(rows.transpose(1, 2)).dtype == rows.dtype
    expected = model.predict(TEXT)[0, :, 1].sum()
    found = float(net(rows.transpose(1, 2)).detach())
    assert found == pytest.approx(expected, rel=1e-2)


def test_records_say_how_a_network_is_read():
    one, other = (counts(unknown=share) for share in (0.0, 0.25))
    assert one.weights_hash == other.weights_hash
    assert one.options != other.options


def test_common_slips_are_named(unchecked):
    with pytest.raises(ValueError, match="sequences must hold at least one; got none"):
        counts().predict([])
    with pytest.raises(TypeError, match="sequences must be DNA texts; got 1"):
        counts().predict([1])


def test_wrong_sequences_are_refused():
    with pytest.raises(ValueError, match=r"must have 16 bp to fit Counts; got 5"):
        counts().predict("ACGTA")
    with pytest.raises(ValueError, match=r"written in ACGTN.* got 'R' at index 1"):
        counts().predict("AR" + TEXT[2:])


def test_nan_is_an_error_that_names_the_sequence():
    class Broken(nn.Module):
        def forward(self, rows):
            return rows.mean(dim=2) / (rows[:, :1, 0] == 0)

    model = OneHotModel(Broken(), context_length=16, outputs=4)
    assert model.predict("C" * 16).shape == (1, 1, 4)
    with pytest.raises(ValueError, match=r"got 4 NaN or infinite of 4 .* sequence 1"):
        model.predict(["C" * 16, "A" * 16])


def test_a_key_that_is_not_there():
    model = OneHotModel(
        Both(), context_length=16, outputs=4, input_axes="batch length 4", select="fly"
    )
    with pytest.raises(ValueError, match=r"\['human', 'mouse'\]; got 'fly'"):
        model.predict(TEXT)


def test_a_network_is_put_back_also_after_an_error():
    class Trains(Counts):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, rows):
            assert not self.training
            raise RuntimeError("no")

    network = Trains().train()
    model = OneHotModel(network, context_length=16, outputs=4, bin_size=4)
    with pytest.raises(RuntimeError, match="no"):
        model.predict(TEXT)
    assert network.training
    assert network.drop.training


def test_what_runs_within_a_borrowed_block_stays_on_its_device():
    seen = []

    class Says(FunctionModel):
        def _predict(self, texts, device):
            seen.append(device)
            return super()._predict(texts, device)

    model = Says(lambda texts: [0.0] * len(texts), context_length=8)
    with model.borrowed("cpu:0"):
        model.predict("ACGT")
        with model.borrowed("cpu"):
            model.predict("ACGT")
        model.predict("ACGT")
    model.predict("ACGT", device="cpu")
    assert [str(device) for device in seen] == ["cpu:0", "cpu", "cpu:0", "cpu"]
