"""The HTTP API as the importer sees it: commands under one key, and one query."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from banyan_tools.importing import REPLAYED, ImportClient
from orders.tools.importer.commands import Command, Standing


class Answer(BaseModel):
    """What a command is answered with, now or, `replayed`, at an earlier time."""

    model_config = ConfigDict(alias_generator=to_camel)

    version: int
    total_amount: Decimal
    replayed: bool = False


class Api(ImportClient):
    """The orders API of one tenant."""

    def send(self, command: Command, version: int | None) -> Answer:
        """Post a command, on top of `version` where one is known.

        Raises
        ------
        ApiError
            When it is refused, or still fails after the last attempt.
        """
        headers = command.headers | ({"If-Match": f'"{version}"'} if version else {})
        answer, response = self.request(Answer, "POST", command.path, json=command.body, headers=headers)
        return answer.model_copy(update={"replayed": REPLAYED in response.headers})

    def standing(self, order_id: str, version: int | None) -> Standing:
        """Look at an order, not older than `version` where one is known.

        Raises
        ------
        ApiError
            When it cannot be had.
        """
        params = {"minVersion": version} if version else {}
        return self.request(Standing, "GET", f"/orders/{order_id}", params=params)[0]
