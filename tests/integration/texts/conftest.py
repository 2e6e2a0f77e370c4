"""A workspace with custom fields and a few contacts, for tests of texts."""

import json
from typing import Any

import pytest
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.audience import contacts, entries
from gatepost.audience.models import Contact
from gatepost.audience.vocabulary import Vocabulary, load

PEOPLE: tuple[dict[str, Any], ...] = (
    {"full_name": "Ewa Żak", "login": "ewa", "email": "ewa@north.example", "phones": ["+48600100200"],
     "plans": ["Fibre 300", "Talk"], "location": "Świt Górny", "custom.balance": "-12.5"},
    {"full_name": "Bo Ek", "login": "bo"},
    {"full_name": "Maximilian Featherstonehaugh-Cholmondeley", "login": "max", "location": "Ash"},
    {"full_name": "Bakery Rye", "login": "rye", "category": "company", "custom.contract_end": "2027-01-31",
     "custom.paperless": "yes", "custom.email": "rye@other.example"},
)  # fmt: skip


@pytest.fixture
def north() -> Tenant:
    made = tenant("North")
    for label, type_ in (("Balance", "number"), ("Contract end", "date"), ("Paperless", "flag"), ("Email", "text")):
        entries.add_field(made.workspace, label, type_, actor=ACTOR)
    for person in PEOPLE:
        contacts.create(made.workspace, person, actor=ACTOR)
    return made


@pytest.fixture
def vocabulary(north: Tenant) -> Vocabulary:
    return load(north.workspace)


@pytest.fixture
def person(north: Tenant) -> Any:
    """`person(login)`: that contact."""
    return lambda login: Contact.objects.get(workspace=north.workspace, login=login)


@pytest.fixture
def send(north: Tenant) -> Any:
    """`send(method, path, body)`: a request to the API with every scope."""
    client = north.api()

    def ask(method: str, path: str, body: Any = None) -> Any:
        return client.generic(method, f"/api/v1{path}", json.dumps(body), "application/json")

    return ask
