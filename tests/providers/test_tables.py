"""Every row of every table of codes, by itself and, where the code stands by itself in an exchange, on the wire."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.providers.bench import gateway_of
from tests.providers.comparing import callback_of
from tests.providers.exchange_files import Exchange, load_all

from gatepost.providers.base import AdapterError, Receipt
from gatepost.providers.kit.tables import RECIPIENT_THROTTLED, THROTTLED, UNCERTAIN, Refused, States
from gatepost.providers.quality import tables_of
from gatepost.providers.registry import all_providers
from gatepost.providers.wire import RawCallback
from gatepost.sms.outcomes import Kind, Refusal
from gatepost.sms.states import REPORTED, State

TABLES = [
    pytest.param(provider.slug, table, id=name.removeprefix("gatepost.providers."))
    for provider in all_providers().values()
    for name, table in tables_of(provider).items()
]
KINDS = {THROTTLED: Kind.THROTTLED, RECIPIENT_THROTTLED: Kind.THROTTLED, UNCERTAIN: Kind.UNKNOWN}


@pytest.mark.parametrize(("slug", "table"), TABLES)
def test_every_row_says_what_it_means_and_in_words(slug: str, table: Refused | States) -> None:
    for code, row in table.rows.items():
        assert str(row[1]).strip(), f"{code} has no words"
        if isinstance(table, Refused):
            outcome = table.outcome(code.upper())
            assert outcome.kind is KINDS.get(row[0], Kind.REFUSED)
            assert outcome.words == row[1]
            assert outcome.refusal is (Refusal(row[0]) if outcome.kind is Kind.REFUSED else None)
        else:
            assert table.state(f" {code.upper()} ") is row[0]
            assert row[0] in REPORTED | {State.SUBMITTED}, f"{code}: a receipt cannot say {row[0]}"


@pytest.mark.parametrize(("slug", "table"), TABLES)
def test_every_status_is_read_from_a_report(slug: str, table: Refused | States) -> None:
    """Each listed status is put in place of the one in a written receipt, wherever it stands by itself there."""
    if not isinstance(table, States):
        return
    for exchange in load_all():
        if exchange.slug == slug and exchange.kind == "receipt" and exchange.result.get("items"):
            for code, row in table.rows.items():
                _check_status(exchange, table, code, row[0])


def _check_status(exchange: Exchange, table: States, code: str, state: State) -> None:
    provider = all_providers()[exchange.slug]
    assert provider.parse_callback is not None
    gw, raw = gateway_of(provider, exchange.settings), callback_of(exchange.given, exchange.kind)
    for item in provider.parse_callback(raw, gw).items:
        if not isinstance(item, Receipt) or table.state(item.status) is None or _is_rivals(item, table, exchange.slug):
            continue
        try:
            found = provider.parse_callback(_with_status(raw, item.status, code), gw).items
        except AdapterError:
            continue
        said = [each for each in found if isinstance(each, Receipt) and each.status.casefold() == code]
        assert all(each.state is state for each in said), f"{exchange.id}: {code} is {state} in the table, got {said}"


def _is_rivals(item: Receipt, table: States, slug: str) -> bool:
    """A provider with several interfaces has a table for each, where one number means different things."""
    rivals = (each for each in tables_of(all_providers()[slug]).values() if isinstance(each, States))
    same = any(each.words(item.status) == item.words for each in rivals if each is not table)
    return same and table.words(item.status) != item.words


def _with_status(raw: RawCallback, old: str, new: str) -> RawCallback:
    body = _replaced(json.loads(raw.body), old, new) if raw.body[:1] in (b"{", b"[") else None
    spoilt = json.dumps(body).encode() if body is not None else raw.body.replace(old.encode(), new.encode())
    return replace(raw, url=raw.url.replace(f"={old}", f"={new}"), body=spoilt)


def _replaced(tree: Any, old: str, new: str) -> Any:
    if isinstance(tree, dict):
        return {name: _replaced(value, old, new) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_replaced(value, old, new) for value in tree]
    return type(tree)(new) if str(tree) == old and not isinstance(tree, bool) and _fits(tree, new) else tree


def _fits(old: object, new: str) -> bool:
    return isinstance(old, str) or (isinstance(old, int) and new.lstrip("-").isdecimal())
