"""The API of the platform's operator."""

from __future__ import annotations

from banyan.aws.admin import ROUTERS
from banyan.aws.http import Api
from banyan.aws.identity import ADMIN
from banyan.aws.rebuilds import Rebuilds
from banyan.bootstrap import Application
from banyan.projections.rebuild.base import WorkQueue


def admin_api(application: Application, queue: WorkQueue) -> Api:
    """The API for tokens with the scope ``banyan/admin``; ``queue`` is where rebuilds wait for their worker."""
    return Api(application, *ROUTERS, scope=ADMIN, parts={"rebuilds": Rebuilds(application, queue)})
