"""A component's message as the browser reads it."""

import json
import struct
import zlib

import numpy as np


def headed(message: bytes) -> tuple[dict, bytes]:
    """The header, and what stands behind it."""
    (length,) = struct.unpack("<I", message[:4])
    return json.loads(message[4 : 4 + length]), message[4 + length :]


def unpacked(message: bytes) -> tuple[dict, bytes]:
    """The header, and the body without its compression."""
    header, rest = headed(message)
    return header, zlib.decompress(rest)


def arrays_of(header: dict, body: bytes) -> dict[str, np.ndarray]:
    """The float32 arrays that a header names with their shapes; there is nothing else."""
    numbers, at, arrays = np.frombuffer(body, "<f4"), 0, {}
    for name, *shape in header["arrays"]:
        size = int(np.prod(shape))
        arrays[name], at = numbers[at : at + size].reshape(shape), at + size
    assert at == len(numbers)
    return arrays
