//! What templates may own, and what roles may do with records: an alias belongs to releases alone.

use crate::files::read;
use crate::machines::text;
use crate::templates::{PIPELINE, TARGET, TEMPLATES, each, resources, statements, texts};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn every_resource_has_a_type() {
    for path in TEMPLATES {
        for resource in resources(path) {
            let (id, kind) = (&resource.id, &resource.kind);
            assert!(kind.starts_with("AWS::"), "{path}: {id} is a {kind:?}");
        }
    }
}

#[test]
fn no_template_owns_an_alias() {
    for path in TEMPLATES {
        for resource in resources(path) {
            if resource.kind.starts_with("AWS::Route53::RecordSet") {
                let id = &resource.id;
                assert_eq!(resource.kind, "AWS::Route53::RecordSet", "{path}: {id}");
                let properties = &resource.properties;
                assert_eq!(properties["Type"], "NS", "{path}: {id} is no delegation");
            }
        }
    }
}

#[test]
fn the_template_marks_its_own_versions_of_the_launch_template_as_releases_look_for_them() {
    let mut marks = Vec::new();
    for resource in resources(TARGET) {
        if resource.kind == "AWS::EC2::LaunchTemplate" {
            marks.push(resource.properties["VersionDescription"].clone());
        }
    }
    assert_eq!(marks, [pipeline::launch_template::OWN]);
}

/// A zone's own SOA and NS records, which can be changed in no other way.
const APEX: &str = "ForgetMissingNamesQuickly";

/// A condition's values: of all values of the request, each must be one of these.
fn confined(statement: &Value, operator: &str, key: &str) -> Vec<String> {
    let key = format!("route53:ChangeResourceRecordSets{key}");
    let values = &statement["Condition"][format!("ForAllValues:{operator}")][key];
    let plain = |value: &Value| value.get("!Sub").unwrap_or(value).clone();
    let values = values.as_array().cloned().unwrap_or_default();
    texts(&values.iter().map(plain).collect())
}

/// The statements that let a role change records.
fn changes_of_records(path: &str) -> Vec<Value> {
    let mut found = statements(path);
    found.retain(|one| texts(&one["Action"]).contains(&"route53:ChangeResourceRecordSets".into()));
    found
}

/// Also where it stands otherwise than it is looked for above.
fn mentions(statement: &Value, text: &str) -> bool {
    let mut found = false;
    each(statement, &mut |value| found |= value == text);
    found
}

#[test]
fn no_role_may_replace_a_record_whatever_it_is_but_a_delegation_and_a_zones_own_two() {
    for path in TEMPLATES {
        for statement in statements(path) {
            let types = confined(&statement, "StringEquals", "RecordTypes");
            // CloudFormation updates the delegations that it made with it.
            if !mentions(&statement, "UPSERT") || types == ["NS"] {
                continue;
            }
            assert_eq!(statement["Sid"], APEX, "{path}: {statement}");
            assert_eq!(types, ["NS", "SOA"]);
            let names = |operator| confined(&statement, operator, "NormalizedRecordNames");
            let actions = confined(&statement, "StringEquals", "Actions");
            assert_eq!(actions, ["UPSERT"]);
            assert_eq!(names("StringLike"), ["*.${Domain}"]);
            assert_eq!(names("StringNotLike"), ["*.*.${Domain}"]);
        }
    }
}

#[test]
fn every_change_of_records_is_confined_by_type_action_and_name() {
    let found = changes_of_records(PIPELINE);
    let mentioned = read(PIPELINE)
        .matches("- route53:ChangeResourceRecordSets\n")
        .count();
    assert_eq!(
        found.len(),
        mentioned,
        "one stands where it is not looked for"
    );
    for statement in found {
        let types = confined(&statement, "StringEquals", "RecordTypes");
        let names = confined(&statement, "StringLike", "NormalizedRecordNames");
        assert!(!types.is_empty() && !names.is_empty(), "{statement}");
        let actions = confined(&statement, "StringEquals", "Actions");
        let known: [&[&str]; 3] = [
            &["CREATE", "DELETE"],
            &["DELETE"],
            &["CREATE", "DELETE", "UPSERT"],
        ];
        let is_known = known.iter().any(|known| actions == *known);
        assert!(is_known || statement["Sid"] == APEX, "{statement}");
    }
}

#[test]
fn the_roles_that_may_name_all_records_are_those_that_the_documents_name() {
    let mut found = BTreeSet::new();
    for role in resources(PIPELINE) {
        if role.kind != "AWS::IAM::Role" || !mentions(&role.properties, "*.*.${Domain}") {
            continue;
        }
        // What writes a zone's own two names those that it may not touch.
        if !mentions(&role.properties, "UPSERT") {
            found.insert(text(&role.properties["Policies"][0], "PolicyName"));
        }
    }
    let page = read("docs/security.md");
    let (_, rest) = page
        .split_once("the five roles whose batch names an alias (")
        .expect("a sentence that says which roles");
    let list = rest.split(')').next().unwrap_or_default();
    let named = list.split(',').map(|name| name.trim().to_owned());
    assert_eq!(found, named.collect());
    assert_eq!(found.len(), 5);
}

#[test]
fn a_versioned_bucket_forgets_what_was_deleted() {
    let mut found = 0;
    for path in TEMPLATES {
        for bucket in resources(path)
            .iter()
            .filter(|one| one.kind == "AWS::S3::Bucket")
        {
            let (id, properties) = (&bucket.id, &bucket.properties);
            assert_eq!(
                properties["VersioningConfiguration"],
                json!({"Status": "Enabled"}),
                "{id}"
            );
            let rules = properties["LifecycleConfiguration"]["Rules"].as_array();
            let forgets = |rule: &Value| rule["ExpiredObjectDeleteMarker"] == true;
            let forgets = rules.is_some_and(|rules| rules.iter().any(forgets));
            assert!(forgets, "{path}: {id} keeps the marks of what was deleted");
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
