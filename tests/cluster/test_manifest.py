"""A folder takes the same run again, and no other."""

from dataclasses import replace

import pytest

from hyenascope.cluster.manifest import Manifest, ManifestError

ASKED = Manifest(
    verb="score_variants",
    inputs={"genome": {"file": "g.fa", "sha256": "ab"}},
    model={"checkpoint_hash": "12"},
    options={"context": 512, "scores": ["conditional"], "region": None},
    version="0.1.0",
    shard_size=8,
)


def test_comes_back_as_it_was(tmp_path):
    assert not ASKED.agrees(tmp_path)
    ASKED.write(tmp_path)
    assert ASKED.agrees(tmp_path)
    assert Manifest.read(tmp_path) == ASKED


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"verb": "embed"}, r'verb: "score_variants" → "embed"'),
        ({"shard_size": 9}, "shard_size: 8 → 9"),
        ({"version": "0.2.0"}, r'version: "0.1.0" → "0.2.0"'),
        ({"model": {"checkpoint_hash": "34"}}, r'model.checkpoint_hash: "12" → "34"'),
        (
            {"inputs": {"genome": {"file": "g.fa", "sha256": "cd"}}},
            r'inputs.genome.sha256: "ab" → "cd"',
        ),
        (
            {"options": {"context": 256, "scores": ["conditional"], "region": "I"}},
            r'options.context: 512 → 256\n  options.region: none → "I"',
        ),
    ],
)
def test_refuses_another_with_the_difference(tmp_path, changed, line):
    ASKED.write(tmp_path)
    with pytest.raises(ManifestError, match=line):
        replace(ASKED, **changed).agrees(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"verb": "x"}', '"score"'])
def test_refuses_what_is_no_manifest(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ManifestError, match="must be the manifest of a run"):
        Manifest.read(tmp_path)


def test_refuses_a_folder_without(tmp_path):
    with pytest.raises(ManifestError, match="must be the folder of a run; it holds"):
        Manifest.read(tmp_path)
