"""The route over what one request set off."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Router

from banyan.entrypoints.http.call import CurrentCall
from banyan.errors import NotFound
from banyan.traces import Trace

router = Router()  # type: ignore[no-untyped-call]


@router.get("/admin/correlations/<id>", operation_id="showCorrelation", summary="Everything one request set off")
def show_correlation(id: str, call: CurrentCall) -> Trace:
    """Show the events of a correlation id among the streams of the token's tenant, causes before effects."""
    trace = call.application.timeline.trace(call.caller.tenant, id)
    if not trace.entries:
        detail = f"tenant {call.caller.tenant!r} has no events under {id!r}: they may not be indexed yet, or no longer"
        raise NotFound("correlation_not_found", detail)
    return trace
