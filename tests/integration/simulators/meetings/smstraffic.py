"""SMS Traffic: a number and a short code whose messages are pushed, a number whose messages are fetched."""

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Refusal

REFUSALS = {
    "401": Refusal.CONFIG,
    "411": Refusal.AUTH,
    "412": Refusal.AUTH,
    "415": Refusal.NO_CREDIT,
    "418": Refusal.CONFIG,
    "421": Refusal.BAD_SENDER,
    "424": Refusal.BAD_CONTENT,
    "427": Refusal.BAD_RECIPIENT,
    "432": Refusal.BLOCKED,
    "1000": Refusal.TEMPORARY,
}

MEETINGS = (
    Meeting(
        slug="smstraffic",
        settings=lambda url, keys: {"script_url": f"{url}/multi.php", "inbound_charset": "utf-8", **keys},
        options={"inbound_charset": "utf-8"},
        number="79991112233",
        country="79",
        refusals=REFUSALS,
    ),
    Meeting(
        slug="smstraffic",
        variant="shortcode",
        settings=lambda url, keys: {
            "script_url": f"{url}/multi.php",
            "inbound_charset": "utf-8",
            "shortcode_password": "demo-shortcode-password",
            "gap_ms": 1000,
            **keys,
        },
        options={"inbound_charset": "utf-8"},
        number="7788",
        country="79",
        texts=("test",),
    ),
    Meeting(
        slug="smstraffic",
        variant="smartdelivery",
        settings=lambda url, keys: {
            "script_url": f"{url}/smartdelivery-in/multi.php",
            "dialect": "smartdelivery",
            "poll_inbound": True,
            **keys,
        },
        number="79991112233",
        country="79",
        pushes_replies=False,
        texts=("test", "Привет", "a" * 459),
    ),
)
