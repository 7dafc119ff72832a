"""Renders what is committed from what is written by hand: infra/pipeline.yaml,
statemachine/*.asl.json, the list of stages, and tables in the documents.

usage: render.py            writes them
       render.py --check    says which of them are not what they are made of, and changes nothing
"""

import sys

import render_docs
import render_machines
import render_pipeline
import render_stages
from render_pipeline import ROOT, Fault


def main():
    try:
        files = rendered()
    except Fault as fault:
        sys.exit(f"render: {fault}")
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
    if "--check" in sys.argv[1:]:
        sys.exit(f"render: not what it is made of: {names}. Run `make render` and look at the difference; what is "
                 "rendered is never edited by hand" if stale else 0)
    for path in stale:
        path.write_text(files[path])
    print(f"render: wrote {names}" if stale else "render: nothing differs")


def rendered():
    """Each file's text."""
    functions = render_pipeline.functions()
    machines = render_machines.machines(functions)
    files = {ROOT / "statemachine" / f"{one.name}.asl.json": one.text for one in machines.values()}
    ordered = render_pipeline.in_order(functions, machines)
    files[ROOT / "infra" / "pipeline.yaml"] = render_pipeline.pipeline(ordered, machines)
    files |= render_stages.stages(functions, machines)
    return files | render_docs.documents(ordered, machines)


if __name__ == "__main__":
    main()
