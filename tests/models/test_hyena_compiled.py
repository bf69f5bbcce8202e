"""The network under torch.compile, in a process without the checks of types."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
import warnings

import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM

warnings.simplefilter("error", UserWarning)
# Inductor hands transforms to PyTorch.
warnings.filterwarnings("ignore", "Torchinductor does not support code generation")
SMALL = dict(d_model=16, n_layer=2, d_inner=32, l_max=66, embed_dropout=0.0)


def check(backend, training, change):
    generator = torch.Generator().manual_seed(0)
    model = HyenaLM(HyenaConfig(**(SMALL | change)), generator=generator)
    model.train(training)
    tokens = torch.randint(7, 11, (2, 40), generator=generator)
    how = {"backend": backend}
    if backend == "CUDA graph":
        how = {"mode": "reduce-overhead"}
        model, tokens = model.cuda(), tokens.cuda()
    with torch.set_grad_enabled(training):
        compiled = torch.compile(model, fullgraph=True, **how)
        for _ in range(3):  # compile, record, replay
            logits = compiled(tokens)
        expected = model(tokens)
    torch.testing.assert_close(logits, expected)
    if training:
        parameters = list(model.parameters())
        got = torch.autograd.grad(logits.square().sum(), parameters)
        want = torch.autograd.grad(expected.square().sum(), parameters)
        torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-4)
    print(backend, training, change)


for change in eval(sys.argv[2]):
    for training in eval(sys.argv[3]):
        check(sys.argv[1], training, change)
        torch.compiler.reset()
"""


def run(tmp_path, backend, changes, ways):
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, backend, repr(changes), repr(ways)],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert len(done.stdout.splitlines()) == len(changes) * len(ways)


@pytest.mark.slow
def test_is_one_graph_with_the_same_results_and_gradients(tmp_path):
    changes = [{}, {"order": 3}, {"bidirectional": True}]
    run(tmp_path, "aot_eager", changes, [False, True])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler: g++")
def test_compiles_to_machine_code(tmp_path):
    run(tmp_path, "inductor", [{}], [False])


@pytest.mark.gpu
def test_is_replayed_as_a_cuda_graph(tmp_path):
    run(tmp_path, "CUDA graph", [{}], [False])
