"""Every exchange of every provider."""

import pytest
from tests.providers.exchange_files import Exchange, load_all
from tests.providers.runner import run

from gatepost.providers.registry import provider


@pytest.mark.parametrize("exchange", load_all(), ids=lambda exchange: exchange.id)
def test_exchange(exchange: Exchange) -> None:
    run(exchange, provider(exchange.slug))
