"""The front opens short links: at once, only ours, and people are counted."""

import psycopg
import pytest
from tests.integration.intake.conftest import Front

from gatepost.dispatch.threads import in_thread
from gatepost.links.services import set_base_url
from gatepost.links.shortening import Shortener

BROWSER = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"


async def kept(front: Front) -> str:
    def keep() -> str:
        shortener = Shortener(front.owner.workspace.pk, 7, "https://go.example")
        text = shortener.write("https://acme.example/offers?a=1", 5)
        shortener.keep({5})
        return text.removeprefix("https://go.example")

    return await in_thread(keep)


def clicks(front: Front) -> int:
    with psycopg.connect(front.dsn) as connection:
        row = connection.execute("select sum(clicks) from short_link").fetchone()
    return int(row[0]) if row else 0


async def test_a_code_leads_to_its_address_and_a_person_is_counted(front: Front) -> None:
    path = await kept(front)
    for _ in range(2):
        answer = await front.request("GET", path, authorization="", user_agent=BROWSER)
        assert answer.status == 302
        assert answer.header("location") == "https://acme.example/offers?a=1"
        assert answer.header("cache-control") == "no-store"
        assert answer.header("referrer-policy") == "no-referrer"
    assert clicks(front) == 2


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"user_agent": ""}),
        ("HEAD", {"user_agent": BROWSER}),
        ("GET", {"user_agent": "WhatsApp/2.24"}),
        ("GET", {"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}),
        ("GET", {"user_agent": "curl/8.5"}),
        ("GET", {"user_agent": BROWSER, "sec_purpose": "prefetch;prerender"}),
    ],
)
async def test_robots_are_led_on_and_not_counted(front: Front, method: str, headers: dict[str, str]) -> None:
    path = await kept(front)
    before = clicks(front)
    assert (await front.request(method, path, authorization="", **headers)).status == 302
    assert clicks(front) == before


@pytest.mark.parametrize("path", ["/s/", "/s/abcdefghi", "/s/abc", "/s/../admin", "/s/abcdefgh%00", "/s/abcdefghi/x"])
async def test_what_we_did_not_make_leads_nowhere(front: Front, path: str) -> None:
    answer = await front.request("GET", path, authorization="", user_agent=BROWSER)
    assert answer.status == 404
    assert not answer.header("location")


async def test_links_of_a_single_message_are_kept_with_it_and_open(front: Front) -> None:
    await in_thread(set_base_url, front.owner.workspace, "https://go.example", actor="test")
    gateway = await front.add_gateway("caller", shorten_links=True)
    url = "https://acme.example/your-new-password?for=somebody&until=tomorrow"
    one = {"to": "+48600100200", "text": f"Open {url}", "priority": "code"}
    document = {
        "messages": [one | {"gateway": gateway.pk}, one | {"gateway": front.gateway.pk}, {"to": "", "text": url}]
    }
    answers = [await front.post(document, idempotency_key="once") for _ in range(2)]
    assert answers[0].body == answers[1].body
    rows = front.rows("select body, gateway_id, id from message order by id")
    [(code, message_id, kept)] = front.rows("select code, message_id, url from message_link")
    assert rows[0] == (f"Open https://go.example/s/{code}", gateway.pk, message_id)
    assert (rows[1][0], kept) == (f"Open {url}", url)
    for agent in (BROWSER, "curl/8.5", BROWSER):
        opened = await front.request("GET", f"/s/{code}", authorization="", user_agent=agent)
        assert (opened.status, opened.header("location")) == (302, url)
    assert front.rows("select clicks, first_at < last_at from message_link") == [(2, True)]


async def test_links_are_opened_and_nothing_else(front: Front) -> None:
    assert (await front.request("POST", await kept(front), user_agent=BROWSER)).status == 405
