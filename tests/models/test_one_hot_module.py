import pytest
import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.one_hot_module import OneHotLM, frozen, recomputed

TOKENS = torch.tensor([[7, 8, 9, 10, 10, 7, 9]])
ROWS = torch.eye(4)[TOKENS - 7]


def small(order: int = 2, **changes) -> HyenaLM:
    generator = torch.Generator().manual_seed(order)
    config = HyenaConfig(
        d_model=8, n_layer=2, d_inner=16, l_max=40, order=order, **changes
    )
    return HyenaLM(config, generator=generator).eval()


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("grad", [False, True])
def test_logits_are_those_of_tokens(order, grad):
    model = small(order)
    with torch.set_grad_enabled(grad):
        found = OneHotLM(model)(ROWS)
    torch.testing.assert_close(found, model(TOKENS))


def test_row_of_zeros_is_n():
    model = small()
    rows, tokens = ROWS.clone(), TOKENS.clone()
    rows[0, 2] = 0
    tokens[0, 2] = 11
    torch.testing.assert_close(OneHotLM(model)(rows), model(tokens))


def test_embedding_is_linear_between_sequences():
    net = OneHotLM(small())
    other, none = ROWS.flip(1), torch.zeros_like(ROWS)
    for end in (other, none):
        middle = net._embed((ROWS + end) / 2)
        mean = (net._embed(ROWS) + net._embed(end)) / 2
        torch.testing.assert_close(middle, mean)


def test_other_layout_is_the_transpose():
    model = small()
    found = OneHotLM(model, layout="4 length")(ROWS.transpose(1, 2))
    torch.testing.assert_close(found, OneHotLM(model)(ROWS))


def test_reach_cuts_what_the_network_reads():
    model = small()
    net = OneHotLM(model, lambda hidden, rows: hidden.sum(dim=(1, 2)), reach=4)
    rows = ROWS.clone().requires_grad_()
    net(rows).sum().backward()
    assert rows.grad[0, :4].abs().min() > 0
    assert (rows.grad[0, 4:] == 0).all()


def test_double_model_gives_double():
    assert OneHotLM(small().double())(ROWS.double()).dtype == torch.float64


@pytest.mark.parametrize("order", [2, 3])
def test_recomputing_changes_no_bit_of_the_gradient(order):
    model = small(order)
    net = OneHotLM(model)
    gradients = []
    for wanted in (False, True):
        rows = ROWS.clone().requires_grad_()
        with frozen(net), recomputed(model, wanted):
            gradients.append(torch.autograd.grad(net(rows).sin().sum(), rows)[0])
    assert torch.equal(*gradients)


def test_recomputing_stores_less():
    model = small()
    net = OneHotLM(model)

    def stored(wanted: bool) -> int:
        sizes = []
        with frozen(net), recomputed(model, wanted):
            hooks = torch.autograd.graph.saved_tensors_hooks(
                lambda x: sizes.append(x.numel()) or x, lambda x: x
            )
            with hooks:
                net(ROWS.clone().requires_grad_())
        return sum(sizes)

    assert stored(True) < stored(False) / 3


def test_blocks_and_parameters_come_back_after_an_error():
    model = small()
    blocks = list(model.backbone.layers)
    fixed = model.backbone.ln_f.weight.requires_grad_(False)
    keys = list(model.state_dict())

    def break_inside():
        with frozen(model), recomputed(model):
            assert not any(p.requires_grad for p in model.parameters())
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        break_inside()
    assert list(model.backbone.layers) == blocks
    assert list(model.state_dict()) == keys
    still = [p for p in model.parameters() if not p.requires_grad]
    assert len(still) == 1
    assert still[0] is fixed


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 4, 7), r"rows must have axes 'batch length 4'; got \(1, 4, 7\)"),
        ((1, 41, 4), "rows must hold 1 to 40 positions, the context; got 41"),
        ((1, 0, 4), "got 0"),
    ],
)
def test_refuses_rows(shape, message):
    with pytest.raises(ValueError, match=message):
        OneHotLM(small())(torch.zeros(shape))
