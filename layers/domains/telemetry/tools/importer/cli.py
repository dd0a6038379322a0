"""The command line of the importer."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from time import sleep
from typing import Annotated, NoReturn

import typer

from banyan_tools.importing import ApiError, NotReadyError, bearer_client, progress
from banyan_tools.local.token import TENANT, make_token
from banyan_tools.terminal import SafeConsole
from telemetry.names import DEVICE_ID_PATTERN
from telemetry.tools.importer.api import TelemetryApi
from telemetry.tools.importer.checking import SIZES, Check, check
from telemetry.tools.importer.moments import Fold, zone_named
from telemetry.tools.importer.numbers import ValueReader, sentinels
from telemetry.tools.importer.reading import File, Options
from telemetry.tools.importer.rejections import Reason, UnusableFileError
from telemetry.tools.importer.report import ReadingsReport, rejected_lines
from telemetry.tools.importer.sending import HttpWay, Pace, Way, kinesis
from telemetry.tools.importer.series import Series
from telemetry.tools.importer.steps import Import, Registration
from telemetry.tools.importer.tables import show_differences, show_rejected, show_report

SCOPES = ("telemetry/read", "telemetry/write")
_PATIENT = 10
_STILL_MISSING = (
    "Windows do not show all readings: they are still on their way, or were refused and parked:"
    " `./banyan ingest parked` says why."
)
_STDERR = SafeConsole(stderr=True)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Channel(StrEnum):
    """How readings are sent."""

    KINESIS = "kinesis"
    HTTP = "http"


class DecimalSign(StrEnum):
    """What stands before the decimals of a value."""

    POINT = "."
    COMMA = ","


Csv = Annotated[Path, typer.Argument(help="A CSV with a time and a value in each line.")]
DeviceId = Annotated[str, typer.Option(help="Id of the device.")]
Url = Annotated[str, typer.Option(help="Where the API answers.")]
Tenant = Annotated[str, typer.Option(help="Whose local token is made where no token is given.")]
Token = Annotated[str, typer.Option(envvar="TOKEN", help="Bearer token.")]
Zone = Annotated[str, typer.Option(help="Time zone of times that name none, such as Europe/Vienna or +02:00.")]
FoldOption = Annotated[Fold, typer.Option(help="Which one a local time is that clocks show twice.")]
DayFirst = Annotated[
    bool | None, typer.Option("--day-first/--month-first", help="What dates such as 01/02/2026 begin with.")
]
Decimals = Annotated[DecimalSign, typer.Option(help="What stands before decimals.")]
TimeColumn = Annotated[
    str, typer.Option("--time", help="The column of times: its name, or its number from 1 on; Date+Time of two.")
]
ValueColumn = Annotated[str, typer.Option("--value", help="The column of values.")]
Missing = Annotated[str, typer.Option(help="Numbers that stand for a missing value, such as '-200 -999'.")]


@app.command("import")
def import_readings(
    file: Csv,
    device: DeviceId,
    url: Url = "http://127.0.0.1:3000",
    tenant: Tenant = TENANT,
    token: Token = "",
    via: Annotated[Channel, typer.Option(help="Over the Kinesis stream, or as requests.")] = Channel.KINESIS,
    stream: Annotated[str, typer.Option(help="A Kinesis stream of an AWS account, not the local stack's.")] = "",
    unit: Annotated[str, typer.Option(help="What a device that is new measures in.")] = "",
    interval: Annotated[
        int, typer.Option(min=0, help="Seconds between readings of a device that is new; 0: the median of the file.")
    ] = 0,
    rate: Annotated[float, typer.Option(min=0, help="Readings a second, at most; 0: as fast as it goes.")] = 0,
    zone: Zone = "UTC",
    fold: FoldOption = Fold.REJECT,
    day_first: DayFirst = None,
    decimal: Decimals = DecimalSign.POINT,
    time: TimeColumn = "",
    value: ValueColumn = "",
    missing: Missing = "",
    pause: Annotated[float, typer.Option(min=0, help="Seconds between two looks at windows.")] = 1,
    report: Annotated[Path | None, typer.Option(help="Write the report here as JSON, too.")] = None,
) -> None:
    """Register a device that is new, and send a CSV of its readings. Run again, it changes nothing."""
    with _errors_as_sentences(file), bearer_client(url, token or make_token(tenant, scopes=SCOPES)) as client:
        _check_device(device)
        options = _options(zone, fold, day_first, decimal, time, value, missing)
        api, source = TelemetryApi(client), File.looked_at(file, options)
        api.check("/devices", "list devices")
        with _series(source) as series:
            way = HttpWay(api, device) if via is Channel.HTTP else _kinesis(url, stream, tenant, device)
            job = Import(api, device, series, lambda: sleep(pause))
            result = _imported(job, way, Registration(unit, interval), rate, source)
        if report:
            report.write_text(result.model_dump_json(by_alias=True, indent=2) + "\n")
    show_report(result, SafeConsole())
    raise typer.Exit(0 if result.is_complete else 1)


@app.command("check")
def check_readings(
    file: Csv,
    device: DeviceId,
    url: Url = "http://127.0.0.1:3000",
    tenant: Tenant = TENANT,
    token: Token = "",
    zone: Zone = "UTC",
    fold: FoldOption = Fold.REJECT,
    day_first: DayFirst = None,
    decimal: Decimals = DecimalSign.POINT,
    time: TimeColumn = "",
    value: ValueColumn = "",
    missing: Missing = "",
) -> None:
    """Compare the windows of a device with those that are computed of a CSV; print the first that differ."""
    with _errors_as_sentences(file), bearer_client(url, token or make_token(tenant, scopes=SCOPES)) as client:
        _check_device(device)
        options = _options(zone, fold, day_first, decimal, time, value, missing)
        api, source = TelemetryApi(client, attempts=_PATIENT), File.looked_at(file, options)
        api.check("/devices", "list devices")
        if api.device(device) is None:
            _fail(f"There is no device {device}: import its readings first.", 2)
        with _series(source) as series:
            found = _checked(api, device, series)
    show_differences(found, SafeConsole())
    raise typer.Exit(1 if found.differences else 0)


@contextmanager
def _errors_as_sentences(file: Path) -> Iterator[None]:
    try:
        yield
    except UnusableFileError as error:
        _fail(f"{file} cannot be used. {error}", 2)
    except (ApiError, NotReadyError) as error:
        _fail(str(error), 2)
    except OSError as error:
        _fail(f"{error.filename or file} cannot be used: {error.strerror or error}.", 2)
    except KeyboardInterrupt:
        _fail("Interrupted; run the same again, and it continues where it stopped.", 130)


def _kinesis(url: str, stream: str, tenant: str, device: str) -> Way:
    """The local stack's stream belongs to one tenant, as each stream does."""
    if not stream and tenant != TENANT:
        raise NotReadyError(f"The stream of the local stack belongs to the tenant {TENANT}: say VIA=http for another.")
    return kinesis(url.rstrip("/"), stream, device)


