import subprocess
import sys

import pytest

import hyenascope
from hyenascope import interpret


@pytest.mark.parametrize("name", hyenascope.__all__)
def test_every_name_resolves(name):
    assert getattr(hyenascope, name) is not None
    assert name in dir(hyenascope)


@pytest.mark.parametrize("name", interpret.__all__)
def test_every_name_of_interpret_resolves(name):
    assert getattr(interpret, name) is not None
    assert name in dir(interpret)


@pytest.mark.parametrize("first", ["", "import hyenascope.interpret.fit_background;"])
def test_a_verb_goes_before_the_module_of_its_name(first):
    code = f"{first}from hyenascope import interpret; print(interpret.fit_background)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.startswith("<function fit_background")


@pytest.mark.parametrize("package", [hyenascope, interpret])
def test_unknown_name(package):
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


@pytest.mark.parametrize(
    "module",
    [
        "hyenascope",
        "hyenascope.cli",
        "hyenascope.interpret",
        "hyenascope.data.vcf",
        "hyenascope.data.synthetic",
        "hyenascope.viz.figure",
        "hyenascope.viz.report",
        "hyenascope.sequence.markov",
    ],
)
def test_torch_is_not_loaded(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_front_door_loads_next_to_nothing():
    # A count of modules stands in for the time, which depends on the machine.
    code = (
        "import sys; before = set(sys.modules); import hyenascope;"
        "print(len(set(sys.modules) - before))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert int(found.stdout) < 80
