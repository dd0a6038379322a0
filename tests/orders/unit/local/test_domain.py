"""The domain is imported before anything starts, and says the true reason when it cannot be."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from banyan.domain import load_domain
from banyan.errors import ConfigurationError
from banyan_tools.local.domain import VARIABLE, first_request, served
from banyan_tools.local.errors import StackError
from banyan_tools.local.functions import Functions
from orders import DOMAIN

MANIFEST = """
from banyan.domain import Domain
from banyan.events import EventRegistry

{before}
DOMAIN = Domain(name="{name}", registry=EventRegistry([]), deciders=[])
"""


@pytest.fixture
def domains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of domains on the import path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


def write(folder: Path, name: str, before: str = "") -> str:
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(MANIFEST.format(name=name, before=before))
    return name


def functions(domain: str | None, **more: str) -> Functions:
    """Two functions, of which one serves a domain."""
    variables: list[dict[str, Any]] = [{}, {VARIABLE: domain, **more} if domain else {}]
    return cast("Functions", SimpleNamespace(all=[SimpleNamespace(variables=each) for each in variables]))


def test_a_template_without_a_domain_serves_none() -> None:
    assert served(functions(None)) is None


def test_a_domain_that_is_misspelt_is_answered_with_those_there_are(domains: Path) -> None:
    write(domains, "lending")
    with pytest.raises(StackError, match=r"no domain 'lendign' in layers/domains: choose one of .*lending.*orders"):
        served(functions("lendign"))


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ("import nowhere_to_be_found", "imports 'nowhere_to_be_found', which is not installed"),
        ("from orders import no_such_thing", "cannot be imported: ImportError: cannot import name 'no_such_thing'"),
        ("1 / 0", "cannot be imported: ZeroDivisionError"),
        ("object().missing", "cannot be imported: AttributeError"),
        ("raise SystemError('broken')", "cannot be imported: SystemError: broken"),
    ],
)
def test_a_domain_that_cannot_be_imported_says_why(
    domains: Path, request: pytest.FixtureRequest, before: str, told: str
) -> None:
    name = f"broken_{abs(hash(request.node.name))}"
    with pytest.raises(StackError, match=told):
        served(functions(write(domains, name, before)))


def test_the_engine_says_a_missing_library_from_a_missing_domain(domains: Path) -> None:
    write(domains, "incomplete", "import nowhere_to_be_found")
    with pytest.raises(ConfigurationError, match="imports 'nowhere_to_be_found'"):
        load_domain("incomplete")
    with pytest.raises(ConfigurationError, match="no domain package 'incompleet'"):
        load_domain("incompleet")


def test_the_first_request_is_the_domains_own(domains: Path) -> None:
    url = "http://127.0.0.1:3000"
    of_orders = first_request(served(functions("orders")), url, "t0ken")
    assert f'curl -s {url}/orders -d \'{{"customerId":"c-1"' in of_orders
    assert "Bearer t0ken" in of_orders
    of_another = first_request(served(functions(write(domains, "shelves"))), url, "t0ken")
    assert ("/orders" in of_another, f"{url}/openapi.json" in of_another) == (False, True)
    assert DOMAIN.example is not None


def test_routes_that_cannot_be_imported_are_told_before_anything_is_served(domains: Path) -> None:
    write(domains, "lending")
    manifest = domains / "lending" / "__init__.py"
    manifest.write_text(manifest.read_text().replace("deciders=[]", 'deciders=[], routes="lending.routes"'))
    with pytest.raises(StackError, match=r"'lending' cannot be imported: ModuleNotFoundError: .*'lending.routes'"):
        served(functions("lending"))


SETTINGS = """
from typing import Any, Literal
from pydantic import BaseModel, model_validator

class Tuned(BaseModel):
    colour: Literal["red", "blue"] = "red"
    rest_deadline_minutes: float = 5
    least: int = 1
    most: int = 9

    @model_validator(mode="after")
    def _in_order(self) -> Any:
        if self.least > self.most:
            raise ValueError("least is above most")
        return self
"""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("colour=green", "BANYAN_COLOUR: Input should be 'red' or 'blue'"),
        ("least=10", "least is above most"),
        ("rest_deadline_minutes=1e300", "'rest_deadline_minutes' has to be a number of minutes"),
        ("size=1", "no domain that is served declares a setting 'size'"),
        ("colour", "'colour' is not name=value"),
    ],
)
def test_settings_that_no_function_could_start_with_are_told_before_anything_is_served(
    domains: Path, request: pytest.FixtureRequest, given: str, told: str
) -> None:
    name = write(domains, f"tuned_{abs(hash(request.node.name))}", SETTINGS)
    manifest = domains / name / "__init__.py"
    manifest.write_text(manifest.read_text().replace("deciders=[]", "deciders=[], settings=Tuned"))
    assert served(functions(name, BANYAN_DOMAIN_SETTINGS="colour=blue,least=9"))
    with pytest.raises(StackError, match=f"^The domain '{name}' cannot be served: .*{told}.*\\.$"):
        served(functions(name, BANYAN_DOMAIN_SETTINGS=given))
