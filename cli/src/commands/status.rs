//! `status`: what is live, from the table.

use super::{Context, now, say, say_json};
use crate::args::Status;
use crate::cloud::Row;
use crate::error::{Exit, Failure};
use crate::text::{Screen, Style, duration, table};
use pipeline::names::Target;
use pipeline::rows::{AliasRow, Key, ReleaseRow};
use serde_json::{Value, json};

/// Releases looked at for running ones: more than run at the same time on one target.
const LATEST: i32 = 25;

/// One target.
struct Seen {
    target: String,
    domain: String,
    aliases: Vec<Row>,
    running: Vec<Row>,
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
    Ok(Exit::Good)
}

async fn environments(context: &Context, only: Option<&Target>) -> Result<Vec<Row>, Failure> {
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
        let what = only.map_or("no target is".into(), |target| {
            format!("target `{target}` is not")
        });
        return Err(Failure::Usage(format!(
            "{what} set up; `make up` or `make deploy` does it"
        )));
    }
    Ok(rows)
}

async fn look(context: &Context, environment: &Row) -> Result<Seen, Failure> {
    let pk = environment.text("pk");
    let latest = context.cloud.last_rows_of(pk, "release#", LATEST).await?;
    Ok(Seen {
        target: pk.trim_start_matches("target#").to_owned(),
        domain: environment.text("domain").to_owned(),
        aliases: context.cloud.rows_of(pk, "alias#").await?,
        running: latest
            .into_iter()
            .filter(|row| row.text("outcome") == "running")
            .collect(),
    })
}

fn as_json(seen: &Seen) -> Value {
    let rows = |rows: &[Row]| {
        rows.iter()
            .map(|row| Value::Object(row.0.clone()))
            .collect::<Vec<_>>()
    };
    json!({"target": seen.target, "domain": seen.domain, "aliases": rows(&seen.aliases), "running": rows(&seen.running)})
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
    for row in &seen.running {
        parts.push(running(&row.read()?, now, screen));
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

fn running(release: &ReleaseRow, now: i64, screen: Screen) -> String {
    let plan = &release.plan;
    let what: Vec<String> = plan
        .components
        .iter()
        .map(|one| format!("{} {}", one.component, one.commit.short()))
        .collect();
    let text = format!(
        "running: {} {}, started {}",
        plan.release.label(),
        what.join(", "),
        since(&release.started, now)
    );
    format!(
        "{}\n  cutover watch {}",
        screen.colour.paint(Style::Busy, &text),
        release.execution
    )
}

/// `2026-07-29 18:57 UTC (3m12s ago)`
fn since(text: &str, now: i64) -> String {
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => {
            format!(
                "{} ({} ago)",
                time.strftime("%Y-%m-%d %H:%M UTC"),
                duration(now - time.as_millisecond())
            )
        }
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Colour;
    use expect_test::{Expect, expect};

    fn seen(aliases: Vec<Value>) -> Seen {
        let rows = aliases
            .into_iter()
            .map(|row| Row(row.as_object().unwrap().clone()))
            .collect();
        Seen {
            target: "stage".into(),
            domain: "stage.myproj.com".into(),
            aliases: rows,
            running: Vec::new(),
        }
    }

    fn alias() -> Value {
        json!({
            "pk": "target#stage", "sk": "alias#api", "component": "api",
            "commit": "3f2a9c1b04de000000000000000000000000beef",
            "hostname": "api-3f2a9c1b04de.stage.myproj.com",
            "instances": [{"id": "i-0a1", "address": "54.1.2.3"}],
            "version": "v1.4.0", "release": "stage-r42", "ticket": 42, "execution": "api-v1-4-0-stage-mzx1",
            "since": "2026-07-29T18:57:00Z", "port": 8080, "artifact_sha256": "ab", "launch_template_version": "3",
            "previous": {"commit": "1b2c000000000000000000000000000000000000", "hostname": "api-1b2c00000000.stage.myproj.com", "ticket": 41, "launch_template_version": "2"},
        })
    }

    fn check(seen: Seen, width: Option<usize>, expected: Expect) {
        let now: jiff::Timestamp = "2026-07-29T19:00:12Z".parse().unwrap();
        let screen = Screen {
            width,
            height: None,
            colour: Colour::Plain,
        };
        expected.assert_eq(
            &shown(&seen, now.as_millisecond(), screen).unwrap_or_else(|e| e.to_string()),
        );
    }

    #[test]
    fn what_is_live_says_since_when_and_by_whom() {
        check(
            seen(vec![alias()]),
            None,
            expect![[r#"
            stage  stage.myproj.com
            alias                 commit        version  since                             release    execution              instances       previous
            api.stage.myproj.com  3f2a9c1b04de  v1.4.0   2026-07-29 18:57 UTC (3m12s ago)  stage-r42  api-v1-4-0-stage-mzx1  i-0a1 54.1.2.3  1b2c00000000 by r41"#]],
        );
        check(
            seen(vec![alias()]),
            Some(80),
            expect![[r#"
            stage  stage.myproj.com
            api.stage.myproj.com
              commit     3f2a9c1b04de
              version    v1.4.0
              since      2026-07-29 18:57 UTC (3m12s ago)
              release    stage-r42
              execution  api-v1-4-0-stage-mzx1
              instances  i-0a1 54.1.2.3
              previous   1b2c00000000 by r41"#]],
        );
    }

    #[test]
    fn a_target_without_a_release_says_so() {
        check(
            seen(vec![]),
            Some(80),
            expect![[r#"
            stage  stage.myproj.com
            nothing is live"#]],
        );
    }

    #[test]
    fn a_row_that_cannot_be_read_is_an_error_and_not_left_out() {
        check(
            seen(vec![json!({"pk": "target#stage", "sk": "alias#api"})]),
            None,
            expect![[r#"
                row target#stage / alias#api cannot be read: missing field `component`
                  it may be of a newer version of cutover; `--json` prints rows as they are"#]],
        );
    }
}
