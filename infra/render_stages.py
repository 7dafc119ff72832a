"""The list of stages that the command line and the tests know: crates/pipeline/src/stages/list.rs."""

from render_pipeline import ROOT

PATH = ROOT / "crates" / "pipeline" / "src" / "stages" / "list.rs"
HEAD = """//! Rendered by `make render` from statemachine/*.yaml and functions/*/function.yaml, in the states' order.

use super::Stage;
"""


def stages(functions, machines):
    text = HEAD
    for name, of_what in (("release", "A release's."), ("target", "A target's: those of its making, then those of its end."),
                          ("sweep", "Of a sweep."), ("keep", "Of the keeper.")):
        rows = "".join(f"    {row(state, functions, *one)},\n" for state, one in machines[name].shown.items())
        text += f"\n/// {of_what}\npub const {name.upper()}: &[Stage] = &[\n{rows}];\n"
    return {PATH: text}


def row(state, functions, function, shown):
    text = f'Stage::task("{state}", "{function}")' if function else f'Stage::wait("{state}")'
    if shown == "below":
        text += ".below()"
    elif shown:
        first, second, short = shown
        text += f'.column(["{first}", "{second}"], "{short}")'
    return text + (".with_log()" if function and functions[function].leaves_a_log else "")
