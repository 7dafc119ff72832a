"""What the command line and the tests know of machines and stages: crates/pipeline/src/stages/list.rs."""

import json

from render_pipeline import ROOT

PATH = ROOT / "crates" / "pipeline" / "src" / "stages" / "list.rs"
HEAD = """//! Rendered by `make render` from statemachine/*.yaml and functions/*/function.yaml, in the states' order.

use super::{Machine, Stage};
"""
# What is for who looks at the machine in the console.
ELSEWHERE = " See ARCHITECTURE.md."


def stages(functions, machines):
    text = HEAD
    for name, machine in machines.items():
        rows = "".join(f"    {row(state, functions, *one)},\n" for state, one in machine.shown.items())
        comment = machine.definition["Comment"].removesuffix(ELSEWHERE)
        text += f"\n/// {comment}\npub const {name.upper()}: &[Stage] = &[\n{rows}];\n"
    all_machines = "".join(
        f"    Machine {{\n        name: {quoted(name)},\n        stages: {name.upper()},\n        effects: &[\n"
        + "".join(f"            {quoted(one)},\n" for one in machine.effects) + "        ],\n    },\n"
        for name, machine in machines.items())
    text += f"\n/// All of them, by their names.\npub const MACHINES: &[Machine] = &[\n{all_machines}];\n"
    alone = "".join(f"    {quoted(one.name)},\n" for one in functions.values() if not one.state)
    text += f"\n/// The functions that no state calls.\npub const WITHOUT_STATE: &[&str] = &[\n{alone}];\n"
    return {PATH: text}


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def row(state, functions, function, shown):
    text = f'Stage::task("{state}", "{function}")' if function else f'Stage::wait("{state}")'
    if shown == "below":
        text += ".below()"
    elif shown:
        first, second, short = shown
        text += f'.column(["{first}", "{second}"], "{short}")'
    return text + (".with_log()" if function and functions[function].leaves_a_log else "")
