"""The options of the contract as click declarations, with messages that say what to type instead.

A value that cannot be right is refused here in one sentence; whether a model or a GPU of that name exists is the catalog's to say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from sizer.commands.terminal import Terminal
from sizer.errors import RequestError
from sizer.schema.estimate import BACKENDS, KV_TYPES
from sizer.schema.needs import AUDIENCES, CAPABILITIES, DEPLOYMENTS, LICENSES, RUNTIME_IDS, USE_CASES

MOST_TOKENS = 1 << 30
MOST_GIB = 1 << 20
MOST_COUNT = 1 << 16
SYSTEMS = ("linux", "macos", "windows")
EMIT_KINDS = ("json", "env", "openai-sdk", "openai-sdk-js", "ai-sdk", "litellm", "shell", "systemd", "dockerfile", "compose", "k8s")
# Spellings that people use for a value of the contract.
SYNONYMS = {
    "os": {"mac": "macos", "osx": "macos", "darwin": "macos", "win": "windows", "win32": "windows", "ubuntu": "linux", "debian": "linux"},
    "runtime": {"llamacpp": "llama.cpp", "llama-cpp": "llama.cpp", "llama-server": "llama.cpp", "lm-studio": "lmstudio", "mlx-lm": "mlx"},
    "kv-type": {"fp16": "f16", "q8": "q8_0", "q4": "q4_0"},
    "use-case": {"code": "coding", "agentic": "agent", "embed": "embedding", "embeddings": "embedding", "agents": "agent"},
    "audience": {"nontechnical": "non-technical", "dev": "developer"},
    "deployment": {"k8s": "kubernetes"},
    "backend": {"hip": "rocm", "mps": "metal"},
}  # fmt: skip


def nearest(word: str, words: Sequence[str]) -> str | None:
    """Return the one of ``words`` most like ``word``, or None when none is."""
    import difflib

    lower = {candidate.lower(): candidate for candidate in words}
    found = difflib.get_close_matches(word.lower(), list(lower), n=1, cutoff=0.5)
    if found:
        return lower[found[0]]
    return next((candidate for key, candidate in lower.items() if len(word) >= 2 and key.startswith(word.lower())), None)


def unknown_word(what: str, word: str, words: Sequence[str]) -> RequestError:
    """Return the error for a word that is none of ``words``, with the nearest one."""
    close = nearest(word, words)
    choice = ", ".join(words)
    hint = f'did you mean "{close}"? One of: {choice}' if close else f"one of: {choice}"
    return RequestError(f'{what}: there is no "{word}"', code="unknown-value", hint=hint)


class Words(click.ParamType):  # type: ignore[type-arg]  # generic for type checkers alone, in new versions of click
    """One of a few words, whatever their case; ``many`` takes several with commas between."""

    name = "word"

    def __init__(self, words: Sequence[str], *, many: bool = False, synonyms: Mapping[str, str] | None = None) -> None:
        self.words, self.many, self.synonyms = tuple(words), many, dict(synonyms or {})

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "|".join(self.words) + (",.." if self.many else "")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        what = _called(param)
        if self.many:
            return tuple(self._one(what, word.strip()) for word in value.split(",") if word.strip())
        return self._one(what, value.strip())

    def _one(self, what: str, word: str) -> str:
        lower = word.lower()
        lower = self.synonyms.get(lower, lower)
        for known in self.words:
            if known.lower() == lower:
                return known
        raise unknown_word(what, word, self.words)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


class Number(click.ParamType):  # type: ignore[type-arg]
    """A finite number within bounds; ``units`` are endings that may follow it and by what they multiply."""

    name = "number"

    def __init__(
        self, kind: str, example: str, *, least: float, most: float, whole: bool = False, above: bool = False,
        units: Mapping[str, float] | None = None, words: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.kind, self.example, self.least, self.most, self.whole, self.above = kind, example, least, most, whole, above
        self.units, self.words = dict(units or {}), tuple(words)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        shown = {"a size in GiB": "GiB", "a size in GB": "GB", "a number of tokens per second": "TPS", "a number of parameters": "7B"}
        return "|".join([shown.get(self.kind, "N"), *self.words])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        text = value.strip()
        if text.lower() in self.words:
            return text.lower()
        number = self._number(text)
        what = _called(param)
        hint = f"for example {what} {self.example}" + (f", or {what} {self.words[0]}" if self.words else "")
        if number is None or (self.whole and number != int(number)):
            raise RequestError(f'{what}: "{value}" is not {self.kind}', code="bad-value", hint=hint)
        if number < self.least or number > self.most or (self.above and number == self.least):
            bound = f"at least {self.least:g}" if not self.above else f"more than {self.least:g}"
            raise RequestError(f"{what}: {value} is out of range, it must be {bound} and at most {self.most:g}", code="bad-value", hint=hint)
        return int(number) if self.whole else number

    def _number(self, text: str) -> float | None:
        factor = 1.0
        for ending, multiplier in self.units.items():
            if text.lower().endswith(ending):
                text, factor = text[: -len(ending)].strip(), multiplier
                break
        try:
            number = float(text)
        except ValueError:
            return None
        return number * factor if math.isfinite(number) and text.isascii() else None


def _called(param: click.Parameter | None) -> str:
    if param is None:
        return "value"
    longest = max(param.opts, key=len)
    return longest if longest.startswith("-") else longest.upper()


def words(name: str, choice: Sequence[str], *, many: bool = False) -> Words:
    """Return the type of an option called ``name`` that takes one of ``choice``."""
    return Words(choice, many=many, synonyms=SYNONYMS.get(name))


MEMORY_UNITS = {"gib": 1.0, "gb": 1.0, "g": 1.0, "mib": 1 / 1024, "mb": 1 / 1024, "tib": 1024.0, "tb": 1024.0}
TOKENS = Number("a number of tokens", "16384", least=1, most=MOST_TOKENS, whole=True, units={"k": 1024.0, "m": 1048576.0})
TOKENS_OR_AUTO = Number("a number of tokens", "16384", least=1, most=MOST_TOKENS, whole=True, units={"k": 1024.0, "m": 1048576.0}, words=("auto",))
PROMPT = Number("a number of tokens", "4096", least=0, most=MOST_TOKENS, whole=True, units={"k": 1024.0, "m": 1048576.0})
GIB_SIZE = Number("a size in GiB", "24", least=0, most=MOST_GIB, above=True, units=MEMORY_UNITS)
GIB_OR_NONE = Number("a size in GiB", "2", least=0, most=MOST_GIB, units=MEMORY_UNITS)
GB_SIZE = Number("a size in GB", "20", least=0, most=MOST_GIB, above=True, units={"gb": 1.0, "g": 1.0, "mb": 1e-3, "tb": 1e3})
COUNT = Number("a whole number", "4", least=1, most=MOST_COUNT, whole=True)
COUNT_FROM_ZERO = Number("a whole number", "4", least=0, most=MOST_COUNT, whole=True)
PORT = Number("a port", "8080", least=1, most=65535, whole=True)
SPEED = Number("a number of tokens per second", "20", least=0, most=1e6)
PARAMETERS = Number("a number of parameters", "7B", least=0, most=1e16, above=True, units={"b": 1e9, "m": 1e6, "t": 1e12, "k": 1e3})
BITS = Number("a number of bits per weight", "4", least=0, most=64, above=True)
LAYERS = Number("a whole number", "24", least=0, most=MOST_COUNT, whole=True, words=("all", "auto"))
ROWS = Number("a whole number", "512", least=1, most=MOST_TOKENS, whole=True, words=("all",))


def global_options() -> list[click.Parameter]:
    """Return the options that every command takes, before or after its name."""
    return [
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document (see `sizer schema`)."),
        click.Option(["--quiet", "-q"], is_flag=True, help="Say nothing on standard error but errors."),
        click.Option(["--verbose", "-v"], is_flag=True, help="Say more."),
        click.Option(["--no-color", "--no-colour"], is_flag=True, help="No colours (also NO_COLOR)."),
        click.Option(["--offline"], is_flag=True, help="Never open a connection, not even to what you name (hf:)."),
        click.Option(["--catalog"], metavar="FILE", envvar="SIZER_CATALOG", help="Add or replace catalog entries (also SIZER_CATALOG)."),
    ]


GLOBAL_NAMES = ("as_json", "quiet", "verbose", "no_color", "offline", "catalog")
MACHINE_NAMES = ("machine", "gpu", "vram", "ram", "cpu_cores", "os", "chip")


def machine_options() -> list[click.Parameter]:
    """Return the what-ifs, the same on every command that needs a machine."""
    return [
        click.Option(["--machine"], metavar="FILE|-", help="A saved `sizer probe --json`, or a capture, instead of this machine."),
        click.Option(["--gpu"], multiple=True, metavar="NAME[xN]", help='What if it had this GPU: "RTX 4090", "2x RTX 3090", none. May be repeated.'),
        click.Option(["--vram"], type=GIB_SIZE, help="Memory of each card."),
        click.Option(["--ram"], type=GIB_SIZE, help="Main memory."),
        click.Option(["--cpu-cores"], type=COUNT, help="Processor cores."),
        click.Option(["--os"], type=words("os", SYSTEMS), help="Operating system."),
        click.Option(["--chip"], metavar="NAME", help='An Apple chip: "M3 Max", "M3 Max 40-core".'),
    ]


def recommend_options() -> list[click.Parameter]:
    """Return what `sizer recommend` may be asked for."""
    return [
        click.Option(["--use-case"], type=words("use-case", USE_CASES), help="What it is for (default: general)."),
        click.Option(["--needs"], type=words("needs", CAPABILITIES, many=True), help="What the model must be able to do."),
        click.Option(["--context"], type=TOKENS, help="Least context per request, in tokens (16k is 16384)."),
        click.Option(["--model"], metavar="NAME", help="Only this model."),
        click.Option(["--quant"], metavar="Q", help="Only this quantisation, for example Q4_K_M."),
        click.Option(["--kv-type"], type=words("kv-type", KV_TYPES), help="Type of the KV cache."),
        click.Option(["--runtime"], type=words("runtime", ("auto", *RUNTIME_IDS)), help="Only this runtime."),
        click.Option(["--deployment"], type=words("deployment", DEPLOYMENTS), help="Where it will run."),
        click.Option(["--audience"], type=words("audience", AUDIENCES), help="Who will use it."),
        click.Option(["--parallel"], type=COUNT, help="Simultaneous requests."),
        click.Option(["--min-tps"], type=SPEED, help="Least tokens per second."),
        click.Option(["--license"], type=words("license", LICENSES), help="Which model licences are acceptable."),
        click.Option(["--max-download"], type=GB_SIZE, help="Largest download, in GB."),
        click.Option(["--budget"], type=words("budget", ("capacity", "now")), help="What the machine offers, or what is free now."),
        click.Option(["--reserve"], type=GIB_OR_NONE, help="Memory to leave free besides."),
        click.Option(["--with", "with_"], type=words("with", ("embedding",)), help="Also plan an embedding model beside it."),
        click.Option(["--language"], metavar="CODE", help="A language that the model must know, for example nl."),
        click.Option(["--port"], type=PORT, help="Port of the endpoint."),
        click.Option(["--serve"], type=words("serve", ("local", "lan")), help="Who may reach the endpoint."),
        click.Option(["--top"], type=Number("a whole number", "4", least=0, most=50, whole=True), help="How many other choices to show."),
        click.Option(["--explain"], is_flag=True, help="Every reason with its source."),
        click.Option(["--emit"], type=words("emit", EMIT_KINDS), help="Print a ready configuration instead of the report."),
    ]  # fmt: skip


def estimate_options() -> list[click.Parameter]:
    """Return what fixes one configuration of `sizer estimate`."""
    return [
        click.Option(["--quant"], metavar="Q", help="Quantisation (default: Q4_K_M, or the model's own)."),
        click.Option(["--context"], type=TOKENS_OR_AUTO, help="Tokens per request (default: 8192; auto: what llama.cpp's --fit would choose)."),
        click.Option(["--context-total"], type=TOKENS, help="The runtime's own total instead."),
        click.Option(["--kv-type"], type=words("kv-type", KV_TYPES), help="Type of the KV cache (default: f16)."),
        click.Option(["--kv-type-k"], type=words("kv-type", KV_TYPES), help="Type of the keys alone."),
        click.Option(["--kv-type-v"], type=words("kv-type", KV_TYPES), help="Type of the values alone."),
        click.Option(["--flash-attn"], type=words("flash-attn", ("auto", "on", "off")), help="Flash attention (default: auto)."),
        click.Option(["--ubatch"], type=COUNT, help="Tokens computed at once (default: 512)."),
        click.Option(["--parallel"], type=COUNT, help="Simultaneous requests (default: 1)."),
        click.Option(["--gpu-layers"], type=LAYERS, help="Layers on the accelerators (default: all; auto: what llama.cpp's --fit would choose)."),
        click.Option(["--cpu-moe"], type=COUNT_FROM_ZERO, help="Expert tensors of the first N layers in main memory."),
        click.Option(["--kv-unified"], type=words("kv-unified", ("on", "off")), help="One cache shared by all slots."),
        click.Option(["--swa-full"], is_flag=True, help="Windowed layers keep the whole context."),
        click.Option(["--outputs"], type=ROWS, help="Rows of logits reserved (default: one per slot)."),
        click.Option(["--runtime"], type=words("runtime", RUNTIME_IDS), help="Runtime (default: llama.cpp)."),
        click.Option(["--backend"], type=words("backend", BACKENDS), help="Backend (default: the best of the machine)."),
        click.Option(["--prompt"], type=PROMPT, help="Tokens already in context, for the speed."),
        click.Option(["--explain"], is_flag=True, help="Show each formula with its numbers."),
        click.Option(["--params"], type=PARAMETERS, help="With --bits: the rule of thumb alone, no model needed."),
        click.Option(["--bits"], type=BITS, help="Bits per weight of the rule of thumb."),
    ]  # fmt: skip


def given(values: Mapping[str, Any], *, leave_out: Sequence[str] = ()) -> dict[str, Any]:
    """Return the options that the user set, as keyword arguments of the Python interface."""
    hidden = {*GLOBAL_NAMES, *MACHINE_NAMES, *leave_out}
    return {key.rstrip("_"): value for key, value in values.items() if key not in hidden and not (value is None or value is False or value == ())}


Run = Callable[[Terminal, dict[str, Any]], int | None]
"""What a command does with its terminal and its options; None is exit code 0."""


def command(name: str, run: Run, *parts: Sequence[click.Parameter], text: str, epilog: str | None = None) -> click.Command:
    """Return a click command whose parameters are ``parts`` and the global options."""
    parameters = [parameter for part in parts for parameter in part]

    def callback(**values: Any) -> int | None:
        terminal = click.get_current_context().obj or Terminal()
        terminal.json = terminal.json or values["as_json"]
        terminal.quiet, terminal.verbose, terminal.no_color = values["quiet"], values["verbose"], values["no_color"]
        terminal.offline, terminal.catalog = values["offline"], values["catalog"]
        return run(terminal, values)

    return Command(name, params=[*parameters, *global_options()], callback=callback, help=text, epilog=epilog, context_settings=CONTEXT_SETTINGS)


CONTEXT_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class Command(click.Command):
    """A command whose complaints name the nearest valid option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click, with the errors of this project."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise self.request_error(error) from None

    def request_error(self, error: click.UsageError) -> RequestError:
        """Return click's complaint as ours: what is wrong, and what to type instead."""
        more = f"sizer {self.name} --help lists the options"
        if isinstance(error, click.NoSuchOption):
            known = [option for parameter in self.params for option in parameter.opts if option.startswith("--")]
            close = nearest(error.option_name, [*known, "--help"])
            hint = f"did you mean {close}? {more}" if close else more
            return RequestError(f"no such option: {error.option_name}", code="unknown-option", hint=hint)
        if isinstance(error, click.MissingParameter):
            what = (error.param.name or "value").upper() if error.param is not None else "a value"
            example = EXAMPLES.get(self.name or "", what)
            return RequestError(f"sizer {self.name} needs {what}", code="missing-argument", hint=f"for example: sizer {self.name} {example}")
        return RequestError(_sentence(error.format_message()), code="bad-call", hint=more)


EXAMPLES = {"estimate": "qwen3-8b", "plan": "qwen3-8b", "why-not": "llama-3.3-70b"}


def _sentence(text: str) -> str:
    """Return click's message as part of our line: no capital, no full stop."""
    text = " ".join(text.split()).rstrip(".")
    return text[:1].lower() + text[1:]
