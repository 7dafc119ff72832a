"""What the run has to say, readable for who does not know the project; to attach to a bug report."""

import platform
import statistics
import time


class Step:
    def __init__(self, name):
        self.name, self.seconds, self.outcome, self.said = name, 0.0, "not done", ""


class Report:
    def __init__(self, world, began):
        self.world, self.began, self.steps = world, began, []
        self.load = self.measures = None
        self.first_answer, self.instance_seconds, self.left, self.trouble = {}, 0.0, None, []

    def passed(self):
        return all(step.outcome == "ok" for step in self.steps) and self.left == [] and not self.trouble

    def text(self):
        options = self.world.options
        lines = [f"# Acceptance run of cutover: {'passed' if self.passed() else 'FAILED'}", "",
                 f"Project {self.world.project}, target `accept`, domain {options.domain}, region {self.world.region}, "
                 f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime(self.began))}, from {platform.system()} "
                 f"{platform.machine()}.", "",
                 "A pipeline of its own was deployed with a target, components were released on it under load, one release "
                 "was made to fail, one was rolled back, and all of it was removed.", "",
                 "| step | seconds | outcome | what was answered |", "|---|---:|---|---|"]
        lines += [f"| {step.name} | {step.seconds:.0f} | {step.outcome} | {cell(step.said)} |" for step in self.steps]
        return "\n".join([*lines, "", *self.requests(), *self.measured(), *self.money(), *self.remains()]) + "\n"

    def requests(self):
        if self.load is None:
            return ["## Requests while it was released", "", "None: the run did not get there.", ""]
        total = sum(self.load.requests.values())
        lines = ["## Requests while it was released", "",
                 f"{total} requests to {len(self.load.addresses)} aliases, each on a connection of its own: "
                 f"**{len(self.load.failures)} failed**.", ""]
        for name, answers in self.load.answers.items():
            by = ", ".join(f"{count} by {commit[:12]}" for commit, count in answers.items())
            lines.append(f"- {name}: {self.load.requests[name]} requests; answered {by or 'by nobody'}")
        return [*lines, *(f"- failed: {one}" for one in self.load.failures[:20]), ""]

    def measured(self):
        lines = ["## Measured", ""]
        for name, after in self.first_answer.items():
            lines.append(f"- {name} answered here by its alias {'never' if after is None else f'{after:.1f} s'} after its first release")
        if self.measures is None:
            return [*lines, "- nothing more: the run did not get there", ""]
        in_sync, cold = self.measures.in_sync, self.measures.cold
        lines.append("- from the change of the aliases until Route 53 called it INSYNC: " + numbers(in_sync))
        boot = [took["Deploy (initial)"] for took in self.measures.states.values() if "Deploy (initial)" in took]
        lines.append("- from the launch of an instance until it was healthy (state Deploy (initial)): " + numbers(boot))
        lines.append("- cold starts (Init Duration in the functions' logs): " + ("not measured, the logs have none" if not cold else ""))
        lines += [f"  - {function}: {numbers(took)}" for function, took in cold.items()]
        names = sorted({state for took in self.measures.states.values() for state in took}, key=self.order)
        lines += ["", "| state, seconds | " + " | ".join(self.measures.states) + " |", "|---|" + "---:|" * len(self.measures.states)]
        for state in names:
            cells = [f"{took[state]:.1f}" if state in took else "" for took in self.measures.states.values()]
            lines.append(f"| {state} | " + " | ".join(cells) + " |")
        return [*lines, "", *(f"- not read: {cell(one)}" for one in self.measures.unread), ""]

    @staticmethod
    def order(state):
        from measure import STATES
        return STATES.index(state)

    def money(self):
        if self.measures is None:
            return []
        parts = self.measures.dollars(self.instance_seconds)
        lines = ["## Estimated cost", "", f"About **{sum(much for _what, much in parts):.2f} $** at list prices.", ""]
        return [*lines, *(f"- {what}: {much:.3f} $" for what, much in parts), ""]

    def remains(self):
        lines = ["## What is left", ""]
        if self.left is None:
            return [*lines, "Nobody has looked: the run ended before.", ""]
        lines += [f"- {one}" for one in self.left] or ["Nothing: looked for by tag, and by name among stacks, tables, buckets, "
                                                     "log groups, zones and instances."]
        return [*lines, *(f"- while removing: {cell(one)}" for one in self.trouble), ""]


def numbers(took):
    if not took:
        return "not measured"
    return f"{statistics.median(took):.2f} s (median of {len(took)}; {min(took):.2f} to {max(took):.2f} s)"


def cell(text):
    return " ".join(str(text).split()).replace("|", "\\|")[:600]
