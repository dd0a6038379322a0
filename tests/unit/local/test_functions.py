from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, cast

import pytest
from tests.support.clocks import PATIENCE
from tests.unit.local.conftest import Write

from banyan_tools.local.errors import StackError
from banyan_tools.local.functions import FunctionFailed, Functions, FunctionTimedOut
from banyan_tools.local.layers import layers


def function(name: str, properties: str = f", Timeout: {PATIENCE}") -> str:
    return f"""
{name}:
  Type: AWS::Serverless::Function
  Properties: {{CodeUri: functions/{name.lower()}/, Handler: app.handler, Runtime: python3.13{properties}}}
"""


COLOURS = {"One": "red", "Two": "blue"}

ECHO = """
    import os

    def handler(event, context):
        return {
            "event": event,
            "colour": os.environ.get("COLOUR"),
            "name": context.function_name,
            "arn": context.invoked_function_arn,
            "memory": context.memory_limit_in_mb,
            "request": context.aws_request_id,
            "left": context.get_remaining_time_in_millis(),
        }
"""


def test_a_function_sees_its_event_and_its_context(template: Write) -> None:
    functions = Functions(template(function("One", ", MemorySize: 512, Timeout: 700"), {"one": ECHO}))
    one = functions.get("One")

    first, second = one.invoke({"n": [1, "x"]}), one.invoke(None)

    assert first["event"] == {"n": [1, "x"]}
    assert (first["name"], first["memory"]) == ("banyan-One", "512")
    assert first["arn"] == one.arn == "arn:aws:lambda:eu-central-1:123456789012:function:banyan-One"
    assert first["request"] != second["request"]
    assert 0 < first["left"] <= 700_000


COLOURED = [
    function(name, f", Timeout: {PATIENCE}, Environment: {{Variables: {{COLOUR: {colour}}}}}")
    for name, colour in COLOURS.items()
]


def test_each_function_finds_its_own_environment(template: Write) -> None:
    functions = Functions(template("".join(COLOURED), {"one": ECHO, "two": ECHO}))

    colours = [functions.get(name).invoke(None)["colour"] for name in ("One", "Two", "One", "Two")]

    assert colours == ["red", "blue", "red", "blue"]
    assert "COLOUR" not in os.environ


