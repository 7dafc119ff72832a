//! `vendor`: what a folder's `cutover.toml` pins, what is newer, and what to write for it.

use super::component_show::{Known, released};
use super::{Context, check, now, say, say_json, since};
use crate::error::{Exit, Failure};
use crate::text::table;
use clap::Args;
use pipeline::manifest::Kind;
use pipeline::names::{Commit, Component};
use pipeline::rows::ComponentRow;
use serde::Serialize;
use std::path::PathBuf;

const HELP: &str = "\
A commit is newer if it was built later. What is printed below [vendor] pins the newest one of each
library; put it into cutover.toml, commit and push. Libraries that are not pinned are listed too.

Examples:
  cutover vendor
  cutover vendor ../msb --json";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Vendor {
    /// Where cutover.toml is
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}

/// A library, and what the folder has of it.
#[derive(Debug, Serialize)]
struct Seen {
    library: Component,
    /// What the folder pins.
    pinned: Option<Commit>,
    /// Whether that can be released.
    released: bool,
    /// The newest that is released.
    newest: Option<Commit>,
    /// How many were built after the one that is pinned.
    newer: usize,
    /// When the newest was built, RFC 3339.
    at: Option<String>,
}

impl Seen {
    fn of(library: Component, pinned: Option<Commit>, known: &[Known]) -> Self {
        let own = |one: &Known| Some(&one.commit) == pinned.as_ref();
        let place = known.iter().position(own);
        let newest = known.first();
        Self {
            library,
            released: place.is_some(),
            newest: newest.map(|one| one.commit.clone()),
            newer: place.unwrap_or(known.len()),
            at: newest.map(|one| one.at.clone()),
            pinned,
        }
    }

    fn cells(&self) -> Vec<String> {
        let short = |commit: &Option<Commit>| match commit {
            Some(commit) => commit.short().to_owned(),
            None => "none".into(),
        };
        let state = match (&self.pinned, self.released, self.newer) {
            (None, ..) => "not pinned".to_owned(),
            (Some(commit), false, _) => {
                format!(
                    "not released: cutover release {} --version {commit}",
                    self.library
                )
            }
            (Some(_), true, 0) => "the newest".into(),
            (Some(_), true, newer) => format!("{newer} newer"),
        };
        let ago = self.at.as_ref().map(|at| since(at, now()));
        let ago = ago.unwrap_or_default();
        vec![
            self.library.to_string(),
            short(&self.pinned),
            state,
            short(&self.newest),
            ago,
        ]
    }

    /// The line that pins the newest, where another one is pinned.
    fn line(&self) -> Option<String> {
        let newest = self.newest.as_ref()?;
        let is_other = self.pinned.as_ref().is_some_and(|pinned| pinned != newest);
        is_other.then(|| format!("{} = {{ commit = \"{newest}\" }}", self.library))
    }
}

/// Reads and prints it.
pub async fn run(context: &Context, wanted: &Vendor) -> Result<Exit, Failure> {
    let manifest = check::manifest(&wanted.folder)?;
    let rows = context.cloud.rows_with_sk("config", "component#").await?;
    let mut libraries = Vec::new();
    for row in &rows {
        let row: ComponentRow = row.read()?;
        if row.kind == Kind::Library && row.component != manifest.component.name {
            libraries.push(row.component);
        }
    }
    // One that was forgotten stays pinned.
    let pinned = manifest.vendor.keys();
    let forgotten: Vec<Component> = pinned
        .filter(|pin| !libraries.contains(pin))
        .cloned()
        .collect();
    let mut seen = Vec::new();
    for library in libraries.into_iter().chain(forgotten) {
        let known = released(context, &library).await?;
        let pinned = manifest.vendor.get(&library).map(|pin| pin.commit.clone());
        seen.push(Seen::of(library, pinned, &known));
    }
    match context.json {
        true => say_json(&serde_json::json!({"libraries": seen}))?,
        false => shown(context, &seen)?,
    }
    Ok(Exit::Good)
}

fn shown(context: &Context, seen: &[Seen]) -> Result<(), Failure> {
    if seen.is_empty() {
        return say(
            "There are no libraries. Next: cutover component add NAME --kind library --repository URL",
        );
    }
    let cells: Vec<Vec<String>> = seen.iter().map(Seen::cells).collect();
    let headings = ["library", "pinned", "", "newest", "built"];
    say(&table(&headings, &cells, context.screen))?;
    let lines: Vec<String> = seen.iter().filter_map(Seen::line).collect();
    match lines.is_empty() {
        true => Ok(()),
        false => say(&format!(
            "To pin the newest:\n[vendor]\n{}",
            lines.join("\n")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(digit: char) -> Known {
        Known {
            commit: commit(digit),
            release: "dev-r1".into(),
            at: "2026-01-01T00:00:00Z".into(),
            sha256: String::new(),
        }
    }

    fn commit(digit: char) -> Commit {
        Commit::new(digit.to_string().repeat(40)).unwrap()
    }

    fn check(pinned: Option<char>, expected: (&str, Option<&str>)) {
        let all = [known('c'), known('b'), known('a')];
        let gdal = Component::new("gdal").unwrap();
        let seen = Seen::of(gdal, pinned.map(commit), &all);
        let line = seen.line();
        assert_eq!((seen.cells()[2].as_str(), line.as_deref()), expected);
    }

    #[test]
    fn what_is_newer_is_counted_and_what_to_write_for_it_is_said() {
        let newest = "gdal = { commit = \"cccccccccccccccccccccccccccccccccccccccc\" }";
        check(Some('c'), ("the newest", None));
        check(Some('a'), ("2 newer", Some(newest)));
        check(None, ("not pinned", None));
        let first =
            "not released: cutover release gdal --version dddddddddddddddddddddddddddddddddddddddd";
        check(Some('d'), (first, Some(newest)));
    }
}
