"""What is accepted for a gateway just after it was deleted: nobody drives it, and it must not wait for ever."""

from gatepost.dispatch import detours
from gatepost.dispatch.story import told
from gatepost.dispatch.threads import in_thread
from gatepost.messages.log import timeline
from gatepost.messages.models import Message
from gatepost.workspaces.models import Workspace

GONE = 987_654
WHY = {"why": "its gateway was deleted"}


def strand(engine, *ids):
    """Into the queue of a gateway that is not there."""
    engine.run("update message set gateway_id = %s where id = any(%s)", GONE, list(ids))
    engine.run("update outbox set gateway_id = %s where message_id = any(%s)", GONE, list(ids))


async def test_it_takes_another_way_or_is_cancelled_and_the_unknown_is_not_sent_again(engine, monkeypatch):
    monkeypatch.setattr(detours, "_known", {})
    await in_thread(Workspace.objects.filter(pk=engine.workspace.pk).update, default_gateway=engine.gateway)
    [led] = await engine.accept(gateway="")
    named, doubtful, *waiting = await engine.accept(4)
    engine.run("update message set state = 'unknown' where id = %s", doubtful)
    engine.run("update outbox set due_at = now() + interval '1 hour' where message_id = any(%s)", waiting)
    strand(engine, led, named, doubtful)
    faults = []

    def failing(*given):
        faults.append(given)
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(detours, "move_queue", failing)
        engine.start_worker()
        await engine.until(lambda: len(faults) >= 2)
        assert set(engine.states([led, named]).values()) == {"queued"}
    await engine.until_states([led], "submitted")
    await engine.until_states([named], "cancelled")

    assert engine.accepted_ids() == [led]
    assert sorted(engine.rows("select message_id from outbox")) == [(message_id,) for message_id in sorted(waiting)]
    found = {row[0]: row[1:] for row in engine.rows("select id, state, gateway_id from message")}
    assert [found[one] for one in (led, named, doubtful)] == [
        ("submitted", engine.gateway.pk),
        ("cancelled", None),
        ("unknown", None),
    ]
    assert engine.events(led) == [("moved", WHY | {"from": "a gateway that is gone", "to": engine.gateway.name})]
    assert engine.events(doubtful) == [("not sent again", WHY)]
    message = await in_thread(Message.objects.select_related("gateway", "api_key", "user").get, pk=named)
    line = told(message, await in_thread(timeline, message))[-1]
    assert (line.title, line.words) == ("Cancelled", ("Its gateway was deleted.",))
