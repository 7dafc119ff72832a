//! The documents' tables and diagrams have what the code and the state machines have.

use crate::files::read;
use crate::machines::{paths, states_of, text};
use crate::templates::{PIPELINE, TEMPLATES, resource, template};
use pipeline::input::ReleaseInput;
use pipeline::manifest::Manifest;
use pipeline::names::Component;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The names in the first column of the table whose head begins with `head`, and the next two columns.
fn rows(text: &str, head: &str) -> Vec<(String, String, String)> {
    let (_, table) = text
        .split_once(head)
        .unwrap_or_else(|| panic!("there is no table `{head}`"));
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let mut cells = row.split('|').skip(1).map(str::trim);
        let name = cells.next().unwrap_or_default().trim_matches('`');
        let mut next = || cells.next().unwrap_or_default().to_owned();
        (name.to_owned(), next(), next())
    };
    rows.map(cells).collect()
}

/// The names that a message lists between backquotes after `expected`.
fn expected(message: &str) -> Vec<String> {
    let (_, list) = message
        .split_once("expected")
        .unwrap_or_else(|| panic!("no list of keys: {message}"));
    let names = list.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

const SECTIONS: [&str; 5] = ["[component]", "[build]", "[run]", "[[suite]]", "[machine]"];

/// A manifest of these lines, each of them below its section.
fn manifest(lines: &[(&str, &str)]) -> Result<Manifest, String> {
    let mut text = String::new();
    for section in SECTIONS {
        text += &format!("{section}\n");
        let own = lines.iter().filter(|(of, _)| *of == section);
        own.for_each(|(_, line)| text += &format!("{line}\n"));
    }
    let api = Component::new("api").expect("a constant");
    Manifest::parse(&text, &api).map_err(|error| error.to_string())
}

/// What a manifest cannot do without.
const NEEDED: [(&str, &str); 8] = [
    ("[component]", "name = 'api'"),
    ("[build]", "unit_tests = 'a'"),
    ("[build]", "command = 'b'"),
    ("[build]", "output = 'dist'"),
    ("[run]", "command = 'c'"),
    ("[run]", "port = 8080"),
    ("[[suite]]", "name = 'smoke'"),
    ("[[suite]]", "command = 'd'"),
];

#[test]
fn the_table_of_the_manifest_has_its_keys_and_no_others() {
    let shown: BTreeSet<String> = rows(&read("docs/manifest.md"), "| key | needed |")
        .into_iter()
        .map(|(key, ..)| key)
        .collect();
    let mut known = BTreeSet::new();
    for section in SECTIONS {
        let lines: Vec<_> = NEEDED.into_iter().chain([(section, "zzz = 1")]).collect();
        let keys = expected(&manifest(&lines).expect_err("zzz is no key"));
        known.extend(keys.into_iter().map(|key| format!("{section} {key}")));
    }
    assert_eq!(shown, known);
}

#[test]
fn the_table_of_the_manifest_says_which_keys_are_needed() {
    manifest(&NEEDED).expect("what is needed is enough");
    for left_out in 0..NEEDED.len() {
        let mut lines = NEEDED.to_vec();
        let (section, line) = lines.remove(left_out);
        manifest(&lines).expect_err(&format!("without {section} {line}"));
    }
    let table = rows(&read("docs/manifest.md"), "| key | needed |");
    let shown: BTreeSet<String> = table
        .into_iter()
        .filter(|(_, needed, _)| needed == "yes")
        .map(|(key, ..)| key)
        .collect();
    let key = |(section, line): (&str, &str)| {
        format!("{section} {}", line.split(' ').next().unwrap_or_default())
    };
    assert_eq!(shown, NEEDED.into_iter().map(key).collect());
}

#[test]
fn the_table_of_the_input_has_its_keys_and_no_others() {
    let shown: BTreeSet<String> = rows(&read("docs/releasing.md"), "| key | type |")
        .into_iter()
        .map(|(key, ..)| key)
        .collect();
    let refused = ReleaseInput::parse(&serde_json::json!({"component": "api", "zzz": 1}));
    let message = refused.expect_err("zzz is no key").to_string();
    let (_, list) = message.split_once("the keys are ").expect("a list of keys");
    let known = list.split(", ").map(str::to_owned).collect();
    assert_eq!(shown, known);
}

/// What is set by whoever deploys or provisions has no default, and is no choice.
#[test]
fn the_table_of_parameters_has_all_that_may_be_chosen_with_their_defaults() {
    let table = rows(&read("docs/targets.md"), "| parameter | of |");
    let mut shown = BTreeMap::new();
    for row in &table {
        for name in row.0.split(", ") {
            shown.insert(name.trim_matches('`').to_owned(), row.2.clone());
        }
    }
    let mut known = 0;
    for path in TEMPLATES {
        let parameters = template(path)["Parameters"].clone();
        for (name, parameter) in parameters.as_object().expect("Parameters") {
            let default = match &parameter["Default"] {
                Value::Null => continue,
                Value::String(text) => text.clone(),
                number => number.to_string(),
            };
            known += 1;
            let row = shown.get(name);
            let row = row.unwrap_or_else(|| panic!("docs/targets.md: no row has `{name}`"));
            assert!(row.contains(&default), "{name}: {default}, and not {row}");
        }
    }
    assert!(known > 25, "{known} parameters");
}

#[test]
fn the_table_of_the_bucket_says_what_is_deleted_after_how_many_days() {
    let table = rows(&read("docs/operating.md"), "| prefix | holds |");
    let bucket = resource(PIPELINE, "Bucket").properties;
    let rules = bucket["LifecycleConfiguration"]["Rules"].clone();
    let rules = rules.as_array().expect("rules").iter();
    let kept: BTreeMap<&str, u64> = rules
        .filter_map(|rule| Some((rule["Prefix"].as_str()?, rule["ExpirationInDays"].as_u64()?)))
        .collect();
    assert!(kept.len() > 5, "{kept:?}");
    for (prefix, days) in kept {
        let is_of = |cell: &str| {
            cell.split(", ")
                .any(|one| one.trim_matches('`').starts_with(prefix))
        };
        let row = table.iter().find(|row| is_of(&row.0));
        let row = row.unwrap_or_else(|| panic!("docs/operating.md: no row has `{prefix}`"));
        let said = match days {
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        };
        assert_eq!(row.2, said, "{prefix}");
    }
}

/// Without the tables that `make render` writes, which name every state by themselves.
fn by_hand(text: &str) -> String {
    let mut parts = text.split("<!-- rendered: ");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once("<!-- end -->").expect("an end").1);
    rest.fold(first, |text, part| text + part)
}

#[test]
fn the_architecture_names_every_state_that_does_something_or_ends() {
    let page = by_hand(&read("ARCHITECTURE.md"));
    for machine in &paths() {
        for (name, state) in states_of(machine) {
            let does = !["Pass", "Choice"].contains(&text(&state, "Type").as_str());
            assert!(!does || page.contains(&name), "{machine}: {name}");
        }
    }
}
