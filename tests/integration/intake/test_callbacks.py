"""Providers' callbacks: what is proven is on disk before it is answered; what is not changes nothing."""

import asyncio
import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import asgi
from tests.support.echo import PROVIDERS
from tests.support.sending import in_queue

from gatepost.dispatch.threads import in_thread
from gatepost.gateways.services import update_gateway
from gatepost.intake import app, callbacks, gathering
from gatepost.intake import spool as spooling
from gatepost.messages.models import Message
from gatepost.providers import registry
from gatepost.sms.ids import to_ref

INBOUND = {"from": "48600100200", "to": "48500", "text": "hi there", "id": "7"}
REAL = registry.all_providers
ALMOST = r'\[\{"(report|stop|from|ref|part)": ?("\\u0000"|null|7|\[\]|\{\}|"ok")\}\]'
TABLES = ("message", "message_event", "orphan_receipt", "inbound_message", "inbound_part", "suppression", "outbox")


async def submitted(front):
    """A message that the provider has."""
    answer = await front.post({"to": "+48600100200", "text": "hello"})
    [(message_id,)] = front.rows("update message set state = 'submitted', provider_ref = 'p1' returning id")
    front.run("delete from outbox")
    assert answer.json()["id"] == to_ref(message_id)
    return message_id


def everything(front):
    return [front.rows(f"select count(*) from {table}") for table in TABLES] + front.rows("select state from message")


async def test_a_receipt_moves_its_message_and_is_answered_in_the_providers_way(front):
    await submitted(front)
    answer = await front.call_back([{"report": "ok", "key": "p1"}], kind="receipt")
    assert (answer.status, answer.body) == (200, b"thanks")
    assert front.rows("select state from message") == [("delivered",)]


async def test_a_repeated_callback_changes_nothing(front):
    await submitted(front)
    document = [{"report": "ok", "key": "p1"}, INBOUND, {"stop": "48600100299"}]
    for _ in range(3):
        assert (await front.call_back(document)).status == 200
    assert front.rows("select state from message") == [("delivered",)]
    assert front.rows("select count(*) from inbound_message") == [(1,)]
    assert front.rows("select count(*) from suppression") == [(1,)]


async def test_an_inbound_message_is_stored_once_and_belongs_to_the_conversation(front):
    message_id = await submitted(front)
    await asyncio.gather(*(front.call_back([INBOUND]) for _ in range(10)))
    columns = "workspace_id, kind, sender, recipient, text, answers_message_id"
    assert front.rows(f"select {columns} from inbound_message") == [
        (front.owner.workspace.pk, "sms", "48600100200", "48500", "hi there", message_id)
    ]


async def test_parts_are_joined_once_in_any_order_and_at_the_same_time(front):
    texts = ("one ", "two ", "three")
    parts = [INBOUND | {"text": text, "part": ["r1", n, 3], "id": f"p{n}"} for n, text in enumerate(texts, 1)]
    await asyncio.gather(*(front.call_back([part]) for part in reversed(parts)))
    for part in reversed(parts):
        await front.call_back([part])
    assert front.rows("select text from inbound_message") == [("one two three",)]


@pytest.mark.parametrize("part", [["r", 0, 2], ["r", 3, 2], ["r", 10**9, 10**9], ["r", -5, 0], ["\x00\ud800", 1, 1]])
async def test_a_part_that_cannot_be_one_is_a_message_of_its_own(front, part):
    assert (await front.call_back([INBOUND | {"part": part}])).status == 200
    assert front.rows("select text from inbound_message") == [("hi there",)]


async def test_an_opt_out_suppresses_in_the_workspaces_of_the_gateway(front):
    await front.call_back([{"stop": "+48600100200"}])
    row = front.rows("select workspace_id, digits, source from suppression")
    assert row == [(front.owner.workspace.pk, "48600100200", "provider")]


async def test_what_no_database_can_keep_is_kept_as_far_as_possible(front):
    nasty = "\x00\ud800" + "x" * 30_000
    document = [
        {"report": nasty, "key": nasty, "ref": nasty},
        INBOUND | {"from": nasty, "to": nasty, "text": nasty, "id": nasty},
        {"stop": nasty},
    ]
    assert (await front.call_back(document)).status == 200
    assert front.rows("select count(*) from inbound_message") == [(1,)]


