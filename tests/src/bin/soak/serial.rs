//! What roll-backs would have brought back, had the releases run one after the other by ticket.

use crate::ledger::{Ledger, Release};
use crate::script::Act;
use std::collections::BTreeMap;

/// Component to commit: live, and live before.
type Lives = BTreeMap<String, (String, Option<String>)>;

/// Live roll-backs that brought back something else. That is no violation: a version is resolved
/// once, at a release's start, so a roll-back goes back behind what it saw, and whatever comes in
/// between is replaced as by any later release.
pub fn stale(ledger: &Ledger, acts: &BTreeMap<String, Act>) -> Vec<String> {
    let (mut lives, mut stale) = (Lives::new(), Vec::new());
    let mut before: Option<&Release> = None;
    for release in ledger.live() {
        let act = acts.get(&release.execution);
        if let (Some(true), Some(last)) = (act.map(Act::is_rollback), before) {
            let all = if act == Some(&Act::TakeBack) {
                last.brings.keys()
            } else {
                release.brings.keys()
            };
            let wanted = all.filter_map(|name| Some((name, lives[name].1.as_ref()?)));
            let brought = release.brings.iter().map(|(name, (sha, _))| (name, sha));
            if !wanted.eq(brought) {
                stale.push(format!("r{}", release.ticket));
            }
        }
        for (name, (sha, _)) in &release.brings {
            let was = lives.get(name).map(|(live, _)| live.clone());
            lives.insert(name.clone(), (sha.clone(), was));
        }
        before = Some(release);
    }
    stale
}
