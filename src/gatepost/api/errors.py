"""Every error of the API as problem+json (RFC 9457). The codes and their meaning stand in gatepost.problems."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from gatepost.problems import KINDS, Fault, Problem, document

CONTENT_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 5

_log = logging.getLogger(__name__)

_BY_STATUS: Final[Mapping[int, str]] = {
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "not_json",
    422: "invalid",
    429: "too_many_requests",
    503: "unavailable",
}


def answer(problem: Problem) -> HttpResponse:
    """The HTTP answer that tells the problem."""
    response = HttpResponse(json.dumps(document(problem)), status=problem.status, content_type=CONTENT_TYPE)
    for name, value in problem.headers.items():
        response[name] = value
    return response


def install(api: NinjaAPI) -> None:
    """Let the API answer each exception with its problem."""
    for exception, translate in _TRANSLATIONS.items():
        api.add_exception_handler(exception, _handler(translate))


def problem_middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Under /api/, turn the error pages of Django itself (no such address, wrong method) into problems as well."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_ours = response.get("Content-Type", "").startswith(CONTENT_TYPE)
        if response.status_code < 400 or is_ours or not request.path_info.startswith("/api/"):
            return response
        kept = {name: response[name] for name in ("Allow", "Retry-After") if name in response}
        code = _BY_STATUS.get(response.status_code, "internal_error" if response.status_code >= 500 else "bad_request")
        return answer(Problem(code, headers=kept))

    return middleware


def reference() -> str:
    """The page of error codes, in Markdown."""
    rows = [f"| `{code}` | {kind.status} | {kind.title} | {kind.remedy} |" for code, kind in sorted(KINDS.items())]
    return "\n".join(
        [
            "# Error codes",
            "",
            "Every error of the API is `application/problem+json` (RFC 9457) with a stable `code`, a sentence in",
            "`detail`, and what to do in `remedy`. `errors` lists the fields that do not fit.",
            "",
            "| code | status | what happened | what to do |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _handler(translate: Callable[[Any], Problem]) -> Callable[[HttpRequest, Any], HttpResponse]:
    return lambda request, error: answer(translate(error))


def _http_error(error: HttpError) -> Problem:
    if isinstance(error.__cause__, Problem):
        return error.__cause__
    return Problem(_BY_STATUS.get(error.status_code, "bad_request"))


def _invalid(error: ValidationError) -> Problem:
    return Problem("invalid", faults=_faults(error.errors))


def _faults(errors: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Pydantic's findings without what was typed: a value may be a secret."""
    return [_fault(error) for error in errors]


def _fault(error: Mapping[str, Any]) -> Fault:
    source, *path = error["loc"]
    names = path[1:] if source == "body" else path
    field = ".".join(str(part) for part in names) or source
    return Fault(field, str(error["type"]), f"{field}: {_sentence(error['msg'])}")


def _sentence(words: str) -> str:
    return words if words.endswith(".") else f"{words}."


def _unexpected(error: Exception) -> Problem:
    _log.error("an API request failed", exc_info=error)
    return Problem("internal_error")


_TRANSLATIONS: Final[Mapping[type[Exception], Callable[[Any], Problem]]] = {
    Problem: lambda error: error,
    AuthenticationError: lambda error: Problem("unauthenticated", headers={"WWW-Authenticate": "Bearer"}),
    HttpError: _http_error,
    ValidationError: _invalid,
    Http404: lambda error: Problem("not_found"),
    RequestDataTooBig: lambda error: Problem("body_too_large"),
    SuspiciousOperation: lambda error: Problem("bad_request"),
    MultiPartParserError: lambda error: Problem("bad_request", "The form could not be read."),
    UnreadablePostError: lambda error: Problem("bad_request", "The body broke off."),
    OperationalError: lambda error: Problem("unavailable", headers={"Retry-After": str(RETRY_AFTER_S)}),
    InterfaceError: lambda error: Problem("unavailable", headers={"Retry-After": str(RETRY_AFTER_S)}),
    Exception: _unexpected,
}
