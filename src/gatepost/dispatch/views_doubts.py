"""The page of messages in doubt, and what may be done with many of them at once."""

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from gatepost.dispatch.doubts import MOST_AT_ONCE, Doubt, Way, doubts, in_doubt
from gatepost.dispatch.views_message import ACTIONS, Action
from gatepost.pages.access import PageRequest, page
from gatepost.problems import Problem
from gatepost.sms.states import State
from gatepost.workspaces.permissions import Right


@page("doubts/", "doubts", Right.MESSAGES_READ)
@require_safe
def show_doubts(request: PageRequest) -> HttpResponse:
    """Unknown messages by gateway, with what will settle them."""
    found = doubts(request.asker.workspace.pk)
    context = {
        "doubts": found,
        "total": sum(doubt.count for doubt in found),
        "may_send": request.asker.has(Right.MESSAGES_SEND),
    }
    return render(request, "dispatch/doubts.html", context)


@page("doubts/actions/", "doubt-actions", Right.MESSAGES_READ, writes=Right.MESSAGES_SEND)
@require_POST
def act_on_doubts(request: PageRequest) -> HttpResponse:
    """Ask whether it is meant, and do it with all messages of that gateway and way once it is confirmed."""
    action = ACTIONS.get(request.POST.get("action", ""))
    if action is None or action.state is not State.UNKNOWN:
        raise Problem("bad_request", "There is no such action.")
    doubt = _chosen(request)
    if action.needs_gateway and not doubt.gateway:
        raise Problem("gateway_gone")
    if "confirmed" in request.POST:
        return _done(request, action, doubt)
    is_fragment = "HX-Request" in request.headers
    context = {"action": action, "name": request.POST["action"], "doubt": doubt, "most": MOST_AT_ONCE}
    return render(request, "dispatch/doubt_confirm.html" if is_fragment else "dispatch/doubt_page.html", context)


def _chosen(request: PageRequest) -> Doubt:
    """Raises Problem where none of that gateway and way is left."""
    wanted = (request.POST.get("gateway", ""), request.POST.get("way", ""))
    for doubt in doubts(request.asker.workspace.pk):
        if (str(doubt.gateway_id or ""), doubt.way.value) == wanted:
            return doubt
    raise Problem("not_found", "None of these messages is in doubt any more.")


def _done(request: PageRequest, action: Action, doubt: Doubt) -> HttpResponse:
    workspace_id = request.asker.workspace.pk
    ids = in_doubt(workspace_id, doubt.gateway_id, Way(doubt.way))
    done = action.run(workspace_id, ids, actor=request.asker.actor)
    words = f"{len(done)} message{'' if len(done) == 1 else 's'}: {action.done}."
    (notices.success if done else notices.warning)(request, words)
    return redirect("doubts", workspace=workspace_id)
