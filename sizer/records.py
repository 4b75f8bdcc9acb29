"""``dataclass`` that costs a tenth of the standard one when a class is made; everything else about it is the standard one's.

A one-shot command makes about sixty record classes and uses few. The standard decorator compiles seven methods per class (0.8 ms each, 50 ms in all, a
third of the whole process; measured 2026-11-24); this one compiles ``__init__`` alone, and that when the first record is made. The result *is* a
dataclass: ``dataclasses.fields``, ``replace``, ``is_dataclass``, pickling, ``match`` and pydantic work on it. Only records with slots are
made here. Type checkers read ``records.pyi``, which says that these are the names of ``dataclasses``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, field, replace
from operator import attrgetter
from typing import Any

__all__ = ["dataclass", "field", "replace"]


@dataclasses.dataclass(frozen=True, slots=True)
class _Pattern:
    """A real one: its marks are put on ours, so that the standard library recognises them."""

    x: int


_FIELD = _Pattern.__dataclass_fields__["x"]._field_type  # type: ignore[attr-defined]
_FROZEN = _Pattern.__dataclass_params__  # type: ignore[attr-defined]
_MUTABLE = dataclasses.dataclass(slots=True)(type("_Mutable", (), {})).__dataclass_params__  # type: ignore[attr-defined]


def dataclass(*, frozen: bool = False, slots: bool = False, kw_only: bool = False) -> Callable[[type], type]:
    """Return a class decorator that makes records with slots."""
    if not slots:
        raise TypeError("only records with slots are made here; take dataclasses.dataclass")
    return lambda cls: _record(cls, frozen, kw_only)


def _record(cls: type, frozen: bool, kw_only: bool) -> type:
    given = dict(cls.__dict__)
    found = {name: _field(given, name, kind, kw_only) for name, kind in given.get("__annotations__", {}).items()}
    for name in found:
        given.pop(name, None)
    given.pop("__dict__", None)
    given.pop("__weakref__", None)
    if any(hasattr(base, "__dataclass_fields__") for base in cls.__mro__[1:]):
        raise TypeError(f"{cls.__name__}: a record is not built upon another one")
    names = tuple(found)
    stored, compared = _values(names), _values(tuple(name for name, one in found.items() if one.compare))
    made = {
        **given,
        "__qualname__": cls.__qualname__,
        "__slots__": names,
        "__match_args__": () if kw_only else names,
        "__dataclass_fields__": found,
        "__dataclass_params__": _FROZEN if frozen else _MUTABLE,
        "__init__": _first_init,
        "__eq__": lambda self, other: compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented,
        "__hash__": (lambda self: hash(compared(self))) if frozen else None,
        "__repr__": _repr,
        "__getstate__": lambda self: list(stored(self)),
        "__setstate__": _setstate,
    }
    if frozen:
        made.update(__setattr__=_setattr, __delattr__=_delattr)
    made.setdefault("__doc__", None)
    return type(cls)(cls.__name__, cls.__bases__, made)


def _field(given: dict[str, Any], name: str, kind: Any, kw_only: bool) -> Field[Any]:
    default = given.get(name, MISSING)
    made = default if isinstance(default, Field) else field(default=default)
    if made.default is not MISSING and made.default.__class__.__hash__ is None:
        raise ValueError(f"mutable default {type(default)} for field {name} is not allowed: use default_factory")
    made.name, made.type, made.kw_only = name, kind, kw_only
    made._field_type = _FIELD  # type: ignore[union-attr]
    return made


def _values(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what takes the values of these fields out of a record."""
    if len(names) == 1:
        only = attrgetter(names[0])
        return lambda self: (only(self),)
    return attrgetter(*names) if names else lambda self: ()


def _first_init(self: Any, /, *args: Any, **keywords: Any) -> None:
    """Compile the real ``__init__`` when the first record is made, then be it."""
    cls = type(self)
    cls.__init__ = _compiled_init(cls)
    cls.__init__(self, *args, **keywords)


def _compiled_init(cls: Any) -> Any:
    fields = cls.__dataclass_fields__
    scope: dict[str, Any] = {}
    ordinary = ["self"]
    by_name: list[str] = []
    body: list[str] = []
    for name, one in fields.items():
        scope[f"_set_{name}"] = getattr(cls, name).__set__  # the slot's own setter: frozen stops everybody else
        value = name
        if one.default_factory is not MISSING:
            scope[f"_make_{name}"], scope["_absent"] = one.default_factory, MISSING
            text, value = f"{name}=_absent", f"_make_{name}() if {name} is _absent else {name}"
        elif one.default is not MISSING:
            scope[f"_default_{name}"] = one.default
            text = f"{name}=_default_{name}"
        else:
            text = name
        (by_name if one.kw_only else ordinary).append(text)
        body.append(f" _set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        body.append(" self.__post_init__()")
    arguments = ", ".join([*ordinary, *(["*", *by_name] if by_name else [])])
    exec(f"def __init__({arguments}):\n" + ("\n".join(body) or " pass"), scope)
    init = scope["__init__"]
    init.__qualname__, init.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    return init


def _repr(self: Any) -> str:
    inside = ", ".join(f"{name}={getattr(self, name)!r}" for name, one in self.__dataclass_fields__.items() if one.repr)
    return f"{type(self).__qualname__}({inside})"


def _setattr(self: Any, name: str, value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _setstate(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__dataclass_fields__, state, strict=True):
        object.__setattr__(self, name, value)
