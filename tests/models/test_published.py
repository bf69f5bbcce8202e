"""The registry of published checkpoints, and fetching them from a loopback hub."""

from pathlib import Path

import pytest

from hyenascope.models import published
from hyenascope.models.published import (
    PUBLISHED,
    download,
    find_published,
    list_models,
)
from tests.models.hub_server import Hub, serve

GOLDEN = Path(__file__).parent / "golden" / "checkpoints" / "tiny" / "hf"
TINY = find_published("tiny-1k")
WEIGHTS = "model.safetensors"


@pytest.fixture
def hub(monkeypatch):
    files = {path.name: path.read_bytes() for path in GOLDEN.iterdir()}
    with serve(Hub(TINY.hub_repo, TINY.revision, files)) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def impatient(monkeypatch):
    """The client waits seconds between its attempts."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def test_parameters_are_those_published():
    table = list_models().set_index("name")
    assert table.parameters[[p.name for p in PUBLISHED]].tolist() == [
        *(436_096, 1_641_088, 436_096, 3_277_568, 6_550_528, 6_550_528, 6_550_528),
    ]


def test_weights_have_the_size_of_the_published_files():
    # Bytes of the -hf files without header and separate head (16 x d_model floats).
    published_bytes = [
        *(1_802_848, 6_632_032, 2_540_128, 16_276_672),
        *(56_947_072, 112_627_072, 218_227_072),
    ]
    table = list_models().set_index("name").loc[[p.name for p in PUBLISHED]]
    heads = 4 * 16 * table.d_model
    expected = (published_bytes - heads) / 1e6
    assert table.weights_mb.tolist() == expected.round(1).tolist()


def test_table_names_context_and_pins_a_commit():
    table = list_models().set_index("name").loc[[p.name for p in PUBLISHED]]
    assert table.context.tolist() == [
        *(1_024, 1_024, 16_384, 32_768, 160_000, 450_000, 1_000_000),
    ]
    assert table.revision.str.fullmatch("[0-9a-f]{40}").all()
    assert table.repo.is_unique
    assert table.memory_mb.is_monotonic_increasing
    assert not table.isna().any(axis=None)


def test_bundled_checkpoints_come_first(tmp_path, monkeypatch):
    folder = tmp_path / "yeast-1k"
    folder.mkdir()
    (folder / "config.json").write_bytes((GOLDEN / "config.json").read_bytes())
    monkeypatch.setattr(published, "_WEIGHTS_FOLDER", tmp_path)
    row = list_models().iloc[0]
    assert (row["name"], row.repo, row.context) == ("yeast-1k", "bundled", 256)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("tiny-1k", "tiny-1k"),
        ("hyenadna-tiny-1k-seqlen-d256", "tiny-1k-d256"),
        ("LongSafari/hyenadna-tiny-16k-seqlen-d128-hf", "tiny-16k"),
        ("LongSafari/hyenadna-large-1m-seqlen", "large-1m"),
    ],
)
def test_names_short_and_full(name, short):
    assert find_published(name).name == short


@pytest.mark.parametrize("name", ["tiny", "someone/hyenadna-tiny-1k-seqlen", "", "hf"])
def test_other_names_are_not_published(name):
    assert find_published(name) is None


def test_download_fetches_two_files_at_the_pinned_commit(hub, tmp_path):
    folder = download(TINY, cache_dir=tmp_path)
    for path in GOLDEN.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()
    assert all(TINY.revision in request for request in hub.requests)


def test_what_is_cached_is_not_fetched_again(hub, tmp_path, monkeypatch):
    first = download(TINY, cache_dir=tmp_path)
    hub.requests.clear()
    assert download(TINY, cache_dir=tmp_path) == first
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert download(TINY, cache_dir=tmp_path) == first
    assert hub.requests == []


@pytest.mark.usefixtures("hub")
def test_unknown_revision_is_refused(tmp_path):
    with pytest.raises(ValueError, match=f"exist in {TINY.hub_repo}; got 'main2'"):
        download(TINY, revision="main2", cache_dir=tmp_path)


def test_missing_repository_and_file_are_reported(hub, tmp_path):
    del hub.files["model.safetensors"]
    with pytest.raises(ConnectionError, match=r"cannot fetch tiny-1k .*404"):
        download(TINY, cache_dir=tmp_path)
    hub.repo = "someone/else"
    with pytest.raises(ConnectionError, match=r"cannot fetch tiny-1k .*"):
        download(TINY, cache_dir=tmp_path / "other")


def test_short_body_leaves_nothing_behind(hub, tmp_path):
    hub.fault = "short"
    with pytest.raises(ConnectionError, match=r"should be of size \d+ but has size"):
        download(TINY, cache_dir=tmp_path)
    assert not list(tmp_path.rglob("*.safetensors"))
    hub.fault = "none"
    assert (download(TINY, cache_dir=tmp_path) / "model.safetensors").is_file()


def test_changed_body_of_the_right_length_is_refused(hub, tmp_path):
    hub.fault = "changed"
    with pytest.raises(ValueError, match=r"must have the SHA-256 .* taken out of the"):
        download(TINY, cache_dir=tmp_path)
    assert not list(tmp_path.rglob("blobs/" + "?" * 64))
    hub.fault = "none"
    folder = download(TINY, cache_dir=tmp_path)
    assert (folder / WEIGHTS).read_bytes() == hub.files[WEIGHTS]


@pytest.mark.parametrize("name", ["config.json", WEIGHTS])
def test_each_file_is_held_against_its_name(hub, tmp_path, name):
    folder = download(TINY, cache_dir=tmp_path)
    blob = (folder / name).resolve()
    changed = bytearray(blob.read_bytes())
    changed[-1] ^= 1
    blob.write_bytes(changed)
    with pytest.raises(ValueError, match=rf"{name} must have the SHA-(1|256) .* load"):
        download(TINY, cache_dir=tmp_path)
    folder = download(TINY, cache_dir=tmp_path)
    assert (folder / name).read_bytes() == hub.files[name]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["cut", "stall"])
def test_a_connection_that_breaks_off_is_taken_up_again(
    hub, tmp_path, monkeypatch, fault
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
    # The client keeps whole chunks.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100)
    hub.fault, hub.once = fault, True
    folder = download(TINY, cache_dir=tmp_path)
    assert (folder / "config.json").read_bytes() == hub.files["config.json"]
    assert hub.ranges == ["bytes=400-"]  # of 959 bytes


def test_redirects_to_the_store_are_followed(hub, tmp_path):
    hub.fault = "sent on"
    folder = download(TINY, cache_dir=tmp_path)
    assert (folder / WEIGHTS).read_bytes() == hub.files[WEIGHTS]


@pytest.mark.usefixtures("impatient")
def test_without_network_the_error_says_what_to_do(hub, tmp_path, monkeypatch):
    hub.fault = "down"
    advice = r"give load_pretrained a folder .* HF_HOME .* HF_HUB_OFFLINE=1"
    with pytest.raises(ConnectionError, match=advice):
        download(TINY, cache_dir=tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match=advice):
        download(TINY, cache_dir=tmp_path)


@pytest.mark.usefixtures("impatient")
def test_unreachable_hub_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ConnectionError, match="Without a network, give load_"):
        download(TINY, cache_dir=tmp_path)
