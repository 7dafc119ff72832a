"""What the machines of the keeper and the sweeper come to, by what their functions answer in one look after the other.

Their own expressions decide, from the rendered files; a machine that only calls one function, chooses and waits can be
followed without a cloud. The end-to-end tests run the same machines as a whole.
"""

import json
import pathlib
import unittest

from jsonata import Jsonata

MACHINES = pathlib.Path(__file__).resolve().parent.parent / "statemachine"
MOST_STEPS = 1000


def value(node, variables):
    """What an expression, or a structure with expressions in it, comes to."""
    if isinstance(node, dict):
        return {key: value(one, variables) for key, one in node.items()}
    if isinstance(node, list):
        return [value(one, variables) for one in node]
    if not (isinstance(node, str) and node.startswith("{%")):
        return node
    expression = Jsonata(node[2:-2].strip())
    for name, known in variables.items():
        expression.assign(name, known)
    return expression.evaluate(None)


def run(name, replies):
    """The name of the last state, its error and its cause; the last reply is given to each further look."""
    machine = json.loads((MACHINES / f"{name}.asl.json").read_text())
    variables = {"states": {"context": {"Execution": {"Input": {}}}}}
    replies, at = list(replies), machine["StartAt"]
    for _ in range(MOST_STEPS):
        state = machine["States"][at]
        way = state
        if state["Type"] == "Task":
            variables["states"]["result"] = replies.pop(0) if len(replies) > 1 else replies[0]
        elif state["Type"] == "Choice":
            taken = (one for one in state["Choices"] if value(one["Condition"], variables))
            way = next(taken, {"Next": state.get("Default")})
        elif state["Type"] in ("Succeed", "Fail"):
            return at, value(state.get("Error"), variables), value(state.get("Cause"), variables)
        new = {key: value(node, variables) for key, node in way.get("Assign", {}).items()}
        variables.update(new)
        at = way["Next"]
    raise AssertionError(f"{name}: no end after {MOST_STEPS} states")


def look(**of):
    return {"targets": [{"target": "stage", "done": ["something"]}]} | of


class Keeper(unittest.TestCase):
    def test_all_is_well(self):
        self.assertEqual(run("keep", [look()])[0], "Kept")

    def test_what_a_later_look_could_do_is_no_failure(self):
        looks = [look(again=1, failed="stage: no machine."), look(again=1), look()]
        self.assertEqual(run("keep", looks)[0], "Kept")

    def test_what_the_last_look_could_not_do_is_one(self):
        end, error, cause = run("keep", [look(again=1), look(failed="stage: no machine.")])
        self.assertEqual((end, error), ("Not all kept", "NotKept"))
        self.assertRegex(cause, r"After 2 looks .* Keep: stage: no machine\.$")

    def test_what_is_given_up_is_told_once_and_fails_the_execution_whatever_follows(self):
        _, error, cause = run("keep", [look(again=1, stopped="no more."), look()])
        self.assertEqual(error, "NotKept")
        self.assertRegex(cause, r"Keep: no more\.$")

    def test_looks_end(self):
        _, _, cause = run("keep", [look(again=1)])
        self.assertRegex(cause, "After 60 looks .* it still waits on stage$")


class Sweeper(unittest.TestCase):
    def test_all_is_swept(self):
        self.assertEqual(run("sweep", [look(again=1, failed="stage: no."), look()])[0], "Swept")

    def test_what_is_left_at_the_end_fails_it(self):
        _, _, cause = run("sweep", [look(failed="stage: no.")])
        self.assertRegex(cause, r"Sweep: stage: no\.$")


if __name__ == "__main__":
    unittest.main()
