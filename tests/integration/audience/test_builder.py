"""The form of a filter: what is put together on the page means the same in JSON, and the other way round."""

from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tenants import Tenant

from gatepost.audience import builder, contacts
from gatepost.audience.builder import Group, Row
from gatepost.audience.filters import matching, parse_filter
from gatepost.audience.vocabulary import load
from gatepost.campaigns import people as campaign_people
from gatepost.problems import Problem
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(north: Tenant) -> Tenant:
    for name, status, plan, debt in (("Ada", "active", "Fibre", 5), ("Bo", "new", "Talk", 0), ("Cy", "blocked", "", 9)):
        said = {"full_name": name, "status": status, "plans": [plan] if plan else [], "custom.debt": debt}
        contacts.create(north.workspace, said, actor="test")
    return north


def names(tenant: Tenant, filter_: Any) -> list[str]:
    return sorted(contact.full_name for contact in matching(tenant.workspace, filter_))


def test_groups_in_groups_come_back_as_they_were(people: Tenant) -> None:
    vocabulary = load(people.workspace)
    plan = str(vocabulary.find("plans", "Fibre"))
    said = QueryDict(mutable=True)
    said.update({"f-how": "any", "f.0-field": "status", "f.0-op": "is"})
    said.setlist("f.0-value", ["new", "blocked"])
    said.update({"f.1-how": "none", "f.1.0-field": "plans", "f.1.0-op": "any", "f.1.0-value": plan})
    said.update({"f.1.1-field": "custom.debt", "f.1.1-op": "at_least", "f.1.1-value": "9", "f.2-field": ""})
    group = builder.read(said)
    filter_ = builder.to_json(group, vocabulary)
    assert filter_ == {
        "any": [
            {"field": "status", "op": "is", "value": ["new", "blocked"]},
            {
                "not": {
                    "any": [
                        {"field": "plans", "op": "any", "value": int(plan)},
                        {"field": "custom.debt", "op": "at_least", "value": "9"},
                    ]
                }
            },
        ]
    }
    assert names(people, filter_) == ["Bo", "Cy"]
    assert builder.from_json(filter_, vocabulary) == Group("any", group.parts[:2])


@pytest.mark.parametrize(
    "filter_",
    [
        {},
        {"field": "login", "op": "empty"},
        {"not": {"field": "status", "op": "is", "value": "active"}},
        {"not": {"all": [{"field": "plans", "op": "any", "value": ["Fibre"]}]}},
        {"all": [{"field": "full_name", "op": "is_not", "value": ["Bo", "Cy"]}, {"any": []}]},
        {"all": [{"field": "custom.paperless", "op": "empty"}, {"not": {"not": {"field": "email", "op": "empty"}}}]},
    ],
)
def test_what_programs_wrote_means_the_same_on_the_page(people: Tenant, filter_: Any) -> None:
    vocabulary = load(people.workspace)
    shown = builder.from_json(filter_, vocabulary)
    again = builder.to_json(shown, vocabulary)
    assert names(people, again) == names(people, filter_)
    assert builder.show(shown, vocabulary).path == "f"


WRITTEN: dict[str, list[str]] = {
    "Ada, Bo": ["Ada", "Bo"],
    '"Nowak, Anna", Bo': ["Nowak, Anna", "Bo"],
    '"He said ""no"", twice"': ['He said "no", twice'],
    '5" pipe, 7" pipe': ['5" pipe', '7" pipe'],
    '"never closed, Bo': ['"never closed', "Bo"],
    " , ,": [],
}


@pytest.mark.parametrize("written", WRITTEN)
def test_one_text_names_several_values_and_those_with_a_comma_in_quotes(people: Tenant, written: str) -> None:
    said = QueryDict(mutable=True)
    said.update({"f.0-field": "full_name", "f.0-op": "is", "f.0-value": written})
    vocabulary = load(people.workspace)
    [condition] = builder.to_json(builder.read(said), vocabulary)["all"]
    meant = WRITTEN[written]
    assert condition["value"] == (meant[0] if len(meant) == 1 else meant or "")


@given(st.lists(st.text('ab," ', min_size=1), min_size=1, max_size=4))
def test_any_values_come_back_from_the_text_that_names_them(values: list[str]) -> None:
    assert builder.parts_of(", ".join(map(builder.in_list, values))) == values


def test_a_value_with_a_comma_means_the_same_after_it_was_shown(people: Tenant) -> None:
    contacts.create(people.workspace, {"full_name": "Nowak, Anna", "login": "a,b"}, actor="test")
    vocabulary = load(people.workspace)
    for field, value in (("full_name", "Nowak, Anna"), ("login", "a,b")):
        filter_ = {"field": field, "op": "is", "value": value}
        [row] = builder.show(builder.from_json(filter_, vocabulary), vocabulary).parts
        assert isinstance(row, builder.ShownRow)
        assert (row.written, row.trouble) == (f'"{value}"', "")
        said = QueryDict(mutable=True)
        said.update({"f.0-field": field, "f.0-op": "is", "f.0-value": row.written})
        assert names(people, builder.to_json(builder.read(said), vocabulary)) == ["Nowak, Anna"]
        usual = campaign_people.from_json({"all": [filter_]}, vocabulary)
        assert names(people, campaign_people.to_json(usual, vocabulary)) == ["Nowak, Anna"]
    contains = {"field": "full_name", "op": "contains", "value": "k, A"}
    [row] = builder.from_json(contains, vocabulary).parts
    assert row == Row("full_name", "contains", ("k, A",))


def test_parts_are_added_and_dropped() -> None:
    group = builder.change(builder.change(Group(), "add-row f"), "add-group f")
    assert group == Group("all", (Row(), Group("any", (Row(),))))
    assert builder.change(group, "add-row f.1") == Group("all", (Row(), Group("any", (Row(), Row()))))
    assert builder.change(group, "drop f.0") == Group("all", (Group("any", (Row(),)),))
    assert builder.change(group, "drop f.1.0") == Group("all", (Row(), Group("all")))
    for nonsense in ("", "drop", "drop f", "drop f.9", "drop f.0.0", "add-row f.x", "add-row f.-1", "explode f"):
        assert builder.change(group, nonsense) == group


def test_what_is_not_finished_is_said_and_never_means_everybody(people: Tenant) -> None:
    vocabulary = load(people.workspace)
    for row in (Row("status", "is"), Row("custom.gone", "is", ("x",)), Row("custom.debt", "is", ("much",))):
        filter_ = builder.to_json(Group("all", (row,)), vocabulary)
        with pytest.raises(Problem):
            parse_filter(vocabulary, filter_)
    [shown] = builder.show(Group("all", (Row("custom.debt", "is", ("much",)),)), vocabulary).parts
    assert isinstance(shown, builder.ShownRow)
    assert shown.trouble


def test_no_form_brings_the_page_down(people: Tenant) -> None:
    client = people.console(Role.VIEWER)
    url = f"/w/{people.workspace.pk}/contacts/filter/"
    deep = {f"f{'.0' * depth}-how": "all" for depth in range(1, 300)}
    odd = {"f-how": "odd", "f.0-field": "\x00", "f.0-op": "<b>", "f.0-value": "\x00"}
    for said in (deep, odd, {"f-do": "drop f."}):
        assert client.post(url, said).status_code == 200
    said = {"f.0-field": "status", "f.0-op": "contains", "f-do": "add-row f"}
    answer = client.post(url, said).content.decode()
    assert 'name="f.1-field"' in answer
    assert 'name="f.0-value" value="blocked"' in answer
