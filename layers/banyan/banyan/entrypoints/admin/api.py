"""The API of the platform's operator."""

from __future__ import annotations

from banyan.adapters.functions import Functions
from banyan.bootstrap import Application
from banyan.entrypoints.admin import ROUTERS
from banyan.entrypoints.http.api import Api
from banyan.entrypoints.http.identity import ADMIN
from banyan.entrypoints.rebuilds import Rebuilds
from banyan.projections.rebuild.builds import WorkQueue


def admin_api(application: Application, queue: WorkQueue, functions: Functions) -> Api:
    """The API for tokens with the scope ``banyan/admin``.

    Parameters
    ----------
    application : Application
    queue : WorkQueue
        Where rebuilds wait for their worker.
    functions : Functions
        Take over what is too long for an answer.
    """
    parts = {"rebuilds": Rebuilds(application, queue), "functions": functions}
    return Api(application, *ROUTERS, scope=ADMIN, parts=parts)
