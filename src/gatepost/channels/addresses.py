"""E-mail addresses: the form in which two that are the same are equal."""

from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from gatepost.rest.storable import is_storable

LONGEST: Final = 254


class BadAddress(ValueError):
    """It is not an address that mail servers take; the text says why."""


def parse_address(text: str) -> str:
    """The address in lower case. Raises BadAddress.

    Mail servers may tell upper and lower case apart before the @, and none does. Letters beyond ASCII before the @ need
    servers that most recipients do not have, so that they are refused rather than lost on the way. So are quoted ones,
    and encoded words, which are decoded on the way: the mail would go to an address that nobody has looked at.
    """
    address = text.strip()
    if not address:
        raise BadAddress("There is no e-mail address.")
    if len(address) > LONGEST or not is_storable(address):
        raise BadAddress("Write one e-mail address of at most 254 characters.")
    try:
        validate_email(address)
    except ValidationError:
        raise BadAddress("This is not a full e-mail address.") from None
    local = address.rpartition("@")[0]
    if not local.isascii():
        raise BadAddress("Mail servers take only ASCII characters before the @.")
    if local.startswith('"') or "=?" in local:
        raise BadAddress("Mail servers do not take quotes and encoded words before the @.")
    try:
        validate_email(on_wire(address))
    except (UnicodeError, ValidationError):
        raise BadAddress("There can be no domain of this name.") from None
    return address.lower()


def on_wire(address: str) -> str:
    """The address as mail servers see it: the domain in ASCII. Raises UnicodeError."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode()}"
