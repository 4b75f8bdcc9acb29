"""The catalog as documents: ``sizer/models/1`` and ``sizer/accelerators/1``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sizer.catalog.load import Catalog
from sizer.schema.catalog import Device, Model


def model_row(model: Model) -> dict[str, Any]:
    """Return one row of the models document; quality is that of the better mode per use case."""
    best: dict[str, dict[str, float]] = {}
    for scores in model.quality.values():
        for use_case, score in scores.items():
            if use_case not in best or score.score > best[use_case]["score"]:
                best[use_case] = {"score": score.score, "uncertainty": score.uncertainty}
    return {
        "id": model.id,
        "name": model.name,
        "family": model.family,
        "parameters": model.parameters,
        "active_parameters": model.active_parameters,
        "released": model.released or None,
        "license": model.license,
        "commercial_use": model.commercial_use,
        "roles": list(model.roles),
        "capabilities": list(model.capabilities),
        "context": model.context,
        "recommend": model.recommend,
        "recommend_reason": model.recommend_reason,
        "thinking": model.thinking,
        "quality": best,
        "quants": [{"quant": name, "download_bytes": size.file_bytes + model.projector_bytes} for name, size in model.sizes.items()],
        "sources": [],
        "checked": model.checked,
    }


def models_document(catalog: Catalog, text: str | None = None) -> dict[str, Any]:
    """Return the models document: all models, or those that match ``text``."""
    if text:
        from sizer.catalog.resolve import search

        found = search(catalog, text)
    else:
        found = list(catalog.models.values())
    sources = catalog.model_sources
    rows = []
    for model in found:
        row = model_row(model)
        row["sources"] = sorted({source for source, _ in sources.get(model.id, {}).values()})
        rows.append(row)
    return {"schema": "sizer/models/1", "models": rows}


def device_row(device: Device) -> dict[str, Any]:
    """Return one row of the accelerators document."""
    return {
        "key": device.key,
        "name": device.name,
        "vendor": device.vendor,
        "kind": device.kind,
        "form": device.form,
        "memory_bytes": device.memory_bytes,
        "bandwidth_gbs": device.bandwidth_gbs,
        "fp16_tflops": device.fp16_tflops,
        "compute_capability": device.compute_capability,
        "gfx_target": device.gfx_target,
        "source": device.source,
        "checked": device.checked,
    }


def accelerators_document(devices: Iterable[Device]) -> dict[str, Any]:
    """Return the accelerators document of these entries."""
    return {"schema": "sizer/accelerators/1", "accelerators": [device_row(device) for device in devices]}
