"""Filters: each comparison, everything combined as a plain Python re-implementation has it, and what is refused."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import people_oracle
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.audience import contacts
from gatepost.audience.fields import OPERATORS, WITHOUT_VALUE, fields_of
from gatepost.audience.filters import matching, parse_filter
from gatepost.audience.models import Contact
from gatepost.audience.vocabulary import load
from gatepost.problems import Problem

pytestmark = pytest.mark.django_db

PEOPLE: list[dict[str, Any]] = [
    {
        "external_id": "1",
        "login": "anna",
        "full_name": "Anna Żak",
        "status": "active",
        "email": "Anna@Ex.pl",
        "phones": ["+48 600 100 200", "+447700900001"],
        "location": "Łódź",
        "partner": "Main",
        "tags": ["VIP"],
        "plans": ["Fibre 300", "Talk"],
        "services": ["internet", "voice"],
        "billing": "recurring",
        "custom.node": "West 100%",
        "custom.debt": 12.5,
        "custom.contract_end": "2026-01-31",
        "custom.paperless": True,
        "custom.grade": "Gold",
        "language": "pl",
        "lists": ["Outage"],
    },
    {
        "external_id": "2",
        "login": "STRASSE_1",
        "full_name": "Ivan Straße",
        "status": "blocked",
        "kind": "lead",
        "phones": ["+79161234567"],
        "location": "Praha",
        "plans": ["Talk"],
        "language": "ru",
        "custom.node": "east\\_1",
        "custom.debt": -3,
        "custom.paperless": False,
        "time_zone": "Europe/Moscow",
    },
    {
        "external_id": "3",
        "full_name": "Acme s.r.o.",
        "category": "company",
        "billing": "prepaid",
        "billing_email": "bills@acme.example",
        "partner": "Second",
        "services": ["bundle"],
        "tags": ["vip", "New"],
        "custom.debt": 12.5,
        "custom.contract_end": "2027-06-01",
        "custom.grade": "Silver",
    },
    {"external_id": "4", "login": "nothing"},
]


def fill(owner: Tenant) -> Tenant:
    results = contacts.upsert(owner.workspace, PEOPLE, by="external_id", actor=ACTOR)
    assert [one.what for one in results] == ["created"] * len(PEOPLE), results
    return owner


@pytest.fixture
def filled(north: Tenant) -> Tenant:
    stranger = tenant("South")
    contacts.upsert(stranger.workspace, [{"external_id": "1", "login": "anna"}], by="external_id", actor=ACTOR)
    return fill(north)


def found(owner: Tenant, filter_: Any) -> set[str]:
    return set(matching(owner.workspace, filter_).values_list("external_id", flat=True))


@pytest.mark.parametrize(
    ("field", "op", "value", "expected"),
    [
        ("kind", "is", "lead", "2"),
        ("login", "is", "Anna", "1"),
        ("login", "starts", "strasse_", "2"),
        ("login", "empty", None, "3"),
        ("status", "is", ["active", "Blocked"], "12"),
        ("status", "is_not", "new", "12"),
        ("full_name", "contains", "żAK", "1"),
        ("full_name", "is", "IVAN STRASSE", "2"),
        ("email", "is", "anna@ex.pl", "1"),
        ("billing_email", "filled", None, "3"),
        ("phone", "is", "600100200", "1"),
        ("phone", "starts", "+44 7700", "1"),
        ("phone", "empty", None, "34"),
        ("category", "is", "company", "3"),
        ("location", "is", "ŁÓDŹ", "1"),
        ("location", "is_not", "Praha", "134"),
        ("location", "empty", None, "34"),
        ("billing", "is", "Recurring payments", "1"),
        ("billing", "empty", None, "24"),
        ("partner", "is", ["Main", "Second"], "13"),
        ("plans", "any", ["Talk"], "12"),
        ("plans", "all", ["Talk", "Fibre 300"], "1"),
        ("plans", "none", ["Fibre 300"], "234"),
        ("services", "any", ["voice", "bundle"], "13"),
        ("services", "empty", None, "24"),
        ("lists", "any", "Outage", "1"),
        ("lists", "empty", None, "234"),
        ("tags", "all", ["VIP", "New"], "3"),
        ("tags", "filled", None, "13"),
        ("language", "is", "ru", "2"),
        ("time_zone", "is", "Europe/Moscow", "2"),
        ("external_id", "is", "4", "4"),
        ("created", "from", "2000-01-01", "1234"),
        ("created", "until", "2000-01-01", ""),
        ("custom.node", "contains", "100%", "1"),
        ("custom.node", "contains", "EAST\\_", "2"),
        ("custom.node", "starts", "%", ""),
        ("custom.node", "is_not", "west 100%", "234"),
        ("custom.debt", "is", 12.5, "13"),
        ("custom.debt", "at_least", 0, "13"),
        ("custom.debt", "at_most", "-3", "2"),
        ("custom.contract_end", "until", "2026-01-31", "1"),
        ("custom.contract_end", "from", "2026-02-01", "3"),
        ("custom.paperless", "is", False, "2"),
        ("custom.paperless", "empty", None, "34"),
        ("custom.grade", "is", "gold", "1"),
        ("custom.grade", "filled", None, "13"),
    ],
)
def test_each_comparison_finds_whom_it_should(filled: Tenant, field: str, op: str, value: Any, expected: str) -> None:
    assert found(filled, {"field": field, "op": op, "value": value}) == set(expected)


def test_groups_combine_as_they_say(filled: Tenant) -> None:
    lead = {"field": "kind", "op": "is", "value": "lead"}
    vip = {"field": "tags", "op": "any", "value": ["VIP"]}
    assert found(filled, {}) == found(filled, None) == found(filled, {"all": []}) == set("1234")
    assert found(filled, {"any": []}) == set()
    assert found(filled, {"not": {"any": []}}) == set("1234")
    assert found(filled, {"any": [lead, vip]}) == set("123")
    assert found(filled, {"all": [vip, {"not": lead}, {"field": "login", "op": "filled"}]}) == {"1"}


def test_entries_go_by_number_too_and_survive_a_new_name(filled: Tenant) -> None:
    number = load(filled.workspace).find("plans", "fibre 300")
    assert found(filled, {"field": "plans", "op": "any", "value": [number]}) == {"1"}


@pytest.mark.parametrize(
    ("filter_", "field", "code"),
    [
        ([], "filter", "bad_filter"),
        ("status", "filter", "bad_filter"),
        ({"some": []}, "filter", "bad_filter"),
        ({"all": {}}, "filter.all", "bad_filter"),
        ({"all": [None]}, "filter.all.0", "bad_filter"),
        ({"all": [], "any": []}, "filter", "bad_filter"),
        ({"field": "moon", "op": "is", "value": 1}, "filter.field", "unknown_field"),
        ({"field": ["status"], "op": "is", "value": 1}, "filter.field", "unknown_field"),
        ({"field": "custom.moon", "op": "is", "value": 1}, "filter.field", "unknown_field"),
        ({"field": "status", "op": "any", "value": "active"}, "filter.op", "bad_choice"),
        ({"field": "status", "op": ["is"], "value": "active"}, "filter.op", "bad_choice"),
        ({"field": "status", "op": "is", "value": "asleep"}, "filter.value", "bad_choice"),
        ({"field": "status", "op": "is"}, "filter.value", "required"),
        ({"field": "status", "op": "is", "value": []}, "filter.value", "required"),
        ({"field": "login", "op": "is", "value": {"a": 1}}, "filter.value", "bad_text"),
        ({"field": "login", "op": "is", "value": "a\x00"}, "filter.value", "bad_text"),
        ({"field": "login", "op": "is", "value": "a\ud800"}, "filter.value", "bad_text"),
        ({"field": "plans", "op": "any", "value": ["Moon"]}, "filter.value", "not_found"),
        ({"field": "plans", "op": "any", "value": [10**30]}, "filter.value", "not_found"),
        ({"field": "phone", "op": "is", "value": "12"}, "filter.value", "number_too_short"),
        ({"field": "phone", "op": "starts", "value": "+"}, "filter.value", "bad_number"),
        ({"field": "custom.debt", "op": "at_least", "value": "much"}, "filter.value", "bad_number"),
        ({"field": "custom.debt", "op": "at_least", "value": [1, 2]}, "filter.value", "too_many"),
        ({"field": "custom.contract_end", "op": "from", "value": "soon"}, "filter.value", "bad_date"),
        ({"field": "created", "op": "from", "value": 7}, "filter.value", "bad_date"),
        ({"field": "status", "op": "is", "value": "new", "more": 1}, "filter", "bad_filter"),
        ({"not": {"not": {"not": {"not": {"not": {"not": {}}}}}}}, "filter.not.not.not.not.not.not", "too_deep"),
        ({"any": [{"field": "status", "op": "is", "value": "new"}] * 201}, "filter.any.200", "too_many"),
        ({"any": [{"field": "login", "op": "contains", "value": ["a"] * 101}] * 2}, "filter.any.1.value", "too_many"),
        ({"any": [{"field": "login", "op": "is", "value": ["a"] * 1000}] * 6}, "filter.any.5.value", "too_many"),
    ],
)
def test_what_does_not_fit_is_named_at_its_place(filled: Tenant, filter_: Any, field: str, code: str) -> None:
    with pytest.raises(Problem) as problem:
        matching(filled.workspace, filter_)
    assert (field, code) in [(fault.field, fault.code) for fault in problem.value.faults]


def test_another_workspaces_entries_are_unknown(filled: Tenant) -> None:
    number = load(filled.workspace).find("plans", "Talk")
    stranger = tenant("East")
    with pytest.raises(Problem):
        parse_filter(load(stranger.workspace), {"field": "plans", "op": "any", "value": [number]})


VALUES = {
    "text": st.sampled_from(["anna", "A", "STRASSE", "straße", "ż", "100%", "_", "\\", "east", "gold", "example"]),
    "number": st.sampled_from([12.5, -3, 0, 100]),
    "date": st.sampled_from(["2026-01-31", "2026-02-01", "2027-06-01"]),
    "moment": st.sampled_from(["2000-01-01", "2100-01-01"]),
    "flag": st.booleans(),
}
ENTRIES = {
    "location": ["Łódź", "Praha"],
    "partner": ["Main", "Second"],
    "plans": ["Fibre 300", "Talk"],
    "lists": ["Outage"],
    "tags": ["VIP", "New"],
}
OTHERS = {"language": ["pl", "ru", "en"], "time_zone": ["Europe/Moscow"], "external_id": ["1", "4", "9"]}


def conditions(fields: Any) -> st.SearchStrategy[Any]:
    @st.composite
    def one(draw: Any) -> Any:
        field = draw(st.sampled_from(list(fields.values())))
        op = draw(st.sampled_from(OPERATORS[field.type]))
        if op in WITHOUT_VALUE:
            return {"field": field.name, "op": op}
        if field.name in ENTRIES or field.name in OTHERS:
            value = st.sampled_from(ENTRIES.get(field.name) or OTHERS[field.name])
        elif field.type == "phone":
            value = st.sampled_from(["+48", "+4477", "+79161234567"] if op == "starts" else ["+48600100200"])
        elif field.type in ("choice", "options"):
            value = st.sampled_from([choice for choice, _ in field.choices])
        else:
            value = VALUES[field.type]
        is_single = op in ("at_least", "at_most", "from", "until")
        return {"field": field.name, "op": op, "value": draw(value if is_single else st.lists(value, min_size=1))}

    return one()


def filters(fields: Any) -> st.SearchStrategy[Any]:
    def groups(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        several = st.lists(parts, max_size=3)
        return (
            several.map(lambda inner: {"all": inner})
            | several.map(lambda inner: {"any": inner})
            | parts.map(lambda inner: {"not": inner})
        )

    one = conditions(fields)
    two = groups(one) | one
    return groups(two) | two


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_the_database_finds_the_same_people_as_plain_python(filled: Tenant, data: st.DataObject) -> None:
    vocabulary = load(filled.workspace)
    filter_ = data.draw(filters(fields_of(vocabulary.custom.values())))
    everybody = list(Contact.objects.filter(workspace=filled.workspace))
    names = {name: vocabulary.shown(name) for name in ("location", "partner", "plans", "lists", "tags")}
    expected = people_oracle.people(everybody, names, filter_)
    assert set(matching(filled.workspace, filter_).values_list("pk", flat=True)) == expected
