"""Refuse a word that is none of those known."""

from typing import Any, get_args


def check_choice(name: str, value: object, known: Any) -> None:  # noqa: ANN401
    """Refuse an argument that is none of the words of a ``Literal``.

    Raises
    ------
    ValueError
        Naming the argument, the words and what came.

    Examples
    --------
    >>> from hyenascope._typing import Strands
    >>> check_choice("strands", "both", Strands)
    >>> check_choice("strands", "left", Strands)
    Traceback (most recent call last):
    ...
    ValueError: strands must be one of 'forward', 'reverse', 'both'; got 'left'.
    """
    words = get_args(known)
    if value not in words:
        listed = ", ".join(map(repr, words))
        raise ValueError(f"{name} must be one of {listed}; got {value!r}.")
