//! An instance's role is the users' code's: it may write what `boot.sh` writes, and no log of a stage.

use crate::files::read;

#[test]
fn an_instance_may_write_the_logs_of_instances_and_no_others() {
    let template = read("infra/target.yaml");
    let allowed: Vec<&str> = template
        .lines()
        .filter(|line| line.contains("/logs/"))
        .collect();
    let [one] = allowed[..] else {
        panic!("{allowed:?}");
    };
    assert!(one.ends_with("/logs/${Target}-r*/*/instance-*"), "{one}");
    let script = read("crates/pipeline/src/boot.sh");
    let written: Vec<&str> = script.split("\"$logs/").skip(1).collect();
    assert!(
        written.len() > 3,
        "it writes its log, its ends and its connections"
    );
    for key in written {
        assert!(key.starts_with("instance-$id"), "{key}");
    }
}
