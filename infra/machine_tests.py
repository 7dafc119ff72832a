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
    end, _, error, cause = follow(name, replies)
    return end, error, cause


def follow(name, replies, asked=None):
    """The same with what the last state was given; `asked` gets each state's name with its arguments."""
    machine = json.loads((MACHINES / f"{name}.asl.json").read_text())
    variables = {"states": {"context": {"Execution": {"Input": {}}}}}
    replies, at = list(replies), machine["StartAt"]
    for _ in range(MOST_STEPS):
        state = machine["States"][at]
        way = state
        if state["Type"] == "Task":
            if asked is not None and replies:
                asked.append((at, value(state["Arguments"], variables)))
            variables["states"]["result"] = replies.pop(0) if len(replies) > 1 else replies[0]
        elif state["Type"] == "Choice":
            taken = (one for one in state["Choices"] if value(one["Condition"], variables))
            way = next(taken, {"Next": state.get("Default")})
        elif state["Type"] in ("Succeed", "Fail"):
            given = variables["states"].get("input")
            return at, given, value(state.get("Error"), variables), value(state.get("Cause"), variables)
        new = {key: value(node, variables) for key, node in way.get("Assign", {}).items()}
        if "Output" in way:
            variables["states"]["input"] = value(way["Output"], variables)
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

    def test_what_is_given_up_at_the_last_look_fails_the_execution(self):
        _, error, cause = run("keep", [look(again=1, stopped="a."), look(stopped="a. b.", failed="c.")])
        self.assertEqual(error, "NotKept")
        self.assertRegex(cause, r"Keep: c\. a\. b\.$")

    def test_what_runs_again_by_itself_is_not_given_up(self):
        self.assertEqual(run("keep", [look(again=1, stopped="a."), look()])[0], "Kept")

    def test_looks_end(self):
        _, _, cause = run("keep", [look(again=1)])
        self.assertRegex(cause, "After 60 looks .* it still waits on stage$")


class Release(unittest.TestCase):
    """Whose connections are known to be gone."""

    KNOWN = {
        "plan": {"release": {"drain_seconds": 90}}, "prepared": [], "candidates": [{"hostname": "new"}],
        "cutover": {"moves": [{"from": "old"}, {}]}, "back": {"outcome": "stays", "components": ["api"]},
    }

    def argument(self, state, name, **more):
        states = json.loads((MACHINES / "release.asl.json").read_text())["States"]
        return value(states[state]["Arguments"][name], self.KNOWN | more)

    def test_what_was_live_may_go_early_only_if_the_last_look_told_of_its_connections(self):
        for told, expected in ((True, ["old"]), (False, [])):
            self.assertEqual(self.argument("Terminate previous", "replaced", connections_told=told), expected)
        states = json.loads((MACHINES / "release.asl.json").read_text())["States"]
        watch = states["Watch release"]
        told = [value(watch["Assign"]["connections_told"], {"states": {"result": result}})
                for result in ({}, {"connections_not_told": "s3:GetObject: SlowDown"})]
        self.assertEqual([*told, watch["Catch"][0]["Assign"]["connections_told"]], [True, False, False])

    def drained(self, **more):
        """Where the last look leads, and how often it was looked again by then."""
        known = self.KNOWN | {"looks": 6, "looked_again": 0} | more
        drained = json.loads((MACHINES / "release.asl.json").read_text())["States"]["Drained?"]
        taken = (one for one in drained["Choices"] if value(one["Condition"], known))
        way = next(taken, {"Next": drained["Default"]})
        return way["Next"], value(way.get("Assign", {}), known)

    def test_what_the_last_look_could_not_tell_is_looked_at_three_times_more(self):
        not_known = {"outcome": "not_known"}
        for again in range(3):
            self.assertEqual(self.drained(watched=not_known, looks=6 + again, looked_again=again),
                             ("Look again", {"looked_again": again + 1}))
        self.assertEqual(self.drained(watched=not_known, looks=9, looked_again=3)[0], "Terminate previous")
        self.assertEqual(self.drained(watched=not_known, looks=5)[0], "Drain")
        self.assertEqual(self.drained(watched={"outcome": "well"})[0], "Terminate previous")

    def test_a_last_look_that_failed_altogether_could_not_tell(self):
        states = json.loads((MACHINES / "release.asl.json").read_text())["States"]
        watched = states["Watch release"]["Catch"][0]["Assign"]["watched"]
        self.assertEqual(value(watched, {"watched": {"outcome": "well", "looks": 5}}), {"outcome": "not_known", "looks": 5})

    def test_a_roll_back_has_waited_for_nobodys_connections(self):
        self.assertEqual(self.argument("Terminate rolled back", "replaced"), ["new"])

    def test_how_long_the_usual_drain_has_been_over(self):
        # Six parts of 15 s, and with a `bake` of 150 s one minute more.
        baked = [{"manifest": {"run": {"bake": "150s"}}}]
        for prepared, expected in (([], [0, 0, 20, 40]), (baked, [0, 0, 60, 80])):
            found = [self.argument("Watch release", "drained_for", prepared=prepared, looks=looks) for looks in (4, 5, 6, 7)]
            self.assertEqual(found, expected)


class LiveAlready(unittest.TestCase):
    """A release of what the target serves already."""

    def release(self, tag, **reply):
        live = {"component": "api", "version": "HEAD", "commit": "3f", "alias": "api.stage", "hostname": "api-3f.stage"}
        built = {"component": "gdal", "version": "v1", "commit": "9c", "artifact_sha256": "a"}
        plan = {"outcome": "already_live", "release": {"target": "stage", "ticket": 43, "tag": tag}, "components": [],
                "already_live": [live], "already_built": [built]}
        asked = []
        end, output, *_ = follow("release", [plan, {"tag": "release/stage/43", "tags": []}], asked)
        self.assertEqual(end, "Already live")
        self.assertEqual((output["outcome"], output["release"], output["already_live"], output["already_built"]),
                         ("already_live", "stage-r43", [live], [built]))
        return dict(asked), output

    def test_is_tagged_if_that_is_asked_for(self):
        asked, output = self.release(tag=True)
        self.assertEqual(asked["Tag what is live"]["components"],
                         [{"component": "api", "commit": "3f"}, {"component": "gdal", "commit": "9c"}])
        self.assertEqual(output["tag"], {"tag": "release/stage/43", "tags": []})

    def test_is_not_tagged_otherwise(self):
        asked, output = self.release(tag=False)
        self.assertEqual((list(asked), "tag" in output), (["Plan release"], False))

    def test_a_tag_that_could_not_be_pushed_is_said(self):
        states = json.loads((MACHINES / "release.asl.json").read_text())["States"]
        caught = states["Tag what is live"]["Catch"][0]
        known = {"states": {"input": {"outcome": "already_live"}, "errorOutput": {"Error": "Unavailable"}}}
        self.assertEqual(value(caught["Output"], known), {
            "outcome": "already_live", "tag": {"failed": "the tags could not be pushed: Unavailable: "}})


class Sweeper(unittest.TestCase):
    def test_all_is_swept(self):
        self.assertEqual(run("sweep", [look(again=1, failed="stage: no."), look()])[0], "Swept")

    def test_what_is_left_at_the_end_fails_it(self):
        _, _, cause = run("sweep", [look(failed="stage: no.")])
        self.assertRegex(cause, r"Sweep: stage: no\.$")


if __name__ == "__main__":
    unittest.main()
