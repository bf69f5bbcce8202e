"""Names that are imported on first use, so that importing a package stays quick."""

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(
    package: str, homes: Mapping[str, str], namespace: dict[str, object]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package.

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
    >>> get, _ = lazy_names("hyenascope", {"Interval": "data.interval"}, {})
    >>> get("Interval").__name__
    'Interval'
    """

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"hyenascope.{homes[name]}"), name)
        namespace[name] = value
        return value

    def listing() -> list[str]:
        return sorted({*homes, *namespace})

    return get, listing
