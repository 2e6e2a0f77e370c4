"""A provider that sends back what it was asked to take tells it to nobody but the message's own workspace."""

from datetime import UTC, datetime, timedelta

import pytest
import structlog
from tests.support.echo import PROVIDERS
from tests.support.engine import Engine
from tests.support.tenants import Tenant

from gatepost.dispatch import detours, watching
from gatepost.dispatch.brakes import PAUSE_AFTER
from gatepost.dispatch.threads import in_thread
from gatepost.gateways.services import create_gateway
from gatepost.messages.services import accept_one
from gatepost.messages.store import Origin
from gatepost.messages.wishes import Wish
from gatepost.providers.generic_http import manifest
from gatepost.providers.kit import http_template
from gatepost.providers.registry import Provider
from gatepost.providers.wire import Response
from gatepost.routing.services import create_rule
from gatepost.workspaces.models import Role, Workspace

TEXT = "Your code is 4711"
NUMBER = "48600100200"
SETTINGS = {
    "url": "https://shared.example/send",
    "body_format": "json",
    "body": '{"messages": [{"ref": {{ref}}, "to": {{to}}, "text": {{text}}, "sender": {{sender}}}]}',
}
TOLD = (
    "select words from routing_change",
    "select cause, reasons from gateway_health",
    "select paused_reason from gateway",
)


@pytest.fixture
async def neighbours(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    """Another workspace that uses the same gateway before another one; both gateways, the shared one first."""
    kit = http_template
    generic = Provider(manifest, kit.submit, prepare=kit.prepare, capabilities=kit.capabilities)
    monkeypatch.setitem(PROVIDERS, "generic_http", generic)
    monkeypatch.setattr(detours, "_known", {})
    for name, value in {"LOOK_S": 0.1, "JUDGE_S": 0.3, "ASK_S": 0.2}.items():
        monkeypatch.setattr(watching, name, value)
    return await in_thread(_neighbours, engine.workspace)


def _neighbours(workspace):
    other = Workspace.objects.create(name="Neighbours")
    common = {"sender": "Acme", "pattern": "loop", "parallel": 1, "requests_per_second": 50}
    shared = create_gateway([workspace, other], "generic_http", "Shared", SETTINGS, common, actor="test")
    spare = create_gateway([other], "echo", "Spare", {}, {"sender": "Spare"}, actor="test")
    create_rule(other, {"name": "All", "targets": [(shared.pk, 1), (spare.pk, 0)]}, actor="test")
    return other, shared, spare


async def test_what_a_refusal_quotes_is_told_to_nobody_else(engine, neighbours):
    other, shared, spare = neighbours
    engine.other_side.behave = lambda messages: Response(403, (), f"no: {messages[0]}".encode())
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    theirs = await in_thread(accept_one, Origin(other.pk), Wish("+48600300400", "theirs", send_at=tomorrow))
    with structlog.testing.capture_logs() as logs:
        ids = await engine.accept(2 * PAUSE_AFTER, gateway=str(shared.pk), to=f"+{NUMBER}", text=TEXT)
        engine.start_worker()
        await engine.until(lambda: bool(engine.rows("select 1 from gateway where paused_at is not null")))
        await engine.until(lambda: bool(engine.rows("select 1 from gateway_health where reasons <> '{}'")))
        await engine.until(lambda: bool(engine.rows("select 1 from message where gateway_id = %s", spare.pk)))
    own = engine.rows("select words from message where id = any(%s) and words is not null", ids)
    assert TEXT in str(own), "the provider did not quote it"
    told = {statement: engine.rows(statement) for statement in TOLD} | {"log": logs}
    told |= {"events": engine.events(theirs), "dashboard": await in_thread(dashboard, other)}
    for place, words in told.items():
        assert "credentials are refused (403)" in str(words), place
        assert TEXT not in str(words), place
        assert NUMBER not in str(words), place


def dashboard(workspace):
    """What every member of the other workspace sees first."""
    page = Tenant(workspace).console(Role.VIEWER).get(f"/w/{workspace.pk}/")
    assert page.status_code == 200
    return page.content.decode()
