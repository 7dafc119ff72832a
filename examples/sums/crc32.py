"""CRC-32 by the library that this component pins."""

import ctypes
import os

library = ctypes.CDLL(os.path.join(os.environ["VENDOR"], "crc", "lib", "libcrc32.so"))
library.crc32_of.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
library.crc32_of.restype = ctypes.c_uint32


def crc32(text):
    """`cbf43926` of `123456789`."""
    encoded = text.encode()
    return f"{library.crc32_of(encoded, len(encoded)):08x}"
