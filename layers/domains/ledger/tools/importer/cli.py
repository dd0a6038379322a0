"""The command line of the importer."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Annotated, NoReturn

import typer

from banyan_tools.importing import ApiError, NotReadyError, bearer_client, progress
from banyan_tools.local.token import make_token
from banyan_tools.terminal import SafeConsole
from ledger.tools.importer.api import LedgerApi
from ledger.tools.importer.balances import REPORT, confirmed, reported
from ledger.tools.importer.planning import JournalPlan, plan
from ledger.tools.importer.report import JournalReport, journal_report
from ledger.tools.importer.sending import send_journal
from ledger.tools.importer.sheet import NotJournalError, decoded
from ledger.tools.importer.tables import show_differences, show_report
from ledger.tools.importer.waiting import expected_versions, wait_for

SCOPES = ("ledger/read", "ledger/write")
_PATIENT = 10
_STDERR = SafeConsole(stderr=True)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

Url = Annotated[str, typer.Option(help="Where the API answers.")]
Tenant = Annotated[str, typer.Option(help="Whose local token is made where no token is given.")]
Token = Annotated[str, typer.Option(envvar="TOKEN", help="Bearer token.")]


@app.command("import")
def import_journal(
    file: Annotated[Path, typer.Argument(help="What `hledger print -x --infer-equity -O csv` wrote.")],
    url: Url = "http://127.0.0.1:3000",
    tenant: Tenant = "acme",
    token: Token = "",
    workers: Annotated[int, typer.Option(min=1, help="Transfers sent at a time.")] = 4,
    journal: Annotated[str, typer.Option(help="A name that sets its transactions apart from another journal's.")] = "",
    scale: Annotated[int, typer.Option(min=0, max=12, help="Decimals that every currency gets at least.")] = 0,
    report: Annotated[Path | None, typer.Option(help="Write the report here as JSON, too.")] = None,
) -> None:
    """Post a journal of hledger through the HTTP API, then report. Run again, it posts only what is new."""
    with _errors_as_sentences(file), bearer_client(url, token or make_token(tenant, scopes=SCOPES)) as client:
        planned = plan(decoded(file.read_bytes()), journal)
        result = _sent(LedgerApi(client), planned, workers, scale)
        if report:
            report.write_text(result.model_dump_json(by_alias=True, indent=2) + "\n")
    show_report(result, SafeConsole())
    if not planned.transactions:
        _fail(f"Nothing was imported: {file} holds no transaction.", 1)
    raise typer.Exit(0 if result.is_complete else 1)


@app.command("check")
def check_balances(
    file: Annotated[Path, typer.Argument(help=f"What `{REPORT}` wrote.")],
    url: Url = "http://127.0.0.1:3000",
    tenant: Tenant = "acme",
    token: Token = "",
    end: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only what counts before this day, as hledger's -e.")
    ] = None,
    pause: Annotated[float, typer.Option(min=0, help="Seconds between two looks at balances that differ.")] = 2,
) -> None:
    """Compare the ledger's balances with those that hledger reports; print where they differ.

    What differs is looked at again until it stands still, as read models may be on their way.
    """
    with _errors_as_sentences(file), bearer_client(url, token or make_token(tenant, scopes=SCOPES)) as client:
        report, api = reported(decoded(file.read_bytes())), LedgerApi(client, attempts=_PATIENT)
        api.check("/accounts", "list accounts")
        day = end.date() - timedelta(days=1) if end else None
        differences = confirmed(lambda: api.balances_on(day) if day else api.accounts(), report, lambda: sleep(pause))
    show_differences(differences, len(report), SafeConsole())
    raise typer.Exit(1 if differences else 0)


@contextmanager
def _errors_as_sentences(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _fail(f"{error.filename or file} cannot be used: {error.strerror or error}.", 2)
    except NotJournalError as error:
        _fail(f"{file} cannot be used. {error}", 2)
    except (ApiError, NotReadyError) as error:
        _fail(str(error), 2)
    except KeyboardInterrupt:
        _fail("Interrupted; run the same again, and it continues where it stopped.", 130)


def _sent(api: LedgerApi, planned: JournalPlan, workers: int, scale: int) -> JournalReport:
    api.check("/accounts", "list accounts")
    total = len(planned.accounts) + len(planned.transfers)
    with progress("accounts and transfers", total, _STDERR) as advance:
        sent = send_journal(api, planned, workers=workers, least_scale=scale, done=advance)
    versions = expected_versions(sent.known, sent.transfers)
    if versions:
        with progress("accounts as read models show them", len(versions), _STDERR) as advance:
            shown = wait_for(api, versions, lambda: sleep(1), advance)
        if not shown:
            _STDERR.print(
                "The read models are still on their way: balances may lack the last transfers.", style="yellow"
            )
    return journal_report(planned, sent)


def _fail(sentence: str, code: int) -> NoReturn:
    _STDERR.print(sentence, style="red", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(code)
