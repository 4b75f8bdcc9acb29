"""What the documents say is what the program does: generated parts are compared, code is run, commands are parsed.

``SIZER_UPDATE=1 pytest tests/test_docs.py`` rewrites the generated parts.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from sizer import cli
from sizer.commands import schema
from sizer.commands.parser import Option
from sizer.errors import SizerError

ROOT = Path(__file__).resolve().parents[1]
UPDATE = bool(os.environ.get("SIZER_UPDATE"))
README = ROOT / "README.md"
REFERENCE = ROOT / "docs" / "cli.md"
PAGES = sorted([README, ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
OUTPUT = re.compile(r"<!-- output: (?P<line>.*?) -->\n```\n(?P<text>.*?)```\n<!-- end -->", re.DOTALL)


def reference() -> str:
    """Return docs/cli.md: every command with its options, as the program declares them."""
    parts = ["# Commands and options", "", "Generated from the program: `SIZER_UPDATE=1 pytest tests/test_docs.py` rewrites it.", ""]
    shared = {option for parameter in global_parameters() for option in parameter.opts}
    parts += ["## Everywhere", "", "Before or after the command.", "", *table(global_parameters())]
    parts += ["", "## What-ifs", "", "On every command that needs a machine.", "", *table(machine_parameters())]
    what_ifs = {option for parameter in machine_parameters() for option in parameter.opts}
    for name in cli.COMMANDS:
        command = cli.load(name)
        own = [option for option in command.options if not {*option.opts} & (shared | what_ifs)]
        takes = " Takes the what-ifs." if any({*option.opts} & what_ifs for option in command.options) else ""
        usage = " ".join([f"sizer {name}", *(argument.metavar for argument in command.arguments), "[options]"])
        parts += ["", f"## sizer {name}", "", f"`{usage}`", "", " ".join(command.text.split()) + takes, "", *table(own)]
    return "\n".join(parts).rstrip() + "\n"


def global_parameters() -> list[Option]:
    from sizer.commands.options import global_options

    return global_options()


def machine_parameters() -> list[Option]:
    from sizer.commands.options import machine_options

    return machine_options()


def table(parameters: list[Option]) -> list[str]:
    rows = []
    for parameter in parameters:
        value = "" if parameter.is_flag else f" {parameter.metavar or 'TEXT'}"
        names = ", ".join(f"`{option}{value if option.startswith('--') else ''}`".replace("|", "\\|") for option in parameter.opts)
        rows.append(f"| {names} | {parameter.help.replace('|', chr(92) + '|')} |")
    return ["| option | what |", "|---|---|", *rows] if rows else []


def shown(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the program prints; the time it took is taken out, because it differs."""
    assert cli.main(shlex.split(line)) in (0, 3)
    return re.sub(r" +\d+ ms$", "", capsys.readouterr().out, count=1, flags=re.MULTILINE)


def test_the_reference_is_what_the_program_declares() -> None:
    if UPDATE:
        REFERENCE.write_text(reference(), encoding="utf-8")
    assert REFERENCE.read_text(encoding="utf-8") == reference(), "run SIZER_UPDATE=1 pytest tests/test_docs.py"


def test_the_output_in_the_readme_is_real(capsys: pytest.CaptureFixture[str]) -> None:
    text = README.read_text(encoding="utf-8")
    if UPDATE:
        text = OUTPUT.sub(lambda match: f"<!-- output: {match['line']} -->\n```\n{shown(match['line'], capsys)}```\n<!-- end -->", text)
        README.write_text(text, encoding="utf-8")
    found = list(OUTPUT.finditer(text))
    assert found
    for match in found:
        assert match["text"] == shown(match["line"], capsys), "run SIZER_UPDATE=1 pytest tests/test_docs.py"
        assert f"sizer {match['line']}" in text.replace(match[0], "")


def commands(text: str) -> list[str]:
    """Return the lines of shell blocks that begin with sizer."""
    blocks = re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, re.DOTALL)
    return [line.split(" #")[0].strip() for block in blocks for line in block.splitlines() if line.startswith("sizer")]


@pytest.mark.parametrize("line", sorted({line for page in PAGES for line in commands(page.read_text(encoding="utf-8"))}))
def test_every_command_in_the_documents_can_be_parsed(line: str) -> None:
    words = shlex.split(line)[1:]
    hoisted, rest = cli.split_globals(words)
    name = rest[0] if rest and not rest[0].startswith("-") else cli.DEFAULT
    command = cli.load(name)
    try:
        command.parse([*hoisted, *(rest[1:] if rest and rest[0] == name else rest)])
    except SizerError as error:
        pytest.fail(f"{line}: {error.message}")


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "interface.md"], ids=lambda page: page.name)
def test_the_python_in_the_documents_runs(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, str(page), "exec"), {})
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_the_documents_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_document_names_a_path_of_somebodys_machine(page: Path) -> None:
    assert not re.findall(r"(?<![\w/])/(?:home|Users|work|root)/\w+", page.read_text(encoding="utf-8"))


def test_the_interface_page_names_every_schema_exit_code_and_public_error() -> None:
    import sizer
    from sizer import errors

    text = (ROOT / "docs" / "interface.md").read_text(encoding="utf-8")
    assert [name for name in schema.NAMES if f"`{name}`" not in text] == []
    assert [code for code in (0, 1, 2, 3, 4, 5, 130) if f"| {code} |" not in text] == []
    public = [name for name in sizer.__all__ if isinstance(getattr(errors, name, None), type)]
    assert [name for name in public if name not in text] == []


def test_the_two_commands_of_the_readme_make_their_own_environments() -> None:
    blocks = re.findall(r"```sh\n(python3 -m venv .*?)\n```", README.read_text(encoding="utf-8"))
    assert len(blocks) == 2
    for block in blocks:
        folder = block.split()[3]
        assert block.startswith(f"python3 -m venv {folder} && {folder}/bin/pip install -q ")
    assert f"{blocks[1].split()[3]}/" in (ROOT / ".gitignore").read_text(encoding="utf-8")
    assert '"$bin/python" -m pytest -q' in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
