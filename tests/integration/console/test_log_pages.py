"""Finding messages again: filters, periods in the reader's zone, pages, and the export."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from tests.support.acme import Acme
from tests.support.sending import NASTY, a_message, in_queue
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost import urls
from gatepost.gateways import services
from gatepost.gateways.models import Gateway
from gatepost.messages import export
from gatepost.messages.export import COLUMNS, FORMULA, cell
from gatepost.messages.forms import LogForm
from gatepost.messages.log import first_id
from gatepost.messages.models import Message
from gatepost.messages.periods import PERIODS, between
from gatepost.sms.ids import to_ref
from gatepost.workspaces.models import Role

assert urls.urlpatterns, "importing them declares the pages"
WARSAW = ZoneInfo("Europe/Warsaw")


@pytest.fixture
def north(db: None, acme: Acme) -> Tenant:
    return tenant("North")


@pytest.fixture
def gateway(north: Tenant, acme: Acme) -> Gateway:
    return services.create_gateway([north.workspace], acme.slug, "Acme main", acme.settings(), actor=ACTOR)


def shown(owner: Tenant, role: Role = Role.VIEWER, **query: Any) -> Any:
    return owner.console(role).get(reverse("log", args=[owner.workspace.pk]), query)


def found(owner: Tenant, **query: Any) -> list[int]:
    return [message.pk for message, _ in shown(owner, **query).context["rows"]]


def exported(owner: Tenant, **query: Any) -> list[dict[str, str]]:
    answer = owner.console(Role.VIEWER).get(reverse("log-export", args=[owner.workspace.pk]), query)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="messages.csv"'
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_each_filter_finds_what_it_names(north: Tenant, gateway: Gateway) -> None:
    plain = a_message(north.workspace, gateway)
    queued = a_message(north.workspace, gateway, state="queued")
    in_queue(queued)
    moving = a_message(north.workspace, gateway, state="queued", kind="test")
    failed = a_message(north.workspace, None, state="rejected", to_digits="447700900001", campaign_id=7)
    doubtful = a_message(north.workspace, gateway, state="unknown", to_digits="447700900001")
    assert found(north) == [doubtful.pk, failed.pk, moving.pk, queued.pk, plain.pk]
    for query, expected in (
        ({"word": "Sent"}, [plain]),
        ({"word": "New"}, [queued]),
        ({"word": "Sending"}, [moving]),
        ({"word": "Error"}, [doubtful, failed]),
        ({"word": "unknown"}, [doubtful]),
        ({"word": "Expired"}, []),
        ({"word": "Cancelled"}, []),
        ({"kind": "test"}, [moving]),
        ({"gateway": str(gateway.pk)}, [doubtful, moving, queued, plain]),
        ({"to": "+44 7700"}, [doubtful, failed]),
        ({"to": "nobody"}, []),
        ({"campaign": "7"}, [failed]),
        ({"word": "Error", "to": "48"}, []),
        ({"period": "today"}, [doubtful, failed, moving, queued, plain]),
        ({"period": "yesterday"}, []),
    ):
        assert found(north, **query) == [message.pk for message in expected], query
        assert [row["id"] for row in exported(north, **query)] == [to_ref(message.pk) for message in expected], query


@pytest.mark.parametrize(
    "query",
    [
        {"word": "Lost"}, {"kind": "x"}, {"gateway": "0"}, {"gateway": "abc"}, {"campaign": "-1"}, {"period": "never"},
        {"campaign": "9" * 30}, {"cursor": "%%%"}, {"to": "\x00"}, {"period": "custom", "since": "0001-01-01"},
        {"period": "custom", "until": "9999-12-31"}, {"period": "custom", "since": "soon"},
        {"period": "custom", "since": "2026-11-20", "until": "2026-11-01"},
    ],
)  # fmt: skip
def test_nonsense_is_named_or_finds_nothing_but_never_breaks(
    north: Tenant, gateway: Gateway, query: dict[str, str]
) -> None:
    a_message(north.workspace, gateway)
    answer = shown(north, **query)
    assert answer.status_code in (200, 400)
    if "cursor" not in query:
        assert 'class="error"' in answer.content.decode()


def test_another_tenants_gateway_is_not_offered(north: Tenant, gateway: Gateway) -> None:
    a_message(north.workspace, gateway)
    south = tenant("South")
    assert "Acme main" not in shown(south).content.decode()
    assert str(gateway.pk) not in dict(LogForm(south.workspace).fields["gateway"].choices)  # type: ignore[attr-defined]


def test_nothing_yet_and_nothing_fits_read_differently(north: Tenant, gateway: Gateway) -> None:
    assert "Nothing was sent yet" in shown(north).content.decode()
    a_message(north.workspace, gateway)
    nothing = shown(north, to="99").content.decode()
    assert "Nothing fits" in nothing
    assert "Nothing was sent yet" not in nothing


def test_pages_follow_each_other_without_gap(north: Tenant, gateway: Gateway) -> None:
    ids = [a_message(north.workspace, gateway).pk for _ in range(120)][::-1]
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        answer = shown(north, cursor=cursor, word="Sent")
        seen += [message.pk for message, _ in answer.context["rows"]]
        cursor = answer.context["next_cursor"]
        assert cursor is None or "word=Sent" in answer.content.decode()
    assert seen == ids


def test_a_day_is_the_readers_day(north: Tenant, gateway: Gateway) -> None:
    message = a_message(north.workspace, gateway)
    late = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
    Message.objects.update(created_at=late)
    Message.objects.filter(pk=message.pk).update(id=first_id(late) + 5)
    client = north.console(Role.VIEWER)
    day = {"period": "custom", "since": "2026-11-20", "until": "2026-11-20"}
    for zone, is_there in (("UTC", False), ("Europe/Warsaw", True), ("America/New_York", False)):
        client.cookies["zone"] = zone
        rows = client.get(reverse("log", args=[north.workspace.pk]), day).context["rows"]
        assert bool(rows) == is_there, zone


def test_an_open_side_of_a_period_restricts_nothing(north: Tenant, gateway: Gateway) -> None:
    message = a_message(north.workspace, gateway)
    tomorrow = f"{timezone.now() + timedelta(days=1):%Y-%m-%d}"
    assert found(north, period="custom", until=tomorrow) == [message.pk]
    assert found(north, period="custom", since=tomorrow) == []
    assert found(north, period="custom") == [message.pk]


@pytest.mark.parametrize(
    ("period", "first", "after"),
    [
        ("today", "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"),
        ("yesterday", "2026-03-28T00:00+01:00", "2026-03-29T00:00+01:00"),
        ("week", "2026-03-23T00:00+01:00", "2026-03-30T00:00+02:00"),
        ("month", "2026-03-01T00:00+01:00", "2026-04-01T00:00+02:00"),
        ("last-month", "2026-02-01T00:00+01:00", "2026-03-01T00:00+01:00"),
    ],
)
def test_periods_are_whole_days_even_when_the_clocks_change(period: str, first: str, after: str) -> None:
    since, until = between(period, datetime(2026, 3, 29, 15, tzinfo=WARSAW))
    assert (since, until) == (datetime.fromisoformat(first), datetime.fromisoformat(after))


MOMENTS = st.integers(1_000_000_000, 7_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, WARSAW))


@given(MOMENTS, st.sampled_from([key for key, _ in PERIODS]))
def test_periods_lie_around_now_or_before_it(now: datetime, period: str) -> None:
    since, until = between(period, now)
    if since is None or until is None:
        assert period in ("", "custom")
        return
    assert since < until
    assert (since <= now < until) == (period in ("today", "week", "month"))


@given(st.text() | st.from_regex(r"\A[=+\-@\t\r\n].*", fullmatch=False))
def test_no_cell_begins_as_a_formula_and_none_loses_its_text(text: str) -> None:
    made = cell(text)
    assert not made.startswith(FORMULA)
    assert made == text or made == f"'{text}"


def test_the_export_holds_what_the_log_shows_as_text(north: Tenant, gateway: Gateway) -> None:
    for body in (*NASTY, "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", 'quote " and, comma\nline'):
        a_message(north.workspace, gateway, body=body, client_ref="=cmd|' /C calc'!A0")
    rows = exported(north)
    assert [row["text"] for row in rows][::-1] == [
        *(cell(text) for text in NASTY), "'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "'\r=1",
        'quote " and, comma\nline',
    ]  # fmt: skip
    assert list(rows[0]) == list(COLUMNS)
    assert rows[0]["to"] == "'+48600100200"
    assert rows[0]["client_ref"].startswith("'=")
    assert (rows[0]["state"], rows[0]["word"], rows[0]["gateway"]) == ("delivered", "Sent", "Acme main")


def test_the_export_reads_page_by_page(
    north: Tenant, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(export, "ROWS", 10)
    ids = [to_ref(a_message(north.workspace, gateway).pk) for _ in range(35)][::-1]
    own = Message.objects.filter(workspace=north.workspace).select_related("gateway")
    with django_assert_num_queries(5):
        chunks = list(export.lines(own))
    assert len(chunks) == 5
    assert [line.split(",")[0].strip('"') for line in "".join(chunks).splitlines()[1:]] == ids


def test_the_export_is_the_workspaces_own(north: Tenant, gateway: Gateway) -> None:
    a_message(north.workspace, gateway, body="A secret of North")
    south = tenant("South")
    assert exported(south) == []
    assert Client().get(reverse("log-export", args=[north.workspace.pk])).status_code == 302
