//! What the documents say of files, commands, parameters and permissions is there.

use crate::files::{documents, entries, exists, read, rust_files};
use crate::templates::{self, TEMPLATES, resources, template};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// What stands in parentheses after `]`: where a link leads.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == ' ';
    let lower = heading.trim().to_lowercase();
    lower
        .chars()
        .filter(|c| kept(*c))
        .collect::<String>()
        .replace(' ', "-")
}

fn anchors(text: &str) -> BTreeSet<String> {
    let mut code = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        code ^= line.starts_with("```");
        if !code && line.starts_with('#') {
            found.insert(anchor(line.trim_start_matches('#')));
        }
    }
    found
}

/// The path that a link leads to, from the root; `..` goes up from the document's folder.
fn resolved(document: &str, link: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    for document in documents() {
        let text = read(&document);
        for link in links(&text).filter(|link| !link.contains("://")) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => document.clone(),
                path => resolved(&document, path),
            };
            assert!(exists(&target), "{document}: {link}");
            let known = heading.is_empty() || anchors(&read(&target)).contains(heading);
            assert!(known, "{document}: {link}: no such heading in {target}");
        }
    }
}

/// The words right after `before`, each as long as `kept` allows.
fn after<'a>(
    text: &'a str,
    before: &'a str,
    kept: fn(char) -> bool,
) -> impl Iterator<Item = &'a str> {
    text.split(before)
        .skip(1)
        .map(move |rest| &rest[..rest.find(|c| !kept(c)).unwrap_or(rest.len())])
        .filter(|word| !word.is_empty())
}

/// The lines of the document's blocks of code.
fn code(text: &str) -> Vec<&str> {
    let blocks = text.split("```").skip(1).step_by(2);
    blocks.flat_map(str::lines).collect()
}

#[test]
fn every_command_of_make_that_the_documents_name_is_there() {
    let makefile = read("Makefile");
    for document in documents() {
        let text = read(&document);
        let typed = code(&text);
        let typed = typed.iter().filter_map(|line| line.strip_prefix("make "));
        let words = typed.filter_map(|rest| rest.split_whitespace().next());
        for name in words.chain(after(&text, "`make ", |c| c.is_ascii_lowercase())) {
            let rule = format!("\n{name}:");
            assert!(makefile.contains(&rule), "{document}: make {name}");
        }
    }
}

/// Those that a person types have a word behind `##`.
#[test]
fn make_lists_every_command_that_says_what_it_does() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut make = Command::new("make");
    let listed = make
        .args(["--no-print-directory", "--directory", root, "help"])
        .output();
    let listed = String::from_utf8(listed.expect("make").stdout).expect("text");
    let listed = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  make "));
    let listed = listed.filter_map(|rest| rest.split_whitespace().next());
    let makefile = read("Makefile");
    let known = makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', ' ', '.']))
        .filter_map(|line| line.split_once(" ## ")?.0.split(':').next());
    assert_eq!(listed.collect::<Vec<_>>(), known.collect::<Vec<_>>());
}

/// `2026-11-29`
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let digits = |part: &&str| part.chars().all(|c| c.is_ascii_digit());
    parts.iter().map(|part| part.len()).eq([4, 2, 2]) && parts.iter().all(digits)
}

#[test]
fn the_changelog_has_a_date_for_each_version_and_each_line() {
    let text = read("CHANGELOG.md");
    let kinds = [
        "Added",
        "Changed",
        "Deprecated",
        "Removed",
        "Fixed",
        "Security",
    ];
    for line in text.lines() {
        if let Some(version) = line.strip_prefix("## ") {
            let date = version.rsplit(" - ").next().unwrap_or_default();
            assert!(version == "Unreleased" || is_date(date), "{line}");
        } else if let Some(kind) = line.strip_prefix("### ") {
            assert!(kinds.contains(&kind), "{line}");
        } else if let Some(entry) = line.strip_prefix("- ") {
            let date = entry.split(": ").next().unwrap_or_default();
            assert!(is_date(date), "{line}");
        }
    }
}

/// Paths of this repository that stand in the text between backquotes or in a block of code.
fn paths(text: &str) -> BTreeSet<&str> {
    let top = [
        "crates/",
        "functions/",
        "statemachine/",
        "infra/",
        "docs/",
        "events/",
        "cli/",
        "local/",
        "examples/",
        "tests/",
    ];
    let written = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let words = text.split(|c: char| c.is_whitespace() || "`(),;".contains(c));
    words
        .filter(|word| top.iter().any(|folder| word.starts_with(folder)))
        .filter(|word| word.chars().all(written))
        .map(|word| word.trim_end_matches(['.', '/']))
        .collect()
}

