"""The page of the price list: entered, imported and exported, and what the confirmation says without one."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from tests.integration.campaigns.conftest import Office
from tests.support.tenants import ACTOR, tenant

from gatepost import urls
from gatepost.campaigns import prices
from gatepost.campaigns.views_prices import PER_PAGE
from gatepost.gateways.services import create_gateway
from gatepost.workspaces.models import AuditEntry, Role

pytestmark = pytest.mark.django_db
assert urls.urlpatterns, "importing them declares the pages"


@pytest.fixture
def operator(office: Office) -> Client:
    return office.console(Role.OPERATOR)


def at(office: Office, name: str, **more: Any) -> str:
    return reverse(name, kwargs={"workspace": office.workspace.pk, **more})


def words(answer: Any) -> str:
    """What can be read on the page."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def listed(office: Office) -> list[tuple[str, str | None, str, str]]:
    rows = prices.listed(office.workspace)
    return [(row.prefix, row.gateway and row.gateway.name, prices.plain(row.amount), row.currency) for row in rows]


def give(office: Office, prefix: str, amount: str = "0.03", **more: Any) -> int:
    return prices.save(office.workspace, prefix=prefix, amount=amount, currency="EUR", actor=ACTOR, **more).pk


def test_an_empty_list_says_what_to_do(office: Office, operator: Client) -> None:
    assert "Enter the first price below" in words(operator.get(at(office, "prices")))
    shown = words(office.console(Role.VIEWER).get(at(office, "prices")))
    assert "An owner or operator of the workspace enters the prices" in shown
    assert "Set a price" not in shown


def test_a_price_is_entered_changed_and_removed(office: Office, operator: Client) -> None:
    said = {"prefix": "+48 60", "gateway": str(office.gateway.pk), "price": "0,032", "currency": "pln"}
    answer = operator.post(at(office, "prices"), said, follow=True)
    assert "A segment to +4860 costs 0.032 PLN now." in words(answer)
    assert listed(office) == [("4860", "Echo", "0.032", "PLN")]
    assert 'value="PLN"' in answer.content.decode()
    operator.post(at(office, "prices"), said | {"prefix": "4860", "price": "1000"})
    assert listed(office) == [("4860", "Echo", "1000", "PLN")]
    row = prices.own(office.workspace).get()
    answer = operator.post(at(office, "price-delete", price=row.pk) + "?page=2")
    assert answer["Location"] == at(office, "prices") + "?page=2"
    assert listed(office) == []
    actions = AuditEntry.objects.filter(action__startswith="price.").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["price.save", "price.save", "price.delete"]


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"price": "dear"}, "A price is a number such as 0.032"),
        ({"price": "-1"}, "A price is a number such as 0.032"),
        ({"price": ""}, "This field is required"),
        ({"prefix": "48x"}, "A prefix is the first digits"),
        ({"currency": "E1R"}, "A currency has three letters"),
        ({"gateway": "999999"}, "Select a valid choice"),
        ({"prefix": "4\x008"}, "Null characters are not allowed"),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field(
    office: Office, operator: Client, said: dict[str, str], fault: str
) -> None:
    answer = operator.post(at(office, "prices"), {"prefix": "4915", "price": "0.1", "currency": "EUR"} | said)
    assert answer.status_code == 422
    assert fault in words(answer)
    assert "The price was not set" in words(answer)
    assert "prefix" in said or 'value="4915"' in answer.content.decode()
    assert listed(office) == []


def test_a_gateway_of_somebody_else_cannot_be_chosen(office: Office, operator: Client) -> None:
    foreign = create_gateway([tenant("Others").workspace], "echo", "Theirs", {}, {}, actor=ACTOR)
    said = {"prefix": "48", "price": "1", "currency": "EUR", "gateway": str(foreign.pk)}
    answer = operator.post(at(office, "prices"), said)
    assert answer.status_code == 422
    assert "Theirs" not in words(answer)
    assert listed(office) == []


def test_prices_stand_by_prefix_with_their_country_page_by_page(office: Office, operator: Client) -> None:
    for prefix in ("", "48", "1", "1204", "77", "999"):
        give(office, prefix)
    give(office, "48", "0.02", gateway_id=office.gateway.pk)
    shown = words(operator.get(at(office, "prices")))
    assert re.search(r"Every number Every gateway 0\.03 EUR", shown)
    assert re.search(r"\+1 United States and others Every gateway", shown)
    assert re.search(r"\+1204 Every gateway", shown)
    assert re.search(r"\+48 Poland Every gateway 0\.03 EUR .*\+48 Poland Echo 0\.02 EUR", shown)
    assert re.search(r"\+77 Kazakhstan Every gateway", shown)
    assert re.search(r"\+999 Every gateway", shown)
    table = "prefix,price\n" + "".join(f"{n},1\n" for n in range(3000, 3000 + PER_PAGE))
    prices.read_table(office.workspace, table.encode(), actor=ACTOR)
    first, second = (operator.get(at(office, "prices"), {"page": n}) for n in (1, "2"))
    assert f"Page 1 of 2, {PER_PAGE + 7} prices" in words(first)
    assert "+999" not in words(first)
    assert "+999" in words(second)
    assert operator.get(at(office, "prices"), {"page": "x\x00"}).status_code == 200