def test_functions_run_at_once_from_their_first_invocation_on(template: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
        import os, sys

        def handler(event, context):
            sys.modules["meeting"].wait()
            return os.environ["COLOUR"]
    """
    functions = Functions(template("".join(COLOURED), {"one": code, "two": code}))
    monkeypatch.setitem(sys.modules, "meeting", cast(Any, Barrier(2, timeout=PATIENCE)))

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda name: functions.get(name).invoke(None), COLOURS))

    assert answers == list(COLOURS.values())


def test_threads_that_a_function_starts_find_its_environment(template: Write) -> None:
    code = """
        import os
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(1)

        def handler(event, context):
            return pool.submit(os.getenv, "COLOUR").result()
    """
    functions = Functions(template("".join(COLOURED), {"one": code, "two": code}))

    assert [functions.get(name).invoke(None) for name in COLOURS] == list(COLOURS.values())
    assert ThreadPoolExecutor(1).submit(os.getenv, "COLOUR").result() is None


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("os.environ.copy()['COLOUR']", "red"),
        ("(os.environ | {'A': 'b'})['COLOUR']", "red"),
        ("({'COLOUR': 'b'} | os.environ)['COLOUR']", "red"),
        ("[os.environ.update(A='1'), os.environ.__ior__({'B': '2'}), os.getenv('A'), os.getenv('B')][2:]", ["1", "2"]),
        ("{**os.environ}['COLOUR'], 'PATH' in os.environ", ["red", True]),
        ("'COLOUR' in list(os.environ), len(os.environ) == len({**os.environ})", [True, True]),
        ("os.environ.pop('COLOUR'), os.getenv('COLOUR'), 'COLOUR' in {**os.environ}", ["red", None, False]),
        ("bool(os.environ.pop('PATH')), os.getenv('PATH'), 'PATH' in os.environ", [True, None, False]),
        ("os.environ.pop('COLOUR'), os.environ.pop('COLOUR', 'none')", ["red", "none"]),
        ("subprocess.check_output(['printenv', 'COLOUR'], env=os.environ, text=True)", "red\n"),
    ],
)
def test_a_functions_environment_is_that_of_a_process(template: Write, expression: str, answer: Any) -> None:
    code = f"import os, subprocess\n\ndef handler(event, context):\n    return {expression}\n"
    one = Functions(template(COLOURED[0], {"one": code})).get("One")
    before = dict(os.environ)

    assert one.invoke(None) == answer
    assert dict(os.environ) == before


def test_values_of_a_functions_environment_are_text(template: Write) -> None:
    code = "import os\n\ndef handler(event, context):\n    os.environ['COLOUR'] = event\n"
    one = Functions(template(COLOURED[0], {"one": code})).get("One")

    with pytest.raises(FunctionFailed, match="TypeError"):
        one.invoke(1)


def test_what_a_module_changes_in_its_environment_its_handler_finds_until_it_is_imported_again(
    template: Write,
) -> None:
    code = """
        import os

        COUNTED = os.environ["COUNTED"] = os.environ.get("COUNTED", "") + "1"

        def handler(event, context):
            os.environ["COUNTED"] += "1"
            return os.environ["COUNTED"]
    """
    one = Functions(template(COLOURED[0], {"one": code})).get("One")

    assert [one.invoke(None), one.invoke(None)] == ["11", "111"]
    one.load()
    assert one.invoke(None) == "11"
    assert one.variables.get("COUNTED") is None


def test_what_a_function_changes_in_its_environment_is_changed_for_it_alone(template: Write) -> None:
    code = """
        import os

        def handler(event, context):
            if event:
                os.environ["COLOUR"] = event
            return os.environ.get("COLOUR")
    """
    functions = Functions(template("".join(COLOURED), {"one": code, "two": code}))
    one, two = map(functions.get, COLOURS)

    assert one.invoke("green") == one.invoke(None) == "green"
    assert two.invoke(None) == "blue"
    assert "COLOUR" not in os.environ


def test_a_function_that_cannot_start_says_the_same_each_time_and_starts_once_it_can(template: Write) -> None:
    code = """
        import os
        from pathlib import Path

        def handler(event, context):
            if not event:
                raise LookupError(os.environ["COLOUR"])
            return os.environ["COLOUR"]
    """
    one = Functions(template(COLOURED[0], {"one": code})).get("One")

    for _ in range(2):
        with pytest.raises(FunctionFailed, match="LookupError"):
            one.invoke(None)
    assert one.invoke("now") == "red"
    assert "COLOUR" not in os.environ


def test_functions_may_hold_modules_of_the_same_name(template: Write, tmp_path: Path) -> None:
    code = "from helper import NAME\n\ndef handler(event, context):\n    return NAME\n"
    functions = Functions(template(function("One") + function("Two"), {"one": code, "two": code}))
    for name in ("one", "two"):
        (tmp_path / "functions" / name / "helper.py").write_text(f"NAME = {name!r}\n")

    assert [functions.get(name).invoke(None) for name in ("One", "Two")] == ["one", "two"]


@pytest.mark.parametrize(
    "body", ["raise ValueError('secret')", "raise TimeoutError", "raise SystemExit", "return object()"]
)
def test_what_a_function_raises_stands_in_its_log_only(
    template: Write, capsys: pytest.CaptureFixture[str], body: str
) -> None:
    functions = Functions(template(function("One"), {"one": f"def handler(event, context):\n    {body}\n"}))

    with pytest.raises(FunctionFailed) as raised:
        functions.get("One").invoke(None)

    assert not isinstance(raised.value, FunctionTimedOut)
    assert "secret" not in str(raised.value)
    assert "Traceback" in capsys.readouterr().err


def test_a_function_that_takes_too_long_times_out(template: Write) -> None:
    slow = "import threading\n\ndef handler(event, context):\n    threading.Event().wait(600)\n"
    functions = Functions(template(function("One", ", Timeout: 0.05"), {"one": slow}))

    with pytest.raises(FunctionTimedOut, match=r"no answer within 0\.05 s"):
        functions.get("One").invoke(None)


def test_a_missing_handler_is_named(template: Write) -> None:
    with pytest.raises(StackError, match=r"app\.handler in .*one, but .* does not exist"):
        Functions(template(function("One")))


def test_a_function_is_found_by_logical_id_name_and_arn(template: Write) -> None:
    functions = Functions(template(function("One"), {"one": ECHO}))
    one = functions.get("One")

    assert functions.find(one.name) is functions.find(one.arn) is one
    assert functions.find("Other") is None
    with pytest.raises(StackError, match="invokes Other"):
        functions.get("Other")


@pytest.mark.parametrize("inner", ["", "python"])
def test_layers_are_on_the_path_while_the_stack_runs(template: Write, tmp_path: Path, inner: str) -> None:
    folder = tmp_path / "layers" / "own" / inner
    folder.mkdir(parents=True)
    (folder / "layer_module.py").write_text("VALUE = 7\n")
    layer = "Own: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layers/own/}}\n"
    code = "import layer_module\n\ndef handler(event, context):\n    return layer_module.VALUE\n"
    loaded = template(layer + function("One"), {"one": code})

    with layers(loaded):
        answer: Any = Functions(loaded).get("One").invoke(None)

    assert answer == 7
    assert str(folder) not in sys.path
    del sys.modules["layer_module"]


def test_an_answer_is_plain_json(template: Write) -> None:
    code = "def handler(event, context):\n    event['seen'] = True\n    return (1, {2: event})\n"
    event = {"a": 1}

    answer = Functions(template(function("One"), {"one": code})).get("One").invoke(event)

    assert answer == json.loads('[1, {"2": {"a": 1, "seen": true}}]')
    assert event == {"a": 1}
