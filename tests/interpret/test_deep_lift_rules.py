import pytest
import torch
from torch import nn

from hyenascope.interpret.deep_lift_rules import deep_lift_rules
from hyenascope.models.elementwise import Gelu, Product

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def draw(*shape: int, dtype=torch.float64, spread: float = 1.0) -> torch.Tensor:
    return spread * torch.randn(*shape, dtype=dtype)


def multipliers(module: nn.Module, *inputs: torch.Tensor) -> list[torch.Tensor]:
    """Gradients of the sequences' half of the output's weighted sum."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    with deep_lift_rules(module):
        out = module(*(leaf + 0 for leaf in leaves))
    weights = torch.linspace(-1, 2, out[0].numel(), dtype=out.dtype).view(out[0].shape)
    (out * weights).sum().backward()
    return [x.grad.chunk(2)[0] for x in leaves]


def miss(module: nn.Module, *inputs: torch.Tensor) -> float:
    found = multipliers(module, *inputs)
    with torch.no_grad():
        out = module(*(x.clone() for x in inputs)).double()
    weights = torch.linspace(-1, 2, out[0].numel(), dtype=out.dtype).view(out[0].shape)
    ours, theirs = (out * weights).sum(dim=tuple(range(1, out.ndim))).chunk(2)
    pairs = zip(found, inputs, strict=True)
    parts = [(m * torch.sub(*x.chunk(2))).double().flatten(1) for m, x in pairs]
    steps = [part.sum(dim=1) for part in parts]
    scale = max(float(x.abs().max()) for x in (out, *parts))
    return float((sum(steps) - (ours - theirs)).abs().max()) / scale


def norm(dtype) -> nn.LayerNorm:
    made = nn.LayerNorm(6).to(dtype)
    with torch.no_grad():
        made.weight.copy_(draw(6)), made.bias.copy_(draw(6))
    return made


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("spread", [1e-4, 1.0, 30.0])
@pytest.mark.parametrize(
    "make",
    [
        Gelu,
        nn.GELU,
        nn.SiLU,
        nn.ReLU,
        lambda: nn.ReLU(inplace=True),
        lambda: nn.LogSoftmax(dim=-1),
        lambda: nn.LogSoftmax(dim=1),
        lambda: nn.Softmax(dim=-1),
        lambda: nn.MaxPool1d(2),
        lambda: nn.MaxPool1d(3, stride=1, padding=1),
        lambda: nn.Sequential(nn.ReLU(), nn.MaxPool1d(2), nn.Tanh()),
        lambda: nn.LayerNorm(6, elementwise_affine=False),
        lambda: nn.LayerNorm((5, 6)),
        lambda: norm(torch.float64),
    ],
    ids=[
        "gelu_tanh",
        "gelu",
        "silu",
        "relu",
        "relu in place",
        "last",
        "inner",
        "softmax",
        "pool",
        "overlapping pool",
        "pool after relu",
        "plain",
        "two axes",
        "affine",
    ],
)
def test_change_is_shared_without_remainder(make, spread, dtype):
    module = make().to(dtype)
    assert miss(module, draw(8, 5, 6, dtype=dtype, spread=spread)) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_product_is_shared_without_remainder(dtype):
    a, b = draw(8, 5, dtype=dtype), draw(8, 5, dtype=dtype)
    assert miss(Product(), a, b) < TOLERANCE[dtype]


def test_product_by_hand():
    # 3·4 − 1·2 = 10 = (3 − 1)·(4 + 2)/2 + (4 − 2)·(3 + 1)/2
    a, b = torch.tensor([[3.0], [1.0]]), torch.tensor([[4.0], [2.0]])
    leaves = [x.clone().requires_grad_() for x in (a, b)]
    gate = Product()
    with deep_lift_rules(gate):
        gate(*leaves).sum().backward()
    assert [float(x.grad[0]) for x in leaves] == [3.0, 2.0]


@pytest.mark.parametrize(
    "module",
    [Gelu(), nn.SiLU(), nn.LogSoftmax(dim=-1), norm(torch.float64)],
    ids=lambda x: type(x).__name__,
)
def test_without_a_difference_a_rule_is_the_gradient(module):
    x = draw(3, 5, 6)
    found = multipliers(module, torch.cat([x, x]))[0]
    leaf = x.clone().requires_grad_()
    weights = torch.linspace(-1, 2, 30, dtype=x.dtype).view(5, 6)
    (module(leaf) * weights).sum().backward()
    torch.testing.assert_close(found, leaf.grad, rtol=1e-7, atol=1e-9)


def test_log_softmax_ignores_a_constant():
    x = draw(4, 6)
    shifted = x + torch.tensor([5.0, -3.0, 90.0, 0.0], dtype=x.dtype)[:, None]
    module = nn.LogSoftmax(dim=-1)
    torch.testing.assert_close(multipliers(module, x), multipliers(module, shifted))


def test_log_softmax_of_opposite_certainties_stays_finite():
    x = torch.tensor([[2000.0, 0.0], [0.0, 2000.0]], dtype=torch.float64)
    module = nn.LogSoftmax(dim=-1)
    assert torch.isfinite(multipliers(module, x)[0]).all()
    assert miss(module, x) < 1e-12


def test_outputs_are_as_ever_and_passes_without_gradients_untouched():
    module, x = nn.Sequential(nn.Linear(6, 6), nn.LayerNorm(6), Gelu()), draw(3, 6)
    module = module.double()
    with deep_lift_rules(module):
        torch.testing.assert_close(module(torch.cat([x, x])), module(torch.cat([x, x])))
        with torch.no_grad():
            module(x)  # an odd batch: no pairs


def test_a_module_called_twice_keeps_both_calls():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.act = Gelu()

        def forward(self, x):
            return self.act(self.act(x) + x)

    assert miss(Twice(), draw(6, 4)) < 1e-13


def test_rules_go_after_an_error():
    module = nn.Sequential(nn.LayerNorm(6), Gelu())

    def break_inside():
        with deep_lift_rules(module):
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        break_inside()
    assert not any(part._forward_hooks for part in module.modules())


def test_in_place_modules_stay_so():
    act = nn.ReLU(inplace=True)
    with deep_lift_rules(act):
        assert not act.inplace
    assert act.inplace
    assert list(act.state_dict()) == []


def test_softmax_needs_an_axis():
    module = nn.LogSoftmax()
    x = draw(2, 3).requires_grad_()
    with deep_lift_rules(module):
        with pytest.warns(UserWarning, match="Implicit dimension"):
            out = module(x)
        with pytest.raises(ValueError, match="dim of LogSoftmax must be given"):
            out.sum().backward()
