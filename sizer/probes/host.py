"""The one door to the outside world. A probe asks a Host questions (strings); see docs/captures.md for the format."""

from __future__ import annotations

from typing import Any, Protocol

Answer = dict[str, Any]
"""{"text"}|{"entries"}|{"target"}|{"value"}|{"exit","stdout","stderr","seconds"}|{"missing": True}|{"error"}|{"timeout": True}"""


class Host(Protocol):
    """A machine that answers questions."""

    system: str
    arch: str

    def ask(self, question: str) -> Answer:
        """Return the answer; never raises for anything the machine does."""
        ...
