"""Text from files without what nobody can see."""

import unicodedata


def visible_text(text: object) -> str:
    r"""Replace what cannot be seen, and keep everything else as it is.

    Control and direction-changing characters, unpaired surrogates and the two that XML
    forbids become ``\ufffd``, line breaks and tabs a space.

    Examples
    --------
    >>> visible_text("rs1\tx")
    'rs1 x'
    """
    return "".join(_visible(letter) for letter in str(text))


def _visible(letter: str) -> str:
    if letter in "\t\r\n\v\f\u2028\u2029":
        return " "
    unseen = unicodedata.category(letter) in {"Cc", "Cf", "Cs"}
    return "\ufffd" if unseen or letter in "\ufffe\uffff" else letter
