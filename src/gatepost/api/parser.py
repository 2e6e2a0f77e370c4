"""Reading bodies and queries so that nothing later stumbles over them."""

import json
from typing import Any, NoReturn

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.parser import Parser

from gatepost.problems import Problem
from gatepost.rest.storable import is_storable


class StrictParser(Parser):
    """JSON in UTF-8 and nothing else; no NUL, no half characters, no NaN; no name twice in one object."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The value of the body. Raises Problem `not_json` or `bad_json`."""
        if request.content_type != "application/json":
            raise Problem("not_json")
        try:
            value = json.loads(
                request.body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_object_without_repeats
            )
        except (ValueError, RecursionError):
            raise Problem("bad_json") from None
        if not is_storable(value):
            raise Problem("bad_json", "The body holds a NUL, half a character or a number without end.")
        return value

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        """The parameters by name. Raises Problem `bad_request`."""
        if not all(is_storable(name) and is_storable(values) for name, values in data.lists()):
            raise Problem("bad_request", "The query holds a NUL or half a character.")
        return dict(super().parse_querydict(data, list_fields, request))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return value
