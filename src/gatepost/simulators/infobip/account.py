"""What every path of Infobip shares: sign-in, problems, statuses, what an account remembers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gatepost.simulators.engine import LiveAccount
from gatepost.simulators.infobip.tables import GROUPS, ITEMS, WHOLE
from gatepost.simulators.wire import Answer, Request, json_answer


@dataclass(slots=True)
class Memory:
    """`used`: message ids that were seen. `reports` and `replies`: what nobody has fetched or been told yet."""

    used: set[str] = field(default_factory=set)
    reports: list[dict[str, Any]] = field(default_factory=list)
    replies: list[dict[str, Any]] = field(default_factory=list)


class Refusal(Exception):
    def __init__(self, code: str, property_: str = "", violation: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.violations = [(property_, violation)] if property_ else []


def problem(code: str, version: str, violations: Sequence[tuple[str, str]] = ()) -> Answer:
    status, older, words = WHOLE[code]
    if version == "3":
        told = [{"property": name, "violation": violation} for name, violation in violations]
        action = "Check the syntax, violations and adjust the request."
        body = {"errorCode": code, "description": words, "action": action, "violations": told, "resources": []}
        return json_answer(body, status)
    exception: dict[str, Any] = {"messageId": older, "text": words}
    if violations:
        exception["validationErrors"] = {name: [violation] for name, violation in violations}
    return json_answer({"requestError": {"serviceException": exception}}, status)


def version_of(request: Request) -> str:
    return "3" if request.path.startswith("/sms/3/") else "2"


def answered(make: Callable[[Request, LiveAccount], Answer]) -> Callable[[Request, LiveAccount], Answer]:
    """The handler behind the sign-in, refusals in the form of the path's generation."""

    def handle(request: Request, live: LiveAccount) -> Answer:
        try:
            scheme, _, key = request.headers.get("authorization", "").partition(" ")
            if request.basic() != (live.credentials["username"], live.credentials["password"]) and (
                (scheme, key) != ("App", live.credentials["api_key"])
            ):
                raise Refusal("E401")
            return make(request, live)
        except Refusal as refusal:
            return problem(refusal.code, version_of(request), refusal.violations)

    return handle


def status_of(of: tuple[int, int, str]) -> dict[str, Any]:
    group, code, name = of
    words = "Message sent to next instance" if code == 26 else name.replace("_", " ").capitalize()
    return {"groupId": group, "groupName": GROUPS[group], "id": code, "name": name, "description": words}


def rejected(code: int) -> dict[str, Any]:
    return status_of((5, code, ITEMS[code]))


def limit_of(request: Request) -> int:
    text = next((value.decode() for name, value in request.query_pairs() if name == "limit"), "50")
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise Refusal("E400", "limit", "must be from 1 to 1000")
    return int(text)
