//! `status`: what is live, from the table.

use super::live::Proven;
use super::unfinished::{How, Unfinished};
use super::up::Up;
use super::{Context, now, say, say_json, since};
use crate::cloud::Row;
use crate::error::{Exit, Failure};
use crate::text::{Screen, Style, table, wrap};
use clap::Args;
use pipeline::manifest::Kind;
use pipeline::names::Target;
use pipeline::rows::{AliasRow, Key};
use serde_json::{Value, json};

const HELP: &str = "\
What is live is proven if every component's suites passed against exactly those versions of its
peers that are live beside it.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Status {
    /// Only this one
    #[arg(long)]
    pub target: Option<Target>,
}

/// One target.
struct Seen {
    target: String,
    domain: String,
    aliases: Vec<Row>,
    unfinished: Vec<Unfinished>,
    up: Up,
    /// Of what is live; not known where rows cannot be read.
    proven: Option<Proven>,
}

/// Reads and prints it.
pub async fn run(context: &Context, status: Status) -> Result<Exit, Failure> {
    let mut targets = Vec::new();
    for environment in environments(context, status.target.as_ref()).await? {
        targets.push(look(context, &environment).await?);
    }
    if context.json {
        say_json(&targets.iter().map(as_json).collect())?;
        return Ok(Exit::Good);
    }
    for (i, target) in targets.iter().enumerate() {
        let space = if i == 0 { "" } else { "\n" };
        say(&format!("{space}{}", shown(target, now(), context.screen)?))?;
    }
    if let Some(libraries) = libraries(context).await? {
        say(&format!("\n{libraries}"))?;
    }
    Ok(Exit::Good)
}

/// They have no alias, and are released for all targets at once.
async fn libraries(context: &Context) -> Result<Option<String>, Failure> {
    let rows = context.cloud.rows_with_sk("config", "component#").await?;
    let is_library = |row: &&Row| row.value("kind") == Some(Kind::Library);
    let names = rows.iter().filter(is_library);
    let names: Vec<&str> = names.map(|row| row.text("component")).collect();
    let told = format!(
        "Libraries, which have no alias: {}; `cutover component show NAME` says who uses them",
        names.join(", ")
    );
    Ok((!names.is_empty()).then(|| wrap(&told, "", context.screen.width)))
}

/// The rows of the targets that there are.
pub async fn environments(context: &Context, only: Option<&Target>) -> Result<Vec<Row>, Failure> {
    let rows = match only {
        Some(target) => context
            .cloud
            .row(&Key::environment(target))
            .await?
            .into_iter()
            .collect(),
        None => context.cloud.rows_with_sk("environment", "target#").await?,
    };
    if rows.is_empty() {
        return Err(Failure::Usage(match only {
            Some(target) => never_provisioned(target),
            None => "there is no target; `cutover target provision stage` makes one".into(),
        }));
    }
    Ok(rows)
}

/// What is said of a target that is not there.
pub fn never_provisioned(target: &Target) -> String {
    format!("target `{target}` was never provisioned; `cutover target provision {target}` does it")
}

async fn look(context: &Context, environment: &Row) -> Result<Seen, Failure> {
    let pk = environment.text("pk");
    let target = pk.trim_start_matches("target#");
    let aliases = context.cloud.rows_of(pk, "alias#").await?;
    // Whoever wants rows as they are gets them, readable or not.
    let live: Result<Vec<AliasRow>, Failure> = aliases.iter().map(Row::read).collect();
    let mut unfinished = Unfinished::of(context, pk).await?;
    let (proven, up) = match live {
        Ok(live) => {
            let mut matter = Vec::new();
            for one in unfinished {
                if one.matters(&live)? {
                    matter.push(one);
                }
            }
            unfinished = matter;
            let proven = Proven::of(context, &Target::new(target)?, &live).await?;
            (proven, Up::of(context, &live).await)
        }
        Err(_) => (None, Up::NotSeen("a row cannot be read".into())),
    };
    Ok(Seen {
        target: target.to_owned(),
        domain: environment.text("domain").to_owned(),
        aliases,
        proven,
        unfinished,
        up,
    })
}

fn as_json(seen: &Seen) -> Value {
    let aliases = seen.aliases.iter().map(|row| Value::Object(row.0.clone()));
    let unfinished = |runs: bool| {
        let wanted = seen
            .unfinished
            .iter()
            .filter(move |one| (one.how == How::Runs) == runs);
        wanted.map(Unfinished::as_json).collect::<Vec<_>>()
    };
    json!({
        "target": seen.target,
        "domain": seen.domain,
        "aliases": aliases.collect::<Vec<_>>(),
        "instances": seen.up.as_json(),
        "running": unfinished(true),
        "unfinished": unfinished(false),
        "live_set": seen.proven.as_ref().map(Proven::as_json),
    })
}

const HEADINGS: [&str; 8] = [
    "alias",
    "commit",
    "version",
    "since",
    "release",
    "execution",
    "instances",
    "previous",
];

fn shown(seen: &Seen, now: i64, screen: Screen) -> Result<String, Failure> {
    let title = format!("{}  {}", seen.target, seen.domain);
    let mut parts = vec![screen.colour.paint(Style::Strong, &title)];
    let aliases: Vec<AliasRow> = seen
        .aliases
        .iter()
        .map(Row::read)
        .collect::<Result<_, _>>()?;
    if aliases.is_empty() {
        parts.push("nothing is live".into());
    } else {
        let rows: Vec<Vec<String>> = aliases
            .iter()
            .map(|alias| cells(alias, &seen.domain, now))
            .collect();
        parts.push(table(&HEADINGS, &rows, screen));
    }
    let not_up = seen.up.not_up(&aliases, &seen.target);
    parts.extend(not_up.iter().map(|text| {
        screen
            .colour
            .paint(Style::Bad, &wrap(text, "", screen.width))
    }));
    parts.extend(taken_back(&aliases).map(|text| wrap(&text, "", screen.width)));
    if let Some(proven) = &seen.proven {
        let style = if proven.is_whole() {
            Style::Good
        } else {
            Style::Quiet
        };
        parts.push(
            screen
                .colour
                .paint(style, &wrap(&proven.shown(), "", screen.width)),
        );
    }
    for one in &seen.unfinished {
        parts.push(one.shown(now, screen)?);
    }
    Ok(parts.join("\n"))
}

fn cells(alias: &AliasRow, domain: &str, now: i64) -> Vec<String> {
    let instances: Vec<String> = alias
        .instances
        .iter()
        .map(|one| format!("{} {}", one.id, one.address))
        .collect();
    let previous = alias
        .previous
        .as_ref()
        .map(|was| format!("{} by {}", was.commit.short(), was.ticket));
    vec![
        format!("{}.{domain}", alias.component),
        alias.commit.short().to_owned(),
        alias.version.to_string(),
        since(&alias.since, now),
        alias.release.clone(),
        alias.execution.clone(),
        instances.join(", "),
        previous.unwrap_or_else(|| "none".into()),
    ]
}

/// Whoever pushes it again wonders why nothing happens.
fn taken_back(aliases: &[AliasRow]) -> Option<String> {
    let commits = aliases.iter().filter_map(|alias| {
        let commit = alias.rolled_back.as_ref()?;
        Some(format!("{} {}", alias.component, commit.short()))
    });
    let commits: Vec<String> = commits.collect();
    (!commits.is_empty()).then(|| {
        format!(
            "rolled back: {}; a push of that does not bring it again",
            commits.join(", ")
        )
    })
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
