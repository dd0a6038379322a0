"""Write the OpenAPI documents of the domains from the code of their routes, or check that none has drifted.

python -m banyan_tools.openapi [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from banyan.domain import load_domain
from banyan.entrypoints.http.openapi import document, public_routes
from banyan_tools.contracts import DOMAINS, domains
from banyan_tools.local.template import read
from banyan_tools.project import ROOT

FOLDER: Final = ROOT / "docs"
TEMPLATE: Final = ROOT / "template.yaml"


@cache
def described(domain: str = "") -> str:
    """The OpenAPI document of a domain, as it is served at ``/openapi.json``; without a name that of the template's."""
    found = load_domain(domain or _default())
    return document(found, public_routes(found, checks={}))


def files() -> Mapping[Path, str]:
    """Where the document of each domain is kept, and its name: ``openapi.json`` is that of the template's."""
    default = _default()
    names = {name: f"openapi{'' if name == default else f'-{name}'}.json" for name in domains(ROOT / DOMAINS)}
    return {FOLDER / file: name for name, file in names.items()}


def main(arguments: list[str]) -> int:
    """Write the files; with ``--check`` only compare them."""
    documents = {file: described(domain) for file, domain in files().items()}
    if "--check" not in arguments:
        for file, text in documents.items():
            file.write_text(text)
        return 0
    drifted = [file.name for file, text in documents.items() if not file.exists() or file.read_text() != text]
    if drifted:
        said = f"{', '.join(drifted)}: no longer what the routes do; run `make openapi` and commit it"
        print(said, file=sys.stderr)
    return int(bool(drifted))


def _default() -> str:
    return str(read(TEMPLATE)["Parameters"]["Domain"]["Default"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
