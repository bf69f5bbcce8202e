"""JSON from outside."""

import pytest

from hyenascope.data.json_text import parse_json


def test_values_come_as_they_are():
    text = '{"a": [1, 2.5, "x", null, true], "b": {"c": NaN}}'
    found = parse_json(text)
    assert found["a"] == [1, 2.5, "x", None, True]
    assert found["b"]["c"] != found["b"]["c"]
    assert parse_json("3") == 3


@pytest.mark.parametrize("depth", [101, 900, 200_000])
@pytest.mark.parametrize("pair", ["[]", ('{"a":', "}")], ids=["list", "object"])
def test_what_is_too_deep_is_refused(depth, pair):
    opening, closing = pair
    text = opening * depth + "1" + closing * depth
    with pytest.raises(ValueError, match="at most 100 levels deep"):
        parse_json(text)
    assert parse_json(opening * 100 + "1" + closing * 100)


def test_what_is_no_json_is_refused():
    with pytest.raises(ValueError, match="Expecting value"):
        parse_json("x")
    with pytest.raises(ValueError, match="digits"):
        parse_json("9" * 5_000)
