//! Whether what is live on a target is a proven set.

use super::Context;
use crate::cloud::Row;
use crate::error::Failure;
use pipeline::names::Target;
use pipeline::proof::{Proof, Set, proof_of};
use pipeline::rows::{AliasRow, Key, ProofRow};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is not known of more components is left to `--json`.
const SHOWN: usize = 3;

/// What the records say of the live set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proven {
    /// The releases that tested it, the latest last.
    pub by: Vec<String>,
    /// Slow suites that were left out.
    pub skipped: Vec<String>,
    /// What was not tested beside what.
    pub missing: Vec<Missing>,
    /// Components without a suite: nothing was tested of them, whatever is recorded.
    pub without_suites: Vec<String>,
    /// How many components are live.
    pub components: usize,
}

/// Something that was not tested as it is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// There is no record of this.
    Untested(Proof),
    /// A peer is not live, so it cannot have been tested beside it.
    Incomplete(String),
}

impl Proven {
    /// Looks the records up; `None` where nothing is live.
    pub async fn of(
        context: &Context,
        target: &Target,
        live: &[AliasRow],
    ) -> Result<Option<Self>, Failure> {
        let (needed, incomplete) = needed(live);
        let keys: Vec<Key> = needed.iter().map(|one| Key::proof(target, one)).collect();
        let rows = match keys.is_empty() {
            true => Vec::new(),
            false => context.cloud.rows_at(&keys).await?,
        };
        let rows: Vec<ProofRow> = rows.iter().map(Row::read).collect::<Result<_, _>>()?;
        if live.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            components: live.len(),
            ..Self::from(needed, incomplete, &rows)
        }))
    }

    fn from(needed: Vec<Proof>, incomplete: Vec<Missing>, rows: &[ProofRow]) -> Self {
        let mut proven = Self {
            missing: incomplete,
            ..Self::default()
        };
        let mut by = BTreeSet::new();
        for one in needed {
            // A row's key has short commits only; what it says of itself is whole.
            match rows.iter().find(|row| row.proof == one) {
                Some(row) => {
                    by.insert((number(&row.release), row.release.clone()));
                    if row.has_no_suites() {
                        proven.without_suites.push(one.component.to_string());
                    }
                    let skipped = row.skipped.iter();
                    proven
                        .skipped
                        .extend(skipped.map(|suite| format!("{}/{suite}", one.component)));
                }
                None => proven.missing.push(Missing::Untested(one)),
            }
        }
        proven.by = by.into_iter().map(|(_, release)| release).collect();
        proven
    }

    /// Whether nothing is missing.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.without_suites.is_empty()
    }

    /// `proven (by stage-r41, stage-r42)`
    pub fn shown(&self) -> String {
        if !self.missing.is_empty() {
            let reasons: Vec<String> = self.missing.iter().take(SHOWN).map(sentence).collect();
            let more = match self.missing.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!("; and {more} more"),
            };
            return format!("not proven: {}{more}", reasons.join("; "));
        }
        if self.components > 0 && self.without_suites.len() == self.components {
            return "not tested: nothing that is live has a suite".into();
        }
        let by = self.by.join(", ");
        let proven = match self.skipped.is_empty() {
            true => format!("proven (by {by})"),
            false => format!(
                "proven, slow suites skipped: {} (by {by})",
                self.skipped.join(", ")
            ),
        };
        match self.without_suites.is_empty() {
            true => proven,
            false => format!(
                "{proven}; without a suite of its own: {}",
                self.without_suites.join(", ")
            ),
        }
    }

    /// The same for a script, and all of it.
    pub fn as_json(&self) -> Value {
        let missing: Vec<Value> = self.missing.iter().map(missing_json).collect();
        json!({
            "proven": self.missing.is_empty(),
            "by": self.by,
            "skipped": self.skipped,
            "missing": missing,
            "without_suites": self.without_suites,
        })
    }
}

/// What must have passed for all that is live to be proven.
fn needed(live: &[AliasRow]) -> (Vec<Proof>, Vec<Missing>) {
    let set: Set = live
        .iter()
        .map(|row| (row.component.clone(), row.commit.clone()))
        .collect();
    let (mut needed, mut missing) = (Vec::new(), Vec::new());
    for row in live {
        let peers = row.peers.iter().cloned().collect();
        match proof_of(&set, &row.component, &peers) {
            Ok(proof) => needed.push(proof),
            Err(why) => missing.push(Missing::Incomplete(format!(
                "{} talks to {}, which is not live",
                why.component, why.peer
            ))),
        }
    }
    (needed, missing)
}

fn sentence(missing: &Missing) -> String {
    let proof = match missing {
        Missing::Incomplete(why) => return why.clone(),
        Missing::Untested(proof) => proof,
    };
    let peers = proof
        .peers
        .iter()
        .map(|(peer, commit)| format!("{peer} at {}", commit.short()));
    let peers = peers.collect::<Vec<_>>().join(" and ");
    let beside = match peers.is_empty() {
        true => String::new(),
        false => format!(" beside {peers}"),
    };
    format!(
        "{} at {} was not tested{beside}",
        proof.component,
        proof.commit.short()
    )
}

fn missing_json(missing: &Missing) -> Value {
    match missing {
        Missing::Untested(proof) => json!(proof),
        Missing::Incomplete(why) => json!({"reason": why}),
    }
}

/// 42 of `stage-r42`
fn number(release: &str) -> u64 {
    let digits = release.rsplit_once("-r").map(|(_, digits)| digits);
    digits
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
