"""Reading documents from outside, and JSON Schemas. The only place that imports pydantic for documents."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from sizer.errors import InputError

T = TypeVar("T")


@cache
def adapter(cls: Any) -> TypeAdapter[Any]:
    """Return the pydantic adapter of a record, built once."""
    return TypeAdapter(cls)


def validate(cls: type[T], data: Any) -> T:
    """Return ``data`` as a record of ``cls``. Raises ``InputError`` naming the place and the fault."""
    kind: Any = cls
    try:
        record: T = adapter(kind).validate_python(data)
        return record
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(f"{place}: {first['msg']}", code="invalid-document") from None


def parse_json(text: str | bytes) -> Any:
    """Return the value of JSON text. Raises ``InputError`` with line and column."""
    try:
        return json.loads(text)
    except UnicodeDecodeError:
        raise InputError("not UTF-8 text", code="not-json") from None
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})", code="not-json") from None
    except RecursionError:
        raise InputError("JSON nested too deeply", code="not-json") from None
