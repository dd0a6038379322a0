"""Tokens of the local issuer: ``python -m banyan_tools.local.token TENANT``."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt

from banyan.errors import InvalidStreamId
from banyan.streams import MAX_TENANT, caller_tenant
from banyan_tools.local.command_line import CommandLine
from banyan_tools.local.errors import StackError
from banyan_tools.local.keys import AUDIENCE, ISSUER, key_id, local_key

DATA = Path(".banyan")
TENANT = "acme"
ACTOR = "developer"
HOURS = 12.0


def make_token(
    tenant: str,
    data: Path = DATA,
    actor: str = ACTOR,
    scopes: Sequence[str] = (),
    hours: float = HOURS,
    claim: str = "tenant",
) -> str:
    """Return a token that the local stack accepts.

    Parameters
    ----------
    tenant, actor : str
        Who calls, for whom.
    data : Path
        The stack's data folder, which holds the key; the key is made if need be.
    hours : float
        Until the token expires.
    claim : str
        The claim that names the tenant.
    """
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": actor,
        "iat": now,
        "exp": now + int(hours * 3600),
        claim: tenant,
    }
    if scopes:
        claims["scope"] = " ".join(scopes)
    key = local_key(data)
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": key_id(key.public_key())})


def check_tenant(name: str) -> str:
    """Return the name of a tenant that the API accepts.

    Raises
    ------
    StackError
        It accepts no token of that tenant.
    """
    try:
        return caller_tenant(name)
    except InvalidStreamId:
        raise StackError(
            f"{name!r} cannot be the name of a tenant: choose up to {MAX_TENANT} letters, digits, '.', '_' and '-' "
            "that begin with a letter or a digit, and no word for nothing, such as null."
        ) from None


def main() -> int:
    """Print a token; return the exit code: 2 when there is none."""
    try:
        print(asked(sys.argv[1:]))
    except StackError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def asked(arguments: Sequence[str]) -> str:
    """Return the token that a command line asks for. Raises ``StackError``."""
    parser = CommandLine(prog="python -m banyan_tools.local.token", description="Print a token.")
    parser.add_argument("tenant", help="tenant that the token names")
    parser.add_argument("--actor", default=ACTOR, help="who calls (default: %(default)s)")
    parser.add_argument("--scope", action="append", default=[], help="a scope; may be repeated")
    parser.add_argument("--hours", type=float, default=HOURS, help="until it expires (default: %(default)g)")
    parser.add_argument("--claim", default="tenant", help="claim that names the tenant (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=DATA, help="data folder (default: %(default)s)")
    given = parser.parse_args(arguments)
    tenant = check_tenant(given.tenant)
    return make_token(tenant, given.data, given.actor, given.scope, given.hours, given.claim)


if __name__ == "__main__":
    sys.exit(main())
