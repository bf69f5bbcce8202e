"""Whether anybody looks on while a layer runs."""

import pytest
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from hyenascope.models.watched import watched

HOOKS = (
    *("register_forward_pre_hook", "register_forward_hook"),
    *("register_full_backward_pre_hook", "register_full_backward_hook"),
)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_looks_on_until_it_is_taken_away(name):
    layer = nn.Linear(2, 2)
    assert not watched(layer)
    handle = getattr(layer, name)(lambda *given: None)
    assert watched(layer)
    handle.remove()
    assert not watched(layer)


def test_a_hook_on_all_modules_looks_on():
    handle = register_module_forward_hook(lambda *given: None)
    assert watched(nn.Linear(2, 2))
    handle.remove()
    assert not watched(nn.Linear(2, 2))


def test_a_forward_of_its_own_must_be_called():
    layer = nn.Linear(2, 2)
    layer.forward = lambda x: x
    assert watched(layer)
