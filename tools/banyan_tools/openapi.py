"""Write docs/openapi.json from the code of the routes, or check that it has not drifted."""

from __future__ import annotations

import sys
from typing import Final

from banyan.domain import load_domain
from banyan.entrypoints.http.openapi import document, public_routes
from banyan_tools.local.template import read
from banyan_tools.project import ROOT

FILE: Final = ROOT / "docs" / "openapi.json"
TEMPLATE: Final = ROOT / "template.yaml"


def described(domain: str = "") -> str:
    """The OpenAPI document of a domain, as it is served at ``/openapi.json``; without a name that of the template's."""
    found = load_domain(domain or read(TEMPLATE)["Parameters"]["Domain"]["Default"])
    return document(found, public_routes(found, checks={}))


def main(arguments: list[str]) -> int:
    """Write the file; with ``--check`` only compare it."""
    if "--check" not in arguments:
        FILE.write_text(described())
        return 0
    if FILE.read_text() == described():
        return 0
    print(f"{FILE.name} no longer says what the routes do: run `make openapi` and commit it", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
