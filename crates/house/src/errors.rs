//! The errors' names: functions have no others, and docs/errors.md explains each.

use crate::files::read;
use pipeline::errors::ErrorName;
use std::collections::BTreeSet;

fn all() -> impl Iterator<Item = &'static ErrorName> {
    ErrorName::OF_FUNCTIONS.iter().chain(ErrorName::OF_MACHINES)
}

#[test]
fn the_documents_explain_every_name() {
    let page = read("docs/errors.md");
    for name in all() {
        let row = format!("\n| `{name}` | ");
        assert!(page.contains(&row), "{name} is not explained");
    }
}

#[test]
fn the_documents_explain_no_name_that_is_not_there() {
    let page = read("docs/errors.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut explained = 0;
    for row in rows {
        let name = row.split('`').next().unwrap();
        let known = ErrorName::find(name).is_some();
        assert!(known || name.contains('.'), "{name}");
        explained += 1;
    }
    assert!(explained >= all().count(), "{explained} rows were read");
}

/// What Roll back answers, after which nothing else decides how the execution ends.
#[test]
fn the_documents_name_every_error_that_comes_after_the_cutover() {
    let code = read("crates/pipeline/src/back.rs");
    let answers = code.split("error: ErrorName::").skip(1);
    let own = answers.filter_map(|rest| rest.split('.').next());
    let page = read("docs/errors.md");
    let (_, rest) = page
        .split_once("Only three errors come after it: ")
        .expect("a sentence that says which");
    let sentence = rest.split('.').next().unwrap_or_default();
    let named: BTreeSet<&str> = sentence.split('`').skip(1).step_by(2).collect();
    assert_eq!(named, own.collect());
    assert_eq!(named.len(), 3);
}
