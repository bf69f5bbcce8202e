"""A locus in one file as a reader uses it: opened from disk, without a network."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hyenascope as hs
from hyenascope.viz.letters import GLYPHS

WHERE = hs.Interval("chrDemo", 0, 100_000)
NUMBER = r"([ACGT]) (-?[\d.]+(?:e-?\d+)?)"
LANES = {"genes": "y", "line": "y3", "ism": "y4", "logo": "y5", "sequence": "y6"}


def demo_variants(path: Path) -> pd.DataFrame:
    rows = [(v.chrom, v.pos, v.ref, v.alt, v.id) for v in hs.read_vcf(path)]
    frame = pd.DataFrame(rows, columns=["chrom", "pos", "ref", "alt", "id"])
    return frame.assign(conditional=np.linspace(-3, 2, len(frame)))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The file, and the numbers that are in it."""
    locus = hs.example_locus()
    rng = np.random.default_rng(5)
    line = np.round(rng.normal(size=WHERE.length), 1)
    ism = np.round(rng.normal(size=(WHERE.length, 4)), 1)
    chances = rng.dirichlet(np.ones(4), 64)[rng.integers(0, 64, WHERE.length)]
    with hs.FastaReader(locus.fasta) as genome:
        bases = genome.fetch(WHERE).upper()
        lanes = [
            hs.Genes(hs.read_genes(locus.genes)),
            hs.Variants(demo_variants(locus.variants)),
            hs.Line(hs.TrackData(line, ("signal",), WHERE, "nats")),
            hs.Heatmap(hs.TrackData(ism, tuple("ACGT"), WHERE, "nats"), genome),
            hs.Logo(hs.TrackData(chances, tuple("ACGT"), WHERE), kind="information"),
            hs.Sequence(genome),
        ]
        path = tmp_path_factory.mktemp("locus") / "locus.html"
        made = hs.write_locus_html(
            lanes, WHERE, path, show=hs.Interval("chrDemo", 8_000, 12_000)
        )
    assert not made.cut
    return {"path": path, "bases": bases, "line": line, "ism": ism}


@pytest.fixture
def page(saved_page, demo):
    return opened(saved_page, demo["path"])


def opened(saved_page, path: Path):
    page = saved_page(path)
    page.page.wait_for_selector('#locus[data-state="ready"]')
    return page


def window(page) -> list[float]:
    return page.page.evaluate("() => hyenascopeView.window")


def place(page) -> str:
    return page.page.input_value(".hs-search")


def status(page) -> str:
    return page.page.text_content(".hs-status")


def wait_still(page) -> None:
    """Wait until nothing more is on its way to the picture."""
    page.page.wait_for_timeout(60)
    page.page.wait_for_function("() => !hyenascopeView.asking")


def search(page, text: str) -> None:
    page.page.fill(".hs-search", text)
    page.page.press(".hs-search", "Enter")


def go(page, left: int, right: int, chrom: str = "chrDemo") -> None:
    """Search for a place, 1-based, and wait until it is drawn in all detail."""
    search(page, f"{chrom}:{left:,}-{right:,}")
    page.figure().wait_window(left - 0.5, right + 0.5)
    wait_still(page)


def commands(path: str) -> str:
    return re.sub("[^A-Z]", "", path)