def _check_device(device: str) -> None:
    if not re.fullmatch(DEVICE_ID_PATTERN, device):
        _fail("Say which device: DEVICE=boiler-1, or another id of letters, digits, '.', '_' and '-'.", 2)


def _options(
    zone: str, fold: Fold, day_first: bool | None, decimal: DecimalSign, time: str, value: str, missing: str
) -> Options:
    values = ValueReader(decimal.value, sentinels(missing))
    return Options(time, value, zone_named(zone), fold, day_first, values)


@contextmanager
def _series(source: File) -> Iterator[Series]:
    """The readings of a file, which are as many as one at least."""
    with _STDERR.status("Reading the file"):
        series = Series(source.readings())
    try:
        for line in series.crowded():
            source.tally.reject(line, Reason.CROWDED)
        if len(series) <= source.tally.count(Reason.DECIMAL):
            show_rejected(rejected_lines(source.tally), SafeConsole())
            _fail(f"{source.path} {_unusable(source)}", 1 if source.tally.rejected else 2)
        yield series
    finally:
        series.close()


def _unusable(source: File) -> str:
    tally = source.tally
    if tally.count(Reason.DECIMAL):
        said = (
            "say DECIMAL=, for commas" if source.options.values.decimal == "." else "DECIMAL=, is for files with commas"
        )
        return f"has values with the other decimal sign, and nothing was sent: {said}."
    if tally.rejected:
        return "holds no reading that can be used: say how it is written, as docs/telemetry-import.md has it."
    if tally.missing:
        return "holds no reading: no line has a value, only what stands for a missing one."
    return "holds no reading, only a header: export it again, with a time and a value in each line below."


def _imported(job: Import, way: Way, registration: Registration, rate: float, source: File) -> ReadingsReport:
    job.register(registration)
    with progress("readings", len(job.series), _STDERR) as advance:
        job.send(way, Pace(rate or None), advance)
    with progress("readings as windows show them", len(job.series), _STDERR) as advance:
        job.wait(advance)
    result = job.report(source)
    if result.not_shown:
        _STDERR.print(_STILL_MISSING, style="yellow", soft_wrap=True)
    return result


def _checked(api: TelemetryApi, device: str, series: Series) -> Check:
    with progress("windows", sum(len(series.counts(length)) for length in SIZES.values()), _STDERR) as advance:
        return check(api, device, series, advance)


def _fail(sentence: str, code: int) -> NoReturn:
    _STDERR.print(sentence, style="red", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(code)
