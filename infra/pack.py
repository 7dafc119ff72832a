"""Packs function binaries for Lambda: one zip each, holding `bootstrap`.

usage: cargo metadata --no-deps --format-version 1 | pack.py FOLDER fast|small

FOLDER is where cargo, or cargo-lambda, left the binaries; how hard to deflate them is the other. The
same binary always gives the same zip, so an unchanged function is neither uploaded nor replaced.
"""

import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import sys
import zipfile

# What is not optimised is large: a quarter of it is uploaded in less time than it takes to deflate it so.
LEVELS = {"fast": 1, "small": 6}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can tell


def main():
    folder, how = sys.argv[1:]
    level = LEVELS[how]

    def pack(one):
        function, name = one
        binary, package = built(folder, name), f"dist/{function}.zip"
        mark = f"{how} {digest(binary)}".encode()
        if is_marked(package, mark):
            return None
        write(binary, package, level, mark)
        return f"packed {package} ({os.path.getsize(package) / 1e6:.1f} MB)"

    # Hashing and deflating leave Python to other threads.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for line in filter(None, pool.map(pack, functions(json.load(sys.stdin)))):
            print(line)


def functions(metadata):
    """Each folder of functions/ with its binary's name, which no other package may use."""
    bins = [(pathlib.Path(package["manifest_path"]).parent, target["name"])
            for package in metadata["packages"] for target in package["targets"] if "bin" in target["kind"]]
    owners = collections.Counter(name for _, name in bins)
    found = [(folder.name, name) for folder, name in bins if folder.parent.name == "functions"]
    for function, name in found:
        if owners[name] > 1:
            sys.exit(f"package: another package's binary is called `{name}` too, and cargo writes one over "
                     f"the other: rename the [[bin]] of functions/{function}")
    return found


def built(folder, name):
    """cargo-lambda puts a binary into a folder of its name."""
    for path in (os.path.join(folder, name, "bootstrap"), os.path.join(folder, name)):
        if os.path.isfile(path):
            return path
    sys.exit(f"package: {folder}/{name} was not built")


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


def write(binary, package, level, mark):
    entry = zipfile.ZipInfo("bootstrap", EPOCH)
    entry.external_attr = 0o100755 << 16
    entry.create_system = 3  # Unix: only then is the mode read
    entry.compress_type = zipfile.ZIP_DEFLATED
    draft = package + ".new"
    with zipfile.ZipFile(draft, "w") as archive:
        archive.comment = mark
        archive.writestr(entry, pathlib.Path(binary).read_bytes(), compresslevel=level)
    os.replace(draft, package)


main()
