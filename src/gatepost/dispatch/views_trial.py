"""Pages that send a test SMS through a gateway and follow what becomes of it."""

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from gatepost.dispatch import trial_send
from gatepost.dispatch.exchanges import curl
from gatepost.gateways import access, common
from gatepost.gateways.edit_page import show_panel
from gatepost.gateways.forms import GatewayForm
from gatepost.gateways.models import Gateway
from gatepost.gateways.panels import Panel
from gatepost.messages.log import refusal_of, standings
from gatepost.messages.models import Message
from gatepost.pages.access import PageRequest, page
from gatepost.problems import Problem
from gatepost.sms.ids import from_ref, to_ref
from gatepost.sms.states import FINAL, State
from gatepost.workspaces.access import Caller
from gatepost.workspaces.permissions import Right

TITLE: Final = "Test SMS"
FOLLOWED_S: Final = 120


@page("gateways/add/<slug:provider>/test/", "gateway-add-test", Right.GATEWAYS_WRITE)
@require_POST
def test_new(request: PageRequest, provider: str) -> HttpResponse:
    """Send with what the form says, before there is a gateway."""
    request.asker.require(Right.GATEWAYS_TEST)
    return _test(request, GatewayForm(request.asker, provider, data=request.POST))


@page("gateways/<int:gateway>/test/", "gateway-test", Right.GATEWAYS_TEST)
@require_POST
def test_saved(request: PageRequest, gateway: int) -> HttpResponse:
    """Send through the queue; with what was typed where that differs from what is saved."""
    row = access.find(request.asker, gateway)
    data = request.POST if access.may_change(request.asker, row) and "name" in request.POST else None
    return _test(request, GatewayForm(request.asker, row.provider, row, data=data))


@page("gateways/<int:gateway>/test/<str:ref>/", "gateway-test-result", Right.GATEWAYS_TEST)
@require_safe
def follow(request: PageRequest, gateway: int, ref: str) -> HttpResponse:
    """What has become of a test SMS: the part of the panel that asks again until it is final."""
    parsed = from_ref(ref)
    row = access.find(request.asker, gateway)
    own = Message.objects.filter(workspace=request.asker.workspace, gateway=row, kind="test")
    message = own.filter(pk=parsed[0]).first() if parsed else None
    if message is None:
        raise Problem("not_found", "The gateway has sent no such test SMS.")
    is_state_only = request.GET.get("only") == "state"
    template = "dispatch/test_state.html" if is_state_only else "dispatch/test_panel.html"
    return render(request, template, _standing(message, row, request.asker))


def _test(request: PageRequest, form: GatewayForm) -> HttpResponse:
    if form.is_posted and not form.is_valid():
        return show_panel(request, form, Panel.of_faults(TITLE, form.faults), status=422)
    trial = trial_send.Trial(
        to=request.POST.get("trial_to", ""),
        text=request.POST.get("trial_text", "").replace("\r\n", "\n"),
        sender=request.POST.get("trial_sender", ""),
    )
    try:
        if form.gateway is not None and not (form.is_posted and form.is_changed()):
            return _through_queue(request, form, form.gateway, trial)
        result = trial_send.send_unsaved(request.asker, _draft(form), form.unsaved(), trial)
    except Problem as problem:
        return show_panel(request, form, Panel.of_problem(TITLE, problem), status=problem.status)
    note = "With what is typed; it is not saved yet, so the message is not in the log and no receipt is waited for."
    return show_panel(request, form, Panel.of_result(TITLE, result, note))


def _through_queue(request: PageRequest, form: GatewayForm, gateway: Gateway, trial: trial_send.Trial) -> HttpResponse:
    """With scripts the panel asks by itself how it goes; without them the answer waits for the provider's."""
    message_id = trial_send.send_by(request.asker, gateway.pk, trial)
    if request.headers.get("HX-Request"):
        shown = _standing(Message.objects.get(pk=message_id), gateway, request.asker)
        return render(request, "dispatch/test_panel.html", shown)
    return show_panel(request, form, _panel(trial_send.wait_for_answer(message_id), request.asker))


def _standing(message: Message, gateway: Gateway, asker: Caller) -> dict[str, Any]:
    age_s = (timezone.now() - message.created_at).total_seconds()
    return {
        "message": message,
        "gateway": gateway,
        "ref": to_ref(message.pk),
        "standing": standings([message])[message.pk],
        "refusal": refusal_of(message),
        "steps": _steps(message, asker),
        "is_answered": message.submission_id is not None,
        "is_followed": message.state not in FINAL and age_s < FOLLOWED_S,
    }


def _panel(message: Message, asker: Caller) -> Panel:
    """The same as a panel that stands still, for a browser without scripts."""
    refusal = refusal_of(message)
    is_bad = refusal is not None or message.state == State.UNKNOWN
    return Panel(
        title=TITLE,
        is_ok=not is_bad,
        words=f"{to_ref(message.pk)} to +{message.to_digits}: {standings([message])[message.pk].state}.",
        code=refusal["code"] if refusal else "",
        advice=refusal["advice"] if refusal else "",
        note="The log follows what becomes of it.",
        steps=_steps(message, asker),
    )


def _steps(message: Message, asker: Caller) -> list[dict[str, Any]]:
    traces = trial_send.exchanges_of(message, sees_all=asker.is_administrator)
    return [{"trace": trace, "curl": curl(trace)} for trace in traces]


def _draft(form: GatewayForm) -> Gateway:
    """The gateway as the form shows it, never to be stored."""
    cleaned, faults = common.clean(form.common_values, form.manifest)
    if faults:
        raise Problem("invalid", faults=faults)
    own = {"name": form.general.cleaned_data["name"], "provider": form.manifest.slug}
    return Gateway(pk=form.gateway.pk if form.gateway else None, **own, **cleaned)
