"""``from banyan import ...``: few names, light to import, and what domains and documentation use."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.snippets import PAGES, snippets

import banyan
import banyan.http

ROOT = Path(__file__).parents[2]
DOMAINS = ROOT / "layers" / "domains"
AT_MOST = 18
HEAVY = ("aws_lambda_powertools", "boto3", "botocore", "opentelemetry", "psycopg")
ROUTES = "routes.py"


def sources() -> Iterator[tuple[str, str]]:
    """Modules of domains, but for the tools that show them, and blocks of documentation, by name."""
    files = [file for file in sorted(DOMAINS.rglob("*.py")) if "tools" not in file.parts]
    for file in files:
        yield str(file.relative_to(ROOT)), file.read_text()
    for page in PAGES:
        for number, block in enumerate(snippets(page)):
            if block.language == "python":
                yield f"{page.name} {number} {block.file or ''}", block.code


def imported(code: str) -> Iterator[tuple[str, str]]:
    """Modules of the engine, and the names that are imported from them."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "banyan":
            yield from ((node.module or "", alias.name) for alias in node.names)


def test_a_domain_needs_few_names() -> None:
    assert sorted(set(banyan.__all__), key=lambda name: (name.islower(), name)) == banyan.__all__
    assert len(banyan.__all__) <= AT_MOST
    assert [name for name in banyan.__all__ if not getattr(banyan, name).__doc__] == []


@pytest.mark.parametrize(("name", "code"), [pytest.param(name, code, id=name) for name, code in sources()])
def test_what_banyan_offers_is_imported_from_there(name: str, code: str) -> None:
    offered = dict.fromkeys(banyan.__all__, "banyan")
    if name.endswith(ROUTES):
        offered |= dict.fromkeys(banyan.http.__all__, "banyan.http")

    assert [found for found in imported(code) if offered.get(found[1], found[0]) != found[0]] == []


@pytest.mark.parametrize("module", ["banyan", *(file.parent.name for file in DOMAINS.glob("*/__init__.py"))])
def test_importing_it_loads_no_library_of_aws(module: str) -> None:
    code = f"import {module}, sys; print([name for name in {HEAVY} if name in sys.modules])"
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT / "layers" / "banyan", DOMAINS)))}
    loaded = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "[]"
