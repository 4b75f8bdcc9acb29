"""The shape of ``data/quality.yaml``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from sizer.catalog.shapes.facts import Date, Sourced, Strict, checked_one

FILE = "quality.yaml"


class Scale(Sourced):
    """Two models whose scores never move."""

    anchors: dict[str, float]


class Prior(Sourced):
    """Coefficients of the score that needs no measurement."""

    base: float
    log_parameters: float
    log_active: float
    per_year: float
    per_year_log_active: float
    thinking: float
    epoch: Date
    last_date: Date
    uncertainty: Annotated[float, Field(gt=0)]


class UseCase(Sourced):
    """What is not known about a use case without boards of its own."""

    uncertainty: Annotated[float, Field(gt=0)]


class Vision(Sourced):
    """How far vision scores lie below the general ones."""

    share: Annotated[float, Field(gt=0, le=1)]
    uncertainty: Annotated[float, Field(gt=0)]


class Quantisation(Sourced):
    """Points at stake."""

    points: Annotated[float, Field(gt=0, le=100)]


class File(Strict):
    """The whole file."""

    scale: Scale
    prior: Prior
    use_case: UseCase
    vision: Vision
    quantisation: Quantisation


def compiled(data: Any) -> dict[str, Any]:
    """Return the file, checked."""
    table: dict[str, Any] = checked_one(File, data, FILE).model_dump(mode="json")
    return table
