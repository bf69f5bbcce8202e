"""Memory that is taken again."""

import torch

from hyenascope.ops.workspace import Workspace


def test_memory_of_a_name_is_taken_again_while_it_is_enough():
    workspace = Workspace()
    first = workspace.empty("a", (2, 3), like=torch.zeros(1))
    again = workspace.empty("a", (3, 1), like=torch.zeros(1))
    assert again.shape == (3, 1)
    assert again.is_contiguous()
    assert again.data_ptr() == first.data_ptr()
    assert workspace.empty("a", (7,), like=torch.zeros(1)).shape == (7,)


def test_names_and_dtypes_do_not_share():
    workspace = Workspace()
    a = workspace.empty("a", (4,), like=torch.zeros(1)).fill_(1)
    workspace.empty("b", (4,), like=torch.zeros(1)).fill_(2)
    wide = workspace.empty("a", (4,), like=torch.zeros(1).double()).fill_(3)
    assert wide.dtype == torch.float64
    assert (a == 1).all()


def test_nothing_is_a_shape_too():
    assert Workspace().empty("a", (0, 3), like=torch.zeros(1)).shape == (0, 3)
