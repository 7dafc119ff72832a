//! `component`: which components there are and where they come from.

use super::{Context, say, say_json};
use crate::args::{Add, ComponentCommand, Remove};
use crate::error::{Exit, Failure};
use crate::text::table;
use pipeline::names::{Target, excerpt};
use pipeline::rows::{ComponentRow, Key};
use pipeline::version::is_ref_name;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Carries it out.
pub async fn run(context: &Context, command: ComponentCommand) -> Result<Exit, Failure> {
    match command {
        ComponentCommand::Add(wanted) => add(context, wanted).await,
        ComponentCommand::List => list(context).await,
        ComponentCommand::Remove(wanted) => remove(context, wanted).await,
    }
}

async fn add(context: &Context, wanted: Add) -> Result<Exit, Failure> {
    let new = ComponentRow {
        component: wanted.name,
        repository: wanted.repository,
        branches: branches(&wanted.branches)?,
        credentials: wanted.credentials,
    };
    let row = context.cloud.row(&Key::component(&new.component)).await?;
    let old: Option<ComponentRow> = row.map(|row| row.read()).transpose()?;
    context.cloud.put_component(&new, old.as_ref()).await?;
    match context.json {
        true => say_json(&json!(new))?,
        false => say(&added(&new, old.as_ref()))?,
    }
    Ok(Exit::Good)
}

fn branches(typed: &[String]) -> Result<BTreeMap<String, Target>, Failure> {
    let mut branches = BTreeMap::new();
    for text in typed {
        let refuse = |why: &str| Failure::Usage(format!("--branch `{}`: {why}", excerpt(text)));
        let (branch, target) = text
            .split_once('=')
            .ok_or_else(|| refuse("say BRANCH=TARGET, e.g. main=stage"))?;
        if !is_ref_name(branch) {
            return Err(refuse("not a branch name"));
        }
        let target = Target::new(target).map_err(|e| refuse(&e.to_string()))?;
        if branches.insert(branch.to_owned(), target).is_some() {
            return Err(refuse("the branch is named twice"));
        }
    }
    Ok(branches)
}

fn added(new: &ComponentRow, old: Option<&ComponentRow>) -> String {
    let how = match old {
        None => "Added",
        Some(old) if old == new => "Unchanged:",
        Some(_) => "Changed",
    };
    let mut lines = vec![format!("{how} {} from {}", new.component, new.repository)];
    lines.extend(
        new.branches
            .iter()
            .map(|(branch, target)| format!("  a push to {branch} releases it to {target}")),
    );
    if new.branches.is_empty() {
        lines.push("  no push releases it: no --branch BRANCH=TARGET was given".into());
    }
    if let Some(secret) = &new.credentials {
        lines.push(format!(
            "  its repository is opened with the secret {secret}"
        ));
    }
    lines.push(format!("Next: cutover release {}", new.component));
    lines.join("\n")
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
        &["component", "repository", "pushes", "credentials"],
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
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use pipeline::names::{Component, RepositoryUrl};

    fn row(branches_typed: &[&str]) -> Result<ComponentRow, Failure> {
        let typed: Vec<String> = branches_typed.iter().map(|text| text.to_string()).collect();
        Ok(ComponentRow {
            component: Component::new("api").unwrap(),
            repository: RepositoryUrl::new("https://git.example.com/team/api.git").unwrap(),
            branches: branches(&typed)?,
            credentials: None,
        })
    }

    fn check(branches: &[&str], old: Option<&ComponentRow>, expected: Expect) {
        expected.assert_eq(
            &row(branches).map_or_else(|e| format!("refused: {e}"), |row| added(&row, old)),
        );
    }

    #[test]
    fn adding_says_which_push_releases_where() {
        check(
            &["main=stage", "production=prod"],
            None,
            expect![[r#"
            Added api from https://git.example.com/team/api.git
              a push to main releases it to stage
              a push to production releases it to prod
            Next: cutover release api"#]],
        );
        check(
            &[],
            Some(&row(&["main=stage"]).unwrap()),
            expect![[r#"
            Changed api from https://git.example.com/team/api.git
              no push releases it: no --branch BRANCH=TARGET was given
            Next: cutover release api"#]],
        );
        check(
            &[],
            Some(&row(&[]).unwrap()),
            expect![[r#"
            Unchanged: api from https://git.example.com/team/api.git
              no push releases it: no --branch BRANCH=TARGET was given
            Next: cutover release api"#]],
        );
    }

    #[test]
    fn the_secret_of_a_private_repository_is_named() {
        let mut private = row(&["main=stage"]).unwrap();
        private.credentials = Some("cutover/myproj/api".parse().unwrap());
        expect![[r#"
            Added api from https://git.example.com/team/api.git
              a push to main releases it to stage
              its repository is opened with the secret cutover/myproj/api
            Next: cutover release api"#]]
        .assert_eq(&added(&private, None));
        assert_eq!(cells(&private)[3], "cutover/myproj/api");
        assert_eq!(cells(&row(&[]).unwrap())[3], "none");
    }

    #[test]
    fn a_branch_is_a_branch_of_git_and_goes_to_one_target() {
        check(
            &["main"],
            None,
            expect!["refused: --branch `main`: say BRANCH=TARGET, e.g. main=stage"],
        );
        check(
            &["--x=stage"],
            None,
            expect!["refused: --branch `--x=stage`: not a branch name"],
        );
        check(
            &["main=Stage"],
            None,
            expect![
                "refused: --branch `main=Stage`: `Stage` is not a target name: 1 to 16 lower-case letters, digits and single hyphens, beginning with a letter"
            ],
        );
        check(
            &["main=stage", "main=prod"],
            None,
            expect!["refused: --branch `main=prod`: the branch is named twice"],
        );
    }
}
