"""Python that makes a view again: it runs, and says no more than it must."""

import ast

import pytest

import hyenascope as hs
from hyenascope.data.interval import Interval
from hyenascope.widgets.view_code import python_of

PLACE = Interval("chr1", 100, 200)


def call(code: str) -> ast.Call:
    """Return the one call that makes the browser."""
    [made] = [line for line in ast.parse(code).body if isinstance(line, ast.Assign)]
    assert isinstance(made.value, ast.Call)
    return made.value


def written(**options: object) -> str:
    return python_of("LocusBrowser", "demo-synthetic", "g.fa", PLACE, options)


def test_the_code_is_what_one_would_type():
    code = written(tracks=("ism",), strands="forward")
    assert code == "\n".join(
        [
            "import hyenascope as hs",
            "",
            "browser = hs.LocusBrowser(",
            "    hs.load_pretrained('demo-synthetic'),",
            "    'g.fa',",
            "    hs.Interval('chr1', 100, 200),",
            "    tracks=('ism',),",
            "    strands='forward',",
            ")",
            "browser",
        ]
    )


def test_what_is_none_is_left_out_and_nothing_else():
    made = call(written(genes=None, tracks=(), window=0, strands=None))
    named = {keyword.arg: ast.literal_eval(keyword.value) for keyword in made.keywords}
    # No track at all is another view than the tracks of a default.
    assert named == {"tracks": (), "window": 0}


@pytest.mark.parametrize("name", ["g 'one'.fa", 'g "two".fa', "C:\\g.fa", "ä\n.fa"])
def test_paths_are_quoted_as_python_reads_them(name, tmp_path):
    made = call(python_of("LocusBrowser", None, name, PLACE, {"genes": tmp_path}))
    assert ast.literal_eval(made.args[0]) is None
    assert ast.literal_eval(made.args[1]) == name
    assert ast.literal_eval(made.keywords[0].value) == str(tmp_path)


def test_the_interval_comes_back():
    place = eval(ast.unparse(call(written()).args[2]), {"hs": hs})
    assert place == PLACE


@pytest.mark.parametrize("name", ["untitled", "my-model", ""])
def test_a_model_that_has_no_public_name_is_a_variable(name):
    made = call(python_of("LocusBrowser", name, "g.fa", PLACE, {}))
    assert ast.unparse(made.args[0]) == "model"


def test_tracks_of_ones_own_are_named_in_comments():
    own = ["coverage", "it's 'mine'\nimport os"]
    code = python_of("LocusBrowser", None, "g.fa", PLACE, {}, own)
    comments = [line for line in code.splitlines() if line.startswith("#")]
    assert comments[0] == "# browser.add('coverage', ...)  a track of your own"
    assert len(comments) == 2
    assert len(ast.parse(code).body) == 3  # import, browser, browser
