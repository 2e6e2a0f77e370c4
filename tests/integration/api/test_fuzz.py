"""A1: whatever fits the document and whatever does not, no answer is a 5xx, and each is what the document says."""

import json
import os
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema_rs
import pytest
import schemathesis
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from tests.support.acme import Acme, only_acme
from tests.support.kept import kept
from tests.support.tenants import ACTOR, one_of_everything, tenant

from gatepost.api import openapi
from gatepost.api.assembly import api
from gatepost.dispatch import trial_send
from gatepost.gateways import services

pytestmark = pytest.mark.django_db

CASES = int(os.environ.get("FUZZ_CASES", "3000"))
ROUTES = sorted((method, path) for path, method, _ in openapi.routes(api))
DOCUMENT = json.loads(openapi.snapshot())
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


def make() -> tuple[str, dict[str, Any]]:
    """A tenant with one of everything: the token of a key, and the ids."""
    north = tenant("North")
    with only_acme() as acme:
        here = acme.settings(base_url="https://127.0.0.1:9")
        gateway = services.create_gateway([north.workspace], acme.slug, "Acme main", here, actor=ACTOR)
    return north.key(), one_of_everything(north, gateway)


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    with kept(django_db_blocker, make) as both:
        yield both


@pytest.fixture
def known(acme: Acme, made: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Generated ids are replaced by these now and then."""
    monkeypatch.setattr(trial_send, "WAIT_S", 0.0)
    token, ids = made
    return {"client": Client(headers={"Authorization": f"Bearer {token}"}), "ids": ids}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_input_gives_a_5xx(known: dict[str, Any], method: str, path: str) -> None:
    operation = SCHEMA[path][method.upper()]
    # Made once: from a document of this size it takes longer than the question.
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in _modes(operation)])

    @settings(
        max_examples=max(CASES // len(ROUTES), 1),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, is_known=st.booleans())
    def run(case: Any, is_known: bool) -> None:
        answer = _send(known["client"], case, known["ids"] if is_known else {})
        assert answer.status_code < 500, answer.getvalue()
        _fits_the_document(operation, answer)

    run()


def _modes(operation: Any) -> list[GenerationMode]:
    """Nothing can be wrong about a route that takes nothing."""
    takes_something = operation.body or operation.query or operation.path_parameters
    return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if takes_something else [GenerationMode.POSITIVE]


def _send(client: Client, case: Any, ids: dict[str, Any]) -> Any:
    filled = {name: quote(str(value), safe="") for name, value in (case.path_parameters or {}).items()} | ids
    body = json.dumps(case.body) if isinstance(case.body, (dict, list, str, int, float, type(None))) else ""
    with transaction.atomic():
        answer = client.generic(
            case.method,
            case.path.format_map(filled) or "/",
            body,
            case.media_type or "application/json",
            QUERY_STRING=urlencode(case.query or {}, doseq=True, errors="surrogatepass"),
        )
        transaction.set_rollback(True)
    return answer


def _fits_the_document(operation: Any, answer: Any) -> None:
    answers = operation.definition.raw["responses"]
    told = answers.get(str(answer.status_code)) or answers["default"]
    if not answer.getvalue():
        assert "content" not in told
        return
    [(content_type, media)] = told["content"].items()
    assert answer["Content-Type"].partition(";")[0] == content_type
    if not content_type.endswith("json"):
        return
    _validator(json.dumps(media["schema"])).validate(answer.json())


@cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.validator_for(json.loads(schema) | {"components": DOCUMENT["components"]})
