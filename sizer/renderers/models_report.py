"""``sizer models`` and ``sizer gpus`` for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sizer.renderers.text import PLAIN, WIDTH, Ink, clean, count, gb_unit, gib_unit, pieces, shorten, table, tokens, wrap

LABEL = 14


def listing(document: Mapping[str, Any], *, ink: Ink = PLAIN, verbose: bool = False) -> str:
    """Return one line per model: id, parameters, context, what it can do, quality."""
    models = document["models"]
    if not models:
        return "no model matches"
    rows = [
        (
            clean(model["id"]) + ("" if model.get("recommend", True) else " -"),
            parameters(model),
            tokens(model["context"]),
            (model["released"] or "")[:7],
            best_quality(model),
            shorten(", ".join(dict.fromkeys([*map(clean, model["roles"]), *map(clean, model["capabilities"])])), 60 if verbose else 24),
        )
        for model in models
    ]
    head = ("model", "parameters", "context", "released", "quality", "for")
    lines = table([head, *rows], right=(1, 2, 4), indent="")
    marked = ["", "- listed, never proposed by itself (sizer models show NAME says why)"] if any(row[0].endswith(" -") for row in rows) else []
    return "\n".join([ink.strong(lines[0]), *lines[1:], *marked, "", f"{len(rows)} models · sizer models show NAME for one of them"])


def parameters(model: Mapping[str, Any]) -> str:
    """Return "30.5B, 3.3B active" or "8.2B"."""
    active = model.get("active_parameters")
    whole = count(model["parameters"])
    return f"{whole}/{count(active)}" if active and active < 0.9 * model["parameters"] else whole


def best_quality(model: Mapping[str, Any]) -> str:
    """Return the score for general use, or of the first use case that has one."""
    quality = model.get("quality") or {}
    entry = quality.get("general") or quality.get("chat") or next(iter(quality.values()), None)
    return f"{entry['score']:.0f}" if entry else ""


def one(document: Mapping[str, Any], *, ink: Ink = PLAIN, verbose: bool = False) -> str:
    """Return everything that the catalog knows of a model (of each, where several fit)."""
    return "\n\n".join("\n".join(_entry(model, ink)) for model in document["models"])


def _entry(model: Mapping[str, Any], ink: Ink) -> list[str]:
    lines = [ink.title(f"{clean(model['name'])}  ({clean(model['id'])})")]
    active = model.get("active_parameters")
    sparse = f", {count(active)} of them read per token" if active and active < 0.9 * model["parameters"] else ""
    facts = [
        ("parameters", f"{count(model['parameters'])}{sparse}"),
        ("family", model.get("family")),
        ("released", model.get("released")),
        ("context", f"{tokens(model['context'])} tokens"),
        ("for", ", ".join(map(clean, model["roles"]))),
        ("can do", ", ".join(map(clean, model["capabilities"])) or "text only"),
        ("licence", f"{clean(model['license'])} (commercial use: {clean(model['commercial_use'])})"),
    ]
    if not model.get("recommend", True):
        facts.append(("not proposed", model.get("recommend_reason") or "superseded"))
    for label, value in facts:
        if value:
            lines += wrap(clean(value), indent=f"  {label:<{LABEL}}", hanging=" " * (LABEL + 2))
    scores = [f"{clean(case)} {entry['score']:.0f} ±{entry['uncertainty']:.0f}" for case, entry in (model.get("quality") or {}).items()]
    lines += pieces(scores, indent=f"  {'quality':<{LABEL}}", hanging=" " * (LABEL + 2), separator=", ") if scores else []
    sizes = [f"{clean(entry['quant'])} {gb_unit(entry['download_bytes'])}" for entry in model["quants"]]
    lines += pieces(sizes, indent=f"  {'downloads':<{LABEL}}", hanging=" " * (LABEL + 2), separator=", ") if sizes else []
    for source in model.get("sources", ()):
        text = source if isinstance(source, str) else " ".join(str(part) for part in source.values()) if isinstance(source, Mapping) else str(source)
        lines += wrap(clean(text), indent=f"  {'source':<{LABEL}}", hanging=" " * (LABEL + 2))
    lines.append(f"  {'checked':<{LABEL}}{clean(model['checked'])}")
    return lines


def accelerators(document: Mapping[str, Any], *, ink: Ink = PLAIN, verbose: bool = False) -> str:
    """Return one line per accelerator: name, memory, bandwidth, compute; with ``verbose`` also key and source."""
    entries = document["accelerators"]
    if not entries:
        return "no accelerator matches"
    rows = [
        (
            shorten(clean(entry["name"]), 40),
            gib_unit(entry["memory_bytes"]) if entry["memory_bytes"] else "shared",
            f"{entry['bandwidth_gbs']:.0f} GB/s" if entry["bandwidth_gbs"] else "?",
            f"{entry['fp16_tflops']:.0f}" if entry["fp16_tflops"] else "?",
            clean(entry.get("compute_capability") or entry.get("gfx_target") or ""),
        )
        for entry in entries
    ]
    lines = table([("accelerator", "memory", "bandwidth", "TFLOPS", "target"), *rows], right=(1, 2, 3), indent="")
    body = [ink.strong(lines[0])]
    for entry, line in zip(entries, lines[1:], strict=True):
        body.append(line)
        if verbose:
            body += [
                ink.faint(part) for part in wrap(f"{clean(entry['key'])}: {clean(entry['source'])} ({clean(entry['checked'])})", indent="    ", width=WIDTH)
            ]
    return "\n".join([*body, "", f"{len(rows)} accelerators · TFLOPS dense at 16 bits · --verbose adds key and source"])
