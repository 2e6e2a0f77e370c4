"""Signing in: what a request carries, and the tokens and challenges that are fetched before it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from gatepost.providers.base import Cached, Flow, MalformedAnswer, Renew, Stop, call
from gatepost.providers.kit.http_template import digest
from gatepost.providers.kit.http_template.escape import Unrenderable, header, percent
from gatepost.providers.kit.http_template.lookups import answer_of, lookup
from gatepost.providers.kit.http_template.pairs import plain, to_bytes_of
from gatepost.providers.kit.http_template.request import Shape, body_format_of, build, header_line, literal_url
from gatepost.providers.kit.http_template.scope import Scope
from gatepost.providers.kit.http_template.template import TemplateFault, names, parse
from gatepost.providers.kit.http_template.verdict import by_status, is_ok
from gatepost.providers.kit.requests import basic, bearer
from gatepost.providers.kit.signatures import Encoding, hmac_sign
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, refused

TOKEN_AUTHS = ("login_token", "oauth2_client")
OAUTH2_BODY = "grant_type=client_credentials&client_id={{username}}&client_secret={{password}}"
TOKEN_TTL_S = 3000
CHALLENGE_TTL_S = 300


def signed_in(scope: Scope, shape: Shape) -> Flow[Scope]:
    """The scope with a token or challenge where the sign-in needs one; yields a cached flow at most."""
    auth = scope.text("auth")
    if auth in TOKEN_AUTHS:
        ttl_s = float(scope.settings.get("token_ttl_s") or TOKEN_TTL_S)
        token = yield Cached("token", ttl_s, lambda: _token(scope))
        return scope.with_given(token=str(token))
    if auth == "digest":
        challenge = yield Cached("digest", CHALLENGE_TTL_S, lambda: _challenge(scope, shape))
        return scope.with_given(challenge=str(challenge))
    return scope


def complete(shape: Shape, scope: Scope) -> Request:
    """The request with everything the sign-in adds to it. Raises Unrenderable."""
    request = build(shape, scope)
    if not has_own_token(shape):
        try:
            request = SIGNERS.get(scope.text("auth"), _unsigned)(request, shape, scope)
        except TemplateFault as fault:
            raise Unrenderable(Refusal.CONFIG, fault.words) from None
    if scope.derived.issubset(request.sensitive):
        return request
    return replace(request, sensitive=tuple(sorted({*request.sensitive, *scope.derived})))


def has_own_token(shape: Shape) -> bool:
    """Whether the templates say themselves where the token goes."""
    return "token" in names(shape.url, shape.body, *shape.headers, *shape.query)


def renewed(response: Response, scope: Scope, otherwise: Outcome) -> None:
    """Raise Renew where a fetched token or challenge was refused: nothing was processed."""
    auth = scope.text("auth")
    if response.status == 401 and (auth in TOKEN_AUTHS or auth == "digest"):
        raise Renew("digest" if auth == "digest" else "token", otherwise)


def _token(scope: Scope) -> Flow[tuple[str, float]]:
    settings = scope.settings
    is_oauth2 = scope.text("auth") == "oauth2_client"
    body = scope.text("token_body") or (OAUTH2_BODY if is_oauth2 else "")
    shape = Shape(
        method=scope.text("token_method") or "POST",
        url=scope.text("token_url"),
        body_format=body_format_of(body),
        body=body,
    )
    try:
        request = build(shape, scope)
    except Unrenderable as fault:
        raise Stop(refused(fault.refusal, "", fault.words)) from None
    response = yield call(request, "Sign in")
    answer = answer_of(response, scope.charset)
    if not is_ok(response.status, {}):
        # A token endpoint answers 400 to wrong credentials (RFC 6749, 5.2).
        failed = refused(Refusal.AUTH, 400, answer.text[:200]) if response.status == 400 else None
        raise Stop(failed or by_status(answer, scope.ctx.now))
    token = answer.value(lookup(scope.text("token_path") or "access_token")).strip()
    if not token:
        raise MalformedAnswer("the sign-in's answer has no token")
    ttl_path = scope.text("token_ttl_path") or ("expires_in" if is_oauth2 else "")
    named = answer.value(lookup(ttl_path)).strip() if ttl_path else ""
    default_s = float(settings.get("token_ttl_s") or TOKEN_TTL_S)
    return token, max(1.0, float(named) - 30) if named.isdecimal() and len(named) < 10 else default_s


def _challenge(scope: Scope, shape: Shape) -> Flow[str]:
    """Asked for at the literal part of the address, so that the question can never be a message."""
    try:
        question = build(Shape("GET", literal_url(shape.url)), scope)
    except (Unrenderable, TemplateFault) as fault:
        raise Stop(refused(Refusal.CONFIG, "", fault.words)) from None
    response = yield call(question, "Ask for a digest challenge")
    challenge = digest.challenge_in(response)
    if not challenge:
        raise Stop(refused(Refusal.CONFIG, response.status, "The other side does not offer Digest sign-in (RFC 7616)."))
    return challenge


def _unsigned(request: Request, _shape: Shape, _scope: Scope) -> Request:
    return request


def _basic(request: Request, _shape: Shape, scope: Scope) -> Request:
    signed = basic(scope.text("username"), scope.text("password"))
    return request.with_headers(signed, sensitive=(signed[1].removeprefix("Basic "),))


def _digest(request: Request, _shape: Shape, scope: Scope) -> Request:
    challenge = digest.read(str(scope.given.get("challenge", "")))
    if challenge is None:
        return request
    value = digest.authorization(request, challenge, scope.text("username"), scope.text("password"), scope.ctx.nonce)
    return request.with_headers(("authorization", value))


def _bearer(request: Request, _shape: Shape, scope: Scope) -> Request:
    return request.with_headers(bearer(header(scope.text("api_key"))))


def _header_key(request: Request, _shape: Shape, scope: Scope) -> Request:
    name = scope.text("auth_header_name") or "Authorization"
    return request.with_headers((name.lower(), header(scope.text("api_key"))))


def _query_key(request: Request, _shape: Shape, scope: Scope) -> Request:
    name = percent(scope.text("auth_query_name") or "api_key", "utf-8", is_plus=False)
    value = percent(scope.text("api_key"), "utf-8", is_plus=False)
    url = f"{request.url}{'&' if '?' in request.url else '?'}{name}={value}"
    return replace(request, url=url, sensitive=(*request.sensitive, value))


def _with_token(request: Request, _shape: Shape, scope: Scope) -> Request:
    token = str(scope.given.get("token", ""))
    name = scope.text("auth_header_name") or "Authorization"
    return request.with_headers((name.lower(), header(f"Bearer {token}")), sensitive=(token,))


def _hmac(request: Request, _shape: Shape, scope: Scope) -> Request:
    """`hmac_header` is a name, or `Name: template` with {{signature}} in it."""
    path = request.url.split("://", 1)[-1].partition("/")[2]
    signing = scope.with_given(body=request.body, method=request.method, url=request.url, path=f"/{path}")
    data = signing_bytes(scope.text("hmac_input") or "{{body}}", signing)
    encoding: Encoding = "base64" if scope.text("hmac_encoding") == "base64" else "hex"
    signature = hmac_sign(scope.text("secret_1"), data, scope.text("hmac_algo") or "sha256", encoding)
    line = scope.text("hmac_header") or "X-Signature"
    name, template = header_line(line if ":" in line else f"{line}: {{{{signature}}}}")
    value = plain(parse(template), scope.with_given(signature=signature))
    return request.with_headers((name, header(value)), sensitive=(signature,))


def signing_bytes(template: str, scope: Scope) -> bytes:
    """What is signed: the template with its values as they are; the body as the bytes that are sent."""
    return to_bytes_of(parse(template), scope, "utf-8")


Signer = Callable[[Request, Shape, Scope], Request]
SIGNERS: Mapping[str, Signer] = {
    "basic": _basic,
    "digest": _digest,
    "bearer": _bearer,
    "header_key": _header_key,
    "query_key": _query_key,
    "login_token": _with_token,
    "oauth2_client": _with_token,
    "hmac": _hmac,
}


NEEDED: Mapping[str, tuple[str, ...]] = {
    "basic": ("username",),
    "digest": ("username", "password"),
    "bearer": ("api_key",),
    "header_key": ("api_key",),
    "query_key": ("api_key",),
    "login_token": ("token_url",),
    "oauth2_client": ("token_url", "username", "password"),
    "hmac": ("secret_1",),
}
"""The settings without which a sign-in cannot work."""
