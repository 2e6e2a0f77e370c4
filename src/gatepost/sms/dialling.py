"""The ways in which numbers of a country may be dialled from abroad."""

import phonenumbers


def dialling_prefixes(country: str) -> tuple[str, ...]:
    """`+CC`, `00CC` and `CC` of an ISO country code; empty for a code that does not exist."""
    code = phonenumbers.country_code_for_region(country.upper())
    return (f"+{code}", f"00{code}", str(code)) if code else ()


def dialled_countries() -> frozenset[str]:
    """The ISO 3166 codes of the countries whose numbers are known."""
    return frozenset(phonenumbers.SUPPORTED_REGIONS)


def countries_of_code(code: str) -> tuple[str, ...]:
    """The ISO countries of a calling code such as 48, the main one first; empty where it belongs to no country."""
    regions: tuple[str, ...] = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())
    return () if phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY in regions else regions
