"""JSON from outside, as plain values or a refusal in words."""

import json
from collections.abc import Iterable
from typing import Any

_DEEPEST = 100  # levels; what is written here has no more than ten


def parse_json(text: str) -> Any:  # noqa: ANN401
    """Return what a JSON text holds.

    Raises
    ------
    ValueError
        If it is no JSON, or values lie in one another more than 100 levels deep:
        Python cannot even print those.

    Examples
    --------
    >>> parse_json('{"a": [1]}')
    {'a': [1]}
    >>> parse_json("[" * 101 + "]" * 101)
    Traceback (most recent call last):
    ValueError: JSON must be at most 100 levels deep; got more.
    """
    try:
        found = json.loads(text)
    except RecursionError:
        raise _too_deep() from None
    level, depth = [found], 0
    while level := [value for value in level if isinstance(value, dict | list)]:
        depth += 1
        if depth > _DEEPEST:
            raise _too_deep()
        level = [each for value in level for each in _inside(value)]
    return found


def _inside(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _too_deep() -> ValueError:
    return ValueError(f"JSON must be at most {_DEEPEST} levels deep; got more.")
