//! Which releases still work on a target that is closed to new ones.
//!
//! Step Functions lists executions with some delay ("the results are best effort and may not reflect
//! very recent updates":
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html>). So a
//! release that has just begun may be missing in the list. But it has reserved its names, in rows that
//! are read as they are, or it will see that the target is closed.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A release as its row says, as far as it is needed here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The execution's name.
    pub execution: String,
    /// Its ARN; not recorded by early versions.
    #[serde(default)]
    pub execution_arn: String,
    /// When its names were reserved; RFC 3339.
    pub started: String,
}

/// How long an execution may be missing in the list: minutes where the documents and everybody's
/// experience say seconds.
const LISTED_AFTER: i64 = 600;

/// How long Step Functions may not know an execution that has begun, when asked for it by name.
const KNOWN_AFTER: i64 = 120;

/// What Step Functions says of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It runs.
    Running,
    /// It has ended, in whatever way.
    Ended,
    /// It does not know it (yet, or any more).
    Unknown,
}

/// Those that the list may not show yet: they are asked for one by one. `age` tells the seconds since
/// a time; one that cannot be read counts as young.
pub fn may_be_missing<'a>(
    begun: &'a [Begun],
    listed: &BTreeSet<String>,
    age: impl Fn(&str) -> Option<i64>,
) -> Vec<&'a Begun> {
    begun
        .iter()
        .filter(|one| !listed.contains(&one.execution))
        .filter(|one| age(&one.started).is_none_or(|age| age < LISTED_AFTER))
        .collect()
}

/// Whether a release that is not in the list works on the target nevertheless.
pub fn still_works(status: Status, age: Option<i64>) -> bool {
    match status {
        Status::Running => true,
        Status::Ended => false,
        Status::Unknown => age.is_none_or(|age| age < KNOWN_AFTER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(execution: &str, started: &str) -> Begun {
        Begun {
            execution: execution.into(),
            execution_arn: format!("arn:{execution}"),
            started: started.into(),
        }
    }

    #[test]
    fn a_young_release_that_the_list_does_not_show_is_asked_for() {
        let rows = [
            begun("listed", "5"),
            begun("young", "30"),
            begun("old", "600"),
            begun("odd", "?"),
        ];
        let listed = BTreeSet::from(["listed".to_owned()]);
        let asked = may_be_missing(&rows, &listed, |time| time.parse().ok());
        let names: Vec<&str> = asked.iter().map(|one| one.execution.as_str()).collect();
        assert_eq!(names, ["young", "odd"]);
    }

    #[test]
    fn what_step_functions_does_not_know_yet_is_waited_for_and_what_it_forgot_is_not() {
        assert!(still_works(Status::Running, Some(599)));
        assert!(!still_works(Status::Ended, Some(1)));
        assert!(still_works(Status::Unknown, Some(1)));
        assert!(still_works(Status::Unknown, None));
        assert!(!still_works(Status::Unknown, Some(KNOWN_AFTER)));
    }
}
