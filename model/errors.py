"""Errors that a person can cause, each with a stable code so that a screen can translate it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self


class ModelError(ValueError):
    """Something that a person gave cannot be used; says what is wrong and what to do.

    Attributes:
        code: stable name of the kind of error, for translation ("text_too_long").
        details: the values that the message mentions, by name.
    """

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:
        return _told, (type(self), self.code, str(self), self.details)

    @classmethod
    def told(cls, code: str, message: str, details: Mapping[str, object]) -> Self:
        """An error that another process met, as it told it."""
        return cls(code, message, **details)


def _told(
    kind: type[ModelError], code: str, message: str, details: Mapping[str, object]
) -> ModelError:
    return kind.told(code, message, details)
