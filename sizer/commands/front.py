"""``sizer --help``, ``sizer --version`` and the shell's completion: the group of all commands, each loaded when needed."""

from __future__ import annotations

import click

from sizer import cli
from sizer.commands.options import CONTEXT_SETTINGS, global_options

TEXT = """Which AI model should this machine run, with what, and how?

Without a command: `sizer recommend`, which probes this machine, chooses, explains and prints what to type next.
What-ifs (--gpu "RTX 4090" --ram 64 --os linux, --chip "M3 Max") work on every command that needs a machine."""
EPILOG = "Exit codes: 0 answered, 2 wrong call, 3 nothing fits what was asked, 4 unreadable input, 5 remote unreachable, 1 a bug, 130 interrupted."


class Front(click.Group):
    """The commands by name; a module is imported only for the command that is asked about."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of their importance."""
        return list(cli.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, or None."""
        command: click.Command | None = cli.load(cmd_name) if cmd_name in cli.COMMANDS else None
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in cli.COMMANDS.items()])


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from sizer import __version__

    ctx.obj.say(f"sizer {__version__}")
    ctx.exit()


def front() -> click.Group:
    """Return the group."""
    version = click.Option(["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version and exit.")
    return Front("sizer", params=[*global_options(), version], help=TEXT, epilog=EPILOG, context_settings=CONTEXT_SETTINGS, callback=lambda **_: None)
