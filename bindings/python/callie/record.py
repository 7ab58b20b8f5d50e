"""Immutable values.

They behave like frozen dataclasses, for programs and for type checkers. No code is generated and compiled for each class, which
would take a third of the package's import time, and an instance takes all fields at once, which saves a third of the cost of an
event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, ClassVar, Dict, List, Optional, Tuple, Type, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Callable[[type], type]:
        return lambda cls: cls


R = TypeVar("R", bound="Record")


class _DataclassFields:
    """The attribute that :mod:`dataclasses` looks for. It is created on first use, because importing the module takes time."""

    def __get__(self, record: Optional["Record"], kind: Type["Record"]) -> Dict[str, Any]:
        import dataclasses

        fields: List[Any] = []
        for name in kind._fields:
            default = kind._defaults.get(name, dataclasses.MISSING)
            if isinstance(default, dict):
                fields.append((name, Any, dataclasses.field(default_factory=dict)))
            elif default is not dataclasses.MISSING:
                fields.append((name, Any, dataclasses.field(default=default)))
            else:
                fields.append((name, Any, dataclasses.field()))
        made: Dict[str, Any] = getattr(dataclasses.make_dataclass(kind.__name__, fields), "__dataclass_fields__")
        setattr(kind, "__dataclass_fields__", made)
        return made


@dataclass_transform(frozen_default=True)
class Record:
    """The annotations of a class are its fields, in order; a default that is a dict is copied."""

    _fields: ClassVar[Tuple[str, ...]] = ()
    _defaults: ClassVar[Dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        fields = tuple(cls.__annotations__)
        cls._fields = fields
        setattr(cls, "__match_args__", fields)
        cls._defaults = {name: vars(cls)[name] for name in fields if name in vars(cls)}

    if not TYPE_CHECKING:
        __dataclass_fields__ = _DataclassFields()

        def __init__(self, *values: Any, **named: Any) -> None:
            given = dict(zip(self._fields, values))
            wrong = [name for name in named if name not in self._fields or name in given]
            if wrong or len(values) > len(self._fields):
                raise TypeError(f"{type(self).__name__} has the fields {', '.join(self._fields)}, each once")
            given.update(named)
            for name in self._fields:
                if name not in given:
                    if name not in self._defaults:
                        raise TypeError(f"{type(self).__name__} needs {name}")
                    default = self._defaults[name]
                    given[name] = dict(default) if isinstance(default, dict) else default
            object.__setattr__(self, "__dict__", given)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} does not change")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} does not change")

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        # Lists and dicts do not contribute to the hash. Equal records still have the same hash.
        values = (getattr(self, name) for name in self._fields)
        return hash(tuple(None if isinstance(value, (dict, list)) else value for value in values))

    def __replace__(self: R, **changes: Any) -> R:
        # For `copy.replace`.
        return type(self)(**{**vars(self), **changes})

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__name__}({fields})"


def of(kind: Type[R], fields: Dict[str, Any]) -> R:
    """A record whose fields are all in ``fields``, which becomes its own."""
    made = kind.__new__(kind)
    object.__setattr__(made, "__dict__", fields)
    return made
