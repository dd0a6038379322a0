"""`banyan token`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from banyan_tools.cli.errors import CliError
from banyan_tools.local.errors import StackError
from banyan_tools.local.token import ACTOR, DATA, HOURS, check_tenant, make_token


def token(
    tenant: Annotated[str, typer.Option(help="Tenant that the token names.")] = "acme",
    sub: Annotated[str, typer.Option(help="Who calls: the actor of all that the token leads to.")] = ACTOR,
    scope: Annotated[list[str] | None, typer.Option(help="A scope that it grants; may be repeated.")] = None,
    hours: Annotated[float, typer.Option(help="Until it expires.")] = HOURS,
    claim: Annotated[str, typer.Option(help="Claim that names the tenant.")] = "tenant",
    data: Annotated[Path, typer.Option(help="Data folder of the local stack, which holds its key.")] = DATA,
) -> None:
    """Print a token for the local stack, for any caller and any scopes."""
    try:
        tenant = check_tenant(tenant)
    except StackError as error:
        raise CliError(str(error)) from None
    print(make_token(tenant, data, sub, scope or (), hours, claim))
