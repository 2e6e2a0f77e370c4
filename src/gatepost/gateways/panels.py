"""The *Test result* panel: what came of trying a gateway, in words, with the exact exchange."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gatepost.gateways.balance import in_words
from gatepost.gateways.trials import TrialResult
from gatepost.problems import Problem

_SIDES = {
    "ours": "This installation",
    "gateway": "The gateway's settings",
    "provider": "The provider",
    "recipient": "The recipient",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """`steps`: requests and answers, secrets masked, each with `trace` and `curl`. `side`: in words."""

    title: str
    is_ok: bool
    words: str
    side: str = ""
    code: str = ""
    advice: str = ""
    balance: str = ""
    note: str = ""
    faults: Sequence[tuple[str, str]] = ()
    steps: Sequence[Any] = field(default=())

    @classmethod
    def of_result(cls, title: str, result: TrialResult, note: str = "") -> "Panel":
        return cls(
            title=title,
            is_ok=result.ok,
            words=result.words,
            side=_SIDES[result.side] if result.side else "",
            code=result.code,
            advice=result.advice,
            balance=in_words(result.balance) if result.balance else "",
            note=note,
            steps=result.steps,
        )

    @classmethod
    def of_problem(cls, title: str, problem: Problem) -> "Panel":
        return cls(title=title, is_ok=False, words=problem.detail, advice=problem.remedy)

    @classmethod
    def of_faults(cls, title: str, faults: Sequence[tuple[str, str]]) -> "Panel":
        return cls(title=title, is_ok=False, words="Nothing was sent, because the form is not complete.", faults=faults)
