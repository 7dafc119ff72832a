//! What belongs to a target, told from what belongs to another whose name begins alike.

use crate::names::Target;

/// Prefixes of the pipeline's bucket with a folder for each release.
pub const RELEASE_PREFIXES: &[&str] = &["logs/", "reports/", "builds/", crate::evidence::PREFIX];

/// Where the objects of a target's releases begin, in one of [`RELEASE_PREFIXES`]: also those of a
/// target called `dev-r`, so each key is looked at with [`is_of_release`].
pub fn releases_prefix(folder: &str, target: &Target) -> String {
    format!("{folder}{target}-r")
}

/// Whether a key below [`releases_prefix`] is of a release of this very target.
pub fn is_of_release(key: &str, prefix: &str) -> bool {
    let Some((number, _)) = key
        .strip_prefix(prefix)
        .and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

/// What a tagged resource is at the end of a teardown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remains {
    /// It has ended, and is only shown a while longer.
    Ended,
    /// It stays on purpose.
    Kept,
    /// It should not be there.
    Left,
}

/// Judges one, by its ARN and the instances that EC2 lists as not ended. An ended instance is found
/// by its tags for longer than EC2 lists it.
pub fn remains(arn: &str, there: &[String]) -> Remains {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match (parts.get(2).copied(), parts.get(5).copied()) {
        (Some("rds"), Some(what)) if what.starts_with("snapshot:") => Remains::Kept,
        (Some("ec2"), Some(what)) => match what.strip_prefix("instance/") {
            Some(id) if !there.iter().any(|one| one == id) => Remains::Ended,
            _ => Remains::Left,
        },
        _ => Remains::Left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_whose_name_begins_alike_keeps_its_objects() {
        let prefix = releases_prefix("logs/", &Target::new("dev").unwrap());
        assert!(is_of_release("logs/dev-r12/api/build.log", &prefix));
        for other in [
            "logs/dev-r/x",
            "logs/dev-rc-r5/api/build.log",
            "logs/dev-r1-r5/x",
            "logs/dev-r12",
        ] {
            assert!(!is_of_release(other, &prefix), "{other}");
        }
    }

    #[test]
    fn a_snapshot_is_kept_and_an_ended_instance_is_gone_and_all_else_is_left() {
        let there = ["i-2".to_owned()];
        let all = [
            ("arn:aws:rds:eu-west-1:1:snapshot:last", Remains::Kept),
            ("arn:aws:rds:eu-west-1:1:db:main", Remains::Left),
            ("arn:aws:ec2:eu-west-1:1:instance/i-1", Remains::Ended),
            ("arn:aws:ec2:eu-west-1:1:instance/i-2", Remains::Left),
            ("arn:aws:ec2:eu-west-1:1:vpc/vpc-1", Remains::Left),
            ("arn:aws:s3:::bucket", Remains::Left),
            ("", Remains::Left),
        ];
        for (arn, expected) in all {
            assert_eq!(remains(arn, &there), expected, "{arn}");
        }
    }
}
