"""A pickle that would harm its reader is seen before it is read."""

import collections
import pickle
import subprocess
import sys

import pytest
import torch

from hyenascope.models.pickle_opcodes import check_opcodes

KEY = b"\x80\x02})" + b"\x85" * 1_000_000 + b"K\x01s."


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "content",
    [
        {"a": [1, (2.0, "x", None)], "b": {3: True}, "c": list(range(5_000))},
        [{str(i): i for i in range(5_000)}] * 2,
        (frozenset([1]), {2}, b"y", 10**30),
        collections.OrderedDict(a=torch.float32, b=collections.Counter("xy")),
    ],
    ids=["nested", "shared", "kinds", "objects"],
)
def test_what_anyone_pickles_passes(content, protocol):
    check_opcodes(pickle.dumps(content, protocol))


def test_depth_counts_values_in_one_another():
    nested: tuple = ()
    for _ in range(400):
        nested = (nested,)
    check_opcodes(pickle.dumps(nested))
    for _ in range(200):
        nested = (nested,)
    with pytest.raises(pickle.UnpicklingError, match="more than 500 levels deep"):
        check_opcodes(pickle.dumps(nested))


@pytest.mark.parametrize(
    "pickled",
    [
        KEY,
        b"\x80\x02})" + b"\x85q\x000h\x00" * 100_000 + b"K\x01s.",
        b"\x80\x04})" + b"\x85\x94" * 100_000 + b"K\x01s.",
        b"\x80\x02})" + b"K\x01\x86" * 100_000 + b"K\x01s.",
        b"\x80\x02}" + b"(" * 100_000 + b"t" * 100_000 + b"K\x01s.",
    ],
    ids=["tuples", "memo", "memoize", "pairs", "marks"],
)
def test_keys_too_deep_for_the_stack_are_refused(pickled):
    with pytest.raises(pickle.UnpicklingError, match="more than 500 levels deep"):
        check_opcodes(pickled)


def test_such_a_key_does_end_the_process():
    code = "import pickle, sys; pickle.load(sys.stdin.buffer)"
    done = subprocess.run([sys.executable, "-c", code], input=KEY, check=False)
    assert done.returncode < 0
