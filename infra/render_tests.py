"""What a mistake in a source does to `infra/render.py`: each is made in a copy, and named in a sentence."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ["functions", "infra", "statemachine", "docs", "*.md"]
# One that is made of them, and a source, among others that are neither.
ERRORS, STAGES = "crates/pipeline/src/errors.rs", "crates/pipeline/src/stages/list.rs"


class Copy:
    """The repository's sources, to make a mistake in."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder)
        for path in (path for pattern in SOURCES for path in ROOT.glob(pattern)):
            if path.is_dir():
                shutil.copytree(path, self.root / path.name)
            else:
                shutil.copy(path, self.root)
        for path in (ERRORS, STAGES):
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, self.root / path)

    def change(self, path, before, after):
        text = (self.root / path).read_text()
        assert before in text, f"{path} has no {before!r}"
        (self.root / path).write_text(text.replace(before, after, 1))

    def render(self, *arguments):
        done = subprocess.run([sys.executable, "-B", self.root / "infra" / "render.py", *arguments],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def read(self, path):
        return (self.root / path).read_text()


class Mistakes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.copy = Copy(folder.name)

    def refused(self, said):
        code, text = self.copy.render("--check")
        self.assertEqual(code, 1, text)
        self.assertRegex(text, said)
        self.assertNotIn("Traceback", text)

    def test_what_is_committed_is_what_it_is_made_of(self):
        self.assertEqual(self.copy.render("--check"), (0, ""))

    def test_a_rendered_template_that_was_edited_by_hand(self):
        self.copy.change("infra/pipeline.yaml", "MemorySize: 512", "MemorySize: 513")
        self.refused(r"infra/pipeline\.yaml.*make render")

    def test_a_rendered_machine_that_was_edited_by_hand(self):
        self.copy.change("statemachine/release.asl.json", '"MaxAttempts": 4', '"MaxAttempts": 5')
        self.refused(r"release\.asl\.json.*make render")

    def test_a_permission_that_was_taken_from_its_function(self):
        self.copy.change("functions/tag-release/function.yaml", "  - OpenRepositories\n", "")
        self.refused(r"infra/pipeline\.yaml")

    def test_a_table_of_a_document_that_was_edited_by_hand(self):
        documents = [*self.copy.root.glob("*.md"), *self.copy.root.glob("docs/**/*.md")]
        path = next(path for path in documents if "| tag-release | " in path.read_text())
        self.copy.change(path.relative_to(self.copy.root), "| tag-release | ", "| tag-release | nothing; ")
        self.refused(re.escape(path.name))

    def test_a_stage_that_is_shown_otherwise(self):
        self.copy.change("statemachine/release.yaml", "Shown: {column: [Push, artifacts], short: Push}", "Shown: below")
        self.refused(r"stages/list\.rs")

    def test_a_stage_that_is_shown_nowhere_known(self):
        self.copy.change("statemachine/release.yaml", "Shown: {column: [Push, artifacts], short: Push}", "Shown: above")
        self.refused("Shown: must be `below` or .*, not above")

    def test_an_error_without_a_word_of_what_to_do(self):
        self.copy.change(ERRORS, "/// To do: correct it.", "/// Correct it.")
        self.refused(r"errors\.rs: InputInvalid needs a heading .* `To do: `")

    def test_an_error_that_was_added_is_in_the_documents(self):
        self.copy.change(ERRORS, "        // Cutover\n", "        // Cutover\n        /// Nobody.\n        ///\n        /// To do: wait.\n        Unheard,\n")
        self.refused(r"docs/errors\.md")
        self.assertEqual(self.copy.render()[0], 0)
        self.assertIn("\n| `Unheard` | Nobody. | Wait. |\n", self.copy.read("docs/errors.md"))

    def test_a_function_without_its_file(self):
        (self.copy.root / "functions/tag-release/function.yaml").unlink()
        self.refused("functions/tag-release/function.yaml is missing")

    def test_a_key_that_no_function_has(self):
        self.copy.change("functions/tag-release/function.yaml", "Timeout:", "Timeouts:")
        self.refused(r"tag-release/function\.yaml: missing: \['Timeout'\], not known: \['Timeouts'\]")

    def test_a_shared_statement_that_is_not_there(self):
        self.copy.change("functions/tag-release/function.yaml", "- OpenRepositories", "- OpenRepository")
        self.refused("statements.yaml has no OpenRepository")

    def test_a_shared_statement_that_nobody_names(self):
        self.copy.change("infra/pipeline/statements.yaml", "- Sid: ReadRecords", "- Sid: ReadRecord")
        self.refused("ReadRecord")

    def test_a_state_that_no_machine_has(self):
        self.copy.change("functions/tag-release/function.yaml", "State: Tag release", "State: Tag releases")
        self.refused("no state machine has a state `Tag releases`")

    def test_a_state_of_a_function_that_is_not_there(self):
        self.copy.change("statemachine/release.yaml", "Function: tag-release", "Function: tag-releases")
        self.refused("`Tag what is live`: there is no functions/tag-releases/function.yaml")

    def test_a_state_that_is_defined_twice(self):
        self.copy.change("statemachine/release.yaml", "  Released:\n", "  Drain:\n")
        self.refused("`Drain` stands twice")

    def test_a_machine_that_does_not_say_what_its_causes_say_of_users(self):
        self.copy.change("statemachine/sweep.yaml", "Effects:\n  - Users are not affected\n", "")
        self.refused(r"sweep\.yaml: Effects: is missing")

    def test_a_kind_of_task_without_what_its_role_may_do(self):
        self.copy.change("statemachine/rules.yaml", "    Statements: containers\n", "    Statements: container\n")
        self.refused(r"rules\.yaml: StartBuild: there is no infra/pipeline/container\.yaml")

    def test_a_text_that_is_not_there(self):
        self.copy.change("statemachine/release.yaml", "{{release}}", "{{releases}}")
        self.refused(r"there is no text \{\{releases\}\}")

    def test_a_document_that_has_no_place_for_a_table_any_more(self):
        for path in [*self.copy.root.glob("*.md"), *self.copy.root.glob("docs/**/*.md")]:
            path.write_text(path.read_text().replace("<!-- rendered: permissions -->", ""))
        self.refused("no document has a place for the table")

    def test_rendering_mends_what_was_edited_by_hand(self):
        before = self.copy.read("infra/pipeline.yaml")
        self.copy.change("infra/pipeline.yaml", "MemorySize: 512", "MemorySize: 513")
        self.assertEqual(self.copy.render()[0], 0)
        self.assertEqual(self.copy.read("infra/pipeline.yaml"), before)

    def test_every_task_has_the_retries_and_more_time_than_its_function(self):
        self.copy.change("functions/tag-release/function.yaml", "Timeout: 290", "Timeout: 300")
        self.assertEqual(self.copy.render()[0], 0)
        task = self.copy.read("statemachine/release.asl.json").split('"Tag release": {')[1].split('"Arguments"')[0]
        self.assertIn('"TimeoutSeconds": 310', task)
        self.assertIn('"Lambda.TooManyRequestsException"', task)
        self.assertIn('"Runtime.ExitError"', task)

    def test_a_state_that_retries_for_longer_differs_in_how_long_alone(self):
        states = json.loads(self.copy.read("statemachine/release.asl.json"))["States"]
        longer, usual = states["Roll back"]["Retry"], states["Deploy (cutover)"]["Retry"]
        self.assertEqual(longer[1:], usual[1:])
        self.assertEqual({**longer[0], "MaxAttempts": 4, "MaxDelaySeconds": 30}, usual[0])
        self.assertEqual((longer[0]["MaxAttempts"], longer[0]["MaxDelaySeconds"]), (20, 20))

    def test_retries_of_a_state_s_own(self):
        self.copy.change("statemachine/release.yaml", "Retry: longer", "Retry: []")
        self.refused(r"`Roll back`: Retry: must be `longer`, below a Function")

    def test_a_crash_of_what_runs_a_command_is_not_retried(self):
        self.copy.change("functions/tag-release/function.yaml", "Undo:", "Command: 'git'\nUndo:")
        self.assertEqual(self.copy.render()[0], 0)
        task = self.copy.read("statemachine/release.asl.json").split('"Tag release": {')[1].split('"Arguments"')[0]
        self.assertNotIn('"Runtime.ExitError"', task)


if __name__ == "__main__":
    unittest.main()
