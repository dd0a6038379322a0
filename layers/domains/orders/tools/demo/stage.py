"""Everything a performance plays on: the legacy store, the stack, its tables, and the ways in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx

from banyan_tools.cli.client import SCOPE
from banyan_tools.local.physical import REGION
from banyan_tools.local.postgres import embedded_postgres
from banyan_tools.local.process import StackProcess, lag
from banyan_tools.local.token import make_token
from orders.tools.demo.options import LEGACY_TABLE, Options
from orders.tools.legacy.dynamodb import OnDynamoDB
from orders.tools.legacy.kinds import Kind
from orders.tools.legacy.postgres import OnPostgres
from orders.tools.legacy.programs import Program

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TENANT = "acme"
INVOCATION_SECONDS = 900.0
EVENTS, VIEWS, CURSORS = (f"banyan-{name}Table" for name in ("Events", "Views", "Cursors"))


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs.

    Parameters
    ----------
    url, token : str
        Of the API, for the clients.
    dynamodb : DynamoDBClient
        The stack's tables, past every function.
    program : Program
        An old program that writes to the legacy store directly.
    admin_token : str
        Of the API, for the operator.
    http : httpx.Client
        Asks the stack; one, because making it takes longer than asking.
    """

    url: str
    token: str
    dynamodb: DynamoDBClient
    program: Program
    admin_token: str
    http: httpx.Client

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Run a function of the stack, as its schedule does. Raises ``httpx.HTTPError``."""
        answer = self.http.post(f"/_local/invoke/{function}", json=dict(event))
        return answer.raise_for_status().json()

    def lag(self) -> int:
        """Records that no function has handled yet."""
        return lag(self.url)

    def get(self, path: str, **params: Any) -> Any:
        """Ask the API as a client. Raises ``httpx.HTTPError``."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.http.get(path, params=params, headers=headers).raise_for_status().json()


@contextmanager
def staged(options: Options, data: Path) -> Iterator[Stage]:
    """Start everything, and stop it with the block.

    Raises
    ------
    StackError
    """
    with ExitStack() as parts:
        place = parts.enter_context(embedded_postgres()) if options.legacy is Kind.POSTGRES else ""
        if place:
            program: Program = OnPostgres(place)
            program.create()
        given = [f"--parameter={name}={value}" for name, value in options.parameters(place).items()]
        url = parts.enter_context(StackProcess(data, "--engine", options.engine, *given)).url
        client = _dynamodb(url)
        if not place:
            program = OnDynamoDB(client, LEGACY_TABLE)
            program.create()
        parts.callback(program.close)
        token, admin = make_token(TENANT, data), make_token(TENANT, data, scopes=[SCOPE])
        http = parts.enter_context(httpx.Client(base_url=url, timeout=INVOCATION_SECONDS))
        yield Stage(url, token, client, program, admin, http)


def _dynamodb(url: str) -> DynamoDBClient:
    session = boto3.Session("local", "local", region_name=REGION)
    client: DynamoDBClient = session.client("dynamodb", endpoint_url=f"{url}/_local/dynamodb")
    return client
