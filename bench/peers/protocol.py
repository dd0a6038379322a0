"""How a contestant is asked: a line of JSON for each action, and one for its answer with what it took.

Runs in the contestant's own process and environment, with nothing but the standard library.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

Act = Callable[[], Any]
Action = Callable[..., Act]
"""Prepares with the parameters that were asked for; only what it returns is timed."""


def serve(actions: Mapping[str, Action]) -> None:
    """Answer until the input ends; an action that fails is answered with its error."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = timed(actions[asked.pop("do")](**asked))
        except Exception as error:
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)


def timed(act: Act) -> dict[str, Any]:
    """What an act answered, and its seconds."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    answer = act()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "answer": answer}


def note(number: int) -> str:
    """Text of an event, the same for every contestant: 128 characters, with which Banyan stores some 310 bytes."""
    return "".join(sha256(f"{number}/{half}".encode()).hexdigest() for half in range(2))
