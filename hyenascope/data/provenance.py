"""Where numbers came from: a record that cannot change and that JSON can hold."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from hyenascope.data.json_text import parse_json


class Provenance(dict[str, Any]):
    """A read-only dict of what made a result: model, score, window, seed and so on.

    A deep copy of what it is given: dicts inside become read-only too, and lists
    become tuples. numpy scalars become Python's own numbers. It equals the same
    plain dict, except that two NaN are the same here; `copy` gives a plain dict.

    Parameters
    ----------
    record
        Keys are text; values are text, numbers, None, lists or dicts of these.

    Raises
    ------
    TypeError
        If a key or value is something else, or on any edit.

    Examples
    --------
    >>> made = Provenance({"model": "tiny-1k", "seeds": [1, 2]})
    >>> made["seeds"]
    (1, 2)
    >>> made["model"] = "other"
    Traceback (most recent call last):
    ...
    TypeError: provenance must not be edited; make a new one.
    """

    def __init__(self, record: Mapping[str, object] | None = None) -> None:
        super().__init__(_frozen_items({} if record is None else record, ""))

    @classmethod
    def from_json(cls, text: str) -> "Provenance":
        """Read what `to_json` wrote.

        Examples
        --------
        >>> Provenance.from_json('{"window": 512}')
        {'window': 512}
        """
        return cls(parse_json(text))

    def to_json(self) -> str:
        """Return JSON text, keys sorted; NaN and infinities as Python writes them.

        Examples
        --------
        >>> Provenance({"window": np.int64(512), "seed": None}).to_json()
        '{"seed": null, "window": 512}'
        """
        return json.dumps(self, sort_keys=True)

    def __eq__(self, other: object) -> bool:
        """Whether every key and value agrees; NaN equals NaN, 1 is not 1.0."""
        if not isinstance(other, Mapping):
            return NotImplemented
        try:
            return self.to_json() == Provenance(other).to_json()
        except TypeError:
            return False

    def __ne__(self, other: object) -> bool:
        """Whether they differ."""
        # dict brings its own, which does not ask __eq__.
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    __hash__ = None

    def __reduce__(self) -> tuple[type["Provenance"], tuple[dict[str, Any]]]:
        """Pickle and copy by making anew, since items cannot be set one by one."""
        return Provenance, (dict(self),)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("provenance must not be edited; make a new one.")

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse


def _frozen_items(record: Mapping[Any, object], where: str) -> dict[str, object]:
    items = {}
    for key, value in record.items():
        if not isinstance(key, str):
            raise TypeError(f"provenance{where} must have text keys; got {key!r}.")
        items[str(key)] = _frozen(value, f"{where}[{str(key)!r}]")
    return items


def _frozen(value: object, where: str) -> object:
    """Return ``value`` read-only; ``where`` is its place, for the error."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, Mapping):
        frozen = Provenance()
        dict.update(frozen, _frozen_items(value, where))
        return frozen
    if isinstance(value, list | tuple):
        return tuple(_frozen(each, f"{where}[{i}]") for i, each in enumerate(value))
    raise TypeError(
        f"provenance{where} must be text, a number, None, a list or a dict; "
        f"got {type(value).__name__}."
    )
