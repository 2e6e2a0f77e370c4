"""POST /api/v1/messages: what is answered, and what is on disk then."""

import asyncio
import sys
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import OperationalError
from tests.support import asgi
from tests.support.asgi import GONE
from tests.support.tenants import tenant

from gatepost.dispatch.threads import in_thread
from gatepost.gateways.services import update_gateway
from gatepost.intake import app, commit, http, messages, snapshots
from gatepost.messages import clock, idempotency
from gatepost.problems import KINDS
from gatepost.sms.ids import from_ref
from gatepost.workspaces.models import ApiKey

NUMBER = "+48600100200"
ONE = {"to": NUMBER, "text": "hello"}
ODD = [
    {"validity_s": 10**300},
    {"send_at": "0001-01-01T00:00:00+14:00"},
    {"send_at": (datetime.now(UTC) + timedelta(days=3)).isoformat().replace("+00:00", "+23:59")},
    {"gateway": "\u0000"},
    {"sender": "\u0000" * 500},
    {"client_ref": "é" * 100},
]
UNREADABLE = [
    (b"", 400, "bad_json"),
    (b"{", 400, "bad_json"),
    (b'{"to": "\xff", "text": "x"}', 400, "bad_json"),
    (b'{"to": "\\ud800", "text": "x"}', 400, "bad_json"),
    (b'{"to": NaN}', 400, "bad_json"),
    (b"[" * 100_000, 422, "invalid"),
    (b'{"x":' * 100_000, 400, "bad_json"),
    (b"[]", 422, "invalid"),
    (b"7", 422, "invalid"),
    (b'"\xff"', 422, "invalid"),
    (b"{}", 422, "invalid"),
    (b'{"to": 48600100200, "text": "x"}', 422, "invalid"),
    (b'{"to": "48600100200"}', 422, "invalid"),
    (b'{"to": "48600100200", "text": "x", "surprise": 1}', 422, "invalid"),
    (b'{"to": "48600100200", "text": "x", "validity_s": 1.5}', 422, "invalid"),
    (b'{"to": "48600100200", "text": "x", "send_at": "tomorrow"}', 422, "invalid"),
    (b'{"to": "48600100200", "text": "x", "send_at": "2026-12-01T12:00:00"}', 422, "send_at_no_zone"),
    (b'{"to": "48600100200", "text": ""}', 422, "text_empty"),
    (b'{"to": "48600100200", "text": "\\u0000"}', 422, "text_has_nul"),
    (b'{"to": "48600100200", "text": "x", "gateway": 99}', 422, "unknown_gateway"),
    (b'{"messages": []}', 422, "invalid"),
    (b'{"messages": {}}', 422, "invalid"),
    (b'{"messages": null}', 422, "invalid"),
    (b'{"messages": [{}], "surprise": 1}', 422, "invalid"),
    (b'{"messages": [' + b"{}," * 10_000 + b"{}]}", 422, "invalid"),
]


