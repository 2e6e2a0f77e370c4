"""The ways in which numbers of a country may be dialled from abroad."""

import phonenumbers


def dialling_prefixes(country: str) -> tuple[str, ...]:
    """`+CC`, `00CC` and `CC` of an ISO country code; empty for a code that does not exist."""
    code = phonenumbers.country_code_for_region(country.upper())
    return (f"+{code}", f"00{code}", str(code)) if code else ()
