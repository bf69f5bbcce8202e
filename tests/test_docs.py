"""Pages name what exists, and the reference leaves nothing out."""

import re
from importlib import import_module
from pathlib import Path

import pytest

import hyenascope as hs
from hyenascope import interpret

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
LISTED = re.findall(r"^   (hyenascope\.[\w.]+)$", (DOCS / "api.md").read_text(), re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_names_on_a_page_exist(page):
    text = page.read_text(encoding="utf-8")
    for home, name in re.findall(r"\b(hs|interpret)\.([A-Za-z]\w+)", text):
        assert hasattr({"hs": hs, "interpret": interpret}[home], name), name


@pytest.mark.parametrize("name", LISTED)
def test_names_of_the_reference_exist(name):
    home, _, last = name.rpartition(".")
    assert hasattr(import_module(home), last)


def test_the_reference_has_every_public_name():
    listed = {name.rpartition(".")[2] for name in LISTED}
    public = {*hs.__all__, *interpret.__all__} - {"__version__"}
    assert public <= listed
    assert len(LISTED) == len(set(LISTED))
