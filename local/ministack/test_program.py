"""The files of this folder are one program, put together by their names (local/build.rs)."""

import ast
import collections
import pathlib
import unittest

FILES = [path for path in sorted(pathlib.Path(__file__).parent.glob("*.py")) if not path.name.startswith("test_")]


def defined(path):
    """The names at a file's left margin, but for what it imports."""
    for one in ast.parse(path.read_text()).body:
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield one.name
        elif isinstance(one, (ast.Assign, ast.AnnAssign)):
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))


def imported(path):
    """Each name that a file imports, with what it is."""
    for one in ast.parse(path.read_text()).body:
        if isinstance(one, (ast.Import, ast.ImportFrom)):
            yield from ((name.asname or name.name, (getattr(one, "module", None), name.name)) for name in one.names)


class Program(unittest.TestCase):
    def test_no_two_files_mean_different_things_by_one_name(self):
        meant = collections.defaultdict(set)
        for path in FILES:
            for name in defined(path):
                meant[name].add(path.name)
            for name, what in imported(path):
                meant[name].add(what)
        self.assertEqual({name: one for name, one in meant.items() if len(one) > 1}, {})
        self.assertGreater(len(meant), 200)

    def test_what_starts_it_comes_last(self):
        last = FILES[-1].parent / "launch.py"
        ends = [path.name for path in FILES if path.read_text().endswith("\nmain()\n")]
        self.assertEqual(ends, [last.name])


if __name__ == "__main__":
    unittest.main()