class TestAnswers:
    """An inbound message that names the message it answers."""

    @pytest.fixture
    async def unknown(self, front):
        """A message whose fate nobody knows, about to be sent again, and a newer one to the same number."""
        message_id = await submitted(front)
        front.run("update message set state = 'unknown'")
        front.run(
            "insert into message_part (gateway_id, key, message_id) values (%s, 'p1-2', %s)",
            front.gateway.pk,
            message_id,
        )
        await in_thread(lambda: in_queue(Message.objects.get(pk=message_id), resend_of=1))
        await front.post({"to": "+48600100200", "text": "another"})
        return message_id

    @pytest.mark.parametrize("named", ["id there", "part there", "our reference"])
    async def test_settles_it_where_nobody_knew_whether_it_arrived(self, front, unknown, named):
        key = {"id there": "p1", "part there": "p1-2", "our reference": to_ref(unknown).upper()}[named]
        for _ in range(2):
            assert (await front.call_back([INBOUND | {"answers": ["nobody's", key]}])).status == 200
        assert front.rows("select answers_message_id from inbound_message") == [(unknown,)]
        assert front.rows("select state from message where id = %s", unknown) == [("delivered",)]
        assert front.rows("select count(*) from outbox where message_id = %s", unknown) == [(0,)]
        assert front.rows("select kind, detail from message_event where message_id = %s", unknown) == [
            ("receipt", {"state": "delivered", "ref": to_ref(unknown), "words": "The recipient answered it"})
        ]

    async def test_settles_it_as_well_where_inbound_is_switched_off(self, front, unknown):
        await in_thread(update_gateway, front.gateway, actor="test", common_values={"inbound_active": False})
        await front.call_back([INBOUND | {"answers": ["p1"]}])
        assert front.rows("select count(*) from inbound_message") == [(0,)]
        assert front.rows("select state from message where id = %s", unknown) == [("delivered",)]

    async def test_leaves_to_the_report_what_the_provider_has(self, front, unknown):
        front.run("update message set state = 'submitted' where id = %s", unknown)
        await front.call_back([INBOUND | {"answers": ["p1"]}])
        assert front.rows("select answers_message_id from inbound_message") == [(unknown,)]
        assert front.rows("select state from message where id = %s", unknown) == [("submitted",)]

    async def test_proves_nothing_where_it_names_none_of_the_gateway(self, front, unknown):
        [newer] = front.rows("select id from message where id <> %s", unknown)
        await front.call_back([INBOUND, INBOUND | {"id": "8", "answers": ["else", "", "\x00\ud800"]}])
        assert front.rows("select answers_message_id from inbound_message") == [newer, newer]
        front.gateway = await front.add_gateway("caller")
        await front.call_back([INBOUND | {"answers": ["p1", "p1-2", to_ref(unknown)]}])
        assert front.rows("select count(*) from inbound_message where answers_message_id is null") == [(1,)]
        assert front.rows("select state from message where id = %s", unknown) == [("unknown",)]

    async def test_means_the_message_to_its_sender_where_one_id_stands_for_several(self, front, unknown):
        front.run(
            "update message set provider_ref = 'p1', state = 'unknown', to_digits = '48600100201' where id <> %s",
            unknown,
        )
        await front.call_back([INBOUND | {"answers": ["p1"]}])
        assert front.rows("select state from message where id = %s", unknown) == [("delivered",)]
        assert front.rows("select state from message where id <> %s", unknown) == [("unknown",)]


