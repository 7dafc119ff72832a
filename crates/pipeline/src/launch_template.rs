//! The versions of a target's launch template: CloudFormation makes one at each change of the
//! template, each release makes one for each candidate.

use std::collections::BTreeSet;

/// The description of the versions that CloudFormation makes (`VersionDescription` in
/// `infra/target.yaml`). It tells them from those of releases. Neither the default version nor the
/// latest one is what an update made: the default stays the first for ever
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-ec2-launchtemplate.html>),
/// and the latest is mostly a release's.
pub const OWN: &str = "cutover: what releases launch from";

/// The version that releases launch from where none is recorded: the first one of the template.
pub fn first() -> String {
    "1".into()
}

/// A version may have been made by a release that has not recorded it yet. A release ends within a
/// day; another one leaves room for clocks and for one that was started anew.
const KEPT_SECONDS: i64 = 2 * 86_400;

/// Deleted in one call:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteLaunchTemplateVersions.html>.
const MOST: usize = 200;

/// A version as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateVersion {
    /// From 1; EC2 never uses one again.
    pub number: u64,
    /// [`OWN`], or a release's words.
    pub description: String,
    /// Whether it is the template's default, which cannot be deleted.
    pub is_default: bool,
    /// Seconds since 1970.
    pub created: i64,
}

impl TemplateVersion {
    fn is_own(&self) -> bool {
        self.description == OWN
    }
}

/// The version that the target's template describes now.
pub fn newest_own(versions: &[TemplateVersion]) -> Option<u64> {
    let own = versions.iter().filter(|version| version.is_own());
    own.map(|version| version.number).max()
}

/// Versions of releases that nobody can ask for any more, the oldest first, as many as one call
/// deletes. `needed` are those that a live component, what was live before it or a candidate that
/// is not gone was launched from.
pub fn expendable(versions: &[TemplateVersion], needed: &BTreeSet<String>, now: i64) -> Vec<u64> {
    let mut old: Vec<u64> = versions
        .iter()
        .filter(|version| !version.is_own() && !version.is_default)
        .filter(|version| version.created <= now - KEPT_SECONDS)
        .map(|version| version.number)
        .filter(|number| !needed.contains(&number.to_string()))
        .collect();
    old.sort_unstable();
    old.truncate(MOST);
    old
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    fn version(number: u64, description: &str, age: i64) -> TemplateVersion {
        TemplateVersion {
            number,
            description: description.into(),
            is_default: number == 1,
            created: NOW - age,
        }
    }

    fn of_release(number: u64, age: i64) -> TemplateVersion {
        version(number, "api 3f2a9c1b04de stage-r7", age)
    }

    #[test]
    fn a_release_launches_from_the_newest_version_of_the_template_and_not_of_a_release() {
        let versions = [
            version(1, OWN, 9),
            of_release(2, 8),
            version(3, OWN, 7),
            of_release(4, 6),
        ];
        assert_eq!(newest_own(&versions), Some(3));
        assert_eq!(newest_own(&versions[1..2]), None);
    }

    #[test]
    fn what_is_live_or_may_come_back_or_is_young_or_the_templates_own_is_kept() {
        let old = 2 * KEPT_SECONDS;
        let versions = [
            of_release(5, old),
            version(3, OWN, old),
            of_release(2, old),
            version(1, "", old),
            of_release(4, old),
            of_release(6, KEPT_SECONDS - 1),
        ];
        let needed = BTreeSet::from(["4".to_owned()]);
        assert_eq!(expendable(&versions, &needed, NOW), [2, 5]);
    }

    #[test]
    fn no_more_are_deleted_than_one_call_takes_and_the_oldest_go_first() {
        let versions: Vec<_> = (2..500).map(|n| of_release(n, KEPT_SECONDS)).collect();
        let gone = expendable(&versions, &BTreeSet::new(), NOW);
        assert_eq!((gone.len(), gone[0], gone[199]), (MOST, 2, 201));
    }
}
