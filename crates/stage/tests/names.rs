//! The errors' names: functions have no others, and docs/errors.md explains each.

mod repository;

use pipeline::errors;
use repository::{entries, read};
use std::collections::BTreeSet;

/// Names that the verdict or the machine makes up where no function gave one.
const WITHOUT_A_FUNCTION: &[&str] = &[
    "DiedAfterCutover",
    "DiscardFailed",
    "NotReleased",
    "RolledBack",
    "SomethingLeft",
    "TargetBusy",
];

#[test]
fn no_two_names_are_the_same() {
    let different: BTreeSet<&str> = errors::ALL.iter().copied().collect();
    assert_eq!(different.len(), errors::ALL.len());
}

#[test]
fn the_documents_explain_every_name() {
    let page = read("docs/errors.md");
    for name in errors::ALL.iter().chain(WITHOUT_A_FUNCTION) {
        assert!(
            page.contains(&format!("\n| `{name}` | ")),
            "{name} is not explained"
        );
    }
}

#[test]
fn the_documents_explain_no_name_that_is_not_there() {
    let page = read("docs/errors.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    for row in rows {
        let name = row.split('`').next().unwrap();
        let known = errors::ALL.contains(&name) || WITHOUT_A_FUNCTION.contains(&name);
        assert!(known || name.contains('.'), "{name}");
    }
}

/// Names that stand in the source as text instead of as a constant.
fn literals(source: &str) -> Vec<String> {
    source
        .split("Fault::new(")
        .skip(1)
        .filter_map(|after| after.trim_start().strip_prefix('"'))
        .filter_map(|after| after.split('"').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn functions_have_no_names_of_their_own() {
    let mut sources = Vec::new();
    for parent in ["crates", "functions"] {
        for package in entries(parent) {
            let folder = format!("{parent}/{package}/src");
            let files = entries(&folder)
                .into_iter()
                .filter(|name| name.ends_with(".rs"));
            sources.extend(files.map(|name| format!("{folder}/{name}")));
        }
    }
    assert!(sources.len() > 40, "{} files were read", sources.len());
    for path in sources {
        for name in literals(&read(&path)) {
            assert!(errors::ALL.contains(&name.as_str()), "{path}: {name}");
        }
    }
}
