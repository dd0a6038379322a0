"""What the local gateway itself answers when a request reaches no function, or gets no answer from one."""

from __future__ import annotations

import json
from http import HTTPStatus

from werkzeug.wrappers import Response


class Problem(Exception):
    """A request ends here, with an RFC 9457 problem.

    Parameters
    ----------
    code : str
        Stable name of the problem, for programs.
    detail : str
        A sentence for people.
    """

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail

    def response(self) -> Response:
        """Return the answer to the request."""
        body = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "code": self.code,
        }
        answer = Response(json.dumps(body), self.status.value, content_type="application/problem+json")
        if self.status is HTTPStatus.UNAUTHORIZED:
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer


def unauthorized(detail: str) -> Problem:
    """The caller is not known."""
    return Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail)


def forbidden(detail: str) -> Problem:
    """The caller is known and may not."""
    return Problem(HTTPStatus.FORBIDDEN, "forbidden", detail)


def not_this_host() -> Problem:
    """The request came for another host, as after a DNS rebinding."""
    detail = "This door is open under localhost, 127.0.0.1 and [::1] only."
    return Problem(HTTPStatus.MISDIRECTED_REQUEST, "misdirected", detail)


def not_found() -> Problem:
    """No route of the template matches."""
    return Problem(HTTPStatus.NOT_FOUND, "not_found", "There is no such route.")


def payload_too_large() -> Problem:
    """The body is larger than API Gateway or Lambda lets through."""
    detail = "A request body may have 10 MB, and what the function gets of it 6 MB."
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "payload_too_large", detail)


def function_failed() -> Problem:
    """The function raised, or its answer is not an HTTP answer."""
    detail = "The function failed; its log says why."
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail)


def function_timed_out() -> Problem:
    """The function took longer than it may."""
    detail = "The function did not answer in time; try again."
    return Problem(HTTPStatus.GATEWAY_TIMEOUT, "timeout", detail)
