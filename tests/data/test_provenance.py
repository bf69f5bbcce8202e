import copy
import json
import math
import pickle

import numpy as np
import pytest

from hyenascope.data.provenance import Provenance

FULL = {"model": "tiny", "seeds": [1, 2], "genome": {"fasta": "a.fa", "bp": None}}


def test_is_a_deep_copy():
    given = copy.deepcopy(FULL)
    kept = Provenance(given)
    given["seeds"].append(3)
    given["genome"]["fasta"] = "b.fa"
    assert kept["seeds"] == (1, 2)
    assert kept["genome"] == {"fasta": "a.fa", "bp": None}


@pytest.mark.parametrize(
    "edit",
    [
        lambda p: p.update(a=1),
        lambda p: p.pop("model"),
        lambda p: p["genome"].clear(),
        lambda p: p.__setitem__("model", "other"),
        lambda p: p.__delitem__("model"),
        lambda p: p.setdefault("a", 1),
        lambda p: p.popitem(),
        lambda p: p.__ior__({"a": 1}),
    ],
)
def test_no_edit_gets_through(edit):
    kept = Provenance(FULL)
    with pytest.raises(TypeError, match="provenance must not be edited"):
        edit(kept)
    assert kept == FULL


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        ((1, [2]), (1, (2,))),
        (-math.inf, -math.inf),
    ],
)
def test_values_become_plain_python(given, stored):
    kept = Provenance({"x": given})["x"]
    assert kept == stored
    assert type(kept) is type(stored)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"a": {1: "a"}}, r"provenance\['a'\] must have text keys; got 1\."),
        ({"a": {None: 1}}, r"provenance\['a'\] must have text keys; got None"),
        ({"a": [1, {"b": {2}}]}, r"provenance\['a'\]\[1\]\['b'\] must be .* got set"),
        ({"a": np.zeros(2)}, r"provenance\['a'\] must be text, .* got ndarray"),
        ({"a": 1j}, "got complex"),
    ],
)
def test_refuses_what_json_cannot_hold(record, message):
    with pytest.raises(TypeError, match=message):
        Provenance(record)


def test_json_round_trip_keeps_nan_and_types():
    kept = Provenance({**FULL, "nan": math.nan, "one": 1.0, "flag": True, "é": "\n"})
    back = Provenance.from_json(kept.to_json())
    assert back == kept
    assert [type(back[key]) for key in ("nan", "one", "flag")] == [float, float, bool]
    assert json.loads(json.dumps(kept["genome"])) == FULL["genome"]


def test_equality_is_of_content_and_type():
    assert Provenance({"a": math.nan}) == {"a": math.nan}
    assert Provenance({"a": 1, "b": 2}) == Provenance({"b": 2, "a": 1})
    assert Provenance({"a": 1}) != {"a": 1.0}
    assert Provenance({"a": 1}) != {"a": object()}
    assert Provenance() != 0


@pytest.mark.parametrize(
    "clone", [copy.deepcopy, copy.copy, lambda p: pickle.loads(pickle.dumps(p))]
)
def test_clones(clone):
    twin = clone(Provenance(FULL))
    assert type(twin) is Provenance
    assert twin == FULL
