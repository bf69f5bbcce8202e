"""The Python that makes a view again."""

from collections.abc import Sequence
from pathlib import Path

from hyenascope.data.interval import Interval
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.models.published import BUNDLED, find_published


def python_of(
    call: str,
    model: str | None,
    genome: str,
    interval: Interval,
    options: dict[str, object],
    own_tracks: Sequence[str] = (),
    *,
    is_wrapped: bool = False,
) -> str:
    """Return lines to paste into a cell.

    Parameters
    ----------
    call
        The name that ``hyenascope`` gives the widget.
    model
        Its name; None for no model. One that `hyenascope.load_pretrained` does not
        know is written as the variable ``model``.
    genome
        FASTA path.
    interval
        What is shown, 0-based half-open.
    options
        Keyword arguments; None is left out.
    own_tracks
        Names of tracks that code cannot make again.
    is_wrapped
        Whether the model is somebody else's: the variable ``model`` whatever its name,
        which may be that of one of ours.

    Examples
    --------
    >>> print(python_of("LocusBrowser", None, "g.fa", Interval("chr1", 0, 9), {}))
    import hyenascope as hs
    <BLANKLINE>
    browser = hs.LocusBrowser(
        None,
        'g.fa',
        hs.Interval('chr1', 0, 9),
    )
    browser
    """
    place = f"hs.Interval({interval.chrom!r}, {interval.start}, {interval.end})"
    kept = {name: value for name, value in options.items() if value is not None}
    named = [f"{name}={_written(value)}" for name, value in kept.items()]
    lines = [_model(model, is_wrapped), repr(genome), place, *named]
    missing = [
        f"# browser.add({name!r}, ...)  a track of your own" for name in own_tracks
    ]
    return "\n".join(
        [
            "import hyenascope as hs",
            "",
            f"browser = hs.{call}(",
            *(f"    {line}," for line in lines),
            ")",
            *missing,
            "browser",
        ]
    )


def _model(name: str | None, is_wrapped: bool) -> str:
    if name is None:
        return "None"
    known = not is_wrapped and (name in BUNDLED or find_published(name) is not None)
    return f"hs.load_pretrained({name!r})" if known else "model"


def _written(value: object) -> str:
    """Write a value as code that needs ``hs`` alone."""
    if isinstance(value, ModelOutput):
        return f"hs.{value!r}".replace("region=Interval(", "region=hs.Interval(")
    return repr(str(value) if isinstance(value, Path) else value)
