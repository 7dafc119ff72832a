//! Who depends on whom. What may be used anywhere stays usable: an adapter that knew Lambda could not
//! be used by the command line, and a decision that knew AWS could not be explored by the model.

mod repository;

use repository::{entries, read};
use toml::Table;

/// The folders of all packages, from the root.
fn packages() -> Vec<String> {
    let below = |parent: &str| {
        entries(parent)
            .into_iter()
            .map(move |name| (parent.to_owned(), name))
    };
    let mut all: Vec<String> = below("crates")
        .chain(below("functions"))
        .map(|(parent, name)| format!("{parent}/{name}"))
        .collect();
    all.extend(["cli", "local", "local/net", "tests"].map(str::to_owned));
    assert!(all.len() > 40, "{} packages", all.len());
    all
}

/// What a package is built of, without what only its tests need.
fn dependencies(package: &str) -> Vec<String> {
    let manifest: Table = read(&format!("{package}/Cargo.toml")).parse().unwrap();
    let table = manifest.get("dependencies").and_then(|of| of.as_table());
    table.into_iter().flat_map(Table::keys).cloned().collect()
}

/// The packages that are built of this one.
fn dependents(of: &str) -> Vec<String> {
    let mut all = packages();
    all.retain(|package| dependencies(package).iter().any(|name| name == of));
    all
}

#[test]
fn only_functions_know_lambda() {
    let known: Vec<String> = ["stage", "lambda_runtime"]
        .into_iter()
        .flat_map(dependents)
        .collect();
    assert!(known.len() > 40, "{} packages know Lambda", known.len());
    for package in known {
        assert!(
            package == "crates/stage" || package.starts_with("functions/"),
            "{package} knows Lambda"
        );
    }
}

#[test]
fn the_rules_know_neither_aws_nor_time_nor_threads() {
    for package in ["crates/pipeline", "crates/model"] {
        for name in dependencies(package) {
            let outside = ["aws", "tokio", "reqwest", "jiff", "rand"];
            assert!(
                !outside.iter().any(|of| name.starts_with(of)),
                "{package} knows {name}"
            );
        }
    }
}

#[test]
fn what_handles_a_user_s_files_knows_no_aws() {
    for name in dependencies("crates/workspace") {
        assert!(!name.starts_with("aws"), "crates/workspace knows {name}");
    }
}
