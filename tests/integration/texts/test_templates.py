"""Templates against PostgreSQL: values of contacts, checks, versions, previews, the worst case."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.audience import contacts, entries
from gatepost.audience.models import Contact
from gatepost.audience.vocabulary import Vocabulary
from gatepost.problems import Problem
from gatepost.texts import services
from gatepost.texts.language import compile_text
from gatepost.texts.models import Template, TemplateVersion
from gatepost.texts.preview import Wanted, preview, random_contact, worst_case
from gatepost.texts.services import Draft
from gatepost.texts.values import placeholders, values_of
from gatepost.workspaces.models import AuditEntry

pytestmark = pytest.mark.django_db

REMINDER = Draft("sms", "Reminder", "Dear {{ first_name }}, you owe {{ custom.balance }}.", category="Billing")


def saved(north: Tenant, draft: Draft = REMINDER, **more: Any) -> Template:
    return services.save(north.workspace, draft, actor=ACTOR, **more)


def refused(north: Tenant, draft: Draft, **more: Any) -> set[tuple[str, str]]:
    with pytest.raises(Problem) as problem:
        saved(north, draft, **more)
    return {(fault.field, fault.code) for fault in problem.value.faults}


def test_the_values_of_a_contact_go_by_the_names_of_its_fields(vocabulary: Vocabulary, person: Any) -> None:
    ewa, rye = values_of([person("ewa"), person("rye")], vocabulary)
    assert ewa["full_name"] == ewa["name"] == "Ewa Żak"
    assert (ewa["first_name"], ewa["last_name"], ewa["phone"]) == ("Ewa", "Żak", "+48600100200")
    assert ewa["plans"] == ewa["plan"] == ["Fibre 300", "Talk"]
    assert (ewa["location"], ewa["partner"], ewa["status"]) == ("Świt Górny", "", "new")
    assert ewa["custom.balance"] == ewa["balance"] == -12.5
    assert ewa["custom.contract_end"] is None
    assert (rye["first_name"], rye["last_name"]) == ("Bakery Rye", "")
    assert (rye["contract_end"], rye["paperless"]) == ("2027-01-31", True)
    assert (rye["email"], rye["custom.email"]) == ("", "rye@other.example")
    assert set(ewa) == set(placeholders(vocabulary))


def test_the_values_of_many_ask_the_database_no_more_often_than_those_of_one(
    north: Tenant, vocabulary: Vocabulary
) -> None:
    everybody = list(contacts.own(north.workspace))
    counts = []
    for some in (everybody[:1], everybody):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert len(list(values_of(some, vocabulary, {"name", "plans", "location"}))) == len(some)
        counts.append(len(asked))
    assert counts == [2, 2]


def test_every_placeholder_renders_for_everybody(north: Tenant, vocabulary: Vocabulary) -> None:
    text = compile_text("".join(f"{{{{ {name} | default: '-' }}}}" for name in placeholders(vocabulary)))
    for values in values_of(contacts.own(north.workspace), vocabulary, text.fields):
        assert text.render(values)


def test_each_saving_that_says_something_new_is_a_version(north: Tenant) -> None:
    row = saved(north)
    assert (row.version, row.category, row.missing) == (1, "Billing", "refuse")
    changed = Draft("sms", "Reminder", "Pay %CUSTOM.BALANCE%!\r\nThanks", "ignored", missing="default", default=" 0 ")
    row = saved(north, changed, row=row, version=1)
    assert (row.version, row.body, row.subject, row.default) == (2, "Pay %CUSTOM.BALANCE%!\nThanks", "", "0")
    assert saved(north, changed, row=row, version=2).version == 2
    assert [(one.version, one.body[:4], one.actor) for one in row.versions.all()] == [
        (2, "Pay ", ACTOR),
        (1, "Dear", ACTOR),
    ]
    assert services.restore(row, 1, actor=ACTOR).version == 3
    assert services.find(north.workspace, row.pk).body == REMINDER.body
    assert AuditEntry.objects.filter(action="template.change", workspace=north.workspace).count() == 2


def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused(north: Tenant) -> None:
    row = saved(north)
    saved(north, Draft("sms", "Reminder", "Hello"), row=row, version=1)
    with pytest.raises(Problem) as problem:
        saved(north, Draft("sms", "Reminder", "Good-bye"), row=row, version=1)
    assert problem.value.code == "template_changed"
    services.delete(row, actor=ACTOR)
    assert not TemplateVersion.objects.exists()
    with pytest.raises(Problem) as problem:
        saved(north, Draft("sms", "Reminder", "Good-bye"), row=row)
    assert problem.value.code == "not_found"


@pytest.mark.parametrize(
    ("draft", "faults"),
    [
        (Draft("sms", " ", ""), {("name", "required")}),
        (Draft("sms", "x", " "), {("body", "required")}),
        (Draft("fax", "x", "x", missing="never"), {("channel", "bad_choice"), ("missing", "bad_choice")}),
        (Draft("email", "x", "%typo%"), {("body", "unknown_field"), ("subject", "required")}),
        (Draft("email", "x", "y", "{{ full_nam }}"), {("subject", "unknown_field")}),
        (Draft("sms", "x", "y", missing="default"), {("default", "required")}),
        (Draft("sms", "x" * 101, "y", category="c" * 61), {("name", "too_long"), ("category", "too_long")}),
        (Draft("sms", "a\x00", "y"), {("name", "bad_text")}),
        (Draft("sms", "x", "{{ full_name | divided_by: 0 }}"), {("body", "cannot_render")}),
        (Draft("sms", "x", "{{ custom.contract_end | date: '%Q' }}"), {("body", "cannot_render")}),
        (Draft("sms", "x", "{% if custom.balance > 'a' %}{% endif %}"), {("body", "cannot_render")}),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field(north: Tenant, draft: Draft, faults: set[tuple[str, str]]) -> None:
    assert refused(north, draft) == faults
    assert not Template.objects.exists()


def test_a_name_is_taken_once_per_channel(north: Tenant) -> None:
    saved(north)
    assert refused(north, REMINDER) == {("name", "taken")}
    saved(north, Draft("portal", "Reminder", "x"))
    other = saved(north, Draft("sms", "Other", "x"))
    assert refused(north, REMINDER, row=other) == {("name", "taken")}
    assert services.find(north.workspace, other.pk).version == 1


def test_templates_are_found_by_channel_category_and_words(north: Tenant) -> None:
    saved(north)
    saved(north, Draft("portal", "Outage", "Works on Monday", category="Network"))
    names = lambda *asked: [row.name for row in services.search(north.workspace, *asked)]  # noqa: E731
    assert names() == ["Reminder", "Outage"]
    assert names("portal") == names("", "Network") == names("", "", " monday ") == ["Outage"]
    assert services.categories(north.workspace) == ["Billing", "Network"]


def test_a_preview_shows_the_text_for_one_person(vocabulary: Vocabulary, person: Any) -> None:
    shown = preview(vocabulary, Wanted("sms", "", "Dear {{ first_name }} {{ custom.balance | money }}"), person("ewa"))
    assert (shown.text, shown.missing, shown.gets_nothing) == ("Dear Ewa -12.50", (), False)
    assert shown.sms.size is not None
    assert shown.sms.size.segments == 1
    shown = preview(vocabulary, Wanted("sms", "", "Dear {{ last_name }} " * 9), person("ewa"))
    assert [costly.character for costly in shown.sms.foreign] == ["Ż"]
    assert shown.sms.saving is not None
    mail = preview(vocabulary, Wanted("email", "For %NAME%", "%EMAIL% %BALANCE%"), person("bo"))
    assert (mail.subject, mail.text, mail.missing, mail.gets_nothing) == (
        "For Bo Ek",
        "… …",
        ("E-mail", "Balance"),
        True,
    )
    filled = preview(vocabulary, Wanted("portal", "", "%EMAIL%", "default", "friend"), person("bo"))
    assert (filled.text, filled.gets_nothing) == ("friend", False)


@pytest.mark.parametrize(
    "body", ["Dear {{ email }}" + "x" * 100, "{% if login %}Dear {{ email | upcase }}{% endif %}" + "x" * 100]
)
def test_the_mark_for_a_missing_value_is_shown_and_not_counted(vocabulary: Vocabulary, person: Any, body: str) -> None:
    shown = preview(vocabulary, Wanted("sms", "", body), person("bo"))
    assert (shown.text, shown.missing) == ("Dear …" + "x" * 100, ("E-mail",))
    assert shown.sms.size is not None
    assert (shown.sms.size.encoding, shown.sms.size.units, shown.sms.size.costly) == ("gsm7", 105, ())
    own = preview(vocabulary, Wanted("sms", "", "Wait… {{ email }}"), person("bo"))
    assert [(costly.character, costly.count) for costly in own.sms.foreign] == [("…", 1)]


def test_a_missing_value_makes_nobody_the_worst_case(north: Tenant, vocabulary: Vocabulary, person: Any) -> None:
    body = "{{ location }}" + "x" * 154
    others = contacts.own(north.workspace).exclude(login="ewa")
    assert worst_case(vocabulary, Wanted("sms", "", body), others) == person("max")


def test_a_preview_of_what_does_not_fit_says_why(vocabulary: Vocabulary, person: Any) -> None:
    assert preview(vocabulary, Wanted("sms", "", "{{ typo }}"), person("bo")).faults[0].code == "unknown_field"
    fault = preview(vocabulary, Wanted("sms", "", "{{ login | plus: 1 }}"), person("bo"))
    assert fault.fault == "A filter that calculates was given 'bo' for a number."
    assert preview(vocabulary, Wanted("sms", "", "Hello"), None).text == "Hello"
    assert preview(vocabulary, Wanted("sms", "", "Hello %NAME%"), None).text == "Hello %NAME%"


WORST = {
    "Dear {{ full_name }}": "max",
    "{{ full_name }}" + "x" * 65: "ewa",
    "{{ location }}{{ login | default: '-' }}": "ewa",
    "{% if plans.size > 1 %}" + "x" * 200 + "{% endif %}": "ewa",
    "{{ custom.email }}": "rye",
    "{{ phone | default: '' }}": "ewa",
    "{{ services | default: '' }}x": "ewa",
}


@pytest.mark.parametrize("body", WORST)
def test_the_worst_case_is_whoever_needs_most(north: Tenant, vocabulary: Vocabulary, person: Any, body: str) -> None:
    worst = worst_case(vocabulary, Wanted("sms", "", body, "default", "-"), contacts.own(north.workspace))
    assert worst == person(WORST[body])


def test_the_worst_case_is_that_of_a_plain_search_over_everybody(north: Tenant, vocabulary: Vocabulary) -> None:
    made = [{"full_name": f"Person {'n' * (place * 7 % 40)}{'ł' * (place % 11 == 0)}"} for place in range(60)]
    contacts.upsert(north.workspace, [one | {"login": str(n)} for n, one in enumerate(made)], by="login", actor=ACTOR)
    wanted = Wanted("sms", "", "Dear {{ full_name }}, " + "x" * 40, "default", "-")
    sizes = {one.pk: preview(vocabulary, wanted, one).sms.size for one in contacts.own(north.workspace)}
    most = max((size.segments, size.units) for size in sizes.values() if size)
    worst = worst_case(vocabulary, wanted, contacts.own(north.workspace))
    found = sizes[worst.pk] if worst else None
    assert found is not None
    assert (found.segments, found.units) == most


def test_nobody_is_the_worst_case_of_nobody(north: Tenant, vocabulary: Vocabulary) -> None:
    nobody = Contact.objects.none()
    assert random_contact(nobody) is None
    assert worst_case(vocabulary, Wanted("sms", "", "{{ name }}"), nobody) is None
    assert random_contact(contacts.own(north.workspace)) in contacts.own(north.workspace)


def test_what_a_field_was_called_before_is_missing_after_it_is_gone(north: Tenant, vocabulary: Vocabulary) -> None:
    row = saved(north)
    entries.delete_field(vocabulary.custom["balance"], actor=ACTOR)
    assert refused(north, services.draft_of(row, "sms"), row=row) == {("body", "unknown_field")}


def test_the_api_adds_changes_restores_and_deletes(send: Any, north: Tenant) -> None:
    new = {"channel": "email", "name": "Bill", "subject": "Bill for %NAME%", "body": "{{ custom.balance | money }}"}
    made = send("POST", "/templates", new)
    assert made.status_code == 201, made.content
    path = f"/templates/{made.json()['id']}"
    assert send("PATCH", path, {"body": "Pay", "version": 1}).json()["version"] == 2
    answer = send("PATCH", path, {"body": "{{ nme }}"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body")
    assert "Did you mean" in answer.json()["errors"][0]["detail"]
    assert send("PATCH", path, {"body": "Late", "version": 1}).json()["code"] == "template_changed"
    assert [one["version"] for one in send("GET", f"{path}/versions").json()["items"]] == [2, 1]
    assert send("POST", f"{path}/restore", {"version": 1}).json()["body"] == new["body"]
    assert send("POST", f"{path}/restore", {"version": 9}).status_code == 404
    assert [one["name"] for one in send("GET", "/templates?channel=email&q=bill").json()["items"]] == ["Bill"]
    assert send("GET", "/templates?channel=sms").json()["items"] == []
    assert send("DELETE", path).status_code == 204
    assert send("GET", path).status_code == 404


def test_the_api_previews_for_a_contact_or_the_worst_case(send: Any, person: Any) -> None:
    asked = {"body": "Dear {{ full_name }}", "contact_id": person("ewa").pk}
    shown = send("POST", "/templates/preview", asked).json()
    assert (shown["text"], shown["encoding"], shown["segments"]) == ("Dear Ewa Żak", "ucs2", 1)
    assert shown["costly"][0]["replacement"] == "Z"
    longest = send("POST", "/templates/preview", {"body": "{{ full_name }}", "pick": "longest"}).json()
    assert longest["contact_id"] == person("max").pk
    assert send("POST", "/templates/preview", {"body": "{{ x }}"}).status_code == 422
    assert send("POST", "/templates/preview", {"body": "x", "contact_id": 2**62}).status_code == 404
    names = {one["name"] for one in send("GET", "/templates/placeholders").json()["items"]}
    assert {"full_name", "first_name", "custom.balance", "balance"} <= names


def test_tenants_never_meet(north: Tenant, send: Any) -> None:
    south = tenant("South")
    row = saved(south, Draft("sms", "Secret", "South only"))
    for method, path, body in (
        ("GET", f"/templates/{row.pk}", None),
        ("PATCH", f"/templates/{row.pk}", {"body": "x"}),
        ("DELETE", f"/templates/{row.pk}", None),
        ("GET", f"/templates/{row.pk}/versions", None),
        ("POST", f"/templates/{row.pk}/restore", {"version": 1}),
    ):
        assert send(method, path, body).status_code == 404
    assert send("GET", "/templates").json()["items"] == []
    stranger = contacts.create(south.workspace, {"full_name": "Sue South"}, actor=ACTOR)
    asked = {"body": "{{ full_name }}", "contact_id": stranger.pk}
    assert send("POST", "/templates/preview", asked).status_code == 404
