//! `check`: what a push of a folder would do, by the rules of a release and without AWS.

use super::{say, say_json};
use crate::error::{Exit, Failure};
use crate::folder;
use crate::release::checked::{Checked, Notes};
use crate::text::Screen;
use clap::Args;
use pipeline::errors::ErrorName;
use pipeline::manifest::{self, Manifest};
use pipeline::names::Component;
use std::path::{Path, PathBuf};
use workspace::Limits;
use workspace::sources::{self, Source};

const HELP: &str = "\
It reads cutover.toml and what git has of the folder by the rules of a release, and lists the commands
that would run. Neither AWS nor the local cloud is asked, so it knows nothing of what is live. Exit
code 2: a release would refuse it.

Examples:
  cutover check
  cutover check ../api --json";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Check {
    /// Where cutover.toml is
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}

/// Reads and prints it.
pub fn run(wanted: &Check, json: bool, screen: Screen) -> Result<Exit, Failure> {
    let checked = check(&wanted.folder)?;
    match json {
        true => say_json(&checked.as_json())?,
        false => say(&checked.shown(screen))?,
    }
    Ok(Exit::Good)
}

fn check(folder: &Path) -> Result<Checked, Failure> {
    let tracked = folder::tracked(folder);
    let manifest = manifest(folder)?;
    let held = match &tracked {
        Some(tracked) => sources::check(tracked.iter().cloned(), Limits::SOURCE),
        None => sources::check(all_of(folder)?, Limits::SOURCE),
    };
    let held = held.map_err(|error| Failure::Folder {
        error: ErrorName::SourceRefused,
        message: error.to_string(),
    })?;
    Ok(Checked {
        notes: notes(folder, tracked.as_deref()),
        manifest,
        held,
    })
}

/// The file of the component that it names itself.
pub fn manifest(folder: &Path) -> Result<Manifest, Failure> {
    let path = folder.join(manifest::FILE);
    let refused = |message: String| Failure::Folder {
        error: ErrorName::ManifestInvalid,
        message: format!("{}: {message}", path.display()),
    };
    let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => refused("there is none".into()),
        _ => refused(format!("it cannot be read: {error}")),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8".into()))?;
    let component = named(&text);
    Manifest::parse(&text, &component).map_err(|error| refused(error.to_string()))
}

/// A text that names nothing is refused with its line, whoever it is read for.
fn named(text: &str) -> Component {
    let table: Option<toml::Table> = text.parse().ok();
    let name = table
        .as_ref()
        .and_then(|table| table.get("component")?.get("name")?.as_str());
    let nobody = || Component::new("nobody").unwrap_or_else(|_| unreachable!("a good name"));
    name.and_then(|name| Component::new(name).ok())
        .unwrap_or_else(nobody)
}

fn notes(folder: &Path, tracked: Option<&[(PathBuf, Source)]>) -> Notes {
    let Some(tracked) = tracked else {
        return Notes {
            is_checkout: false,
            ..Notes::default()
        };
    };
    let has = |name: &str| tracked.iter().any(|(path, _)| path == Path::new(name));
    let changes = folder::changes(folder);
    Notes {
        is_checkout: true,
        below_root: folder::below_root(folder),
        manifest_is_committed: has(manifest::FILE)
            && !changes.iter().any(|path| path == manifest::FILE),
        changes: changes.len(),
        has_lfs: has(".gitattributes")
            && std::fs::read_to_string(folder.join(".gitattributes"))
                .is_ok_and(|text| text.contains("filter=lfs")),
    }
}

/// A folder that is no checkout, as if all of it were committed.
fn all_of(folder: &Path) -> Result<Vec<(PathBuf, Source)>, Failure> {
    let mut found = Vec::new();
    let mut ahead = vec![PathBuf::new()];
    while let Some(below) = ahead.pop() {
        let read = std::fs::read_dir(folder.join(&below)).map_err(unreadable(&below))?;
        for entry in read {
            let entry = entry.map_err(unreadable(&below))?;
            let path = below.join(entry.file_name());
            let kind = entry.file_type().map_err(unreadable(&path))?;
            if kind.is_dir() && entry.file_name() != ".git" {
                ahead.push(path);
            } else if let Some(source) = folder::source(folder, &path) {
                found.push((path, source));
            }
            // What is too much is refused by its number anyway.
            if found.len() as u64 > Limits::SOURCE.entries {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> Failure + use<> {
    let path = path.display().to_string();
    move |error| Failure::Usage(format!("{path} cannot be read: {error}"))
}
