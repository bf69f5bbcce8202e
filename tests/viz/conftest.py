"""The toy locus, as fixtures."""

from collections.abc import Callable

import pandas as pd
import pytest

from hyenascope.data.gene import Gene
from hyenascope.data.interval import Interval
from tests.toy_locus import LOCUS, PAYLOAD, build_gene, toy_variants


@pytest.fixture
def locus() -> Interval:
    return LOCUS


@pytest.fixture
def variants() -> pd.DataFrame:
    return toy_variants()


@pytest.fixture
def make_gene() -> Callable[..., Gene]:
    return build_gene


@pytest.fixture
def payload() -> str:
    return PAYLOAD