@pytest.mark.parametrize("is_file", [True, False])
def test_a_table_is_taken_from_a_file_or_pasted(office: Office, operator: Client, is_file: bool) -> None:
    give(office, "7")
    text = "prefix;price;currency;gateway\r\n48;0,03;EUR;\r\n4860;0,02;EUR;Echo\r\n"
    said: dict[str, Any] = {"file": SimpleUploadedFile("prices.csv", text.encode())} if is_file else {"table": text}
    answer = operator.post(at(office, "prices-import"), said, follow=True)
    assert "2 prices taken from the table." in words(answer)
    assert [row[0] for row in listed(office)] == ["48", "4860", "7"]
    operator.post(at(office, "prices-import"), {"table": "prefix,price\n49,1\n", "replace": "on"})
    assert listed(office) == [("49", None, "1", "EUR")]
    assert AuditEntry.objects.filter(action="price.import").count() == 2


def test_a_table_with_a_fault_is_not_taken_at_all_and_stays_to_be_put_right(office: Office, operator: Client) -> None:
    give(office, "7")
    table = "prefix,price,gateway\n48,0.03,\n49,dear,\n50,1,<b>Nobody</b>\n"
    answer = operator.post(at(office, "prices-import"), {"table": table, "replace": "on"})
    shown = words(answer)
    assert answer.status_code == 422
    assert "Nothing was taken from the table" in shown
    assert "Line 3: A price is a number such as 0.032" in shown
    assert "Line 4: The workspace has no gateway of this name." in shown
    assert "49,dear," in shown
    assert "<b>Nobody" not in answer.content.decode()
    assert re.search(r'name="replace"[^>]* checked', answer.content.decode())
    assert [row[0] for row in listed(office)] == ["7"]


@pytest.mark.parametrize(
    ("said", "status", "fault"),
    [
        ({}, 422, "There is no table: choose a file, or paste its lines."),
        ({"table": "48;0.03"}, 422, "The first line must name the columns prefix and price."),
        ({"table": "prefix,price\n" + "x,1\n" * 30}, 422, "These are the first 20."),
        ({"file": b"x" * (prices.LONGEST_TABLE + 1)}, 413, "A price list has at most 2 MiB."),
        ({"file": bytes(range(256))}, 422, "The first line must name the columns prefix and price."),
    ],
)
def test_what_is_no_table_is_refused(
    office: Office, operator: Client, said: dict[str, Any], status: int, fault: str
) -> None:
    if "file" in said:
        said = {"file": SimpleUploadedFile("prices.csv", said["file"])}
    answer = operator.post(at(office, "prices-import"), said)
    assert answer.status_code == status
    assert fault in words(answer)
    assert listed(office) == []


def test_what_is_exported_starts_no_formula_and_can_be_imported_again(office: Office, operator: Client) -> None:
    office.gateway.name = "=Echo"
    office.gateway.save()
    give(office, "")
    give(office, "48", "0.000001", gateway_id=office.gateway.pk)
    before = listed(office)
    answer = office.console(Role.VIEWER).get(at(office, "prices-export"))
    content = answer.getvalue()
    assert content.decode("utf-8-sig").splitlines() == [
        '"prefix","price","currency","gateway"',
        '"","0.03","EUR",""',
        '"48","0.000001","EUR","\'=Echo"',
    ]
    file = SimpleUploadedFile("prices.csv", content)
    operator.post(at(office, "prices-import"), {"file": file, "replace": "on"})
    assert listed(office) == before


def test_the_confirmation_leads_to_the_list_where_the_cost_is_not_known(office: Office) -> None:
    office.people(2)
    row = office.draft()
    check = at(office, "campaign-check", campaign=row.pk)

    def shown(role: Role) -> str:
        office.forecast(row)
        answer = office.console(role).get(check)
        leads = (
            f'<a href="{at(office, "prices")}">'
            in answer.content.decode().partition('<div class="grid facts-grid">')[2]
        )
        assert leads == (not answer.context["forecast"].costs)
        return words(answer)

    assert "No price list: add one , and the cost stands here." in shown(Role.OPERATOR)
    assert "No price list: see how to get one , and" in shown(Role.SENDER)
    give(office, "49")
    assert "no line of your price list fits these numbers" in shown(Role.SENDER)
    give(office, "48")
    assert "0.06 EUR by your price list" in shown(Role.SENDER)
