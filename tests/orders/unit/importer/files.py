"""The files that tests import: the sample of the project, and a real retailer's week where it is at hand."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
SAMPLE = ROOT / "layers" / "domains" / "orders" / "tools" / "importer" / "sample.csv"
REAL = "RETAIL_CSV"


def real_file() -> Path:
    """The file that RETAIL_CSV names, or the one beside the repository; skips the test where there is none."""
    file = Path(os.environ.get(REAL, ROOT.parent / "shared" / "data" / "online_retail_2010-12.csv"))
    if not file.is_file():
        pytest.skip(f"no Online Retail CSV at hand: {REAL} can name one")
    return file


def chosen(name: str) -> Path:
    """The file of a parameter, `sample` or `real`."""
    return SAMPLE if name == "sample" else real_file()
