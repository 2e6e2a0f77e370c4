"""Pages of the virtual phone."""

import hashlib
import re
from typing import Any, Final

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from gatepost.console import phone
from gatepost.console.phone import Demo
from gatepost.console.remote import Away, Declined
from gatepost.messages.forms import ComposeForm
from gatepost.messages.services import accept_once
from gatepost.messages.snapshots import load
from gatepost.messages.store import Origin
from gatepost.messages.views import SENT, draft_done, explain
from gatepost.pages.access import PageRequest, page
from gatepost.pages.zones import zone_of
from gatepost.problems import Problem
from gatepost.workspaces.permissions import Right

NUMBER: Final = re.compile("[0-9]{8,15}")
LONGEST_REPLY: Final = 1000
DONE: Final = {
    "break": "{} refuses every connection now.",
    "slow": "{} takes four seconds for each answer now.",
    "repair": "{} works as it should.",
}


@page("phone/", "phone", Right.MESSAGES_READ)
@require_safe
def show(request: PageRequest) -> HttpResponse:
    """The handset's conversation, and what can be done to the simulated gateways."""
    return _page(request, None)


@page("phone/live/", "phone-live", Right.MESSAGES_READ)
@require_safe
def live(request: PageRequest) -> HttpResponse:
    """The conversation as a fragment; nothing where nothing has changed since `seen`."""
    try:
        demo = phone.demo_of(request.asker.workspace)
        context = _conversation(request, demo) if demo else {}
    except Away:
        context = {}
    if not context or request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "console/conversation.html", context)


@page("phone/write/", "phone-write", Right.MESSAGES_SEND)
@require_POST
def write(request: PageRequest) -> HttpResponse:
    """Send a message to the handset, as any message is sent."""
    workspace = request.asker.workspace
    form = ComposeForm(workspace, load(workspace.pk), zone_of(request), data=request.POST)
    if form.is_valid():
        try:
            user_id = request.asker.user.pk if request.asker.user else None
            accept_once(Origin(workspace.pk, user_id=user_id), form.wish(), form.cleaned_data["once"])
        except Problem as problem:
            explain(form, problem)
        else:
            return _done(request, "phone")
    return _page(request, form)


@page("phone/reply/", "phone-reply", Right.MESSAGES_SEND)
@require_POST
def reply(request: PageRequest) -> HttpResponse:
    """The handset answers; it arrives as any inbound message does."""
    text = request.POST.get("reply", "").replace("\r\n", "\n").replace("\x00", "")[:LONGEST_REPLY]
    number = _number(request)
    if not text.strip():
        notices.error(request, "The reply is empty. Write something first.")
        return redirect(_address(request, number))
    try:
        demo = _demo(request)
        target = phone.answers_to(demo, number)
        if not demo.simulators.reply(number, target.account.name, text):
            notices.error(
                request, f"Gatepost did not take the reply through {target.gateway.name}. Look at its callbacks."
            )
            return redirect(_address(request, number))
    except Away:
        return _page(request, None)
    except Declined as declined:
        notices.error(request, str(declined))
        return redirect(_address(request, number))
    return _done(request, "reply")


@page("phone/gateway/", "phone-gateway", Right.GATEWAYS_WRITE)
@require_POST
def switch(request: PageRequest) -> HttpResponse:
    """Break, slow down or repair the provider of a simulated gateway."""
    what = request.POST.get("do", "")
    if what not in phone.SWITCHES:
        raise Problem("bad_request", "There is no such switch.")
    try:
        demo = _demo(request)
        target = demo.named(request.POST.get("account", ""))
        if target is None:
            raise Problem("not_found")
        demo.simulators.change(target.account.name, phone.SWITCHES[what])
    except Away:
        return _page(request, None)
    except Declined as declined:
        notices.error(request, str(declined))
    else:
        notices.success(request, DONE[what].format(target.gateway.name))
    return redirect(_address(request, _number(request)))


@page("phone/reset/", "phone-reset", Right.GATEWAYS_WRITE)
@require_POST
def reset(request: PageRequest) -> HttpResponse:
    """Ask whether it is meant, and put the demo back to its start."""
    try:
        demo = _demo(request)
        if "confirmed" not in request.POST:
            is_fragment = "HX-Request" in request.headers
            context = {"count": phone.count(demo), "demo": demo, "back": _address(request, "")}
            return render(request, "console/reset.html" if is_fragment else "console/reset_page.html", context)
        count = phone.reset(demo, request.asker)
    except Away:
        return _page(request, None)
    notices.success(request, f"The demo is as at the start; {count} message{'' if count == 1 else 's'} deleted.")
    return redirect(_address(request, ""))


def _page(request: PageRequest, form: ComposeForm | None) -> HttpResponse:
    """The whole page. `form`: what was sent and not taken."""
    try:
        demo = phone.demo_of(request.asker.workspace)
        if demo is None:
            return render(request, "console/no_phone.html", {"is_away": False})
        context = _conversation(request, demo)
    except Away:
        return render(request, "console/no_phone.html", {"is_away": True}, status=200 if form is None else 503)
    asker = request.asker
    may_send = asker.has(Right.MESSAGES_SEND)
    if form is None and may_send:
        form = ComposeForm(asker.workspace, load(asker.workspace.pk), zone_of(request), auto_id="write_%s")
    if form is not None:
        form.fields["text"].widget.attrs["rows"] = 3
    context |= {
        "demo": demo,
        "form": form if may_send else None,
        "handsets": phone.handsets(demo, context["number"]),
        "answers_to": phone.answers_to(demo, context["number"]),
        "may_break": asker.has(Right.GATEWAYS_WRITE),
        "draft_done": draft_done(request),
    }
    return render(request, "console/phone.html", context, status=422 if form is not None and form.is_bound else 200)


def _conversation(request: PageRequest, demo: Demo) -> dict[str, Any]:
    number = _number(request)
    texts = phone.conversation(demo, number)
    seen = hashlib.sha256(repr(texts).encode("utf-8", "replace")).hexdigest()[:16]
    path = reverse("phone-live", kwargs={"workspace": request.asker.workspace.pk})
    return {"texts": texts, "number": number, "live": f"{path}?number={number}&seen={seen}", "seen": seen}


def _demo(request: PageRequest) -> Demo:
    """Raises Problem where there is none, and Away."""
    demo = phone.demo_of(request.asker.workspace)
    if demo is None:
        raise Problem("not_found")
    return demo


def _number(request: PageRequest) -> str:
    """The handset that the page is about; the demo's own where none or nonsense is named."""
    wanted = request.POST.get("number", "") or request.GET.get("number", "")
    digits = "".join(character for character in wanted if character.isdigit())
    return digits if NUMBER.fullmatch(digits) else phone.PHONE


def _address(request: PageRequest, number: str) -> str:
    path = reverse("phone", kwargs={"workspace": request.asker.workspace.pk})
    return f"{path}?number={number}" if number else path


def _done(request: PageRequest, draft: str) -> HttpResponse:
    path = reverse("phone", kwargs={"workspace": request.asker.workspace.pk})
    request.session[SENT] = f"draft:{path}:{draft}"
    return redirect(_address(request, _number(request)))
