"""What Lambda's JSON log filter keeps, and the local log with it."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout

import pytest
from tests.unit.local.conftest import Write

from banyan_tools.local.functions import Functions
from banyan_tools.local.log_filter import FilteredLog, application_level, passes

EMF = '{"_aws":{"Timestamp":1},"Conflicts":[1.0]}'
TIME = '"timestamp":"2026-11-02T16:51:31.587Z"'


@pytest.mark.parametrize(
    ("line", "level", "kept"),
    [
        (f'{{"level":"ERROR",{TIME}}}', "ERROR", True),
        (f'{{"level":"error",{TIME}}}', "ERROR", True),
        (f'{{"level":"CRITICAL",{TIME}}}', "FATAL", True),
        (f'{{"level":"WARNING",{TIME}}}', "WARN", True),
        (f'{{"level":"INFO",{TIME}}}', "WARN", False),
        (f'{{"level":"DEBUG",{TIME}}}', "INFO", False),
        (f'{{"level":"DEBUG",{TIME}}}', "DEBUG", True),
        ('{"level":"ERROR","timestamp":"2026-11-02T16:51:31.587+00:00"}', "ERROR", True),
        ('{"level":"ERROR","timestamp":"2026-11-02 16:51:31,587+0000"}', "ERROR", False),
        ('{"level":"ERROR","timestamp":"2026-11-02T16:51:31"}', "WARN", False),
        ('{"level":"ERROR","timestamp":"2026-11-02"}', "WARN", False),
        ('{"level":"ERROR","timestamp":1795641114}', "WARN", False),
        ('{"level":"ERROR"}', "WARN", False),
        ('{"level":"DEBUG"}', "INFO", True),
        (f'{{"level":"LOUD",{TIME}}}', "INFO", True),
        (f'{{"level":null,{TIME}}}', "WARN", False),
        (f"{{{TIME}}}", "WARN", False),
        (EMF, "INFO", True),
        (EMF, "WARN", False),
        ("a line of text", "INFO", True),
        ("a line of text", "ERROR", False),
        ("[1]", "WARN", False),
        ("", "INFO", True),
    ],
)
def test_a_line_is_kept_by_its_level_and_counts_as_info_without_one_that_is_valid(
    line: str, level: str, kept: bool
) -> None:
    assert passes(line, level) is kept


def test_lines_are_judged_whole_whatever_the_writes_they_come_in() -> None:
    out = io.StringIO()
    token = application_level.set("WARN")
    try:
        log = FilteredLog(out)
        for text in ('{"level":"ERR', f'OR",{TIME}}}', "\nplain\npl", "ain\n"):
            log.write(text)
    finally:
        application_level.reset(token)
    assert out.getvalue() == f'{{"level":"ERROR",{TIME}}}\n'


def test_threads_do_not_tear_each_others_lines() -> None:
    out = io.StringIO()
    log = FilteredLog(out)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: [log.write(part) for part in (f"{n}", "-", f"{n}", "\n")], range(400)))
    assert sorted(out.getvalue().split()) == sorted(f"{n}-{n}" for n in range(400))


def test_what_a_function_prints_is_kept_as_its_own_level_says(template: Write) -> None:
    code = """
        def handler(event, context):
            print(event)
            print('{"level":"ERROR","timestamp":"2026-11-02T16:51:31.587Z"}')
    """
    resources = """
        Quiet:
          Type: AWS::Serverless::Function
          Properties:
            {CodeUri: functions/one, Handler: app.handler, Runtime: python3.13, Timeout: 60,
             LoggingConfig: {LogFormat: JSON, ApplicationLogLevel: WARN}}
        Chatty:
          Type: AWS::Serverless::Function
          Properties: {CodeUri: functions/one, Handler: app.handler, Runtime: python3.13, Timeout: 60}
    """
    functions, out = Functions(template(resources, {"one": code})), io.StringIO()
    with redirect_stdout(FilteredLog(out)):
        functions.get("Quiet").invoke("quiet")
        functions.get("Chatty").invoke("chatty")
        print("the stack's own")
    level = '{"level":"ERROR","timestamp":"2026-11-02T16:51:31.587Z"}'
    assert out.getvalue().splitlines() == [level, "chatty", level, "the stack's own"]
