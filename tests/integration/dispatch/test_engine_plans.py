"""No statement of the hot path reads a whole table, however many messages there are."""

import inspect
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.support.django_database import own_database

from gatepost.dispatch import services, statements, store, stranded
from gatepost.intake import commit
from gatepost.messages import log as message_log
from gatepost.messages import receipts
from gatepost.workspaces.models import Workspace

ROWS = 100_000
BIG = {"message", "outbox", "submission", "message_part", "suppression", "status_query", "orphan_receipt"}
FILL = """
    insert into message (id, workspace_id, gateway_id, lane, expires_at, to_digits, body, encoding, segments, state,
                         provider_ref)
    select n, 1, 1, 1, now() + interval '3 days', (48600000000 + n)::text, 'hello', 'gsm7', 1,
           case when n %% 10 = 0 then 'queued' else 'submitted' end, case when n %% 10 > 0 then 'id-' || n end
      from generate_series(1, %(rows)s) n;
    insert into outbox (message_id, gateway_id, workspace_id, lane, due_at, expires_at)
    select id, 1, 1, 1, now() - interval '1 hour', expires_at from message where state = 'queued';
    insert into submission (id, gateway_id, fence, message_ids, serial, settings_version, done_at)
    select n, 1, 1, array[n], n, 1, case when n > 10 then now() end from generate_series(1, %(rows)s) n;
    insert into message_part (gateway_id, key, message_id) select 1, 'part-' || n, n from generate_series(1, 50000) n;
    insert into suppression (digits, reason) select (48500000000 + n)::text, '' from generate_series(1, 50000) n;
    insert into status_query (message_id, gateway_id, due_at, until)
    select n, 1, now() + n * interval '1 second', now() + interval '3 days' from generate_series(1, 50000) n;
    insert into orphan_receipt (receipt_id, gateway_id, key, receipt)
    select n, 1, 'orphan-' || n, '{}' from generate_series(1, 50000) n;
    insert into gateway_lease (gateway_id, worker_id, fence) values (1, 'worker', 1);
"""
IDS = [10, 20, 30]
ATTEMPT = store.Recorded(5, 11, 1, 0, state="submitted", key="id-x")
CLOSING = store.Closing(5, None, 200, 3, [ATTEMPT], {11: ("id-x", "id-y")}, [(11, "refused", {})], traces=[{}])

