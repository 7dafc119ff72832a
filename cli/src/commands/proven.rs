//! `proven`: which sets were tested together, and how that ended.

use super::status::never_provisioned;
use super::{Context, now, say, say_json, since};
use crate::error::{Exit, Failure};
use crate::release::summary::named;
use crate::text::{Screen, Style, wrap};
use clap::Args;
use pipeline::names::{Component, Target};
use pipeline::rows::{Key, SetResult, SetRow};
use pipeline::wire::{SuiteOutcome, SuiteReply};
use serde_json::Value;

const HELP: &str = "\
A set is everything that would be live after a release. It is `passed` if all suites passed: those
of what the release brings, and those of the live components that talk to it.

Examples:
  cutover proven                      the last ten of stage
  cutover proven --target prod --limit 1 --json";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Proven {
    /// Where
    #[arg(long, default_value = "stage")]
    pub target: Target,
    /// How many, the newest first
    #[arg(long, default_value = "10", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub limit: u16,
}

/// Reads and prints them.
pub async fn run(context: &Context, wanted: Proven) -> Result<Exit, Failure> {
    let pk = Key::target(&wanted.target);
    let limit = i32::from(wanted.limit);
    let rows = context.cloud.last_rows_of(&pk, "set#", limit).await?;
    if context.json {
        say_json(&rows.into_iter().map(|row| Value::Object(row.0)).collect())?;
        return Ok(Exit::Good);
    }
    if rows.is_empty() {
        return nothing(context, &wanted.target).await;
    }
    for (i, row) in rows.iter().enumerate() {
        let space = if i == 0 { "" } else { "\n" };
        let text = shown(&row.read()?, now(), context.screen);
        say(&format!("{space}{text}"))?;
    }
    Ok(Exit::Good)
}

async fn nothing(context: &Context, target: &Target) -> Result<Exit, Failure> {
    let environment = context.cloud.row(&Key::environment(target)).await?;
    if environment.is_none() {
        return Err(Failure::Usage(never_provisioned(target)));
    }
    say(&format!("nothing was tested on {target} yet"))?;
    Ok(Exit::Good)
}

fn shown(row: &SetRow, now: i64, screen: Screen) -> String {
    let has_suites = !row.suites.is_empty() || !row.skipped.is_empty();
    let (style, result) = match (row.result, has_suites) {
        (SetResult::Passed, false) => (Style::Quiet, "nothing to test"),
        (SetResult::Passed, true) => (Style::Good, "passed"),
        (SetResult::Failed, _) => (Style::Bad, "failed"),
    };
    let mut lines = vec![format!(
        "{}{}  {}  {}",
        screen.colour.paint(Style::Strong, &row.release),
        round(row.round),
        screen.colour.paint(style, result),
        since(&row.at, now)
    )];
    let beside: Vec<&Component> = row
        .set
        .keys()
        .filter(|one| !row.released.contains(one) && !row.dependents.contains(one))
        .collect();
    let mut line = |what: &str, text: String| {
        if !text.is_empty() {
            lines.push(wrap(&format!("{what} {text}"), "  ", screen.width));
        }
    };
    line("released:", versions(row, row.released.iter()));
    line(
        "tested with it, as it is live:",
        versions(row, row.dependents.iter()),
    );
    line("beside:", versions(row, beside.into_iter()));
    line("suites:", suites(&row.suites));
    let skipped: Vec<String> = row.skipped.iter().map(named).collect();
    line("skipped:", skipped.join(", "));
    lines.join("\n")
}

fn round(round: u32) -> String {
    match round {
        0 | 1 => String::new(),
        later => format!(" round {later}"),
    }
}

/// `api 3f2a9c1b04de, msa 999999999999`
fn versions<'a>(row: &SetRow, components: impl Iterator<Item = &'a Component>) -> String {
    let names = components.map(|component| match row.set.get(component) {
        Some(commit) => format!("{component} {}", commit.short()),
        None => component.to_string(),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// `5 passed, 1 failed: ui/smoke`
fn suites(suites: &[SuiteReply]) -> String {
    if suites.is_empty() {
        return "none".into();
    }
    let red: Vec<String> = suites
        .iter()
        .filter(|suite| suite.outcome != SuiteOutcome::Passed)
        .map(|suite| format!("{}/{}", suite.component, suite.suite))
        .collect();
    let colon = if red.is_empty() { "" } else { ": " };
    format!(
        "{} passed, {} failed{colon}{}",
        suites.len() - red.len(),
        red.len(),
        red.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Colour;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn row(round: u32, ui_smoke: &str) -> SetRow {
        serde_json::from_value(json!({
            "set": {
                "api": "3f2a9c1b04de000000000000000000000000beef", "msa": "a".repeat(40),
                "msb": "b".repeat(40), "ui": "1b2c000000000000000000000000000000000000",
            },
            "released": ["api", "msa"], "dependents": ["ui"],
            "result": if ui_smoke == "passed" { "passed" } else { "failed" },
            "suites": [
                {"component": "api", "suite": "smoke", "outcome": "passed"},
                {"component": "ui", "suite": "smoke", "outcome": ui_smoke, "companion": true},
            ],
            "skipped": [{"component": "api", "suite": "soak"}],
            "release": "stage-r42", "ticket": 42, "round": round, "at": "2026-07-29T18:57:00Z",
        }))
        .unwrap()
    }

    fn check(row: &SetRow, width: usize, expected: Expect) {
        let now: jiff::Timestamp = "2026-07-29T19:00:12Z".parse().unwrap();
        let screen = Screen {
            width: Some(width),
            height: None,
            colour: Colour::Plain,
        };
        expected.assert_eq(&shown(row, now.as_millisecond(), screen));
    }

    #[test]
    fn a_tested_set_tells_what_was_released_what_depends_on_it_and_what_was_beside() {
        check(
            &row(1, "passed"),
            80,
            expect![[r#"
            stage-r42  passed  2026-07-29 18:57 UTC (3m12s ago)
              released: api 3f2a9c1b04de, msa aaaaaaaaaaaa
              tested with it, as it is live: ui 1b2c00000000
              beside: msb bbbbbbbbbbbb
              suites: 2 passed, 0 failed
              skipped: api/soak"#]],
        );
    }

    #[test]
    fn a_set_that_failed_names_its_suites() {
        check(
            &row(2, "timed_out"),
            50,
            expect![[r#"
            stage-r42 round 2  failed  2026-07-29 18:57 UTC (3m12s ago)
              released: api 3f2a9c1b04de, msa aaaaaaaaaaaa
              tested with it, as it is live: ui 1b2c00000000
              beside: msb bbbbbbbbbbbb
              suites: 1 passed, 1 failed: ui/smoke
              skipped: api/soak"#]],
        );
    }
}
