"""Pages name what exists, and the reference leaves nothing out."""

import re
from importlib import import_module
from pathlib import Path

import pytest

import hyenascope as hs
from hyenascope import interpret
from hyenascope.interpret.scores import SCORES

DOCS = Path(__file__).parents[1] / "docs"
LISTED = re.findall(r"^   (hyenascope\.[\w.]+)$", (DOCS / "api.md").read_text(), re.M)
SHORT = {"hs": "hyenascope", "interpret": "hyenascope.interpret"}
NAMED = {
    (page.stem, re.sub(r"^(hs|interpret)\b", lambda found: SHORT[found[0]], name))
    for page in DOCS.glob("*.md")
    for name in re.findall(
        r"(?<![\w/.-])((?:hs|interpret|hyenascope)(?:\.[A-Za-z_]\w*)+)",
        page.read_text(encoding="utf-8"),
    )
}


def found(name: str) -> object:
    """Import as much of a dotted name as are modules, look up the rest."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            thing = import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            thing = getattr(thing, part)
        return thing
    raise ModuleNotFoundError(name)


def test_pages_were_read():
    assert {page for page, _ in NAMED} >= {"api", "coming-from", "scores", "worth"}
    assert len(NAMED) > 200


@pytest.mark.parametrize(("page", "name"), sorted(NAMED))
def test_names_on_a_page_exist(page, name):
    assert found(name) is not None


def test_a_name_that_is_gone_is_noticed():
    with pytest.raises(AttributeError):
        found("hyenascope.interpret.nothing_of_the_kind")


def test_the_reference_has_every_public_name():
    listed = {name.rpartition(".")[2] for name in LISTED}
    public = {*hs.__all__, *interpret.__all__} - {"__version__"}
    assert public <= listed
    assert len(LISTED) == len(set(LISTED))


def test_the_table_of_scores_is_that_of_the_package():
    page = (DOCS / "scores.md").read_text(encoding="utf-8")
    rows = [
        (f"`{each.name}`", each.formula, each.unit, each.reading, each.source)
        for each in SCORES.values()
    ]
    lines = [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
        for row in rows
    ]
    assert "\n".join(lines) in page
