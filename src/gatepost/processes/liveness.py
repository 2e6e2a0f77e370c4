"""When a silent connection to the database counts as dead."""

from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

SILENCE: Final = {
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "8000",
}
"""A host that vanished without a word is given up after 8 to 11 s; TCP by itself waits for a quarter of an hour."""


def lively(dsn: str) -> str:
    """The database's URL or connection string with these limits, where it does not set them itself."""
    given = conninfo_to_dict(dsn)
    return make_conninfo(dsn, **{name: value for name, value in SILENCE.items() if name not in given})
