"""``sizer schema [NAME]``: the JSON Schemas, as shipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sizer.commands.options import command as make_command
from sizer.commands.options import unknown_word

if TYPE_CHECKING:
    from sizer.commands.terminal import Terminal

TEXT = "The JSON Schemas (2020-12) of every document that sizer reads or writes. Without NAME: one object that holds them all by name."
ENDING = ".schema.json"


def names() -> list[str]:
    """Return the names of the shipped schemas, sorted."""
    from importlib import resources

    return sorted(entry.name.removesuffix(ENDING) for entry in resources.files("sizer.schema").iterdir() if entry.name.endswith(ENDING))


def text(name: str) -> str:
    """Return the text of one schema."""
    from importlib import resources

    return (resources.files("sizer.schema") / f"{name}{ENDING}").read_text(encoding="utf-8")


def run(terminal: Terminal, values: dict[str, Any]) -> None:
    """Print one schema, or all."""
    name = values["name"]
    if name is None:
        inner = ",\n".join(f'"{one}": {text(one).strip()}' for one in names())
        terminal.document("{\n" + inner + "\n}")
        return
    known = names()
    wanted = name.lower().removesuffix(ENDING).removeprefix("sizer/").split("/")[0]
    if wanted not in known:
        raise unknown_word("sizer schema", name, known)
    terminal.document(text(wanted).rstrip())


command = make_command("schema", run, [click.Argument(["name"], required=False)], text=TEXT)
