# What uniffi writes has no types that a checker could use; this package checks what it hands over and what it gets.
from typing import Any

def __getattr__(name: str) -> Any: ...
