//! What no template may own: an alias belongs to releases alone.

mod repository;

use repository::{entries, read};
use std::collections::BTreeMap;

/// Logical id to its type and its lines.
type Resources = BTreeMap<String, (String, String)>;

/// The templates keep to CloudFormation's own layout, a
/// resource at two spaces and its `Type` at four, which the tests here also hold.
fn resources(template: &str) -> Resources {
    let (_, below) = template.split_once("\nResources:\n").expect("Resources");
    let own = below
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with(' ') || line.starts_with('#'));
    let mut found: Resources = BTreeMap::new();
    let mut current = String::new();
    for line in own {
        let at_two = line
            .strip_prefix("  ")
            .filter(|rest| !rest.starts_with([' ', '#']));
        if let Some(id) = at_two.and_then(|rest| rest.split(':').next()) {
            current = id.to_owned();
            found.insert(current.clone(), Default::default());
        } else if let Some((kind, body)) = found.get_mut(&current) {
            if let Some(given) = line.strip_prefix("    Type: ") {
                *kind = given.trim().to_owned();
            }
            body.push_str(line);
            body.push('\n');
        }
    }
    found
}

fn templates() -> Vec<(String, Resources)> {
    let names: Vec<String> = entries("infra")
        .into_iter()
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    assert_eq!(names, ["pipeline.yaml", "target.yaml"]);
    let read = |name: String| {
        let found = resources(&read(&format!("infra/{name}")));
        (name, found)
    };
    names.into_iter().map(read).collect()
}

#[test]
fn every_resource_has_a_type() {
    for (template, resources) in templates() {
        assert!(
            resources.len() > 10,
            "{template}: {} resources",
            resources.len()
        );
        for (id, (kind, _)) in resources {
            assert!(kind.starts_with("AWS::"), "{template}: {id} is a {kind:?}");
        }
    }
}

#[test]
fn no_template_owns_an_alias() {
    for (template, resources) in templates() {
        let records: Vec<(&String, &String)> = resources
            .iter()
            .filter(|(_, (kind, _))| kind.starts_with("AWS::Route53::RecordSet"))
            .map(|(id, (_, body))| (id, body))
            .collect();
        let mentioned = read(&format!("infra/{template}"))
            .matches("AWS::Route53::RecordSet")
            .count();
        assert_eq!(
            records.len(),
            mentioned,
            "{template}: a record stands where it is not looked for"
        );
        for (id, body) in records {
            assert!(
                body.contains("\n      Type: NS\n"),
                "{template}: {id} is no delegation"
            );
            assert!(
                !body.contains("Type: CNAME") && !body.contains("Type: A\n"),
                "{template}: {id}"
            );
        }
    }
}

/// CloudFormation updates the delegations that it made with it.
const UPDATES_DELEGATIONS: &str = "route53:ChangeResourceRecordSetsRecordTypes: [NS]\n";

#[test]
fn the_template_marks_its_own_versions_of_the_launch_template_as_releases_look_for_them() {
    let marked = format!(
        "\n      VersionDescription: '{}'\n",
        pipeline::launch_template::OWN
    );
    assert!(read("infra/target.yaml").contains(&marked), "{marked}");
}

/// A zone's own SOA and NS records, which can be changed in no other way.
const APEX: &str = "ForgetMissingNamesQuickly";

#[test]
fn no_role_may_replace_a_record_whatever_it_is_but_a_delegation_and_a_zones_own_two() {
    for name in ["pipeline.yaml", "target.yaml"] {
        let template = read(&format!("infra/{name}"));
        let statements = template.split("              - Sid: ");
        let upsert = |statement: &&str| {
            let mut lines = statement.lines();
            lines.any(|line| !line.trim_start().starts_with('#') && line.contains("UPSERT"))
        };
        let others = |statement: &&str| !statement.contains(UPDATES_DELEGATIONS);
        for statement in statements.filter(upsert).filter(others) {
            assert!(statement.starts_with(APEX), "{name}: {statement}");
            for condition in [
                "RecordTypes: [NS, SOA]",
                "Actions: [UPSERT]",
                "- !Sub '*.${Domain}'",
                "ForAllValues:StringNotLike:",
                "- !Sub '*.*.${Domain}'",
            ] {
                assert!(statement.contains(condition), "{condition}: {statement}");
            }
        }
    }
}

#[test]
fn a_versioned_bucket_forgets_what_was_deleted() {
    let mut found = 0;
    for (template, resources) in templates() {
        let buckets = resources
            .iter()
            .filter(|(_, (kind, _))| kind == "AWS::S3::Bucket");
        for (id, (_, body)) in buckets {
            assert!(body.contains("VersioningConfiguration"), "{template}: {id}");
            assert!(
                body.contains("ExpiredObjectDeleteMarker: true"),
                "{template}: {id} keeps the marks of what was deleted"
            );
            found += 1;
        }
    }
    assert_eq!(found, 2);
    assert!(read("infra/deploy.sh").contains(r#""ExpiredObjectDeleteMarker":true"#));
}

/// Whoever has a bucket's name first, in another account, would serve our functions' code.
#[test]
fn the_bucket_for_packages_is_used_only_if_it_is_this_account_s() {
    let script = read("infra/deploy.sh");
    let asked: Vec<&str> = script
        .lines()
        .filter(|line| line.contains("aws s3"))
        .map(str::trim)
        .collect();
    let [with_owner, create] = asked.as_slice() else {
        panic!("S3 is asked otherwise: {asked:?}");
    };
    assert!(
        with_owner.contains("--expected-bucket-owner"),
        "{with_owner}"
    );
    assert!(create.starts_with("aws s3api create-bucket "), "{create}");
}

#[test]
fn every_change_of_records_is_confined_by_type_action_and_name() {
    let template = read("infra/pipeline.yaml");
    let statements: Vec<&str> = template
        .split("              - Sid: ")
        .filter(|statement| statement.contains("- route53:ChangeResourceRecordSets\n"))
        .collect();
    assert_eq!(statements.len(), 8, "roles that change records");
    for statement in statements {
        for condition in ["RecordTypes: [", "Actions: [", "NormalizedRecordNames:"] {
            let key = format!("route53:ChangeResourceRecordSets{condition}");
            assert!(statement.contains(&key), "{key} is missing in {statement}");
        }
        let actions = [
            "Actions: [CREATE, DELETE]",
            "Actions: [DELETE]",
            "Actions: [CREATE, DELETE, UPSERT]",
        ];
        assert!(
            statement.starts_with(APEX) || actions.iter().any(|one| statement.contains(one)),
            "{statement}"
        );
    }
}
