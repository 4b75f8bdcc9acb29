"""``sizer models [list | show NAME | search TEXT]``: the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sizer.commands.common import the_catalog
from sizer.commands.options import command as make_command
from sizer.commands.parser import Argument
from sizer.words import unknown_word

if TYPE_CHECKING:
    from sizer.commands.terminal import Terminal

TEXT = "The model catalog, with sources: list (default), show NAME for one model, search TEXT for those that TEXT fits."
ACTIONS = ("list", "show", "search")


def run(terminal: Terminal, values: dict[str, Any]) -> None:
    """Answer with ``sizer/models/1``; ``show`` holds one entry."""
    from sizer import api
    from sizer.errors import RequestError

    action, words = _action(values["words"])
    text = " ".join(words)
    if action != "list" and not text:
        what = "a NAME" if action == "show" else "a TEXT"
        raise RequestError(f"sizer models {action} needs {what}", code="missing-argument", hint=f"for example: sizer models {action} qwen3-8b")
    catalog = the_catalog(terminal) or api.load_catalog()
    document = _one(catalog, text) if action == "show" else api.models_document(catalog, text=text or None)
    if terminal.json:
        from sizer.commands.terminal import document_text

        terminal.document(document_text(document))
        return
    from sizer.renderers import models_report

    render = models_report.one if action == "show" else models_report.listing
    terminal.say(render(document, ink=terminal.ink, verbose=terminal.verbose))


def _one(catalog: Any, name: str) -> dict[str, Any]:
    """Return the document that holds one model, found by any name that people use for it."""
    from sizer import api
    from sizer.catalog.resolve import resolve_model

    model = resolve_model(catalog, name)
    document: dict[str, Any] = api.models_document(catalog)
    return {**document, "models": [row for row in document["models"] if row["id"] == model.id]}


def _action(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    from sizer.errors import RequestError

    if not words:
        return "list", ()
    if words[0] not in ACTIONS:
        raise unknown_word("sizer models", words[0], ACTIONS)
    if words[0] == "list" and len(words) > 1:
        raise RequestError("sizer models list takes no name", hint=f"sizer models search {' '.join(words[1:])}")
    return words[0], words[1:]


command = make_command("models", run, [Argument("words", many=True, metavar="[list | show NAME | search TEXT]")], text=TEXT)
