"""Routes over projections: how they stand, and what can be done about it."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Router

from banyan.aws.admin.answers import ProjectionAnswer, ProjectionsAnswer
from banyan.aws.http_call import CurrentCall
from banyan.errors import NotFound

router = Router()  # type: ignore[no-untyped-call]


@router.get("/admin/projections", operation_id="listProjections", summary="How every projection stands")
def list_projections(call: CurrentCall) -> ProjectionsAnswer:
    """List the domain's projections."""
    names = [projection.name for projection in call.application.domain.projections]
    controls = call.application.controls.get(names)
    return ProjectionsAnswer(projections=[ProjectionAnswer.model_validate(controls[name]) for name in names])


@router.get("/admin/projections/<name>", operation_id="showProjection", summary="How one projection stands")
def show_projection(name: str, call: CurrentCall) -> ProjectionAnswer:
    """Show one projection."""
    return ProjectionAnswer.model_validate(call.application.controls.get([known(name, call)])[name])


def known(name: str, call: CurrentCall) -> str:
    """The name of a projection that the domain has.

    Raises
    ------
    NotFound
    """
    if name not in {projection.name for projection in call.application.domain.projections}:
        raise NotFound(
            "projection_not_found", f"there is no projection {name!r}: list them with GET /admin/projections"
        )
    return name
