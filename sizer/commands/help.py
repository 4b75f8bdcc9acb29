"""``--help`` and shell completion, by click: the declarations of ``parser.py`` become click's. Nothing is parsed or run here."""

from __future__ import annotations

from typing import Any

import click

from sizer import cli
from sizer.commands.options import Words, global_options
from sizer.commands.parser import Argument, Command, Option

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
TEXT = """Which AI model should this machine run, with what, and how?

Without a command: `sizer recommend`, which probes this machine, chooses, explains and prints what to type next.
What-ifs (--gpu "RTX 4090" --ram 64 --os linux, --chip "M3 Max") work on every command that needs a machine."""
EPILOG = "Exit codes: 0 answered, 2 wrong call, 3 nothing fits what was asked, 4 unreadable input, 5 remote unreachable, 1 a bug, 130 interrupted."


class Group(click.Group):
    """The commands by name; a module is imported only for the command that is asked about."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of their importance."""
        return list(cli.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, or None."""
        return shown(cli.load(cmd_name)) if cmd_name in cli.COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in cli.COMMANDS.items()])


def option(one: Option) -> click.Option:
    """Return an option as click shows and completes it."""
    names = [*one.opts, one.name]
    if one.is_flag:
        return click.Option(names, is_flag=True, help=one.help)
    choice = click.Choice(one.kind.words) if isinstance(one.kind, Words) and not one.kind.many else None
    return click.Option(names, type=choice, multiple=one.multiple, metavar=one.metavar or "TEXT", help=one.help)


def argument(one: Argument) -> click.Argument:
    """Return an argument as click shows it."""
    return click.Argument([one.name], required=one.required, nargs=-1 if one.many else 1, metavar=one.metavar)


def shown(command: Command) -> click.Command:
    """Return a command as click shows it."""
    parameters: list[click.Parameter] = [*map(argument, command.arguments), *map(option, command.options)]
    return click.Command(command.name, params=parameters, help=command.text, context_settings=SETTINGS)


def group() -> click.Group:
    """Return all commands."""
    version = click.Option(["--version"], is_flag=True, help="Show the version and exit.")
    return Group("sizer", params=[*map(option, global_options()), version], help=TEXT, epilog=EPILOG, context_settings=SETTINGS)


def command_help(command: Command) -> str:
    """Return the help of a command."""
    return shown(command).get_help(click.Context(shown(command), info_name=f"sizer {command.name}", **SETTINGS))


def front_help() -> str:
    """Return the help of the program."""
    whole = group()
    return whole.get_help(click.Context(whole, info_name="sizer", **SETTINGS))


def complete(variable: str) -> None:
    """Print what the shell asked for and end the process."""
    group().main(prog_name="sizer", complete_var=variable)
