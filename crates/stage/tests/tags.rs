//! Whatever this project makes says whose it is: a teardown finds by tag what is left.

mod repository;

use repository::{entries, read};

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

/// Logical id, type and text of each resource.
fn resources(template: &str) -> Vec<(String, String, String)> {
    let (_, below) = template.split_once("\nResources:\n").unwrap();
    let (below, _) = below.split_once("\nOutputs:\n").unwrap();
    let mut found: Vec<(String, String, String)> = Vec::new();
    for line in below.lines() {
        let id = line
            .strip_prefix("  ")
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
        if let Some(id) = id.and_then(|rest| rest.split(':').next()) {
            found.push((id.to_owned(), String::new(), String::new()));
        }
        let Some((_, kind, body)) = found.last_mut() else {
            continue;
        };
        if let Some(given) = line.strip_prefix("    Type: ") {
            *kind = given.trim().to_owned();
        }
        body.push_str(line);
        body.push('\n');
    }
    found
}

fn check(template: &str, tags: &[&str]) {
    let all = resources(&read(template));
    assert!(all.len() > 15, "{template}: {} resources", all.len());
    for (id, kind, body) in all {
        let cannot = CANNOT.contains(&kind.as_str());
        for tag in tags {
            let has = body.contains(&format!("{{ Key: {tag}, Value: !Ref "));
            assert_eq!(has, !cannot, "{template}: {id} ({kind}) and {tag}");
        }
    }
}

#[test]
fn every_resource_of_the_pipeline_has_the_project_s_tag() {
    check("infra/pipeline.yaml", &["cutover:project"]);
}

#[test]
fn every_resource_of_a_target_has_the_project_s_and_the_target_s_tag() {
    check("infra/target.yaml", &["cutover:project", "cutover:target"]);
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
    for parent in ["crates", "functions"] {
        for package in entries(parent) {
            let folder = format!("{parent}/{package}/src");
            for name in entries(&folder)
                .into_iter()
                .filter(|name| name.ends_with(".rs"))
            {
                let path = format!("{folder}/{name}");
                let source = read(&path);
                let calls = source
                    .match_indices(".create_")
                    .chain(source.match_indices(".run_instances("));
                for (at, _) in calls {
                    let rest = &source[at..];
                    let call = &rest[..rest.find('(').unwrap_or_default()];
                    let statement = &rest[..rest.find(";\n").unwrap_or(rest.len())];
                    if statement.contains(".send()") {
                        found.push((path.clone(), format!("{call}()"), statement.to_owned()));
                    }
                }
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

#[test]
fn what_a_release_launches_says_whose_and_where_and_of_which_release() {
    let source: String = entries("functions/deploy-initial/src")
        .iter()
        .map(|name| read(&format!("functions/deploy-initial/src/{name}")))
        .collect();
    for tag in ["project", "target", "component", "commit", "release"] {
        assert!(
            source.contains(&format!("\"cutover:{tag}\"")),
            "cutover:{tag}"
        );
    }
}
