//! Who depends on whom. What may be used anywhere stays usable: an adapter that knew Lambda could not
//! be used by the command line, and a decision that knew AWS could not be explored by the model.

use crate::files::{entries, is_folder, read, rust_files};
use std::collections::BTreeSet;
use toml::Table;

/// The folders of all packages, from the root.
fn packages() -> Vec<String> {
    let mut all: Vec<String> = ["cli", "local", "local/net", "tests"]
        .map(str::to_owned)
        .into();
    for parent in ["crates", "functions"] {
        let names = entries(parent).into_iter();
        all.extend(names.map(|name| format!("{parent}/{name}")));
    }
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

/// The text of all sources below a folder, but not of a package inside it.
fn sources(folder: &str) -> String {
    let mut text = String::new();
    for name in entries(folder) {
        let path = format!("{folder}/{name}");
        if name.ends_with(".rs") {
            text.push_str(&read(&path));
        } else if is_folder(&path) && !entries(&path).iter().any(|inside| inside == "Cargo.toml") {
            text.push_str(&sources(&path));
        }
    }
    text
}

/// The names of all tables of dependencies of a package.
fn declared(package: &str) -> BTreeSet<String> {
    let manifest: Table = read(&format!("{package}/Cargo.toml")).parse().unwrap();
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    let found = tables
        .iter()
        .filter_map(|name| manifest.get(*name)?.as_table());
    found.flat_map(Table::keys).cloned().collect()
}

#[test]
fn what_a_package_depends_on_it_uses() {
    for package in packages().iter().filter(|name| *name != "crates/unify") {
        let text = sources(package);
        for name in declared(package).iter().filter(|name| *name != "unify") {
            let path = name.replace('-', "_");
            assert!(text.contains(&path), "{package} does not use {name}");
        }
    }
}

#[test]
fn every_dependency_of_the_workspace_is_somebody_s() {
    let workspace: Table = read("Cargo.toml").parse().unwrap();
    let listed = workspace["workspace"]["dependencies"].as_table().unwrap();
    let used: BTreeSet<String> = packages()
        .iter()
        .flat_map(|package| declared(package))
        .collect();
    let left: Vec<&String> = listed.keys().filter(|name| !used.contains(*name)).collect();
    assert!(left.is_empty(), "nobody depends on {left:?}");
}

/// The files that may have the module of this file: beside it, in a folder there, or called as its folder is.
fn may_name(path: &str, all: &[String]) -> Vec<String> {
    let (folder, _) = path.rsplit_once('/').expect("a folder");
    let (inside, above) = (format!("{folder}/"), format!("{folder}.rs"));
    let near = |other: &&String| other.starts_with(&inside) || **other == above;
    all.iter().filter(near).cloned().collect()
}

/// What no `mod` names is never compiled, and its tests never run.
#[test]
fn every_file_is_a_part_of_a_program() {
    let folders = ["crates", "functions", "cli", "local", "tests"];
    let all: Vec<String> = folders.into_iter().flat_map(rust_files).collect();
    let begins = |name: &str| ["main.rs", "lib.rs", "build.rs"].contains(&name);
    let mut named = 0;
    for path in &all {
        let (folder, name) = path.rsplit_once('/').expect("a folder");
        let of_tests = folder.ends_with("/tests") && !folder.contains("/src/");
        if begins(name) || of_tests || folder.ends_with("/src/bin") {
            continue;
        }
        // A folder's own file has the folder's name.
        let (of, module) = match name {
            "mod.rs" => (folder.to_owned(), folder.rsplit('/').next()),
            _ => (path.clone(), name.strip_suffix(".rs")),
        };
        let module = format!("mod {};", module.expect("a name"));
        let by_path = format!("path = \"{name}\"");
        let from_inside = format!("path = \"../{name}\"");
        let has_it = |other: &String| {
            let text = read(other);
            let names = [&module, &by_path, &from_inside];
            names.into_iter().any(|name| text.contains(name.as_str()))
        };
        assert!(
            may_name(&of, &all).iter().any(has_it),
            "{path}: no `{module}`"
        );
        named += 1;
    }
    assert!(named > 300, "{named} files");
}
