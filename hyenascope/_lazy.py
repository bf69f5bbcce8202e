"""Names that are imported on first use, so that importing a package stays quick."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType


def lazy_names(
    package: str, homes: Mapping[str, str], namespace: dict[str, object]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package.

    A name that is also that of a module of the package means what lives at its home,
    whatever has been imported before.

    Parameters
    ----------
    package
        Its dotted name.
    homes
        Where each name lives: a module path below ``hyenascope``.
    namespace
        The package's ``globals()``, where a name stays once it is found.

    Examples
    --------
    >>> get, _ = lazy_names("elsewhere", {"Interval": "data.interval"}, {})
    >>> get("Interval").__name__
    'Interval'
    """

    class LazyPackage(ModuleType):
        """A package whose own modules do not take the place of its names."""

        def __setattr__(self, name: str, value: object) -> None:
            if not (name in homes and isinstance(value, ModuleType)):
                super().__setattr__(name, value)

    if package in sys.modules:
        sys.modules[package].__class__ = LazyPackage

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"hyenascope.{homes[name]}"), name)
        namespace[name] = value
        return value

    def listing() -> list[str]:
        return sorted({*homes, *namespace})

    return get, listing
