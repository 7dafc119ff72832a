#!/usr/bin/env python3
"""Whether the library as others get it can be loaded, and counts right."""

import ctypes
import os
import sys

library = ctypes.CDLL(os.path.join(os.environ["VENDOR"], "crc", "lib", "libcrc32.so"))
library.crc32_of.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
library.crc32_of.restype = ctypes.c_uint32
found = library.crc32_of(b"123456789", 9)
print(f"crc32 of 123456789: {found:08x}")
sys.exit(found != 0xCBF43926)