class TenDaysAhead(datetime):
    """The clock of a host that nobody looks after."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(days=10)


def stored(front):
    return front.rows("select count(*) from message")[0][0], front.rows("select count(*) from outbox")[0][0]


async def test_a_message_is_answered_with_202_once_it_is_on_disk(front):
    answer = await front.post(ONE | {"client_ref": "order 7", "priority": "code"})
    assert answer.status == 202
    document = answer.json()
    message_id = from_ref(document.pop("id"))[0]
    assert document == {
        "state": "queued",
        "to": "48600100200",
        "segments": 1,
        "encoding": "gsm7",
        "sender": "",
        "gateway": front.gateway.pk,
        "client_ref": "order 7",
    }
    columns = "workspace_id, gateway_id, kind, lane, state, to_digits, body, client_ref, api_key_id is null"
    assert front.rows(f"select {columns} from message") == [
        (front.owner.workspace.pk, front.gateway.pk, "single", 0, "queued", "48600100200", "hello", "order 7", False)
    ]
    assert front.rows("select message_id, lane, held from outbox") == [(message_id, 0, None)]


async def test_several_are_answered_each_in_its_place(front):
    documents = [ONE, {"to": "nobody", "text": "x"}, {"text": 7}, ONE | {"surprise": 1}, ONE | {"text": "zażółć"}]
    answer = await front.post({"messages": documents})
    assert answer.status == 202
    rows = answer.json()["messages"]
    assert [row.get("state") or row["error"]["code"] for row in rows] == [
        *("queued", "invalid_number", "invalid", "invalid", "queued")
    ]
    assert rows[2]["error"]["field"] == "text"
    assert rows[4]["encoding"] == "ucs2"
    assert all(row["error"]["code"] in KINDS and row["error"]["remedy"] for row in rows if "error" in row)
    assert stored(front) == (2, 2)


async def test_a_scheduled_message_says_so(front):
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    assert (await front.post(ONE | {"send_at": later})).json()["state"] == "scheduled"
    assert front.rows("select due_at > now() + interval '1 hour' from outbox") == [(True,)]


async def test_the_hour_that_comes_twice_is_two_different_hours(front):
    years = (datetime.now(UTC).year, datetime.now(UTC).year + 1)
    sundays = (date(year, 10, 31 - date(year, 10, 31).isoweekday() % 7) for year in years)
    sunday = next(day for day in sundays if day > datetime.now(UTC).date())
    for offset in ("+02:00", "+01:00"):
        assert (await front.post(ONE | {"send_at": f"{sunday}T02:30:00{offset}"})).status == 202
    dues = [row[0] for row in front.rows("select due_at from outbox order by message_id")]
    assert dues[1] - dues[0] == timedelta(hours=1)


async def test_a_front_whose_clock_is_wrong_keeps_the_databases_time(front, monkeypatch):
    for module in (clock, commit):
        monkeypatch.setattr(module, "datetime", TenDaysAhead)
    await front.post(ONE)
    [(created, due, expires, now)] = front.rows(
        "select m.created_at, o.due_at, o.expires_at, now() from message m join outbox o on o.message_id = m.id"
    )
    assert abs(now - created) < timedelta(minutes=1)
    assert abs(now - due) < timedelta(minutes=1)
    assert timedelta() < expires - now < timedelta(days=7)


async def test_what_cannot_be_read_is_refused_and_nothing_is_stored(front):
    for body, status, code in UNREADABLE:
        answer = await front.post(body)
        assert (answer.status, answer.json()["code"]) == (status, code), body[:80]
        assert answer.header("content-type") == "application/problem+json"
        assert answer.json()["remedy"]
    assert stored(front) == (0, 0)


async def test_what_is_odd_but_valid_never_fails_at_the_commit(front):
    for values in ODD:
        answer = await front.post(ONE | values)
        assert answer.status in (202, 422), answer.body


async def test_an_unreadable_text_among_several_fails_alone(front):
    answer = await front.post(
        b'{"messages": [{"to": "48600100200", "text": "\xff"}, {"to": "48600100200", "text": "x"}]}'
    )
    assert [row.get("state") or row["error"]["code"] for row in answer.json()["messages"]] == ["bad_json", "queued"]


class TestKeys:
    async def test_without_a_key_nothing_goes(self, front):
        for authorization, code in (("", "unauthenticated"), ("Bearer", "invalid_key"), ("Basic eA==", "invalid_key")):
            answer = await front.post(ONE, authorization=authorization)
            assert (answer.status, answer.json()["code"]) == (401, code)
            assert answer.header("www-authenticate") == "Bearer"

    async def test_a_wrong_key_is_refused_whatever_is_in_it(self, front):
        for token in ("x", "\x00", "é" * 200, front.token + "x", front.token.upper()):
            assert (await front.post(ONE, authorization=f"Bearer {token}")).status == 401

    async def test_a_key_without_the_scope_is_refused(self, front):
        token = await in_thread(front.owner.key, "messages:read")
        answer = await front.post(ONE, authorization=f"Bearer {token}")
        assert (answer.status, answer.json()["code"]) == (403, "forbidden")

    async def test_a_revoked_key_dies_within_a_second(self, front):
        assert (await front.post(ONE)).status == 202
        front.run("update api_key set revoked_at = now()")
        await asyncio.sleep(1.0)
        assert (await front.post(ONE)).status == 401
        assert await in_thread(lambda: ApiKey.objects.get().last_used_at is not None)

    async def test_an_expired_key_is_refused(self, front):
        front.run("update api_key set expires_at = now()")
        assert (await front.post(ONE)).status == 401


class TestIdempotency:
    async def test_the_same_key_gives_the_same_answer_and_one_message(self, front):
        first = await front.post(ONE, idempotency_key="k1")
        again = await front.post(ONE, idempotency_key="k1")
        other = await front.post(ONE, idempotency_key="k2")
        assert first.body == again.body != other.body
        assert stored(front) == (2, 2)

    async def test_the_same_key_with_another_body_is_a_conflict(self, front):
        await front.post(ONE, idempotency_key="k1")
        answer = await front.post(ONE | {"text": "other"}, idempotency_key="k1")
        assert (answer.status, answer.json()["code"]) == (409, "idempotency_conflict")
        assert stored(front) == (1, 1)

    async def test_a_hundred_at_once_make_one_message(self, front):
        answers = await asyncio.gather(*(front.post(ONE, idempotency_key="k1") for _ in range(100)))
        assert {answer.status for answer in answers} == {202}
        assert len({answer.body for answer in answers}) == 1
        assert stored(front) == (1, 1)

    async def test_a_bulk_is_repeated_as_a_whole_with_its_errors(self, front):
        document = {"messages": [ONE, {"to": "nobody", "text": "x"}]}
        first = await front.post(document, idempotency_key="k1")
        assert (await front.post(document, idempotency_key="k1")).body == first.body
        assert stored(front) == (1, 1)

    async def test_a_denied_request_uses_no_key_up(self, front):
        assert (await front.post(ONE | {"text": ""}, idempotency_key="k1")).status == 422
        assert (await front.post(ONE, idempotency_key="k1")).status == 202
        answer = await front.post(ONE | {"text": ""}, idempotency_key="k1")
        assert (answer.status, answer.json()["code"]) == (409, "idempotency_conflict")

    async def test_keys_of_two_workspaces_are_two(self, front):
        other = await in_thread(tenant, "Other")
        await in_thread(front.gateway.workspaces.add, other.workspace)
        token = await in_thread(other.key)
        first = await front.post(ONE, idempotency_key="k1")
        second = await front.post(ONE, idempotency_key="k1", authorization=f"Bearer {token}")
        assert (first.status, second.status) == (202, 202)
        assert first.body != second.body

    async def test_keys_are_kept_for_72_hours_and_then_forgotten(self, front, monkeypatch):
        monkeypatch.setattr(idempotency, "FORGOTTEN_AT_ONCE", 2)
        answers = {name: await front.post(ONE, idempotency_key=name) for name in ("a", "b", "c", "young", "again")}
        front.run("update idempotency_key set created_at = now() - interval '73 hours' where key <> 'young'")
        front.run("update idempotency_key set created_at = now() - interval '71 hours' where key = 'young'")
        assert (await front.post(ONE, idempotency_key="young")).body == answers["young"].body
        # Its time is over, whether or not anybody has swept: another body is no conflict, and counts from now on.
        other = await front.post(ONE | {"text": "other"}, idempotency_key="again")
        assert other.status == 202
        assert other.body != answers["again"].body
        assert (await front.post(ONE | {"text": "other"}, idempotency_key="again")).body == other.body
        rounds: list[None] = []
        assert await in_thread(idempotency.forget_old, lambda: rounds.append(None)) == 3
        assert len(rounds) == 2
        assert front.rows("select key from idempotency_key order by key") == [("again",), ("young",)]
        assert (await front.post(ONE, idempotency_key="a")).body != answers["a"].body

    @pytest.mark.parametrize("key", ["x" * 201, "a\x01b"])
    async def test_a_key_that_does_not_fit_is_refused(self, front, key):
        assert (await front.post(ONE, idempotency_key=key)).json()["code"] == "bad_idempotency_key"


class TestBodies:
    async def test_only_json_is_read(self, front):
        for kind in ("", "text/plain", "application/x-www-form-urlencoded"):
            assert (await front.post(ONE, content_type=kind)).status == 415
        assert (await front.post(ONE, content_type="Application/JSON; charset=utf-8")).status == 202

    async def test_a_body_that_is_too_large_is_refused_before_it_is_read_to_the_end(self, front, monkeypatch):
        monkeypatch.setattr(messages, "MAX_BODY", 1000)
        answer = await front.request("POST", "/api/v1/messages", [b" " * 600, b" " * 600, b" " * 600])
        assert (answer.status, answer.json()["code"]) == (413, "body_too_large")

    async def test_a_body_that_comes_too_slowly_is_given_up(self, front, monkeypatch):
        monkeypatch.setattr(http, "BODY_DEADLINE_S", 0.1)
        headers = [("authorization", f"Bearer {front.token}"), ("content-type", "application/json")]
        answer = await asgi.request(app.application, "POST", "/api/v1/messages", [b"{", b"}"], headers, pause_s=0.2)
        assert answer.status == 400

    async def test_a_body_that_breaks_off_is_forgotten(self, front):
        answer = await front.request("POST", "/api/v1/messages", [b'{"to": "48600', GONE])
        assert answer.status == 0
        assert stored(front) == (0, 0)


async def test_ten_thousand_are_accepted_in_one_request(front):
    documents = [{"to": f"+4860{n:07d}", "text": f"Hello {n}, your code is żółw {n}"} for n in range(10_000)]
    at = time.process_time()
    answer = await front.post({"messages": documents})
    took_s = time.process_time() - at
    sys.stderr.write(f"10,000 messages accepted in {took_s:.2f} s of CPU time\n")
    assert answer.status == 202
    assert took_s < 10
    assert len({row["id"] for row in answer.json()["messages"]}) == 10_000
    assert stored(front) == (10_000, 10_000)


class TestWithoutTheDatabase:
    async def test_the_answer_is_503_with_a_time_to_come_again_and_then_it_works_again(self, front):
        assert (await front.post(ONE)).status == 202
        with front.database_away():
            for _ in range(3):
                answer = await front.post(ONE)
                assert (answer.status, answer.json()["code"]) == (503, "unavailable")
                assert int(answer.header("retry-after")) > 0
            ready = await asgi.request(app.application, "GET", "/health/ready")
            live = await asgi.request(app.application, "GET", "/health/live")
            assert (ready.status, live.status) == (503, 200)
        at = time.monotonic()
        while (await front.post(ONE)).status != 202:
            assert time.monotonic() - at < 60
            await asyncio.sleep(0.05)
        assert stored(front) == (2, 2)

    async def test_a_snapshot_that_cannot_be_loaded_is_503_too(self, front, monkeypatch):
        await front.post(ONE)
        assert app.front is not None
        app.front._snapshots.forget()

        def away(workspace_id):
            raise OperationalError("away")

        monkeypatch.setattr("gatepost.messages.snapshots.load", away)
        assert (await front.post(ONE)).status == 503

    async def test_what_breaks_before_the_commit_is_never_acknowledged(self, front, monkeypatch):
        insert = commit.insert

        async def die_and_insert(connection, rows):
            front.run("select pg_terminate_backend(%s)", connection.info.backend_pid)
            await insert(connection, rows)

        monkeypatch.setattr(commit, "insert", die_and_insert)
        answers = await asyncio.gather(*(front.post(ONE) for _ in range(5)))
        assert {answer.status for answer in answers} == {503}
        assert stored(front) == (0, 0)


async def test_one_request_that_fails_does_not_take_down_those_that_share_its_commit(front, monkeypatch):
    accept = commit.accept

    def failing(wishes, *known, **options):
        if wishes[0].text == "boom":
            raise ZeroDivisionError
        return accept(wishes, *known, **options)

    monkeypatch.setattr(commit, "accept", failing)
    texts = ["fine", "boom", "fine too", "boom", "fine as well"]
    answers = await asyncio.gather(*(front.post(ONE | {"text": text}) for text in texts))
    assert [answer.status for answer in answers] == [202, 500, 202, 500, 202]
    assert stored(front) == (3, 3)


async def test_a_suppressed_number_is_denied(front):
    front.run("insert into suppression (digits, reason) values ('48600100200', '')")
    assert (await front.post(ONE)).json()["code"] == "suppressed"


async def test_a_change_of_the_gateway_counts_at_once(front, monkeypatch):
    monkeypatch.setattr(snapshots, "FRESH_S", 3600.0)
    listeners = "select from pg_stat_activity where datname = current_database() and query = 'listen gatepost_config'"
    await front.until(lambda: bool(front.rows(listeners)))
    await front.post(ONE)
    await in_thread(update_gateway, front.gateway, actor="test", common_values={"is_active": False})
    at = time.monotonic()
    while (await front.post(ONE)).status == 202:
        assert time.monotonic() - at < 60
        await asyncio.sleep(0.02)
    assert (await front.post(ONE)).json()["code"] == "no_gateway"


async def test_addresses_that_may_send_are_looked_at(front):
    await in_thread(update_gateway, front.gateway, actor="test", common_values={"send_ips": ["192.0.2.0/24"]})
    headers = [("authorization", f"Bearer {front.token}"), ("content-type", "application/json")]
    codes = []
    for client in (("192.0.2.7", 1), ("198.51.100.1", 1), None):
        answer = await asgi.request(
            app.application, "POST", "/api/v1/messages", b'{"to": "48600100200", "text": "x"}', headers, client=client
        )
        codes.append(answer.status)
    assert codes == [202, 403, 403]


async def test_too_many_waiting_are_turned_away(front, monkeypatch):
    monkeypatch.setattr(commit, "MAX_WAITING", -1)
    answer = await front.post(ONE)
    assert (answer.status, answer.header("retry-after")) == (429, "1")
