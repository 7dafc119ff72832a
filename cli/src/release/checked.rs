//! What a push of a folder would do, for a person and for a script.

use crate::text::{Colour, Screen, Style, size, wrap};
use pipeline::manifest::{Limit, Manifest, Pin, RunSection, Suite};
use pipeline::names::{Component, peer_variable};
use serde_json::{Value, json};
use workspace::sources::Held;

/// A folder that a release would take.
#[derive(Debug)]
pub struct Checked {
    /// As a release reads it.
    pub manifest: Manifest,
    /// As a release takes it.
    pub held: Held,
    /// What else there is to know.
    pub notes: Notes,
}

/// What git says of the folder.
#[derive(Debug, Default)]
pub struct Notes {
    /// Whether it is a checkout at all.
    pub is_checkout: bool,
    /// Where it is in its repository, if not at the root.
    pub below_root: Option<String>,
    /// Whether a push would bring the very manifest that was read.
    pub manifest_is_committed: bool,
    /// Files that differ from the last commit.
    pub changes: usize,
    /// Whether git keeps pointers of some files only.
    pub has_lfs: bool,
}

impl Checked {
    /// Its commands, then what is to be known.
    pub fn shown(&self, screen: Screen) -> String {
        let name = &self.manifest.component.name;
        let what = match self.manifest.is_library() {
            true => ", a library",
            false => "",
        };
        let title = format!("{name}{what}: a release would take this.");
        let mut lines = vec![screen.colour.paint(Style::Good, &title)];
        let rows = self.rows();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let (first, second) = (width(0).unwrap_or(0), width(1).unwrap_or(0));
        for [what, command, rest] in &rows {
            let line = format!("  {what:first$}  {command:second$}  {rest}");
            lines.push(line.trim_end().to_owned());
        }
        lines.extend(self.notes().iter().map(|note| {
            let text = wrap(&format!("Note: {note}"), "  ", screen.width);
            note_in(screen.colour, &text)
        }));
        lines.join("\n")
    }

    fn rows(&self) -> Vec<[String; 3]> {
        let mut rows = self.commands();
        rows.extend(self.manifest.suites.iter().map(suite_row));
        rows.extend(self.manifest.component.peers.iter().map(peer_row));
        rows.extend(self.manifest.vendor.iter().map(pin_row));
        rows.push(self.source());
        rows
    }

    fn commands(&self) -> Vec<[String; 3]> {
        let build = &self.manifest.build;
        let leaves = build.output.as_str();
        let build_ends = format!("{}, leaves {leaves}", within(build.timeout));
        let unit_tests_end = within(build.unit_tests_timeout);
        let mut rows = vec![
            row("unit tests", build.unit_tests.as_str(), unit_tests_end),
            row("build", build.command.as_str(), build_ends),
        ];
        rows.extend(self.manifest.run.as_ref().map(run_row));
        rows
    }

    fn source(&self) -> [String; 3] {
        let files = counted(self.held.files, "file");
        let held = format!("{files}, {}", size(self.held.bytes as i64));
        row("source", &held, String::new())
    }

    fn notes(&self) -> Vec<String> {
        let notes = &self.notes;
        let mut said = Vec::new();
        if !notes.is_checkout {
            said.push(
                "this is not a git checkout: everything in the folder was counted".to_owned(),
            );
        }
        if let Some(folder) = &notes.below_root {
            said.push(format!(
                "cutover.toml has to be at the root of its repository, and this folder is {folder} of a larger one"
            ));
        }
        if notes.is_checkout && !notes.manifest_is_committed {
            said.push(
                "cutover.toml as it is here is not committed, so a push does not bring it"
                    .to_owned(),
            );
        }
        if notes.changes > 0 {
            said.push(match notes.changes {
                1 => "1 file is not committed as it is here; a release sees commits only".to_owned(),
                several => format!("{several} files are not committed as they are here; a release sees commits only"),
            });
        }
        if notes.has_lfs {
            said.push("Git LFS is used: a release gets the pointers and not the files".to_owned());
        }
        // A release says them too, when it is too late to save the wait.
        said.extend(self.manifest.warnings().iter().map(ToString::to_string));
        if self.manifest.suites.is_empty() {
            let who = match self.manifest.is_library() {
                true => "others pin it",
                false => "users get it",
            };
            said.push(format!(
                "there is no [[suite]]: nothing is tested before {who}"
            ));
        }
        said
    }

    /// The same for `--json`.
    pub fn as_json(&self) -> Value {
        json!({
            "component": self.manifest.component.name,
            "manifest": self.manifest,
            "source": {"files": self.held.files, "bytes": self.held.bytes},
            "notes": self.notes(),
        })
    }
}

