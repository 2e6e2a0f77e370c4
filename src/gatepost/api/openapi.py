"""The OpenAPI document: what django-ninja makes of the routes, completed with scopes, problems and lean routes."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from django.utils.module_loading import import_string
from ninja.openapi.schema import OpenAPISchema

if TYPE_CHECKING:
    from ninja import NinjaAPI
    from ninja.operation import Operation

FRAGMENTS: Final[tuple[str, ...]] = ("gatepost.intake.messages.OPENAPI",)
"""Dotted paths of OpenAPI documents of routes that Django does not serve; each needs only what it adds."""

_PROBLEM: Final = {
    "type": "object",
    "title": "Problem",
    "description": "What happened and what to do (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "remedy"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; see the page of error codes."},
        "remedy": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_PROBLEM_ANSWER: Final = {
    "description": "A problem",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def completed(plain: OpenAPISchema, api: "NinjaAPI") -> OpenAPISchema:
    """The document with each route's right, the problem as its default answer, and the fragments merged in."""
    plain["components"]["schemas"]["Problem"] = _PROBLEM
    for path, method, operation in routes(api):
        shown = plain["paths"][path][method]
        rights = sorted({str(auth.right) for auth in operation.auth_callbacks if hasattr(auth, "right")})
        shown["security"] = [dict.fromkeys(one, rights) for one in shown.get("security", [])]
        answers = {str(status): answer for status, answer in shown["responses"].items()}
        shown["responses"] = answers | {"default": _PROBLEM_ANSWER}
    for fragment in FRAGMENTS:
        merge(plain, import_string(fragment))
    return plain


def merge(document: dict[str, Any], fragment: Mapping[str, Any]) -> None:
    """Add the fragment's paths, methods and components. Raises ValueError where it would replace something else."""
    for name, value in fragment.items():
        if name not in document:
            document[name] = value
        elif isinstance(document[name], dict) and isinstance(value, Mapping):
            merge(document[name], value)
        elif document[name] != value:
            raise ValueError(f"two parts of the API describe {name!r} differently")


def routes(api: "NinjaAPI") -> Iterator[tuple[str, str, "Operation"]]:
    """Every route that Django serves: its path in the document, its method in lower case, its operation."""
    for bound in api._get_bound_routers():
        for path, view in bound.path_operations.items():
            shown = "/api/v1" + re.sub(r"{[^}:]+:", "{", path)
            for operation in view.operations:
                for method in operation.methods:
                    yield shown, method.lower(), operation


def snapshot() -> str:
    """The document as it is kept in the docs."""
    from gatepost.api.assembly import api

    return json.dumps(api.get_openapi_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
