"""Fixtures every room shares."""

import os
from pathlib import Path

import jaxtyping
import pytest
import torch

# Small tensors gain nothing from threads, and on a busy machine threads wait for
# one another for most of the time.
torch.set_num_threads(1)

# Read by Triton as it is imported: kernels run on a CPU where there is no GPU.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real genomes and reference arrays; users do not have them."""
    if not SHARED.is_dir():
        pytest.skip("needs the shared data folder beside the checkout")
    return SHARED


@pytest.fixture
def unchecked():
    """As users run it: without the shape checks of the test suite."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
