"""Logs, metrics and traces of the functions, in one place; nothing is read from the environment at import."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from threading import Lock, Semaphore
from typing import Any, Final

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from botocore.exceptions import ClientError

from banyan.adapters.settings import Settings
from banyan.errors import BanyanError
from banyan.once import once
from banyan.telemetry import flush_spans, install_tracing, is_traced, notice_failure

LEVEL: Final = "POWERTOOLS_LOG_LEVEL"
CHATTY: Final = ("aws_lambda_powertools", "boto3", "botocore", "opentelemetry", "s3transfer", "urllib3")
"""At DEBUG these write credentials, requests and answers as they are."""


def silence_the_sdk() -> None:
    """Keep requests to AWS out of the log, whatever level the runtime gave the root logger."""
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def log_level(environ: Mapping[str, str]) -> int:
    """Return the level that ``POWERTOOLS_LOG_LEVEL`` names, at least INFO.

    Lambda's own filter stays at INFO, because above it drops every metric; so it cannot be what filters.
    """
    named = logging.getLevelName(environ.get(LEVEL, "INFO").upper())
    return max(named, logging.INFO) if isinstance(named, int) else logging.INFO


def limit_logs(level: int) -> None:
    """Let no logger of any library write below a level; one that a library set higher stays."""
    silence_the_sdk()
    root = logging.getLogger()
    root.setLevel(max(root.level, level))


def stand_alone(logger: logging.Logger, level: int) -> None:
    """Let Powertools' logger keep its own level and its lines to itself.

    Lambda's level would override its own. And against lines that come twice Powertools lets the runtime suppress every
    logger whose name contains the service's: a stack named ``banyan`` would lose the engine's.
    """
    from aws_lambda_powertools.logging.filters import SuppressFilter

    logger.setLevel(level)
    logger.propagate = False
    for handler in logging.getLogger().handlers:
        for suppressing in [found for found in handler.filters if isinstance(found, SuppressFilter)]:
            handler.removeFilter(suppressing)


Handler = Callable[[Any, Any], Any]

NAMESPACE: Final = "Banyan"
TRACING: Final = "BANYAN_TRACING"
OFF: Final = "off"
_SETTING_UP: Final = Lock()


class HandlerFailed(Exception):
    """A handler raised. Lambda logs an error's text and hands it on, so this one quotes nothing of the input."""


class EmbeddedMetrics:
    """Telemetry as CloudWatch metrics embedded in the log; safe to share between threads."""

    def __init__(self) -> None:
        self._metrics = EphemeralMetrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", NAMESPACE))
        self._gauges: dict[str, EphemeralMetrics] = {}
        self._lock = Lock()

    def count(self, name: str, value: int = 1) -> None:
        self._add(name, MetricUnit.Count, value)

    def duration(self, name: str, milliseconds: float) -> None:
        self._add(name, MetricUnit.Milliseconds, milliseconds)

    def gauge(self, name: str, value: float, of: str = "") -> None:
        """The service's metric, and with ``of`` another one with it as the dimension ``of``."""
        self._add(name, MetricUnit.NoUnit, value)
        if of:
            with self._lock:
                self._gauges_of(of).add_metric(name, MetricUnit.NoUnit, value)

    def cold_start(self, context: Any) -> None:
        """Count the first invocation of a function, with its name as a dimension."""
        with self._lock:
            self._metrics.add_cold_start_metric(context)

    def flush(self) -> None:
        """Write what was reported since the last flush."""
        with self._lock:
            for metrics in (self._metrics, *self._gauges.values()):
                if metrics.metric_set:
                    metrics.flush_metrics()
            self._gauges.clear()

    def _gauges_of(self, of: str) -> EphemeralMetrics:
        if of not in self._gauges:
            self._gauges[of] = EphemeralMetrics(namespace=self._metrics.namespace)
            self._gauges[of].add_dimension("of", of)
        return self._gauges[of]

    def _add(self, name: str, unit: MetricUnit, value: float) -> None:
        with self._lock:
            self._metrics.add_metric(name, unit, value)


@once
def telemetry() -> EmbeddedMetrics:
    """The process's metrics."""
    return EmbeddedMetrics()


@once
def logger() -> Logger:
    """The process's structured log, whose lines Lambda can filter: each has a level and an RFC 3339 timestamp."""
    level = log_level(os.environ)
    limit_logs(level)
    made = Logger(level=level, use_rfc3339=True)
    stand_alone(logging.getLogger(made.name), level)
    return made


@contextmanager
def log_context(**keys: str) -> Iterator[None]:
    """Put keys on every log line of this thread."""
    log = logger()
    log.thread_safe_append_keys(**keys)
    try:
        yield
    finally:
        log.thread_safe_remove_keys(list(keys))


def log_failure(message: str, error: BaseException) -> None:
    """Log an error with its place in the code, without what its text may quote from the input."""
    notice_failure(error)
    frames = traceback.extract_tb(error.__traceback__)
    logger().error(
        message,
        error=type(error).__name__,
        reason=_reason(error),
        trace=[f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
    )


def log_deed(message: str, **what: Any) -> None:
    """Log what a person looked at or did, whatever the level of the log."""
    log = logging.getLogger(logger().name)
    log.log(max(logging.INFO, log.level), message, extra=what)


def instrumented(handler: Handler) -> Handler:
    """Wrap a Lambda handler with logs, metrics and, unless ``BANYAN_TRACING`` is off, spans.

    Neither the event nor the answer is logged or traced. An error that is not the engine's own comes out as
    ``HandlerFailed``.
    """
    cold = Semaphore(1)

    @wraps(handler)
    def invoke(event: Any, context: Any) -> Any:
        if cold.acquire(blocking=False):
            telemetry().cold_start(context)
            set_up_tracing()
        try:
            with (
                log_context(function_request_id=getattr(context, "aws_request_id", "")),
                reporting_failures("the function failed"),
            ):
                return handler(event, context)
        finally:
            telemetry().flush()
            flush_spans()

    return invoke


@contextmanager
def reporting_failures(message: str) -> Iterator[None]:
    """Log what a block raises; an error that is not the engine's own comes out as ``HandlerFailed``."""
    try:
        yield
    except BanyanError as error:
        log_failure(message, error)
        raise
    except Exception as error:
        log_failure(message, error)
        raise HandlerFailed(f"{type(error).__name__} {_reason(error)}".rstrip()) from None


def set_up_tracing() -> None:
    """Install tracing once for the process; unless it is on, nothing of OpenTelemetry is even imported."""
    if os.environ.get(TRACING, OFF) == OFF:
        return
    from banyan.adapters.tracing import exporting

    with _SETTING_UP:
        if not is_traced():
            settings = Settings.from_env(os.environ)
            install_tracing(exporting(os.environ, settings.tracing_endpoint, settings.tracing_sampled_percent))


def _reason(error: BaseException) -> str:
    if isinstance(error, BanyanError):
        return str(error)
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""
