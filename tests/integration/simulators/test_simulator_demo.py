"""The demo's gateways fit the adapters' manifests and the simulated accounts."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from gatepost.providers.fields import clean
from gatepost.providers.registry import provider
from gatepost.simulators.demo import demo_accounts, demo_gateways
from gatepost.simulators.server import Server

GATEWAYS = demo_gateways("http://127.0.0.1:9000")


@pytest.mark.parametrize("gateway", GATEWAYS, ids=lambda gateway: gateway.name)
def test_the_settings_are_those_of_the_manifest(gateway):
    fields = [replace(field, schemes=("http", "https")) for field in provider(gateway.provider).manifest.fields]
    cleaned, faults = clean(tuple(fields), gateway.settings)
    assert [fault.words for fault in faults] == []
    assert {name: cleaned[name] for name in gateway.settings} == dict(gateway.settings)


async def test_each_gateway_points_at_its_account():
    async with Server(demo_accounts()) as server:
        gateways = demo_gateways(server.url)
        assert [gateway.url for gateway in gateways] == [server.url_of(gateway.account) for gateway in gateways]
        for gateway in gateways:
            live = server.accounts[gateway.account]
            assert gateway.number in live.account.numbers
            assert gateway.url in str(gateway.settings)
            assert set(live.credentials.values()) & set(gateway.settings.values())


async def test_ports_of_their_own_are_used_and_callbacks_known_from_the_start(unused_tcp_port):
    ports = {"warsaw": unused_tcp_port}
    callbacks = {"warsaw": {"receipt_url": "http://127.0.0.1:1/r"}}
    async with Server(demo_accounts(ports, callbacks)) as server:
        warsaw, cape, _ = demo_gateways(server.url, ports)
        assert urlsplit(warsaw.url).port == unused_tcp_port
        assert warsaw.url == server.url_of("warsaw")
        assert cape.url == server.url + "/cape"
        assert server.accounts["warsaw"].receipt_url == "http://127.0.0.1:1/r"


async def test_reset_brings_the_flaky_one_back_to_flaky():
    async with Server(demo_accounts()) as server:
        flaky = server.accounts["flaky"]
        flaky.set_faults(replace(flaky.faults, fail=0.0))
        flaky.reset()
        assert flaky.faults.fail == 0.15