def spelled(page, lane: str) -> dict[int, str]:
    """Return which letter stands at which base, from the outlines in the page."""
    shapes = page.figure().read(
        """(lane) => gd.layout.shapes
          .filter((shape) => shape.yref === lane && shape.fillrule === "evenodd")
          .map((shape) => shape.path)""",
        lane,
    )
    letters = {}
    for path in shapes:
        order = commands(path)
        (kind,) = [
            each
            for each, outline in GLYPHS.items()
            if order == commands(outline) * (len(order) // len(commands(outline)))
        ]
        size = 2 * len(re.findall(r",", GLYPHS[kind]))
        numbers = np.array(re.findall(r"-?[\d.]+(?:e-?\d+)?", path), dtype=float)
        for outline in numbers.reshape(-1, size)[:, ::2]:
            letters[round((outline.min() + outline.max()) / 2)] = kind
    return letters


def letter_paths(page) -> int:
    """Count the outlines that the browser has in its document."""
    return page.figure().read(
        """() => [...gd.querySelectorAll(".shapelayer path")].filter((path) =>
          path.getAttribute("fill-rule") === "evenodd"
          && path.getBoundingClientRect().width > 0).length"""
    )


def assert_spells(page, bases: str, start: int, lane: str) -> None:
    """Letters of all of the window and beside it are those of the genome."""
    left, right = window(page)
    letters = spelled(page, lane)
    assert set(range(round(left + 0.5), round(right + 0.5))) <= set(letters)
    assert letters == {x: bases[x - 1 - start] for x in letters}


def test_opens_where_it_was_told_to(page):
    assert place(page) == "chrDemo:8,001-12,000"
    assert page.page.text_content(".hs-span") == "4,000 bp"
    assert page.page.title() == "chrDemo:1-100,000"
    assert page.figure().layout("xaxis.range") == [8000.5, 12_000.5]
    assert page.requests == [page._address]


def test_search_finds_places_and_names_and_says_what_it_does_not_know(page):
    search(page, " 20001 – 20,100 ")
    page.figure().wait_window(20_000.5, 20_100.5)
    assert place(page) == "chrDemo:20,001-20,100"
    search(page, "chrdemo_G0004")
    page.figure().wait_window(4176.5 - 37.75, 4931.5 + 37.75)
    before = window(page)
    for query, answer in (
        ("BRCA1", "knows no BRCA1"),
        ("<img src=x onerror=alert(1)>", "knows no <img src=x onerror=alert(1)>"),
        ("chr2:1-100", "holds chrDemo:1-100,000; chr2:1-100 lies outside"),
        ("200,000", "200,000 lies outside"),
    ):
        search(page, query)
        page.page.wait_for_selector(".hs-status.hs-error")
        assert answer in status(page)
    assert window(page) == before
    assert page.page.locator("img").count() == 0


def test_several_places_of_one_name_are_offered(page):
    search(page, "g000")
    choices = page.page.locator(".hs-choices button")
    choices.first.wait_for(timeout=5000)
    assert choices.count() == 9
    choices.nth(3).click()
    page.figure().wait_window(4176.5 - 37.75, 4931.5 + 37.75)
    assert not page.page.locator(".hs-choices").is_visible()


def test_buttons_zoom_and_lead_back(page):
    figure = page.figure()
    page.page.click('[aria-label^="Zoom in"]')
    figure.wait_window(9000.5, 11_000.5)
    page.page.click('[aria-label^="Zoom out"]')
    figure.wait_window(8000.5, 12_000.5)
    for _ in range(6):
        page.page.click('[aria-label^="Zoom out"]')
    figure.wait_window(0.5, 100_000.5)
    page.page.click('[aria-label^="Show the first view"]')
    figure.wait_window(8000.5, 12_000.5)
    page.page.click('[aria-label^="Back"]')
    figure.wait("() => gd._fullLayout.xaxis.range[0] !== 8000.5")
    page.page.click('[aria-label^="Forward"]')
    figure.wait_window(8000.5, 12_000.5)


def test_the_wheel_scrolls_and_with_ctrl_zooms_where_it_points(page):
    page.page.set_viewport_size({"width": 1200, "height": 500})
    figure = page.figure()
    figure.point(9000, 0, LANES["line"])
    before = page.page.evaluate("() => scrollY")
    page.page.mouse.wheel(0, -60)
    page.page.wait_for_function("(before) => scrollY < before", arg=before)
    assert window(page) == [8000.5, 12_000.5]
    figure.wheel(9000, 0, -400, LANES["line"], held="Control")
    page.page.wait_for_function(
        "() => document.querySelector('.hs-span').textContent === '2,000 bp'"
    )
    left, right = window(page)
    assert (9000 - left) / (right - left) == pytest.approx(999.5 / 4000, abs=0.01)


def test_a_drag_moves_the_window(page):
    figure = page.figure()
    figure.drag(10_000, 9_000, 0.5, LANES["sequence"])
    figure.wait_window(9000.5, 13_000.5, within=8)


def test_a_drag_stops_at_the_end(page):
    go(page, 1, 400)
    page.figure().drag(100, 300, 0.5, LANES["sequence"])
    wait_still(page)
    assert window(page) == pytest.approx([0.5, 400.5], abs=1)


def focused(page) -> str:
    return page.page.evaluate(
        "() => document.activeElement.getAttribute('aria-label') ?? ''"
    )


def in_tracks(page) -> bool:
    return page.page.evaluate(
        "() => document.activeElement.classList.contains('hs-plot')"
    )


def test_tab_reaches_everything_in_the_order_of_the_page(page):
    order = []
    while not in_tracks(page):
        page.press("Tab")
        order.append(focused(page))
        assert len(order) < 20
    wanted = ["Place, gene or variant", "Zoom out", "Zoom in", "Show the first", "Mark"]
    found = [[n for n, at in enumerate(order) if at.startswith(w)] for w in wanted]
    places = [each[0] for each in found]
    assert places == sorted(places)


def test_keys_alone_lead_everywhere(page):
    figure = page.figure()
    page.press("Tab")
    assert focused(page) == "Place, gene or variant"
    page.page.keyboard.type("chrDemo:20,001-20,400")
    page.press("Enter")
    figure.wait_window(20_000.5, 20_400.5)
    assert in_tracks(page)
    for key, left, right in (
        ("+", 20_100.5, 20_300.5),
        ("-", 20_000.5, 20_400.5),
        ("ArrowRight", 20_100.5, 20_500.5),
        ("ArrowLeft", 20_000.5, 20_400.5),
        ("Shift+ArrowRight", 20_360.5, 20_760.5),
        ("Home", 8000.5, 12_000.5),
    ):
        page.press(key)
        figure.wait_window(left, right)
    page.press("Alt+ArrowLeft")
    figure.wait("() => gd._fullLayout.xaxis.range[0] > 20000")
    page.press("Alt+ArrowRight")
    figure.wait_window(8000.5, 12_000.5)


def test_escape_leaves_the_search_box_and_shows_the_place_again(page):
    page.press("Tab")
    page.page.keyboard.type("half a name")
    page.press("Escape")
    assert in_tracks(page)
    assert place(page) == "chrDemo:8,001-12,000"


def test_a_slash_leads_to_the_search_box(page):
    page.page.focus(".hs-plot")
    page.press("/")
    assert focused(page) == "Place, gene or variant"
    page.page.keyboard.type("12,001-12,100")
    page.press("Enter")
    page.figure().wait_window(12_000.5, 12_100.5)
    assert in_tracks(page)


@pytest.mark.parametrize("left", [1, 5_000, 50_001, 99_931])
def test_single_letters_spell_the_genome(page, demo, left):
    go(page, left, left + 69)
    figure = page.figure()
    lane = LANES["sequence"]
    figure.wait("(lane) => gd.layout.shapes.some((shape) => shape.yref === lane)", lane)
    assert_spells(page, demo["bases"], 0, lane)
    shown = figure.read(
        "() => gd.layout.shapes.filter((each) => each.fillrule === 'evenodd').length"
    )
    assert letter_paths(page) >= shown >= 8  # four of the sequence, four of the logo


def test_letters_also_come_after_zooming_by_the_wheel_at_the_right_end(page, demo):
    go(page, 99_001, 100_000)
    figure = page.figure()
    for _ in range(4):  # by odd factors: edges that are no halves
        figure.wheel(99_995, 0.5, -310, LANES["sequence"], held="Control")
    page.page.wait_for_function("() => hyenascopeView.span < 120")
    wait_still(page)
    page.press("End", "ArrowRight", "ArrowRight")
    wait_still(page)
    page.page.wait_for_timeout(100)
    assert window(page)[1] == pytest.approx(100_000.5)
    letters = spelled(page, LANES["sequence"])
    assert letters[100_000] == demo["bases"][-1]


def test_a_marked_stretch_is_named_and_enter_zooms_to_it(page):
    go(page, 20_001, 20_400)
    figure = page.figure()
    figure.drag(20_100, 20_159, 0.5, LANES["sequence"], held="Shift")
    page.page.wait_for_selector(".hs-region:visible")
    assert status(page) == "chrDemo:20,100-20,159, 60 bp: Enter to zoom in"
    assert window(page) == [20_000.5, 20_400.5]
    page.press("Enter")
    figure.wait_window(20_099.5, 20_159.5)
    assert not page.page.locator(".hs-region").is_visible()


def test_escape_forgets_what_was_marked(page):
    figure = page.figure()
    figure.drag(9_000, 9_500, 0.5, LANES["sequence"], held="Shift")
    page.page.wait_for_selector(".hs-region:visible")
    page.press("Escape")
    page.page.wait_for_selector(".hs-region", state="hidden")
    assert status(page) == ""


def test_the_line_below_tells_base_and_values(page, demo):
    go(page, 50_001, 50_060)
    for x in (50_001, 50_017, 50_060):
        page.figure().point(x, 0.5, LANES["sequence"])
        told = page.page.text_content(".hs-readout").replace("−", "-")
        first, *rest = told.split("   ·   ")
        base = demo["bases"][x - 1]
        assert first == f"chrDemo:{x:,} {base}"
        values = {text.split()[0]: text for text in rest}
        value = float(values["signal"].split()[1])
        assert value == pytest.approx(demo["line"][x - 1], rel=5e-4)
        cells = dict(re.findall(NUMBER, values["mutagenesis"]))
        expected = dict(zip("ACGT", demo["ism"][x - 1], strict=True))
        del expected[base]
        assert {k: float(v) for k, v in cells.items()} == pytest.approx(
            expected, abs=1e-3
        )
        assert "information" in values


def test_names_of_genes_stay_in_sight(page):
    go(page, 4_400, 4_499)  # chrDemo_g0004 reaches beyond both sides
    edges = page.page.evaluate(
        """() => {
          const name = [...document.querySelectorAll(".textpoint text")]
            .find((each) => each.textContent.includes("chrDemo_g0004"));
          const plot = document.querySelector(".nsewdrag").getBoundingClientRect();
          const box = name.getBoundingClientRect();
          return [box.left - plot.left, plot.right - box.right, box.width];
        }"""
    )
    assert edges[0] >= 0
    assert edges[1] >= 0
    assert edges[2] > 40


BRCA1 = hs.Interval("chr17", 41_196_312, 41_277_500)
MIDDLE = 41_215_928  # in exon 18, nearly all of whose bases were edited

MOST_HEADS = 1000  # of variants in one picture


@pytest.fixture(scope="module")
def brca1(shared, tmp_path_factory):
    """The page of the BRCA1 region, from a model's map to the file."""
    folder = shared / "data" / "human_hg19_brca1"
    edits = pd.read_csv(folder / "BRCA1_SGE_Findlay2018.tsv.gz", sep="\t")
    names = {"pos_hg19": "pos", "function.score.mean": "function score"}
    edits = edits.rename(columns=names)
    model = hs.load_pretrained("yeast-1k")
    with hs.FastaReader(folder / "hg19.chr17_BRCA1.fa.gz") as genome:
        bases = genome.fetch(BRCA1).upper()
        chances = hs.conditional_map(model, genome, BRCA1, strands="both")
        at_reference = [list("ACGT").index(base) for base in bases]
        rows = np.arange(BRCA1.length)
        change = chances.values - chances.values[rows, at_reference][:, None]
        effects = hs.TrackData(change, tuple("ACGT"), BRCA1, "Δ log p (nats)")
        few = hs.Interval("chr17", 41_230_000, 41_230_040)
        exact = hs.saturation_mutagenesis(model, genome, few, score="conditional")
        lanes = [
            hs.Genes(folder / "gencode.v19.BRCA1.gff3.gz"),
            hs.Variants(edits, score="function score"),
            hs.Heatmap(effects, genome),
            hs.Logo(chances, genome, kind="information"),
            hs.Sequence(genome),
        ]
        path = tmp_path_factory.mktemp("brca1") / "brca1.html"
        made = hs.write_locus_html(lanes, BRCA1, path, title="BRCA1, GRCh37")
    # What the heatmap shows is what mutagenesis by conditional scores gives.
    np.testing.assert_allclose(effects.slice(few).values, exact.values, atol=1e-9)
    return {"path": path, "made": made, "bases": bases, "edits": edits, "ism": change}


@pytest.mark.slow
def test_the_brca1_region_fits_in_its_file(brca1):
    assert brca1["path"].stat().st_size < 8_000_000
    assert not brca1["made"].cut
    assert brca1["made"].widths == (81_188, 24_576, 6_144)


@pytest.mark.slow
def test_the_brca1_region_zooms_from_80_kb_to_single_letters(
    brca1, saved_page, screenshots
):
    page = opened(saved_page, brca1["path"])
    figure = page.figure()
    assert place(page) == "chr17:41,196,313-41,277,500"
    screenshots.mkdir(parents=True, exist_ok=True)
    for name, width in (
        ("80kb", BRCA1.length),
        ("20kb", 20_000),
        ("2kb", 2_000),
        ("300bp", 300),
        ("70bp", 70),
    ):
        if width < BRCA1.length:
            go(page, MIDDLE - width // 2 + 1, MIDDLE + width - width // 2, "chr17")
        page.page.screenshot(path=screenshots / f"brca1-{name}.png")
        left, right = window(page)
        assert right - left == pytest.approx(width)
        shown = np.array(figure.values(heads(figure), "x"))
        edits = brca1["edits"]["pos"].to_numpy()
        expected = np.unique(edits[(edits > left) & (edits < right)])
        seen = np.unique(shown[(shown > left) & (shown < right)])
        drawn = page.page.evaluate(
            "() => [hyenascopeView.tile.left, hyenascopeView.tile.right]"
        )
        if ((edits > drawn[0]) & (edits < drawn[1])).sum() <= MOST_HEADS:
            np.testing.assert_array_equal(seen, expected)
        else:
            assert set(seen) < set(expected)
            assert len(shown) == MOST_HEADS
    assert len(expected) > 60
    assert_spells(page, brca1["bases"], BRCA1.start, "y5")
    assert set(spelled(page, "y4")) >= set(range(int(left + 1), int(right)))


def heads(figure) -> int:
    """Return which trace holds the heads of the variants."""
    return figure.read(
        "() => gd._fullData.findIndex((t) => t.yaxis === 'y2' && t.mode === 'markers')"
    )


@pytest.mark.slow
def test_the_brca1_page_tells_the_numbers_of_its_sources(brca1, saved_page):
    page = opened(saved_page, brca1["path"])
    row = brca1["edits"].iloc[len(brca1["edits"]) // 2]
    x = int(row["pos"])
    go(page, x - 30, x + 29, "chr17")
    figure = page.figure()
    text = figure.hover(x, float(row["function score"]), "y2")
    assert f"chr17:{x:,}" in text
    assert "function score" in text
    figure.point(x, 0.5, "y5")
    told = page.page.text_content(".hs-readout").replace("−", "-")
    base = brca1["bases"][x - 1 - BRCA1.start]
    assert told.startswith(f"chr17:{x:,} {base}   ·   ")
    (cells,) = [part for part in told.split("   ·   ") if "mutagenesis" in part]
    found = {k: float(v) for k, v in re.findall(NUMBER, cells)}
    expected = dict(zip("ACGT", brca1["ism"][x - 1 - BRCA1.start], strict=True))
    del expected[base]
    assert found == pytest.approx(expected, rel=6e-4)
    search(page, "BRCA1")
    wide = "() => hyenascopeView.window[1] - hyenascopeView.window[0] > 50000"
    page.page.wait_for_function(wide)