class TestWhoMayCallBack:
    async def test_an_unknown_token_or_kind_is_not_found_whatever_is_in_it(self, front):
        token = front.gateway.callback_token
        for path in (
            "/cb/any/nobody",
            "/cb/any/",
            "/cb/",
            "/cb/any/%00",
            "/cb/any/%ff%fe",
            "/cb/any/" + "x" * 5000,
            f"/cb/any/{token}x",
            f"/cb/elsewhere/{token}",
            f"/cb/ANY/{token}",
            "/cb/any/%ed%a0%80",
        ):
            answer = await asgi.request(app.application, "POST", path, b"[]")
            assert answer.status == 404, path

    async def test_a_foreign_address_is_refused_and_an_own_one_is_not(self, front):
        await in_thread(
            update_gateway,
            front.gateway,
            actor="test",
            common_values={"callback_ips": ["192.0.2.0/24", "2001:db8::/32"]},
        )
        await submitted(front)
        document = [{"report": "ok", "key": "p1"}]
        for client in (("198.51.100.1", 1), ("2001:db9::1", 1), None, ("nonsense", 1)):
            assert (await front.call_back(document, client=client)).status == 403
        assert front.rows("select state from message") == [("submitted",)]
        assert (await front.call_back(document, client=("::ffff:192.0.2.9", 1))).status == 200
        assert front.rows("select state from message") == [("delivered",)]

    async def test_a_wrong_signature_is_refused(self, front, monkeypatch):
        signed = {name: one for name, one in PROVIDERS.items() if name != "caller"}
        signed["caller"] = replace(PROVIDERS["caller"], verify=lambda raw, gw: raw.header("x-signature") == "right")
        monkeypatch.setattr(registry, "all_providers", lambda: signed)
        await submitted(front)
        document = [{"report": "ok", "key": "p1"}]
        assert (await front.call_back(document)).status == 403
        assert (await front.call_back(document, headers=[("x-signature", "wrong")])).status == 403
        assert front.rows("select state from message") == [("submitted",)]
        assert (await front.call_back(document, headers=[("x-signature", "right")])).status == 200

    async def test_a_gateway_that_is_switched_off_still_hears(self, front):
        await submitted(front)
        await in_thread(update_gateway, front.gateway, actor="test", common_values={"is_active": False})
        assert (await front.call_back([{"report": "ok", "key": "p1"}])).status == 200
        assert front.rows("select state from message") == [("delivered",)]

    async def test_where_inbound_is_switched_off_receipts_still_count(self, front):
        await submitted(front)
        await in_thread(update_gateway, front.gateway, actor="test", common_values={"inbound_active": False})
        assert (await front.call_back([INBOUND, {"report": "ok", "key": "p1"}])).status == 200
        assert front.rows("select count(*) from inbound_message") == [(0,)]
        assert front.rows("select state from message") == [("delivered",)]


class TestGarbage:
    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.binary(max_size=200) | st.from_regex(ALMOST, fullmatch=True).map(str.encode),
        st.sampled_from(["any", "receipt", "inbound", "media", "stop"]),
    )
    async def test_is_never_a_fault_of_ours_and_moves_no_message(self, front, body, kind):
        if not front.rows("select from message"):
            await submitted(front)
        answer = await front.call_back(body, kind=kind)
        assert answer.status < 500
        assert front.rows("select state from message") == [("submitted",)]

    async def test_thrown_at_every_real_adapter_is_never_a_fault_of_ours(self, front, monkeypatch):
        monkeypatch.setattr(registry, "all_providers", REAL)
        bodies = (b"", b"\xff" * 99, b"[" * 50_000, b"a=%ff&b=%00", b"null", b'{"a": 1e999}', b"<a>" * 9_000, b"\x00")
        for slug in [slug for slug, source in REAL().items() if source.parse_callback]:
            front.run("update gateway set provider = %s", slug)
            app.front._callbacks.forget()
            for body in bodies:
                answer = await front.call_back(body)
                assert answer.status < 500, (slug, body[:20])

    async def test_nothing_at_all_is_refused_without_a_trace(self, front):
        before = everything(front)
        for body in (b"", b"null", b"{}", b"7"):
            assert (await front.call_back(body)).status == 400
        assert everything(front) == before

    async def test_a_callback_without_items_is_just_answered(self, front):
        before = everything(front)
        assert (await front.call_back([])).body == b"thanks"
        assert everything(front) == before

    async def test_a_body_that_is_too_large_is_refused(self, front, monkeypatch):
        monkeypatch.setattr(callbacks, "MAX_BODY", 100)
        assert (await front.call_back(b" " * 101)).status == 413

    async def test_an_adapter_that_stumbles_is_a_bad_request(self, front, monkeypatch):
        def stumble(raw, gw):
            raise OverflowError

        stumbling = PROVIDERS | {"caller": replace(PROVIDERS["caller"], parse_callback=stumble)}
        monkeypatch.setattr(registry, "all_providers", lambda: stumbling)
        assert (await front.call_back([INBOUND])).status == 400

    async def test_a_provider_without_callbacks_has_no_address(self, front):
        front.gateway = await front.add_gateway("echo")
        assert (await front.call_back([INBOUND])).status == 404