fn row(what: &str, command: &str, rest: String) -> [String; 3] {
    [what.to_owned(), command.to_owned(), rest]
}

fn run_row(run: &RunSection) -> [String; 3] {
    let runs = format!(
        "{}, port {}, {} answers 200 {}",
        counted(u64::from(run.instances.number()), "instance"),
        run.port.number(),
        run.health.as_str(),
        within(run.start_timeout)
    );
    row("run", run.command.as_str(), runs)
}

fn pin_row((library, pin): (&Component, &Pin)) -> [String; 3] {
    let rest = format!("{} of it is $VENDOR/{library}", pin.commit.short());
    row("library", library.as_str(), rest)
}

fn suite_row(suite: &Suite) -> [String; 3] {
    let slow = match suite.slow {
        true => ", slow: a hotfix leaves it out",
        false => "",
    };
    let what = format!("suite {}", suite.name);
    row(&what, suite.command.as_str(), within(suite.timeout) + slow)
}

fn peer_row(peer: &Component) -> [String; 3] {
    let rest = format!("its address is in {}", peer_variable(peer));
    row("peer", peer.as_str(), rest)
}

/// `1 file`, `3 files`
fn counted(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        several => format!("{several} {what}s"),
    }
}

/// `within 10m`
fn within(limit: Limit) -> String {
    format!("within {}", humantime::format_duration(limit.duration()))
}

fn note_in(colour: Colour, text: &str) -> String {
    colour.paint(Style::Busy, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    const MANIFEST: &str = r#"
[component]
name = "api"
peers = ["user-db"]
[build]
unit_tests = "make test"
command = "make dist"
output = "dist"
[run]
command = "./api"
port = 8080
[[suite]]
name = "smoke"
command = "python3 it/smoke.py"
[[suite]]
name = "soak"
command = "python3 it/soak.py"
slow = true
timeout = "90s"
"#;

    fn check(manifest: &str, notes: Notes, expected: Expect) {
        let manifest = Manifest::parse(manifest, &Component::new("api").unwrap()).unwrap();
        let held = Held {
            files: 42,
            bytes: 1_300_000,
        };
        let checked = Checked {
            manifest,
            held,
            notes,
        };
        let screen = Screen {
            width: Some(80),
            height: None,
            colour: Colour::Plain,
        };
        expected.assert_eq(&checked.shown(screen));
    }

    fn committed() -> Notes {
        Notes {
            is_checkout: true,
            manifest_is_committed: true,
            ..Notes::default()
        }
    }

    #[test]
    fn all_that_would_run_is_listed_with_its_limits() {
        check(
            MANIFEST,
            committed(),
            expect![[r#"
            api: a release would take this.
              unit tests   make test            within 10m
              build        make dist            within 10m, leaves dist
              run          ./api                1 instance, port 8080, /healthz answers 200 within 5m
              suite smoke  python3 it/smoke.py  within 10m
              suite soak   python3 it/soak.py   within 1m 30s, slow: a hotfix leaves it out
              peer         user-db              its address is in USER_DB_URL
              source       42 files, 1.2 MB"#]],
        );
    }

    #[test]
    fn what_a_push_would_not_bring_is_said() {
        let manifest = MANIFEST.split("[[suite]]").next().unwrap();
        let manifest = &manifest.replace("make dist", "make dist && cp $X dist");
        let notes = Notes {
            is_checkout: true,
            below_root: Some("examples/api".into()),
            changes: 3,
            has_lfs: true,
            ..Notes::default()
        };
        check(
            manifest,
            notes,
            expect![[r#"
                api: a release would take this.
                  unit tests  make test                within 10m
                  build       make dist && cp $X dist  within 10m, leaves dist
                  run         ./api                    1 instance, port 8080, /healthz answers 200 within 5m
                  peer        user-db                  its address is in USER_DB_URL
                  source      42 files, 1.2 MB
                  Note: cutover.toml has to be at the root of its repository, and this folder is
                  examples/api of a larger one
                  Note: cutover.toml as it is here is not committed, so a push does not bring it
                  Note: 3 files are not committed as they are here; a release sees commits only
                  Note: Git LFS is used: a release gets the pointers and not the files
                  Note: api: [build] command: `&&` has a meaning only in a shell, and commands
                  run without one: the program gets it as it is written; if you need a shell,
                  write sh -c '...'
                  Note: there is no [[suite]]: nothing is tested before users get it"#]],
        );
    }
}
