"""Write docs/openapi.json from the code of the routes, or check that it has not drifted."""

from __future__ import annotations

import sys
from typing import Final

from banyan.domain import load_domain
from banyan.entrypoints.http.openapi import document
from banyan.entrypoints.http.public import public_routes
from banyan_tools.project import ROOT

FILE: Final = ROOT / "docs" / "openapi.json"


def described(domain: str = "orders") -> str:
    """The OpenAPI document of a domain, as it is served at ``/openapi.json``."""
    found = load_domain(domain)
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
