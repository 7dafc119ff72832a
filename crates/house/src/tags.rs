//! Whatever this project makes says whose it is: a teardown finds by tag what is left.

use crate::files::{read, sources};
use crate::templates::{PIPELINE, TARGET, each, resources};
use serde_json::Value;

/// Types that cannot have tags, each a part of something that has.
const CANNOT: &[&str] = &[
    "AWS::EC2::Route",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::IAM::InstanceProfile",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::Route53::RecordSet",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
];

/// Whether it, or what it launches, has the tag.
fn has(properties: &Value, tag: &str) -> bool {
    let mut found = false;
    each(properties, &mut |value| {
        found |= value["Key"] == tag && value["Value"].get("!Ref").is_some();
    });
    found
}

fn check(template: &str, tags: &[&str]) {
    for resource in resources(template) {
        let cannot = CANNOT.contains(&resource.kind.as_str());
        for tag in tags {
            let (id, kind) = (&resource.id, &resource.kind);
            let tagged = has(&resource.properties, tag);
            assert_eq!(tagged, !cannot, "{template}: {id} ({kind}) and {tag}");
        }
    }
}

#[test]
fn every_resource_of_the_pipeline_has_the_project_s_tag() {
    check(PIPELINE, &["cutover:project"]);
}

#[test]
fn every_resource_of_a_target_has_the_project_s_and_the_target_s_tag() {
    check(TARGET, &["cutover:project", "cutover:target"]);
}

/// Calls of the SDK that make something AWS charges for or lists, and how each is tagged. What is
/// not a resource (an object, a row, a record, an execution, a version of something tagged) has none.
const CREATING: &[(&str, &str, &str)] = &[
    (
        "crates/fleet/src/launch.rs",
        ".run_instances()",
        ".tag_specifications(",
    ),
    // A version is a part of its template, which has tags, and goes with it.
    (
        "crates/fleet/src/template.rs",
        ".create_launch_template_version()",
        "",
    ),
    // Asks whether an instance could be launched, and launches none.
    (
        "crates/fleet/src/target.rs",
        ".run_instances()",
        ".dry_run(true)",
    ),
    (
        "crates/stacks/src/operate.rs",
        ".create_stack()",
        ".set_tags(",
    ),
];

#[test]
fn every_call_that_makes_something_gives_it_its_tags() {
    let mut found = Vec::new();
    for path in sources() {
        let source = read(&path);
        let made = source.match_indices(".create_");
        for (at, _) in made.chain(source.match_indices(".run_instances(")) {
            let rest = &source[at..];
            let call = &rest[..rest.find('(').unwrap_or_default()];
            let statement = &rest[..rest.find(";\n").unwrap_or(rest.len())];
            if statement.contains(".send()") {
                found.push((path.clone(), format!("{call}()"), statement.to_owned()));
            }
        }
    }
    for (path, call, statement) in &found {
        let known = CREATING.iter().find(|(p, c, _)| p == path && c == call);
        let (_, _, tagged) = known.unwrap_or_else(|| panic!("{path}: {call} is not listed here"));
        assert!(
            statement.contains(tagged),
            "{path}: {call} without {tagged}"
        );
    }
    assert_eq!(found.len(), CREATING.len(), "{found:#?}");
}
