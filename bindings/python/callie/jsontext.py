"""Reads and writes JSON without loss: a number that neither float nor int can represent is a :class:`decimal.Decimal`."""

from __future__ import annotations

import json
import math
import os
from typing import Any, Dict

from .errors import invalid, text


def read(written: str) -> Any:
    """The value of a JSON text that the native library has checked."""
    try:
        return _READS.decode(written)
    except ValueError:
        # It contains an int with more digits than `int` accepts.
        return _READS_LONG.decode(written)


def read_object(written: str) -> Dict[str, Any]:
    """The value of a JSON object."""
    return {} if written == "{}" else read(written)


def _float(digits: str) -> Any:
    number = float(digits)
    return _exact(digits) if math.isinf(number) else number


def _int(digits: str) -> Any:
    try:
        return int(digits)
    except ValueError:
        return _exact(digits)


def _exact(digits: str) -> Any:
    from decimal import Decimal, InvalidOperation

    try:
        return Decimal(digits)
    except InvalidOperation:
        # Its exponent has more than 18 digits.
        return digits


_READS = json.JSONDecoder(parse_float=_float)
_READS_LONG = json.JSONDecoder(parse_float=_float, parse_int=_int)


def write_object(value: Any, name: str) -> str:
    """A JSON object as text."""
    if not isinstance(value, dict):
        raise invalid(f"{name} must be a dict, not {type(value).__name__}")
    return write(value, name)


def write(value: Any, name: str) -> str:
    """A JSON value as text."""
    numbers: Dict[str, str] = {}

    def exact(other: Any) -> str:
        from decimal import Decimal

        if not isinstance(other, Decimal) or not other.is_finite():
            raise TypeError(f"it holds {_a(type(other).__name__)}")
        stand_in = os.urandom(16).hex()
        numbers[stand_in] = str(other)
        return stand_in

    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False, default=exact)
    except RecursionError:
        raise invalid(f"{name} is nested too deeply") from None
    except (TypeError, ValueError) as error:
        raise invalid(f"{name} must be JSON: {error}") from None
    for stand_in, number in numbers.items():
        written = written.replace(f'"{stand_in}"', number)
    return text(written, name)


def _a(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
