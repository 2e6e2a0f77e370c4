"""The document of the API is complete, up to date, and its page loads nothing from elsewhere."""

import re
from collections import Counter
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from ninja import Schema

from gatepost import docs_generated
from gatepost.api import openapi
from gatepost.api.assembly import api

ROOT = Path(__file__).parents[3]


def test_generated_pages_are_up_to_date() -> None:
    assert docs_generated.stale(ROOT) == [], "run `make docs`"


def test_the_document_is_served_as_it_is_kept() -> None:
    answer = Client().get("/api/v1/openapi.json")
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["openapi"] == "3.1.0"
    assert answer.json()["paths"] == api.get_openapi_schema()["paths"]


def test_every_route_tells_its_scope_and_its_problems() -> None:
    document = api.get_openapi_schema()
    for path, method, operation in openapi.routes(api):
        shown = document["paths"][path][method]
        [right] = {str(auth.right) for auth in operation.auth_callbacks}
        assert shown["security"] == [{"KeyAuth": [right]}, {"SessionAuth": [right]}]
        assert "application/problem+json" in shown["responses"]["default"]["content"]
        assert shown["description"]


def test_operation_names_are_unique_and_plain() -> None:
    document = api.get_openapi_schema()
    names = [shown["operationId"] for methods in document["paths"].values() for shown in methods.values()]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)


def test_the_page_loads_nothing_from_elsewhere() -> None:
    page = Client().get("/api/v1/docs").content.decode()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert loaded
    for address in loaded:
        assert address.startswith("/static/")
        assert finders.find(address.removeprefix("/static/")) is not None
    assert not re.search(r"https?://", page)
    assert '"validatorUrl": null' in page


def test_a_fragment_adds_and_never_replaces() -> None:
    document = {"paths": {"/a": {"get": {"summary": "A"}}}, "tags": []}
    openapi.merge(document, {"paths": {"/a": {"post": {"summary": "B"}}, "/b": {}}, "tags": []})
    assert document["paths"] == {"/a": {"get": {"summary": "A"}, "post": {"summary": "B"}}, "/b": {}}
    with pytest.raises(ValueError, match="summary"):
        openapi.merge(document, {"paths": {"/a": {"get": {"summary": "C"}}}})


def test_no_two_schemas_share_a_name() -> None:
    """In the document one would take the place of the other."""
    found: list[type[Schema]] = [Schema]
    for one in found:
        found.extend(one.__subclasses__())
    own = {one for one in found if one.__module__.startswith("gatepost.") and "[" not in one.__name__}
    named = Counter(one.__name__ for one in own)
    assert [name for name, count in named.items() if count > 1] == []
