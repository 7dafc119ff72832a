//! `component show`: one component, and of a library who uses which commit of it.

use super::{Context, now, say, say_json, since};
use crate::cloud::Row;
use crate::error::{Exit, Failure};
use crate::text::{Style, table};
use pipeline::manifest::Kind;
use pipeline::names::{Commit, Component, Fqdn};
use pipeline::rows::{AliasRow, ArtifactRow, CandidateRow, ComponentRow, Key};
use serde::Serialize;
use serde_json::json;

/// A library has some commits a week; older ones are in `--json`.
const COMMITS: usize = 20;

/// A commit of a library that is released.
#[derive(Debug, Serialize)]
pub struct Known {
    /// What to pin.
    pub commit: Commit,
    /// Which release built it.
    pub release: String,
    /// When, RFC 3339.
    pub at: String,
    /// Of its artifact.
    pub sha256: String,
}

/// A component that pins the library, as it is live.
#[derive(Debug, Serialize)]
pub struct User {
    /// Who.
    pub component: Component,
    /// Where.
    pub target: String,
    /// Which commit of the library.
    pub pins: Commit,
    /// By which of its own.
    pub commit: Commit,
    /// Where that stands.
    pub hostname: Fqdn,
}

/// Reads and prints it.
pub async fn run(context: &Context, name: &Component) -> Result<Exit, Failure> {
    let row = context.cloud.row(&Key::component(name)).await?;
    let row: ComponentRow = row.ok_or_else(|| never_added(name))?.read()?;
    let live = live(context).await?;
    let known = match row.kind {
        Kind::Library => released(context, name).await?,
        Kind::Service => Vec::new(),
    };
    let users = users(&live, name);
    if context.json {
        let runs = live.iter().filter(|(_, alias, _)| alias.component == *name);
        let runs = runs.map(|(target, alias, _)| json!({"target": target, "alias": alias}));
        let runs: Vec<_> = runs.collect();
        say_json(&json!({"component": row, "released": known, "live": runs, "used_by": users}))?;
        return Ok(Exit::Good);
    }
    let title = format!("{name}, a {}, from {}", row.kind, row.repository);
    say(&context.screen.colour.paint(Style::Strong, &title))?;
    match row.kind {
        Kind::Library => library(context, &known, &users)?,
        Kind::Service => service(context, name, &live)?,
    }
    Ok(Exit::Good)
}

fn never_added(name: &Component) -> Failure {
    Failure::Usage(format!(
        "component `{name}` was never added; `cutover component list` shows all"
    ))
}

type Live = (String, AliasRow, Option<CandidateRow>);

/// All that is live on all targets, with what it was booted from.
pub async fn live(context: &Context) -> Result<Vec<Live>, Failure> {
    let targets = context.cloud.rows_with_sk("environment", "target#").await?;
    let mut live = Vec::new();
    for pk in targets.iter().map(|row| row.text("pk")) {
        let target = pk.trim_start_matches("target#");
        let aliases = context.cloud.rows_of(pk, "alias#").await?;
        let aliases: Vec<AliasRow> = aliases.iter().map(Row::read).collect::<Result<_, _>>()?;
        let name = pipeline::names::Target::new(target)?;
        let keys = aliases
            .iter()
            .map(|one| Key::candidate(&name, &one.hostname));
        let rows = match aliases.is_empty() {
            true => Vec::new(),
            false => context.cloud.rows_at(&keys.collect::<Vec<_>>()).await?,
        };
        let rows: Vec<CandidateRow> = rows.iter().map(Row::read).collect::<Result<_, _>>()?;
        for alias in aliases {
            let row = rows.iter().find(|row| row.hostname == alias.hostname);
            live.push((target.to_owned(), alias, row.cloned()));
        }
    }
    Ok(live)
}

/// Who pins it, where.
pub fn users(live: &[Live], library: &Component) -> Vec<User> {
    let pins = |(target, alias, row): &Live| {
        let recipe = row.as_ref()?.recipe.as_ref()?;
        let pin = recipe.vendor.iter().find(|pin| pin.library == *library)?;
        Some(User {
            component: alias.component.clone(),
            target: target.clone(),
            pins: pin.commit.clone(),
            commit: alias.commit.clone(),
            hostname: alias.hostname.clone(),
        })
    };
    live.iter().filter_map(pins).collect()
}

/// What is released of a library, the newest first.
pub async fn released(context: &Context, library: &Component) -> Result<Vec<Known>, Failure> {
    let pk = Key::component(library).pk;
    let rows = context.cloud.rows_of(&pk, "artifact#").await?;
    let rows: Vec<ArtifactRow> = rows.iter().map(Row::read).collect::<Result<_, _>>()?;
    let rows = rows.into_iter().filter(|row| row.kind == Kind::Library);
    let mut known: Vec<Known> = rows
        .map(|row| Known {
            commit: row.commit,
            release: row.artifact.built_by,
            at: row.artifact.built_at,
            sha256: row.artifact.bundle.sha256,
        })
        .collect();
    known.sort_by(|a, b| b.at.cmp(&a.at));
    Ok(known)
}

fn library(context: &Context, known: &[Known], users: &[User]) -> Result<(), Failure> {
    if known.is_empty() {
        return say("No commit of it is released. Next: cutover release COMPONENT");
    }
    let shown = known.iter().take(COMMITS);
    let cells: Vec<Vec<String>> = shown
        .map(|one| {
            vec![
                one.commit.to_string(),
                one.release.clone(),
                since(&one.at, now()),
                used_by(&one.commit, users),
            ]
        })
        .collect();
    let headings = ["commit", "built by", "ago", "used by, live"];
    say(&table(&headings, &cells, context.screen))?;
    match known.len().saturating_sub(cells.len()) {
        0 => Ok(()),
        more => say(&format!("and {more} older ones: --json shows all")),
    }
}

/// `msb on stage, msb on prod`
fn used_by(commit: &Commit, users: &[User]) -> String {
    let users = users.iter().filter(|user| user.pins == *commit);
    let users = users.map(|user| format!("{} on {}", user.component, user.target));
    let users = users.collect::<Vec<_>>().join(", ");
    if users.is_empty() {
        "nobody".into()
    } else {
        users
    }
}

fn service(context: &Context, name: &Component, live: &[Live]) -> Result<(), Failure> {
    let own = live.iter().filter(|(_, alias, _)| alias.component == *name);
    let cells: Vec<Vec<String>> = own
        .map(|(target, alias, row)| {
            vec![
                target.clone(),
                alias.commit.to_string(),
                alias.release.clone(),
                since(&alias.since, now()),
                pinned(row.as_ref()),
            ]
        })
        .collect();
    if cells.is_empty() {
        return say(&format!(
            "Nothing of it is live. Next: cutover release {name}"
        ));
    }
    let headings = ["live on", "commit", "release", "since", "libraries"];
    say(&table(&headings, &cells, context.screen))
}

/// `gdal 3f2a9c1b04de`
fn pinned(row: Option<&CandidateRow>) -> String {
    let recipe = row.and_then(|row| row.recipe.as_ref());
    let pins = recipe.into_iter().flat_map(|recipe| &recipe.vendor);
    let pins = pins.map(|pin| format!("{} {}", pin.library, pin.commit.short()));
    let pins = pins.collect::<Vec<_>>().join(", ");
    if pins.is_empty() { "none".into() } else { pins }
}
