//! Whether what was live before still has connections, as its instances tell (`boot.sh`).
//!
//! An instance is the users' code, and may say what it likes. So it can only keep itself running, and no longer
//! than its manifest's `drain`; and what it says is not asked before the usual drain is over.

use crate::names::{Component, Target, Ticket, release_label};
use crate::rows::{CandidateRow, CandidateState};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is read of what an instance tells.
pub const MAX_BYTES: usize = 64;

/// Where an instance tells whether it has connections. The release is the one that launched it.
pub fn key(target: &Target, launched: Ticket, component: &Component, instance: &str) -> String {
    let label = release_label(target, launched);
    format!("logs/{label}/{component}/instance-{instance}.connections")
}

/// How long its instances are kept for their connections; `None` where its manifest has no `drain`, or somebody
/// else ends or has them by now.
pub fn drain_of(row: &CandidateRow) -> Option<Duration> {
    let run = row.recipe.as_ref()?.manifest.run.as_ref()?;
    let drain = run.drain?.duration();
    (row.state == CandidateState::Live).then_some(drain)
}

/// Whether it may have connections still, so that nobody ends it but the release that led users away from it and knows
/// that it has none. `now` is RFC 3339, as the row has it.
pub fn may_be_connected(row: &CandidateRow, now: &str) -> bool {
    let until = row.kept_until.as_deref();
    drain_of(row).is_some() && until.is_some_and(|until| now < until)
}

/// What an instance needs to notice that a connection lasts and to tell that: two looks ten seconds apart, up to 20 s
/// after it told something else, and the call. So whoever connects in the last moment of the usual drain is noticed.
const NOTICED: Duration = Duration::from_secs(40);

/// How long ago users were led away from instances.
#[derive(Debug, Clone, Copy)]
pub struct Replaced {
    /// Since their `drain` is counted.
    pub since: Duration,
    /// For how long the usual drain has been over. It begins when all name servers know the change, which may be
    /// minutes after that.
    pub drained_for: Duration,
}

/// Whether they are kept. `told` is what each instance has told, `None` where that is nothing or could not be read:
/// then it is kept until `drain` is over.
pub fn has_connections(
    row: &CandidateRow,
    replaced: Replaced,
    told: &BTreeMap<String, Option<String>>,
) -> bool {
    let is_idle = |one: &Option<String>| one.as_deref().map(str::trim) == Some("0");
    let is_early = replaced.drained_for < NOTICED;
    let is_kept = is_early || !told.values().all(is_idle);
    is_kept && drain_of(row).is_some_and(|drain| replaced.since < drain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{Commit, Fqdn};
    use crate::testing::recipe;

    fn row(more: &str) -> CandidateRow {
        let component = Component::new("api").unwrap();
        let commit = Commit::new("b".repeat(40)).unwrap();
        let hostname = Fqdn::new("api-bbbbbbbbbbbb.stage.myproj.com").unwrap();
        CandidateRow {
            state: CandidateState::Live,
            recipe: Some(recipe("api", &commit, more)),
            ..CandidateRow::planned(hostname, component, commit, (Ticket(7), "stage-r7".into()))
        }
    }

    fn check(row: &CandidateRow, minutes: u64, told: &[Option<&str>]) -> bool {
        let named = |(n, one): (usize, &Option<&str>)| (format!("i-{n}"), one.map(str::to_owned));
        let told = told.iter().enumerate().map(named).collect();
        // A change takes a minute to be known everywhere.
        let since = Duration::from_secs(minutes * 60);
        let replaced = Replaced {
            since,
            drained_for: since.saturating_sub(Duration::from_secs(60 + 90)),
        };
        has_connections(row, replaced, &told)
    }

    #[test]
    fn what_has_connections_is_kept_until_they_are_gone_or_its_drain_is_over() {
        let row = row("drain='15m'");
        assert!(check(&row, 3, &[Some("1\n")]));
        assert!(check(&row, 3, &[Some("0\n"), Some("1\n")]));
        assert!(!check(&row, 4, &[Some("0\n"), Some("0")]));
        assert!(check(&row, 3, &[Some("0")]), "one may just have begun");
        assert!(!check(&row, 15, &[Some("1\n")]));
    }

    #[test]
    fn what_tells_nothing_or_nonsense_is_kept_until_its_drain_is_over() {
        let row = row("drain='15m'");
        assert!(check(&row, 14, &[None]));
        assert!(check(&row, 14, &[Some("(9999 bytes, see s3://x)")]));
        assert!(!check(&row, 15, &[None]));
    }

    #[test]
    fn it_may_be_connected_until_its_drain_is_over_counted_from_the_cutover() {
        let row = CandidateRow {
            kept_until: Some("2026-03-01T12:15:00Z".into()),
            ..row("drain='15m'")
        };
        assert!(may_be_connected(&row, "2026-03-01T12:14:59Z"));
        assert!(!may_be_connected(&row, "2026-03-01T12:15:00Z"));
        let leaving = CandidateRow {
            state: CandidateState::Leaving,
            ..row
        };
        assert!(!may_be_connected(&leaving, "2026-03-01T12:00:00Z"));
    }

    #[test]
    fn without_a_drain_of_its_own_or_in_other_hands_it_is_not_kept() {
        assert!(!check(&row(""), 0, &[Some("1")]));
        let leaving = CandidateRow {
            state: CandidateState::Leaving,
            ..row("drain='15m'")
        };
        assert!(!check(&leaving, 0, &[Some("1")]));
    }
}