HOT: dict[str, tuple[str, Any]] = {
    "shares": (statements.SHARES, {"gateway": 1}),
    "due": (
        statements.DUE,
        {
            "gateway": 1,
            "lanes": "{0,1}",
            "workspaces": "{1,1}",
            "campaigns": "{0,0}",
            "after": "{NULL,2026-01-01}",
            "after_ids": "{NULL,7}",
            "limit": 1000,
        },
    ),
    "intent": (
        statements.INTENT,
        {
            "gateway": 1,
            "fence": 1,
            "ids": "{10,20,30}",
            "groups": "{1,1,2}",
            "positions": "{0,1,0}",
            "digits": "{481,482,483}",
            "generations": None,
            "senders": None,
            "submissions": "{7,8}",
            "version": 1,
            "resend": None,
        },
    ),
    "repeat": (statements.REPEAT, {"gateway": 1, "fence": 1, "submission": 50}),
    "record": (statements.RECORD, store.record_parameters(1, 1, [CLOSING], store.Asking(30.0, 30.0, 60.0))),
    "messages": (statements.MESSAGES_OF, [IDS]),
    "adopt": (statements.ADOPT, {"gateway": 1, "fence": 2, "open": []}),
    "unaccounted": (statements.UNACCOUNTED, [1, 1, []]),
    "suppressed": (statements.SUPPRESSED, {"ids": IDS}),
    "expire": (statements.EXPIRE, [1]),
    "hold": (statements.HOLD, {"gateway": 1, "enabled": False, "limit": 5000}),
    "release": (statements.RELEASE, {"gateway": 1, "enabled": True, "limit": 5000}),
    "asked": (statements.ASKED, [30.0, 3600.0, IDS]),
    "give up asking": (statements.GIVE_UP_ASKING, [1]),
    "name found": (statements.NAME_FOUND, [["id-1", "id-2"], [11, 12]]),
    "has orphans": (statements.HAS_ORPHANS, [1]),
    "still open": (statements.OPEN_OF, [IDS, 1]),
    "to ask": (statements.TO_ASK, [1, 50]),
    "send again": (statements.SEND_AGAIN, {"ids": IDS, "state": "unknown", "why": "", "by": ""}),
    "leave": (services.LEAVE, {"ids": IDS, "detail": "{}"}),
    "cancel": (services.CANCEL, {"ids": IDS, "detail": "{}"}),
    "stranded": (stranded.FIND, None),
    "match receipts": (
        receipts.MATCH,
        {
            "gateway": 1,
            "n": [0, 1],
            "ref": [11, None],
            "to": [None, "48600000012"],
            "serial": [None, 12],
            "key_n": [0],
            "position": [0],
            "key": ["id-13"],
        },
    ),
    "match and lock": (
        receipts.MATCH_AND_LOCK,
        {
            "gateway": 1,
            "n": "{0,1}",
            "ref": "{11,NULL}",
            "to": "{NULL,48600000012}",
            "serial": "{NULL,12}",
            "key_n": "{0}",
            "position": "{0}",
            "key": "{id-13}",
        },
    ),
    "newest by number": (receipts.NEWEST_OPEN, {"gateway": 1, "digits": ["48600000012"]}),
    "lock": (receipts.LOCK, [1, IDS]),
    "waiting": (receipts.WAITING, [IDS]),
    "claim": (receipts.CLAIM, [1, ["orphan-7"]]),
    "record receipts": (
        receipts.RECORD,
        {
            "moved": IDS,
            "state": ["delivered"] * 3,
            **dict.fromkeys(("refusal", "code", "words", "price", "unit"), [None] * 3),
            "final": IDS,
            "told": IDS,
            "detail": ["{}"] * 3,
        },
    ),
    "hand-overs of a message": (message_log.SUBMISSIONS, {"ids": IDS, "gateway": 1, "message": 10}),
    "suppressed numbers": (commit.SUPPRESSED, ["48500000001,48600000012"]),
}


@pytest.fixture(scope="module", params=["analysed", "just loaded"])
def full(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[psycopg.Connection[Any]]:
    with django_db_blocker.unblock(), own_database() as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        psycopg.ClientCursor(connection).execute(FILL, {"rows": ROWS})
        Workspace.objects.create(name="Full")
        if request.param == "analysed":
            connection.execute("analyze")
        yield connection


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("name", HOT)
def test_is_planned_over_an_index(full, name, plan):
    statement, parameters = HOT[name]
    full.execute(f"set plan_cache_mode = {plan}")
    [[[tree]]] = full.execute(f"explain (format json) {statement}", parameters).fetchall()
    assert scanned(tree["Plan"]) & BIG == set()


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
def test_an_intent_costs_the_same_however_long_the_queue_is(full, plan):
    statement, parameters = HOT["intent"]
    full.execute(f"set plan_cache_mode = {plan}")
    [[[tree]]] = full.execute(f"explain (format json) {statement}", parameters).fetchall()
    assert indexes(tree["Plan"], "outbox") == {"outbox_pkey"}


def indexes(node: dict[str, Any], table: str) -> set[str]:
    """By which indexes the table is read."""
    own = {node["Index Name"]} if node.get("Relation Name") == table and "Index Name" in node else set()
    return own.union(*(indexes(child, table) for child in node.get("Plans", [])))


def scanned(node: dict[str, Any]) -> set[str]:
    """The tables that are read from beginning to end."""
    own = {node["Relation Name"]} if node["Node Type"] == "Seq Scan" else set()
    return own.union(*(scanned(child) for child in node.get("Plans", [])))


def test_every_statement_about_messages_is_looked_at():
    looked_at = {statement for statement, _ in HOT.values()}
    for name, text in inspect.getmembers(statements, lambda value: isinstance(value, str)):
        if name.isupper() and any(f" {table} " in text for table in BIG):
            assert text in looked_at, name
