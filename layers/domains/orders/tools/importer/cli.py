"""The command line of the importer."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from banyan_tools.importing import NotReadyError, bearer_client, progress
from banyan_tools.local.token import make_token
from banyan_tools.terminal import SafeConsole
from orders.tools.importer.api import Api
from orders.tools.importer.dates import Dates
from orders.tools.importer.planning import Plan, plan
from orders.tools.importer.reading import NotOnlineRetailError, read_file
from orders.tools.importer.report import report
from orders.tools.importer.sending import Outcome, send_all
from orders.tools.importer.tables import show

_STDERR = SafeConsole(stderr=True)

app = typer.Typer(add_completion=False)


@app.command()
def main(
    file: Annotated[Path, typer.Argument(help="An Online Retail CSV.")],
    url: Annotated[str, typer.Option(help="Where the API answers.")] = "http://127.0.0.1:3000",
    tenant: Annotated[str, typer.Option(help="Whose local token is made where no token is given.")] = "acme",
    token: Annotated[str, typer.Option(envvar="TOKEN", help="Bearer token.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="Orders sent at a time.")] = 4,
    dates: Annotated[
        Dates | None, typer.Option(help="How its dates are written, where the file does not show it.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Send an Online Retail CSV through the HTTP API, then report. Run again, it resumes where it stopped."""
    try:
        planned = plan(read_file(file, dates))
        with bearer_client(url, token or make_token(tenant)) as client:
            outcomes = _send(Api(client), planned, workers)
    except OSError as error:
        _fail(f"{file} cannot be read: {error.strerror or error}.", 2)
    except (NotOnlineRetailError, NotReadyError) as error:
        _fail(str(error), 2)
    except KeyboardInterrupt:
        _fail("Interrupted; run the same import again, and it resumes where it stopped.", 130)
    result = report(planned, outcomes)
    if json:
        print(result.model_dump_json(by_alias=True, indent=2))
    else:
        show(result, SafeConsole())
    if not planned.orders:
        _fail(f"Nothing was imported: {file} holds no order.", 1)
    raise typer.Exit(1 if result.failures else 0)


def _send(api: Api, planned: Plan, workers: int) -> tuple[Outcome, ...]:
    api.check("/orders", "list orders")
    with progress("lines", planned.accepted, _STDERR) as advance:
        return send_all(api, planned.orders, workers=workers, done=lambda outcome: advance(len(outcome.order.lines)))


def _fail(sentence: str, code: int) -> NoReturn:
    _STDERR.print(sentence, style="red", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(code)
