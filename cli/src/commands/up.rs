//! Whether the instances behind what is live run.

use super::Context;
use crate::error::Failure;
use pipeline::rows::AliasRow;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What EC2 says of instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Up {
    /// Instance to state; one that is not there is unknown to EC2 by now.
    Seen(BTreeMap<String, String>),
    /// They could not be looked at.
    NotSeen(String),
}

impl Up {
    /// Looks. Who may not look still wants to see what is live.
    pub async fn of(context: &Context, aliases: &[AliasRow]) -> Self {
        let ids: Vec<String> = aliases
            .iter()
            .flat_map(|alias| &alias.instances)
            .map(|one| one.id.clone())
            .collect();
        match context.cloud.instance_states(&ids).await {
            Ok(states) => Self::Seen(states),
            Err(Failure::Cloud { what, .. }) => Self::NotSeen(what),
            Err(other) => Self::NotSeen(other.to_string()),
        }
    }

    /// A line for each component of which something does not run, and one with what to do.
    pub fn not_up(&self, aliases: &[AliasRow], target: &str) -> Vec<String> {
        let states = match self {
            Self::Seen(states) => states,
            Self::NotSeen(why) if aliases.is_empty() => {
                let _ = why;
                return Vec::new();
            }
            Self::NotSeen(why) => {
                return vec![format!("whether the instances run is not known: {why}")];
            }
        };
        let down = aliases
            .iter()
            .filter_map(|alias| Some((alias.component.as_str(), line(alias, states)?)));
        let (names, mut lines): (Vec<&str>, Vec<String>) = down.unzip();
        if !names.is_empty() {
            lines.push(format!(
                "Next: cutover restart {} --target {target}",
                names.join(" ")
            ));
        }
        lines
    }

    /// For a script.
    pub fn as_json(&self) -> Value {
        match self {
            Self::Seen(states) => json!(states),
            Self::NotSeen(_) => Value::Null,
        }
    }
}

fn line(alias: &AliasRow, states: &BTreeMap<String, String>) -> Option<String> {
    let down: Vec<String> = alias
        .instances
        .iter()
        .filter_map(|one| match states.get(&one.id).map(String::as_str) {
            Some("running") => None,
            Some(state) => Some(format!("{} is {state}", one.id)),
            None => Some(format!("{} is gone", one.id)),
        })
        .collect();
    if alias.instances.is_empty() {
        return Some(format!("not up: {} has no instance", alias.component));
    }
    let of = match alias.instances.len() - down.len() {
        0 => "nothing serves it".to_owned(),
        left => format!("{left} of {} still run", alias.instances.len()),
    };
    (!down.is_empty()).then(|| format!("not up: {}: {}; {of}", alias.component, down.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn alias(instances: &[&str]) -> AliasRow {
        let instances: Vec<Value> = instances
            .iter()
            .map(|id| json!({"id": id, "address": "54.1.2.3"}))
            .collect();
        serde_json::from_value(json!({
            "component": "api", "commit": "a".repeat(40), "version": "HEAD",
            "hostname": format!("api-{}.stage.myproj.com", "a".repeat(12)),
            "instances": instances, "release": "stage-r42", "ticket": 42, "execution": "x", "port": 8080,
            "since": "2026-07-29T18:57:00Z", "artifact_sha256": "ab", "launch_template_version": "3",
        }))
        .unwrap()
    }

    fn check(instances: &[&str], states: &[(&str, &str)], expected: Expect) {
        let states = states
            .iter()
            .map(|(id, state)| (id.to_string(), state.to_string()));
        let up = Up::Seen(states.collect());
        expected.assert_eq(&up.not_up(&[alias(instances)], "stage").join("\n"));
    }

    #[test]
    fn an_instance_that_does_not_run_is_named_with_what_is_left() {
        check(&["i-1"], &[("i-1", "running")], expect![""]);
        check(
            &["i-1", "i-2"],
            &[("i-1", "running"), ("i-2", "terminated")],
            expect![[r#"
                not up: api: i-2 is terminated; 1 of 2 still run
                Next: cutover restart api --target stage"#]],
        );
        check(
            &["i-1"],
            &[],
            expect![[r#"
                not up: api: i-1 is gone; nothing serves it
                Next: cutover restart api --target stage"#]],
        );
    }

    #[test]
    fn all_that_is_not_up_is_started_again_by_one_command() {
        let mut ui = alias(&["i-2"]);
        ui.component = pipeline::names::Component::new("ui").unwrap();
        let up = Up::Seen(BTreeMap::new());
        let lines = up.not_up(&[alias(&["i-1"]), ui], "prod");
        assert_eq!(
            lines[1..],
            [
                "not up: ui: i-2 is gone; nothing serves it",
                "Next: cutover restart api ui --target prod"
            ]
        );
    }

    #[test]
    fn what_could_not_be_looked_at_is_not_up_nor_down() {
        let up = Up::NotSeen("ec2:DescribeInstances: UnauthorizedOperation: no".into());
        expect!["whether the instances run is not known: ec2:DescribeInstances: UnauthorizedOperation: no"]
            .assert_eq(&up.not_up(&[alias(&["i-1"])], "stage").join("\n"));
        assert_eq!(up.not_up(&[], "stage"), Vec::<String>::new());
        assert_eq!(up.as_json(), Value::Null);
    }
}
