//! `component`: which components there are and where they come from.

use super::added::{Added, Around, Repository};
use super::{Context, component_show, say, say_json};
use crate::error::{Exit, Failure};
use crate::text::table;
use clap::{Args, Subcommand};
use pipeline::manifest::Kind;
use pipeline::names::{Commit, RepositoryUrl, Target, excerpt};
use pipeline::names::{Component, SecretName};
use pipeline::rows::{AliasRow, ComponentRow, Key};
use pipeline::version::is_branch_name;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use workspace::git::{Bounds, Origin, Refs};

#[derive(Debug, Subcommand)]
pub enum ComponentCommand {
    /// Add a component, or change where it comes from
    #[command(after_help = "\
A push to BRANCH releases the component to TARGET. Adding it again replaces the address, the
secret and all branches. The name must be the one in the repository's cutover.toml. The repository is
read first, and is not added if that fails; --unchecked adds it all the same.

A private repository needs a secret in Secrets Manager that begins with cutover/PROJECT/ and holds
{\"username\": \"...\", \"password\": \"...\"}; a token goes in the password's place. Tags need one that
may write.

Examples:
  cutover component add api --repository https://git.example.com/team/api.git --branch main=stage
  cutover component add ui --repository https://git.example.com/team/ui.git \\
      --branch main=stage --branch production=prod
  cutover component add gdal --kind library --repository https://git.example.com/team/gdal.git")]
    Add(Add),
    /// All components
    List,
    /// One component: what is live of a service, which commits of a library are released and who uses them
    Show(Show),
    /// Forget a component; what is live stays live
    Remove(Remove),
}

#[derive(Debug, Args)]
pub struct Add {
    /// Its name, e.g. api
    pub name: Component,
    /// As in [component] kind of its cutover.toml: service or library
    #[arg(long, value_name = "KIND", default_value_t = Kind::Service)]
    pub kind: Kind,
    /// Where it is fetched from, without credentials
    #[arg(long, value_name = "URL")]
    pub repository: RepositoryUrl,
    /// A push to this branch releases to that target; may be given several times
    #[arg(long = "branch", value_name = "BRANCH=TARGET")]
    pub branches: Vec<String>,
    /// The secret in Secrets Manager that opens a private repository, e.g. cutover/myproj/api
    #[arg(long, value_name = "SECRET")]
    pub credentials: Option<SecretName>,
    /// Add it without a look at its repository, e.g. one that this machine cannot reach
    #[arg(long)]
    pub unchecked: bool,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Its name
    pub name: Component,
}

#[derive(Debug, Args)]
pub struct Remove {
    /// Its name
    pub name: Component,
}

/// A person waits for the answer of a git server.
const PATIENCE: Duration = Duration::from_secs(20);

/// Carries it out.
pub async fn run(context: &Context, command: ComponentCommand) -> Result<Exit, Failure> {
    match command {
        ComponentCommand::Add(wanted) => add(context, wanted).await,
        ComponentCommand::List => list(context).await,
        ComponentCommand::Show(wanted) => component_show::run(context, &wanted.name).await,
        ComponentCommand::Remove(wanted) => remove(context, wanted).await,
    }
}

async fn add(context: &Context, wanted: Add) -> Result<Exit, Failure> {
    let checks = match (&wanted.credentials, wanted.unchecked) {
        (_, true) => Repository::NotLookedAt,
        (Some(_), false) => Repository::Private,
        (None, false) => Repository::Open(refs_of(&wanted.repository).await?),
    };
    let new = ComponentRow {
        component: wanted.name,
        kind: wanted.kind,
        repository: wanted.repository,
        branches: branches(&wanted.branches)?,
        credentials: wanted.credentials,
    };
    let row = context.cloud.row(&Key::component(&new.component)).await?;
    let old: Option<ComponentRow> = row.map(|row| row.read()).transpose()?;
    let around = Around {
        repository: checks,
        others: others(context, &new).await?,
        targets: targets(context, &new).await?,
    };
    context.cloud.put_component(&new, old.as_ref()).await?;
    let added = Added {
        new: &new,
        old: old.as_ref(),
        around: &around,
    };
    match context.json {
        true => say_json(&added.as_json())?,
        false => say(&added.shown())?,
    }
    Ok(Exit::Good)
}

/// What the repository advertises. What cannot be read is not added: a release could not read it
/// either.
async fn refs_of(repository: &RepositoryUrl) -> Result<Refs, Failure> {
    let origin = Origin::public(repository.as_str());
    let bounds = Bounds {
        deadline: PATIENCE,
        ..Bounds::default()
    };
    let read = tokio::task::spawn_blocking(move || workspace::git::refs(&origin, &bounds)).await;
    let read = read.map_err(|error| Failure::Output(error.to_string()))?;
    read.map_err(|error| {
        Failure::Usage(format!(
            "nothing was added: {error}\n  a private repository needs --credentials; one that only this machine cannot reach, --unchecked"
        ))
    })
}

async fn others(context: &Context, new: &ComponentRow) -> Result<Vec<ComponentRow>, Failure> {
    let rows = context.cloud.rows_with_sk("config", "component#").await?;
    let mut rows: Vec<ComponentRow> = rows
        .iter()
        .map(|row| row.read())
        .collect::<Result<_, _>>()?;
    rows.retain(|row| row.component != new.component);
    Ok(rows)
}

/// Those of its targets that are there, and what is live of it on each.
async fn targets(
    context: &Context,
    new: &ComponentRow,
) -> Result<BTreeMap<Target, Option<Commit>>, Failure> {
    let mut found = BTreeMap::new();
    for target in new.branches.values() {
        if context
            .cloud
            .row(&Key::environment(target))
            .await?
            .is_none()
        {
            continue;
        }
        let live = context
            .cloud
            .row(&Key::alias(target, &new.component))
            .await?;
        let live = live.map(|row| row.read::<AliasRow>()).transpose()?;
        found.insert(target.clone(), live.map(|row| row.commit));
    }
    Ok(found)
}

fn branches(typed: &[String]) -> Result<BTreeMap<String, Target>, Failure> {
    let mut branches = BTreeMap::new();
    for text in typed {
        let refuse = |why: &str| Failure::Usage(format!("--branch `{}`: {why}", excerpt(text)));
        let (branch, target) = text
            .split_once('=')
            .ok_or_else(|| refuse("say BRANCH=TARGET, e.g. main=stage"))?;
        if !is_branch_name(branch) {
            return Err(refuse("not a branch name"));
        }
        let target = Target::new(target).map_err(|e| refuse(&e.to_string()))?;
        if branches.insert(branch.to_owned(), target).is_some() {
            return Err(refuse("the branch is named twice"));
        }
    }
    Ok(branches)
}

async fn list(context: &Context) -> Result<Exit, Failure> {
    let rows = context.cloud.rows_with_sk("config", "component#").await?;
    if context.json {
        say_json(&rows.into_iter().map(|row| Value::Object(row.0)).collect())?;
        return Ok(Exit::Good);
    }
    let components: Vec<ComponentRow> = rows
        .iter()
        .map(|row| row.read())
        .collect::<Result<_, _>>()?;
    if components.is_empty() {
        say(
            "There are no components. Next: cutover component add NAME --repository URL --branch main=stage",
        )?;
        return Ok(Exit::Good);
    }
    let cells: Vec<Vec<String>> = components.iter().map(cells).collect();
    say(&table(
        &["component", "kind", "repository", "pushes", "credentials"],
        &cells,
        context.screen,
    ))?;
    Ok(Exit::Good)
}

fn cells(row: &ComponentRow) -> Vec<String> {
    let pushes: Vec<String> = row
        .branches
        .iter()
        .map(|(branch, target)| format!("{branch} to {target}"))
        .collect();
    let pushes = if pushes.is_empty() {
        "none".into()
    } else {
        pushes.join(", ")
    };
    let credentials = row.credentials.as_ref().map(ToString::to_string);
    vec![
        row.component.to_string(),
        row.kind.to_string(),
        row.repository.to_string(),
        pushes,
        credentials.unwrap_or_else(|| "none".into()),
    ]
}

async fn remove(context: &Context, wanted: Remove) -> Result<Exit, Failure> {
    let row = context.cloud.row(&Key::component(&wanted.name)).await?;
    let old: Option<ComponentRow> = row.map(|row| row.read()).transpose()?;
    if let Some(old) = &old {
        context.cloud.delete_component(old).await?;
    }
    let text = match &old {
        Some(_) => format!(
            "Removed {}: no push or command releases it any more. What is live of it stays live.",
            wanted.name
        ),
        None => format!("{} was not there.", wanted.name),
    };
    match context.json {
        true => say_json(&json!({"component": wanted.name, "removed": old.is_some()}))?,
        false => say(&text)?,
    }
    Ok(Exit::Good)
}

#[cfg(test)]
#[path = "component_tests.rs"]
mod tests;
