"""Stands in for jaxtyping where it is missing: shape words mean nothing while running.

For machines with PyTorch and Triton alone; import it before anything of hyenascope.
"""

import sys
from importlib.util import find_spec
from types import ModuleType


class _Word:
    def __getitem__(self, shape: object) -> object:
        return object


if "jaxtyping" not in sys.modules and find_spec("jaxtyping") is None:
    words = ModuleType("jaxtyping")
    for name in (
        "Bool",
        "Complex",
        "Float",
        "Float32",
        "Float64",
        "Int",
        "Int64",
        "Num",
    ):
        setattr(words, name, _Word())
    sys.modules["jaxtyping"] = words
