"""Pages: one message with everything that is known of it, and what may be done with messages on their way."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from gatepost.dispatch import services, story
from gatepost.dispatch.explain import Explanation, explained
from gatepost.messages.api import own_message
from gatepost.messages.log import Standing, standings
from gatepost.messages.models import Message
from gatepost.messages.views import draft_done
from gatepost.pages.access import PageRequest, page, path_of_ours
from gatepost.problems import Problem
from gatepost.sms.ids import from_ref, to_ref
from gatepost.sms.states import State
from gatepost.workspaces.permissions import Right

LIVELY: Final = timedelta(minutes=1)
"""So long after the last news more is expected every second."""
MOST_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Action:
    """Something that may be done with messages in that state (`needs_gateway`: whose gateway is still there). `risk`:
    what people should know before."""

    run: Callable[..., list[int]]
    state: State
    label: str
    title: str
    risk: str
    done: str
    is_dangerous: bool = False
    needs_gateway: bool = False

    def fits(self, row: Message, standing: Standing) -> bool:
        """Whether it may be done with this message."""
        return standing.state is self.state and (row.gateway_id is not None or not self.needs_gateway)


ACTIONS: Final[Mapping[str, Action]] = {
    "send-again": Action(
        services.send_again,
        State.UNKNOWN,
        "Send again",
        "Send again what may have arrived already?",
        "Nobody knows whether the provider took them the first time. Whoever got the message gets it twice then, and "
        "it may be charged twice.",
        "sent again",
        is_dangerous=True,
        needs_gateway=True,
    ),
    "leave": Action(
        services.leave,
        State.UNKNOWN,
        "Leave as it is",
        "Leave them as they are?",
        "Nothing is sent again. If they never arrived, nobody will know; a late report still settles them.",
        "left as they are",
    ),
    "cancel": Action(
        services.cancel,
        State.QUEUED,
        "Cancel sending",
        "Take them out of the queue?",
        "They will not be sent. What is being handed to a provider at this moment cannot be stopped any more.",
        "cancelled",
        is_dangerous=True,
    ),
}


@page("messages/<str:ref>/", "message", Right.MESSAGES_READ)
@require_safe
def message(request: PageRequest, ref: str) -> HttpResponse:
    """One message: facts, timeline, exchanges, and what can be done."""
    row = own_message(request.asker, ref)
    context = _live(request, row) | {"draft_done": draft_done(request)}
    return render(request, "dispatch/message.html", context)


@page("messages/<str:ref>/live/", "message-live", Right.MESSAGES_READ)
@require_safe
def live(request: PageRequest, ref: str) -> HttpResponse:
    """The same as a fragment, for a page that is open; nothing where nothing has changed since `seen`."""
    context = _live(request, own_message(request.asker, ref))
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "dispatch/live.html", context)


@page("log/actions/", "message-actions", Right.MESSAGES_READ, writes=Right.MESSAGES_SEND)
@require_POST
def act(request: PageRequest) -> HttpResponse:
    """Ask whether it is meant, and do it once it is confirmed."""
    action = ACTIONS.get(request.POST.get("action", ""))
    if action is None:
        raise Problem("bad_request", "There is no such action.")
    chosen = _chosen(request)
    if "confirmed" in request.POST:
        return _done(request, action, chosen)
    standing = standings(chosen)
    fitting = [row for row in chosen if action.fits(row, standing[row.pk])]
    is_fragment = "HX-Request" in request.headers
    context = {
        "action": action,
        "name": request.POST["action"],
        "fitting": fitting,
        "left_out": len(chosen) - len(fitting),
        "back": _back(request),
    }
    return render(request, "dispatch/confirm.html" if is_fragment else "dispatch/confirm_page.html", context)


def _live(request: PageRequest, row: Message) -> dict[str, Any]:
    found = explained(row, sees_all=request.asker.is_administrator)
    standing = found.standing
    is_moving = story.is_moving(standing)
    last_news = max([row.state_at, *(line.at for line in found.timeline)])
    is_lively = timezone.now() - last_news < LIVELY and not standing.held and standing.state is not State.UNKNOWN
    context = {
        "message": row,
        "standing": standing,
        "explanation": found,
        "sender_reason": story.sender_in_words(row),
        "poll_s": (1 if is_lively else 10) if is_moving else None,
        "may_send": request.asker.has(Right.MESSAGES_SEND),
        "is_unknown": standing.state is State.UNKNOWN,
        "is_waiting": standing.state is State.QUEUED,
        "path": reverse("message", kwargs={"workspace": request.asker.workspace.pk, "ref": to_ref(row.pk)}),
    }
    return context | {"seen": _seen(context)}


def _seen(context: Mapping[str, Any]) -> str:
    """What a page that shows this has seen."""
    found: Explanation = context["explanation"]
    # How many are before it is no news.
    reasons = [wait.why.partition(":")[0] for wait in found.waits]
    parts = (found.standing, found.timeline, found.exchanges, reasons, context["poll_s"], context["message"].left_at)
    return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:16]


def _chosen(request: PageRequest) -> list[Message]:
    """The caller's messages that were named. Raises Problem where none was."""
    parsed = [from_ref(ref.lower()) for ref in request.POST.getlist("ref")[:MOST_AT_ONCE]]
    ids = [found[0] for found in parsed if found is not None]
    rows = list(Message.objects.filter(workspace=request.asker.workspace, pk__in=ids).order_by("-pk"))
    if not rows and ids:
        raise Problem("not_found")
    return rows


def _done(request: PageRequest, action: Action, chosen: Sequence[Message]) -> HttpResponse:
    done = action.run(request.asker.workspace.pk, [row.pk for row in chosen], actor=request.asker.actor)
    words = f"{len(done)} message{'' if len(done) == 1 else 's'}: {action.done}."
    missed = len(chosen) - len(done)
    if missed:
        words += f" {missed} had moved on meanwhile."
    (notices.success if done else notices.warning)(request, words)
    return redirect(_back(request))


def _back(request: PageRequest) -> str:
    log = reverse("log", kwargs={"workspace": request.asker.workspace.pk})
    return path_of_ours(request.POST.get("back", ""), log)
