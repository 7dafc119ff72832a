//! The errors' names: functions have no others, and docs/errors.md explains each.

use crate::files::read;
use pipeline::errors::ErrorName;

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
