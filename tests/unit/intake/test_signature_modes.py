"""What a wrong signature means is the gateway's setting."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from gatepost.intake.callbacks import Receiver, parse
from gatepost.problems import Problem
from gatepost.providers.base import Callback, Gateway
from gatepost.providers.registry import Provider, provider
from gatepost.providers.wire import RawCallback

NOTHING = Callback()


def receiver(verdict: bool | None, settings: Mapping[str, Any]) -> Receiver:
    source: Provider = replace(
        provider("generic_http"), verify=lambda raw, gw: verdict, parse_callback=lambda raw, gw: NOTHING
    )
    return Receiver(Mock(), "TOKEN", source, Gateway("generic_http", settings), (), "https://gp.example", 503)


@pytest.mark.parametrize("settings", [{}, {"verify_signature": "require"}, {"verify_signature": "off"}])
def test_a_wrong_signature_is_refused(settings: Mapping[str, Any]) -> None:
    with pytest.raises(Problem):
        parse(receiver(False, settings), RawCallback("receipt", "POST", "https://gp.example/cb/receipt/TOKEN"))


@pytest.mark.parametrize(
    ("verdict", "settings"), [(False, {"verify_signature": "log"}), (True, {}), (None, {"verify_signature": "require"})]
)
def test_it_passes_where_it_is_only_logged_and_where_it_is_right(
    verdict: bool | None, settings: Mapping[str, Any]
) -> None:
    raw = RawCallback("receipt", "POST", "https://gp.example/cb/receipt/TOKEN")
    assert parse(receiver(verdict, settings), raw) is NOTHING