#[test]
fn every_file_that_the_documents_name_is_there() {
    for document in documents() {
        for path in paths(&read(&document)) {
            assert!(exists(path), "{document}: {path}");
        }
    }
}

#[test]
fn every_parameter_that_the_documents_give_is_a_template_s() {
    let known: BTreeSet<String> = TEMPLATES
        .into_iter()
        .map(|path| template(path)["Parameters"].clone())
        .flat_map(|parameters| parameters.as_object().expect("Parameters").clone())
        .map(|(name, _)| name)
        .collect();
    assert!(known.contains("ToolsLayerArns") && known.contains("AliasTtl"));
    let mut given = 0;
    for document in documents() {
        let text = read(&document);
        for name in after(&text, "--parameter ", |c| c.is_ascii_alphanumeric()) {
            given += 1;
            // KEY=VALUE stands for any of them.
            assert!(name == "KEY" || known.contains(name), "{document}: {name}");
        }
        let rows = text
            .lines()
            .filter(|line| line.contains("| pipeline |") || line.contains("| target |"));
        for row in rows.filter(|row| row.starts_with("| `")) {
            let cell = row.split('|').nth(1).unwrap_or_default();
            for name in cell.split('`').skip(1).step_by(2) {
                given += 1;
                assert!(known.contains(name), "{document}: {name}");
            }
        }
    }
    assert!(given > 15, "{given} parameters were found");
}

/// The policies that docs/aws.md shows, in its order: deploys, provisions, releases, uses the CLI.
fn policies() -> Vec<Value> {
    let text = read("docs/aws.md");
    let blocks = text.split("```json\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("\n```").next().unwrap_or_default());
    let policies: Vec<Value> = blocks
        .map(|block| serde_json::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}")))
        .collect();
    assert_eq!(policies.len(), 4);
    policies
}

fn actions(policy: &Value) -> BTreeSet<String> {
    let texts = |value: &Value| match value {
        Value::String(one) => vec![one.clone()],
        value => serde_json::from_value(value.clone()).expect("a list of actions"),
    };
    let statements = policy["Statement"].as_array().expect("statements");
    statements
        .iter()
        .flat_map(|one| texts(&one["Action"]))
        .collect()
}

#[test]
fn who_deploys_may_make_every_kind_of_resource_of_the_pipeline() {
    let allowed = actions(&policies()[0]);
    let services = |kind: &str| match kind {
        "StepFunctions" => "states:*".to_owned(),
        "IAM" => "iam:CreateRole".to_owned(),
        service => format!("{}:*", service.to_lowercase()),
    };
    for resource in resources(templates::PIPELINE) {
        let kind = resource
            .kind
            .split("::")
            .nth(1)
            .expect("AWS::Service::Type");
        assert!(allowed.contains(&services(kind)), "{}", resource.kind);
    }
}

#[test]
fn who_uses_the_command_line_may_do_all_that_it_asks() {
    let policies = policies();
    let allowed: BTreeSet<String> = policies[1..].iter().flat_map(actions).collect();
    let mut asked = BTreeSet::new();
    for folder in ["cli/src/cloud", "cli/src/commands"] {
        for name in entries(folder).iter().filter(|name| name.ends_with(".rs")) {
            let text = read(&format!("{folder}/{name}"));
            for service in ["dynamodb", "states", "s3", "logs", "ec2", "sts"] {
                let start = format!("\"{service}:");
                let names = after(&text, &start, |c| c.is_ascii_alphanumeric());
                asked.extend(names.map(|name| format!("{service}:{name}")));
            }
        }
    }
    assert!(asked.len() >= 8, "{asked:?}");
    for action in asked {
        let needed: &[&str] = match action.as_str() {
            "dynamodb:TransactWriteItems" => &["dynamodb:PutItem", "dynamodb:DeleteItem"],
            "s3:ListObjectsV2" => &["s3:ListBucket"],
            action => &[action],
        };
        for one in needed {
            assert!(allowed.contains(*one), "{one}");
        }
    }
}

/// `make check` runs no examples of documentation: rustdoc would start once for each crate, for nothing.
#[test]
fn no_comment_has_an_example_that_nothing_runs() {
    let begins = |line: &str| {
        let text = line.trim_start();
        let text = text
            .strip_prefix("///")
            .or_else(|| text.strip_prefix("//!"));
        text.is_some_and(|text| ["```", "```rust"].contains(&text.trim()))
    };
    for path in rust_files("crates").into_iter().chain(rust_files("local")) {
        let (text, mut inside) = (read(&path), false);
        for line in text
            .lines()
            .filter(|line| line.trim_start().starts_with("//"))
        {
            let fence = line.contains("```");
            assert!(inside || !begins(line), "{path} has an example: `{line}`");
            inside ^= fence;
        }
    }
}
