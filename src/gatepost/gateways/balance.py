"""The balance of an account, asked for now, and what it was when last asked."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from gatepost.gateways import trials
from gatepost.gateways.models import BalanceReading, Gateway
from gatepost.gateways.settings import provider_of
from gatepost.gateways.trials import TrialResult
from gatepost.problems import Problem
from gatepost.providers import base

_TOO_LARGE: Final = Decimal(10) ** 14


def run_balance(gateway: base.Gateway, *, verify_tls: bool = True) -> TrialResult:
    """Run the adapter's balance; it stands in the result. Raises Problem `not_supported` where there is none."""
    ask = provider_of(gateway.slug).balance
    if ask is None:
        raise Problem("not_supported", f"{provider_of(gateway.slug).manifest.label} tells no balance.")
    result = trials.attempt(gateway, lambda context: ask(gateway, context), verify_tls=verify_tls)
    shown = trials.steps(gateway, result.exchanges)
    if result.value is None:
        assert result.outcome is not None
        return trials.failed(gateway, result.outcome, shown)
    return TrialResult(ok=True, words=in_words(result.value), steps=shown, balance=result.value)


def in_words(balance: base.Balance) -> str:
    """The balance as people read it: the provider's own words where it has some."""
    return balance.words or f"{balance.amount} {balance.unit}".strip()


def note(gateway: Gateway, balance: base.Balance) -> None:
    """Keep the reading. What no account can hold is not kept: the provider's answer was misread."""
    if balance.amount.is_finite() and abs(balance.amount) < _TOO_LARGE:
        BalanceReading.objects.create(
            gateway=gateway, amount=balance.amount, unit=balance.unit[:40], words=balance.words[:200]
        )


def last_readings(gateway_ids: Sequence[int]) -> dict[int, BalanceReading]:
    """The newest reading of each gateway that has one."""
    newest = BalanceReading.objects.filter(gateway_id__in=gateway_ids).order_by("gateway_id", "-at")
    return {reading.gateway_id: reading for reading in newest.distinct("gateway_id")}
