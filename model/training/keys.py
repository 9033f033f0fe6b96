"""Who may do what: a browser's token opens its own trainings, the teacher's key opens every one.

Of a key nothing but its hash is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from ..errors import ModelError

TEACHER_VARIABLE = "JUMOK_TEACHER_KEY"

_teacher = ""  # the key's hash


def set_teacher_key(key: str | None = None) -> None:
    """Keep the hash of the teacher's key: `key`, or what JUMOK_TEACHER_KEY says; call at start-up.

    The variable is taken out of the environment, so that no child process has it.
    """
    global _teacher
    from_environment = os.environ.pop(TEACHER_VARIABLE, "")
    given = key if key is not None else from_environment
    if given:
        _teacher = hashed(given)


def is_teacher(key: str) -> bool:
    """Whether this is the teacher's key; compared in constant time, False where none is set."""
    return bool(_teacher) and hmac.compare_digest(hashed(key), _teacher)


def is_key_of(owner: str, key: str) -> bool:
    """Whether `key` is the token with the hash `owner`, or the teacher's key."""
    return (bool(owner) and hmac.compare_digest(hashed(key), owner)) or is_teacher(key)


def check_key(owner: str, key: str) -> None:
    """Do nothing if `is_key_of`.

    Raises:
        ModelError: `not_yours`.
    """
    if not is_key_of(owner, key):
        raise not_yours()


def not_yours() -> ModelError:
    """What somebody is told who may not."""
    return ModelError(
        "not_yours", "only who started this training may do that, and who has the teacher's key"
    )


def hashed(key: str) -> str:
    """All that is ever kept of a key; "" stays ""."""
    return hashlib.sha256(key.encode()).hexdigest() if key else ""
