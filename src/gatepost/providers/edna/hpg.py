"""HPG: everything in the address, answers of fields with semicolons between them."""

from gatepost.providers.base import Gateway, MalformedAnswer, Message, Stop
from gatepost.providers.edna.tables import REFUSED
from gatepost.providers.kit import answers, requests
from gatepost.providers.wire import Link, Request, Response


def send_request(message: Message, gw: Gateway, priority: str, link: Link | None) -> Request:
    index = "[0]" if gw["indexed"] else ""
    values = {"subject": message.sender, "address": message.to, "text": message.text, "clientId": message.ref}
    params = [(f"{name}{index}", value) for name, value in values.items()]
    params += requests.present({"priority": priority})
    return _request(gw, _base(gw) + "/send", gw["password_field"], params, link)


def state_request(key: str, gw: Gateway, link: Link | None) -> Request:
    name = "providerId[0]" if gw["indexed"] else "providerId"
    password_field = gw["status_password_field"] or gw["password_field"]
    return _request(gw, gw["status_url"] or _base(gw) + "/status", password_field, [(name, key)], link)


def fields(response: Response) -> list[str]:
    """What follows `ok`, at least two fields of which the second is filled. An error word is raised as Stop."""
    text = answers.to_text(response)
    word, *rest = [part.strip() for part in text.strip().split(";")]
    if word in REFUSED or word.startswith("error-"):
        raise Stop(REFUSED.outcome(word))
    if word != "ok" or len(rest) < 2 or not rest[1]:
        raise MalformedAnswer("the answer is neither ok with its fields nor an error word", answers.excerpt(text))
    return rest


def _base(gw: Gateway) -> str:
    return gw.text("url").removesuffix("/send")


def _request(gw: Gateway, url: str, password_field: str, params: list[tuple[str, str]], link: Link | None) -> Request:
    login = [(gw["login_field"], gw["login"]), (password_field, gw["password"])]
    return requests.get(url, [*login, *params], link=link)
