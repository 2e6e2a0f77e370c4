"""Message ids: 63-bit integers that grow with time, made in the process without asking anyone.

    41 bits milliseconds since 2024 | 12 bits node | 10 bits sequence within the millisecond

Our reference to a provider is the id (with its generation) in base 36: 13 lower-case alphanumerics, which all of them
take. A generation is a wanted repetition after a definite refusal: providers that de-duplicate must see a new
reference then, and must see the old one after an unknown outcome.
"""

import threading
import time

EPOCH_MS = 1_704_067_200_000
NODE_BITS = 12
SEQUENCE_BITS = 10
NODES = 1 << NODE_BITS
GENERATIONS = 16
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]
_WIDTH = 13
_ID_LIMIT = 1 << 63


class IdSource:
    """Makes ids for one process. `node` tells processes apart (0..4095); thread-safe."""

    def __init__(self, node: int) -> None:
        self._node = (node % NODES) << SEQUENCE_BITS
        self._last = 0
        self._lock = threading.Lock()

    def take(self, count: int = 1) -> list[int]:
        """That many new ids, each larger than all before it, whatever the clock does meanwhile."""
        with self._lock:
            # Milliseconds and sequence together are one number that only ever grows.
            first = max(self._last + 1, (int(time.time() * 1000) - EPOCH_MS) << SEQUENCE_BITS)
            self._last = first + count - 1
            return [_with_node(place, self._node) for place in range(first, first + count)]


def _with_node(place: int, node: int) -> int:
    milliseconds, sequence = place >> SEQUENCE_BITS, place & ((1 << SEQUENCE_BITS) - 1)
    return (milliseconds << (NODE_BITS + SEQUENCE_BITS)) | node | sequence


def first_id(milliseconds: int) -> int:
    """The smallest id that is made at that moment, in milliseconds since 1970."""
    return max(0, min((milliseconds - EPOCH_MS) << (NODE_BITS + SEQUENCE_BITS), _ID_LIMIT - 1))


def to_ref(message_id: int, generation: int = 0) -> str:
    """The reference of a message: 13 lower-case alphanumerics, sortable by time within a generation."""
    rest = message_id + min(generation, GENERATIONS - 1) * _ID_LIMIT if generation else message_id
    rest, sixth = divmod(rest, 1296)
    rest, fifth = divmod(rest, 1296)
    rest, fourth = divmod(rest, 1296)
    rest, third = divmod(rest, 1296)
    rest, second = divmod(rest, 1296)
    zeroth, first = divmod(rest, 1296)
    pair = _PAIRS
    return f"{_DIGITS[zeroth]}{pair[first]}{pair[second]}{pair[third]}{pair[fourth]}{pair[fifth]}{pair[sixth]}"


def from_ref(ref: str) -> tuple[int, int] | None:
    """(message id, generation) of a reference; None for anything that is not one of ours."""
    if len(ref) != _WIDTH or not ref.isascii() or not ref.isalnum():
        return None
    generation, message_id = divmod(int(ref, 36), _ID_LIMIT)
    return (message_id, generation) if generation < GENERATIONS else None


def time_of(message_id: int) -> float:
    """When the id was made, seconds since 1970."""
    return ((message_id >> (NODE_BITS + SEQUENCE_BITS)) + EPOCH_MS) / 1000
