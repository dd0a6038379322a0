"""The OpenAPI document of each domain that is kept in ``docs``."""

from __future__ import annotations

from pathlib import Path

import pytest
from openapi_spec_validator import validate
from openapi_spec_validator.readers import read_from_filename

from banyan_tools.openapi import described, files, main


def test_none_has_drifted(subtests: pytest.Subtests) -> None:
    for file, domain in files().items():
        with subtests.test(domain):
            assert file.read_text() == described(domain), f"run `make openapi` and commit docs/{file.name}"


@pytest.mark.slow
def test_each_is_valid(subtests: pytest.Subtests) -> None:
    for file, domain in files().items():
        with subtests.test(domain):
            validate(read_from_filename(str(file))[0])


@pytest.mark.skipif(not files(), reason="there is no domain")
def test_the_check_notices_drift(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("banyan_tools.openapi.FOLDER", tmp_path)
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
    next(iter(files())).write_text("{}")
    assert main(["--check"]) == 1
