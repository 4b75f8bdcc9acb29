"""``sizer plan MODEL``: which hardware a model needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sizer.commands.common import the_catalog
from sizer.commands.options import COUNT, SPEED, TOKENS, given, words
from sizer.commands.options import command as make_command
from sizer.schema.estimate import KV_TYPES
from sizer.schema.needs import RUNTIME_IDS

if TYPE_CHECKING:
    from sizer.commands.terminal import Terminal

TEXT = "Which hardware MODEL needs: the memory of each quantisation, the bandwidth for a speed, and the classes of machine that have them."
OPTIONS: list[click.Parameter] = [
    click.Option(["--quant"], metavar="Q", help="Quantisation (default: Q4_K_M, or the model's own)."),
    click.Option(["--context"], type=TOKENS, help="Tokens per request."),
    click.Option(["--kv-type"], type=words("kv-type", KV_TYPES), help="Type of the KV cache."),
    click.Option(["--parallel"], type=COUNT, help="Simultaneous requests."),
    click.Option(["--min-tps"], type=SPEED, help="Tokens per second wanted."),
    click.Option(["--runtime"], type=words("runtime", RUNTIME_IDS), help="Runtime (default: llama.cpp)."),
]


def run(terminal: Terminal, values: dict[str, Any]) -> None:
    """Answer with the requirements."""
    from sizer import api

    document = api.requirements(values["model"], catalog=the_catalog(terminal), **given(values, leave_out=("model",)))
    if terminal.json:
        from sizer.commands.terminal import document_text

        terminal.document(document_text(document))
        return
    from sizer.renderers.plan_report import report

    terminal.say(report(document, ink=terminal.ink, verbose=terminal.verbose))


command = make_command("plan", run, [click.Argument(["model"])], OPTIONS, text=TEXT)
