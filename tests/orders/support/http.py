"""The HTTP API of orders over memory."""

from __future__ import annotations

from typing import Any

from tests.support.http import CONTEXT, OPERATOR, Answer, body_of, event, lower_case, problem
from tests.support.http import Server as AnyServer

from banyan.commands.idempotency import IdempotencyTable
from banyan.projections.views import Views
from banyan.store.base import CommitTable
from banyan.streams import StreamId

ITEM = {"sku": "A", "quantity": 2, "price": "2.50"}
ORDER = {"orderId": "o-1", "customerId": "c-1", "items": [ITEM]}

__all__ = ["CONTEXT", "ITEM", "OPERATOR", "ORDER", "Answer", "Server", "body_of", "event", "lower_case", "problem"]


class Server(AnyServer):
    """The API's functions of orders."""

    def __init__(
        self,
        table: CommitTable | None = None,
        views: Views | None = None,
        records: IdempotencyTable | None = None,
        domains: str = "orders",
        **more: Any,
    ) -> None:
        super().__init__(table, views, records, domains=domains, **more)

    def project(self, order: str = "o-1", tenant: str = "acme") -> None:
        """Bring the read models up to the stream of an order."""
        assert not self.runner.project(self.store.commits(StreamId(tenant, "order", order)))

    def commits(self, order: str = "o-1", tenant: str = "acme") -> int:
        """Number of commits in the stream of an order."""
        return len(list(self.store.commits(StreamId(tenant, "order", order))))
