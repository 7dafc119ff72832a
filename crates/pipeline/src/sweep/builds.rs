//! Builds that go on though the execution that started them has ended.
//!
//! Step Functions stops the build of an execution that is stopped, "best-effort"
//! (<https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync>). Where that came to
//! nothing, a container works on for up to eight hours, for nobody.

use super::{Ending, MOST_NAMED, Stands};
use crate::names::{Target, Ticket, release_label};
use std::collections::{BTreeMap, BTreeSet};

/// Builds that one run ends.
const MOST_BUILDS: usize = 50;

/// A build that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBuild {
    /// CodeBuild's.
    pub id: String,
    /// What its log is called: `stage-r42/api/build`.
    pub of: String,
}

impl OpenBuild {
    /// The release of this target that it is of.
    pub fn ticket(&self, target: &Target) -> Option<Ticket> {
        let (label, _) = self.of.split_once('/')?;
        let number = label.strip_prefix(&format!("{target}-r"))?;
        let ticket = Ticket(number.parse().ok()?);
        // `stage-r042` is nobody's label.
        (label == release_label(target, ticket)).then_some(ticket)
    }
}

/// What becomes of builds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildsPlan {
    /// These are stopped: each with a sentence.
    pub stops: Vec<(String, String)>,
    /// Those that no release accounts for: sentences.
    pub named: Vec<String>,
    /// How many are left for the next run.
    pub left: usize,
}

/// The releases of a target that have builds which have not ended.
pub fn builders(target: &Target, open: &[OpenBuild]) -> BTreeSet<Ticket> {
    open.iter().filter_map(|one| one.ticket(target)).collect()
}

/// Decides. `executions` are those of all releases of the target that are recorded, have such builds, and were `asked`
/// for.
pub fn plan_builds(
    target: &Target,
    open: &[OpenBuild],
    executions: &BTreeMap<Ticket, Stands>,
    asked: &BTreeSet<Ticket>,
) -> BuildsPlan {
    let mut plan = BuildsPlan::default();
    for one in open {
        let Some(ticket) = one.ticket(target) else {
            continue;
        };
        match executions.get(&ticket) {
            Some(Stands::Runs) => {}
            Some(Stands::Ended(_)) if plan.stops.len() == MOST_BUILDS => plan.left += 1,
            Some(Stands::Ended(ending)) => {
                plan.stops.push((one.id.clone(), sentence(one, ending)));
            }
            None if !asked.contains(&ticket) => plan.left += 1,
            None if plan.named.len() == MOST_NAMED => {}
            None => plan.named.push(format!(
                "the build {} runs, and no release {} is recorded",
                one.id,
                release_label(target, ticket)
            )),
        }
    }
    plan
}

fn sentence(build: &OpenBuild, ending: &Ending) -> String {
    let OpenBuild { id, of } = build;
    format!("{of}: {}, and its build {id} is stopped", ending.clause())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target::new("stage").unwrap()
    }

    fn build(of: &str) -> OpenBuild {
        OpenBuild {
            id: "p:1".into(),
            of: of.into(),
        }
    }

    fn plan(of: &str, stands: Option<Stands>) -> BuildsPlan {
        let executions = stands.map(|stands| (Ticket(42), stands));
        let executions = executions.into_iter().collect();
        plan_builds(&target(), &[build(of)], &executions, &[Ticket(42)].into())
    }

    #[test]
    fn what_is_of_a_release_that_has_ended_is_stopped_and_nothing_else() {
        let ended = Some(Stands::Ended(Ending::Stopped));
        let stops = plan("stage-r42/api/build", ended.clone()).stops;
        let said = "stage-r42/api/build: its execution was stopped, and its build p:1 is stopped";
        assert_eq!(stops, [("p:1".to_owned(), said.to_owned())]);
        let none = BuildsPlan::default();
        assert_eq!(plan("stage-r42/api/build", Some(Stands::Runs)), none);
        for others in [
            "dev-r42/api/build",
            "stage-r042/api/build",
            "stage-r42",
            "stage-x-r42/api/build",
            "",
        ] {
            assert_eq!(plan(others, ended.clone()), none, "{others}");
        }
    }

    #[test]
    fn what_no_recorded_release_accounts_for_is_named_and_left() {
        let plan = plan("stage-r42/api/build", None);
        assert_eq!(plan.stops, []);
        let said = "the build p:1 runs, and no release stage-r42 is recorded";
        assert_eq!(plan.named, [said]);
    }

    #[test]
    fn of_very_many_some_are_left_for_the_next_run() {
        let open = vec![build("stage-r42/api/build"); MOST_BUILDS + 3];
        let executions = BTreeMap::from([(Ticket(42), Stands::Ended(Ending::TimedOut))]);
        let plan = plan_builds(&target(), &open, &executions, &[Ticket(42)].into());
        assert_eq!((plan.stops.len(), plan.left), (MOST_BUILDS, 3));
        let unasked = plan_builds(&target(), &open[..2], &executions, &BTreeSet::new());
        let unasked = BuildsPlan {
            stops: Vec::new(),
            ..unasked
        };
        assert_eq!((unasked.named.len(), unasked.left), (0, 0));
        let of_others = [build("stage-r41/api/build")];
        let plan = plan_builds(&target(), &of_others, &executions, &[Ticket(42)].into());
        assert_eq!((plan.named.len(), plan.left), (0, 1));
    }
}
