"""Packs function binaries for Lambda: one zip each, holding `bootstrap`.

Standard input: a binary, a tab and its zip, one pair a line. The same binary always gives
the same zip, so an unchanged function is neither uploaded nor replaced.
"""

import hashlib
import os
import sys
import zipfile

COMPRESSION = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can tell


def main():
    compression = sys.argv[1]
    for line in sys.stdin:
        binary, package = line.rstrip("\n").split("\t")
        mark = f"{compression} {digest(binary)}".encode()
        if is_marked(package, mark):
            continue
        write(binary, package, COMPRESSION[compression], mark)
        print(f"packed {package} ({os.path.getsize(package) / 1e6:.1f} MB)")


def digest(path):
    hashed = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            hashed.update(chunk)
    return hashed.hexdigest()


def is_marked(package, mark):
    """Whether the zip was made of this very binary; the comment says of which one it was."""
    try:
        with zipfile.ZipFile(package) as archive:
            return archive.comment == mark
    except (FileNotFoundError, zipfile.BadZipFile):
        return False


def write(binary, package, compression, mark):
    entry = zipfile.ZipInfo("bootstrap", EPOCH)
    entry.external_attr = 0o100755 << 16
    entry.create_system = 3  # Unix: only then is the mode read
    entry.compress_type = compression
    draft = package + ".new"
    with zipfile.ZipFile(draft, "w") as archive:
        archive.comment = mark
        with open(binary, "rb") as source, archive.open(entry, "w", force_zip64=False) as target:
            while chunk := source.read(1 << 20):
                target.write(chunk)
    os.replace(draft, package)


main()
