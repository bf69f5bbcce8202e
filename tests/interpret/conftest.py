"""What tests of wrapped models read; a module with a genome of its own has that."""

from collections.abc import Iterator

import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.models.hyena import HyenaLM
from tests.wrapped_models import random_genome, small_hyena


@pytest.fixture
def genome(tmp_path) -> Iterator[FastaReader]:
    with random_genome(tmp_path) as reader:
        yield reader


@pytest.fixture
def hyena() -> HyenaLM:
    return small_hyena()
