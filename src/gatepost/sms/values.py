"""Values that are made by the thousand a second.

A frozen dataclass pays a call for each attribute of each value that is made; together that was an eighth of what a
message cost. `quick_dataclass(frozen=True, slots=True)` is a frozen dataclass to the type checker, which is what keeps
values from being changed, and while the program runs a plain one with the same equality, hash and repr.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as quick_dataclass
else:
    from dataclasses import dataclass

    def quick_dataclass(*, frozen, **options):
        """As `dataclass(frozen=True, ...)`, without what keeps attributes from being set."""
        return dataclass(unsafe_hash=frozen, **options)


__all__ = ["quick_dataclass"]