class TestWithoutTheDatabase:
    async def test_callbacks_are_on_disk_before_the_answer_and_replayed_in_order(self, front, tmp_path, monkeypatch):
        synced = []
        fsync = os.fsync
        monkeypatch.setattr(spooling.os, "fsync", lambda descriptor: synced.append(descriptor) or fsync(descriptor))
        await submitted(front)
        await front.call_back([])
        with front.database_away():
            for n, document in enumerate(([{"report": "ok", "key": "p1"}], [INBOUND], [{"report": "no", "key": "p1"}])):
                answer = await front.call_back(document)
                assert (answer.status, answer.body) == (200, b"thanks")
                assert len(list((tmp_path / "spool").glob("*.json"))) == n + 1
            assert len(synced) == 6
            assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "spool").iterdir())
        await front.until(lambda: not list((tmp_path / "spool").iterdir()))
        assert front.rows("select state from message") == [("delivered",)]
        assert front.rows("select count(*) from inbound_message") == [(1,)]

    @pytest.mark.parametrize(("slug", "status", "is_whole"), [("caller", 421, True), ("closer", 503, False)])
    async def test_a_full_spool_asks_the_provider_to_come_again(self, front, monkeypatch, slug, status, is_whole):
        front.gateway = await front.add_gateway(slug)
        await front.call_back([])
        monkeypatch.setattr(spooling, "MAX_FILES", 0)
        with front.database_away():
            answer = await front.call_back([INBOUND])
        assert (answer.status, answer.is_whole) == (status, is_whole)

    async def test_a_disk_without_room_is_a_full_spool(self, front, monkeypatch):
        await front.call_back([])

        def no_room(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(spooling.os, "fsync", no_room)
        with front.database_away():
            assert (await front.call_back([INBOUND])).status == 421

    async def test_an_unknown_token_is_neither_spooled_nor_acknowledged(self, front, tmp_path):
        with front.database_away():
            answer = await asgi.request(app.application, "POST", "/cb/any/nobody", b"[]")
            assert (answer.status, answer.header("retry-after")) == (503, "2")
        assert not (tmp_path / "spool").exists()

    async def test_a_file_that_makes_no_sense_is_set_aside_and_holds_up_nothing(self, front, tmp_path):
        folder = tmp_path / "spool"
        await front.call_back([])
        with front.database_away():
            await front.call_back([INBOUND])
            for name, text in (("0-a", "{"), ("0-b", '{"token": 7}'), ("0-c", '{"token": "x", "raw": {"body": "é"}}')):
                (folder / f"{name}.json").write_text(text)
        await front.until(lambda: front.rows("select count(*) from inbound_message") == [(1,)])
        await front.until(lambda: not list(folder.glob("*.json")))
        assert sorted(path.name for path in folder.iterdir()) == ["0-a.odd", "0-b.odd", "0-c.odd"]


class TestReportsTogether:
    async def test_those_that_come_at_the_same_time_are_recorded_in_few_groups(self, front, monkeypatch):
        sizes = []
        store_items = gathering.store_items

        async def counting(connection, arrival, items, ids):
            sizes.append(len(items))
            await store_items(connection, arrival, items, ids)

        monkeypatch.setattr(gathering, "store_items", counting)
        messages = [{"to": f"+4860010{n:04d}", "text": "hello"} for n in range(100)]
        accepted = (await front.post({"messages": messages})).json()["messages"]
        front.run("delete from outbox")
        front.run("update message set state = 'submitted'")
        answers = await asyncio.gather(
            *(front.call_back([{"report": "ok", "ref": row["id"]}], kind="receipt") for row in accepted)
        )
        assert {answer.status for answer in answers} == {200}
        assert front.rows("select state, count(*) from message group by 1") == [("delivered", 100)]
        assert front.rows("select count(*) from message_event where kind = 'receipt'") == [(100,)]
        assert sum(sizes) == 100
        assert len(sizes) < 20

    async def test_one_that_cannot_be_stored_fails_alone(self, front, monkeypatch):
        message_id = await submitted(front)
        store_items = gathering.store_items

        async def failing(connection, arrival, items, ids):
            if any(item.ref == "poison" for item in items):
                raise ZeroDivisionError
            await store_items(connection, arrival, items, ids)

        monkeypatch.setattr(gathering, "store_items", failing)
        refs = [to_ref(message_id), "poison", "nobody's"]
        answers = await asyncio.gather(*(front.call_back([{"report": "ok", "ref": ref}]) for ref in refs))
        assert [answer.status for answer in answers] == [200, 500, 200]
        assert front.rows("select state from message") == [("delivered",)]
        assert front.rows("select count(*) from orphan_receipt") == [(1,)]

    async def test_the_database_going_away_spools_each_of_a_group(self, front):
        await submitted(front)
        await front.call_back([{"report": "ok", "key": "nobody's"}])
        with front.database_away():
            answers = await asyncio.gather(*(front.call_back([{"report": "ok", "key": "p1"}]) for _ in range(20)))
            assert {answer.status for answer in answers} == {200}
        await front.until(lambda: front.rows("select state from message") == [("delivered",)])
