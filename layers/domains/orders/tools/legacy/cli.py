"""The command line of the filler."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, NoReturn

import boto3
import psycopg
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from banyan_tools.local.physical import REGION
from orders.tools.importer.reading import NotOnlineRetailError
from orders.tools.legacy.dynamodb import OnDynamoDB
from orders.tools.legacy.filling import fill, planned
from orders.tools.legacy.kinds import Kind
from orders.tools.legacy.postgres import OnPostgres
from orders.tools.legacy.programs import Program
from orders.tools.legacy.rows import rows

_STDERR = Console(stderr=True)

app = typer.Typer(add_completion=False)


@app.command()
def main(
    file: Annotated[Path, typer.Argument(help="An Online Retail CSV.")],
    legacy: Annotated[Kind, typer.Option(help="What the legacy system stands on.")] = Kind.POSTGRES,
    url: Annotated[str, typer.Option(help="PostgreSQL URL, or the endpoint of a DynamoDB.")] = "",
    table: Annotated[str, typer.Option(help="Table of a legacy system on DynamoDB.")] = "legacy-orders",
    tenant: Annotated[str, typer.Option(help="Whose orders they are.")] = "acme",
) -> None:
    """Put the orders of an Online Retail CSV straight into a legacy store, past every API."""
    try:
        found = rows(planned(file).orders)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with closing(_program(legacy, url, table)) as program, Progress(*columns, console=_STDERR) as progress:
            task = progress.add_task("orders", total=len(found))
            fill(program, tenant, found, lambda _: progress.advance(task))
    except (OSError, NotOnlineRetailError) as error:
        _fail(str(error))
    except (psycopg.Error, ClientError, BotoCoreError) as error:
        _fail(f"The legacy store does not answer as it should ({type(error).__name__}): look at --url.")
    cancelled = [row for row in found if row.status == "cancelled"]
    print(f"{len(found)} orders of {sum(len(row.lines) for row in found)} lines, {len(cancelled)} of them cancelled;")
    print(f"sold {sum(row.total for row in found):,.2f}, refunded {sum(row.refunded for row in found):,.2f}")


def _program(legacy: Kind, url: str, table: str) -> Program:
    if legacy is Kind.POSTGRES:
        return OnPostgres(url)
    return OnDynamoDB(_session(url).client("dynamodb", endpoint_url=url or None), table)


def _session(url: str) -> boto3.Session:
    """The user's own, or for an endpoint without one, what an emulator accepts."""
    session = boto3.Session()
    return boto3.Session("local", "local", region_name=REGION) if url and not session.region_name else session


def _fail(sentence: str) -> NoReturn:
    _STDERR.print(sentence, style="red", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(2)
