"""What a listener outside hears on the event bus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from banyan_tools.local.physical import STACK
from orders.tools.drill.scene import Scene

NAME: Final = "drill"
NOTICES: Final = {"source": ["banyan"]}
AT_ONCE: Final = 10


@dataclass(frozen=True)
class Listener:
    """A rule on the stack's bus, and the queue that it fills.

    Parameters
    ----------
    queues : Any
        An SDK client of SQS.
    url : str
        Of the queue.
    """

    queues: Any
    url: str

    def heard(self) -> Sequence[Mapping[str, Any]]:
        """Entries that came since it was last asked: ``detail-type``, ``detail`` and the rest."""
        entries: list[Mapping[str, Any]] = []
        while found := self._receive():
            entries += [json.loads(message["Body"]) for message in found]
        return entries

    def _receive(self) -> Sequence[Mapping[str, Any]]:
        found = self.queues.receive_message(QueueUrl=self.url, MaxNumberOfMessages=AT_ONCE).get("Messages", [])
        for message in found:
            self.queues.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found  # type: ignore[no-any-return]


def listen(scene: Scene) -> Listener:
    """Listen to the engine's notices; the stack's bus stands already."""
    queues, bus = scene.client("sqs"), scene.client("events")
    url = queues.create_queue(QueueName=NAME)["QueueUrl"]
    asked = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    bus.put_rule(Name=NAME, EventBusName=STACK, EventPattern=json.dumps(NOTICES))
    target = {"Id": NAME, "Arn": asked["Attributes"]["QueueArn"]}
    bus.put_targets(Rule=NAME, EventBusName=STACK, Targets=[target])
    return Listener(queues, url)
