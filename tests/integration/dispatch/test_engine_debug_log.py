"""The debug log of a gateway tells how it went, and not what was said to whom."""

import json

import pytest
from django.conf import settings

from gatepost.gateways import sms_log


@pytest.fixture(autouse=True)
def _own_log(tmp_path, monkeypatch):
    monkeypatch.setitem(settings.CONFIG, "SMS_LOG", str(tmp_path / "sms.log"))


def entries(engine):
    return [json.loads(line) for line in sms_log.lines(engine.gateway.pk)]


async def test_submits_are_logged_without_texts_and_numbers(engine):
    await engine.change_gateway(debug=True)
    ids = await engine.accept(3, text="Meet me at the old mill")
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    await engine.until(lambda: bool(entries(engine)))
    [entry] = entries(engine)
    assert (entry["method"], entry["status"]) == ("POST", 200)
    assert entry["body"].count("[text]") == 3
    told = sms_log.path().read_text("utf-8")
    assert "old mill" not in told
    assert "48600100000" not in told
    assert "600100000" not in told


async def test_a_gateway_without_a_debug_log_writes_nothing(engine):
    ids = await engine.accept()
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    await engine.stop_workers()
    assert not sms_log.path().exists()


async def test_questions_are_logged_too(engine):
    await engine.change_gateway(debug=True, await_delivery_s=1)
    ids = await engine.accept(text="Meet me at the old mill")
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    await engine.until(lambda: any("/query" in entry["url"] for entry in entries(engine)))
    assert "old mill" not in sms_log.path().read_text("utf-8")


async def test_a_log_that_cannot_be_written_stops_nothing(engine, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setitem(settings.CONFIG, "SMS_LOG", str(tmp_path / "file" / "sms.log"))
    await engine.change_gateway(debug=True)
    ids = await engine.accept(2)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
