"""The domain that the template's functions serve, imported before any of them."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from banyan_tools.local.errors import StackError
from banyan_tools.local.functions import Functions

if TYPE_CHECKING:
    from banyan.domain import Domain

VARIABLE = "BANYAN_DOMAIN"


def served(functions: Functions) -> Domain | None:
    """Return the domain that the functions name in their environment; ``None`` when they name none.

    Raises
    ------
    StackError
        There is no such domain, or it cannot be imported; the message says why.
    """
    name = named(functions)
    if not name:
        return None
    from banyan.domain import load_domain
    from banyan.entrypoints.http.openapi import routers
    from banyan.errors import ConfigurationError

    for missing in sorted({*packages(functions)} - {*known()}):
        there = f": choose one of {', '.join(known())}," if known() else ", nor any other: add one, and choose it"
        raise StackError(f"There is no domain {missing!r} in layers/domains{there} with the parameter Domain.")
    try:
        domain = load_domain(name)
        if any(part.routes for part in domain.parts):
            routers(domain)
        _check_settings(domain, functions)
        return domain
    except ConfigurationError as error:
        raise StackError(f"The domain {name!r} cannot be served: {error}.") from error
    except Exception as error:
        traceback.print_exc()
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise StackError(f"The domain {name!r} cannot be imported: {reason}.") from error


def _check_settings(domain: Domain, functions: Functions) -> None:
    """Refuse what no function could start with. Raises ``ConfigurationError``."""
    from banyan.adapters.settings import Settings, check_reactions, read_domain_settings
    from banyan.domain import deadline_durations

    variables = {name: value for each in functions.all for name, value in each.variables.items()}
    check_reactions(Settings.from_env(variables), domain)
    found = read_domain_settings(domain, variables)
    domain.with_settings(found)
    deadline_durations(found.values())


def named(functions: Functions) -> str:
    """What the functions serve, as their environment says it; empty when it does not."""
    names = {function.variables[VARIABLE] for function in functions.all if VARIABLE in function.variables}
    (name,) = names or {""}
    return name


def packages(functions: Functions) -> Sequence[str]:
    """The packages that the functions serve."""
    return [each.strip() for each in named(functions).split(",") if each.strip()]


def known() -> Sequence[str]:
    """The packages on the import path that export a domain."""
    found = (file for path in sys.path if path for file in Path(path).glob("*/__init__.py"))
    return sorted({file.parent.name for file in found if "\nDOMAIN" in file.read_text(errors="replace")})


def asked_scopes(domain: Domain | None) -> Sequence[str]:
    """Return every scope that a route of a domain asks for: whoever runs it here may call all of them."""
    from banyan.entrypoints.http.openapi import scopes

    return scopes(domain) if domain and any(part.routes for part in domain.parts) else ()


def first_request(domain: Domain | None, url: str, token: str) -> str:
    """Return what a new user can do first: post the domain's example, or look at its routes."""
    if domain is None or domain.example is None:
        return f"See what can be asked of it:\n\ncurl -s {url}/openapi.json\n"
    body = json.dumps(domain.example.body, separators=(",", ":"))
    return f"""{domain.example.summary}:

curl -s {url}{domain.example.path} -d '{body}' \\
  -H 'Content-Type: application/json' -H 'Authorization: Bearer {token}'
"""
