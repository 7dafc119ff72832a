//! In which order the aliases really moved, and whether every set that was live had been proven.
//!
//! Exact, and not by looking often: each cutover's batch swaps one record from the cutover before
//! it to its own (`last.cutover.<domain>`), and Deploy (cutover) logs its batch before it sends it.
//! The last batch of a release that went live is the one that Route 53 took.

use crate::ledger::{Ledger, Release};
use crate::world::{TARGET, World};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Component to commit.
pub type Set = BTreeMap<String, String>;

/// A cutover and what was live after it.
#[derive(Debug, Clone)]
pub struct Cutover {
    pub ticket: u64,
    pub set: Set,
}

/// The cutovers so far, in their order.
#[derive(Debug)]
pub struct Order {
    pub cutovers: Vec<Cutover>,
    /// Proofs that were found.
    proven: BTreeSet<String>,
}

impl Order {
    /// Begins after the first release, which brought all four.
    pub fn new(first: &Release) -> Self {
        Self {
            cutovers: vec![Cutover {
                ticket: first.ticket,
                set: brings(first).collect(),
            }],
            proven: BTreeSet::new(),
        }
    }

    pub fn last(&self) -> &Cutover {
        self.cutovers.last().expect("there was a first")
    }

    /// Follows the cutovers of releases that began to cut over since then (milliseconds since
    /// 1970), and answers what is wrong with them.
    pub async fn follow(&mut self, world: &World, ledger: &Ledger, since: u128) -> Vec<String> {
        let known: BTreeSet<u64> = self.cutovers.iter().map(|one| one.ticket).collect();
        let new = |one: &&Release| !known.contains(&one.ticket);
        let mut left: Vec<&Release> = ledger.cut_over().filter(new).collect();
        let befores = befores(world, since).await;
        let begin = self.cutovers.len();
        let follows = |left: &[&Release], last: u64| {
            left.iter()
                .position(|one| befores.get(&one.ticket) == Some(&last))
        };
        while let Some(at) = follows(&left, self.last().ticket) {
            let release = left.remove(at);
            let mut set = self.last().set.clone();
            set.extend(brings(release));
            let ticket = release.ticket;
            self.cutovers.push(Cutover { ticket, set });
        }
        let mut wrong: Vec<String> = left.iter().map(|one| self.lost(one, &befores)).collect();
        for n in begin..self.cutovers.len() {
            wrong.extend(self.went_back(n, ledger));
            wrong.extend(self.unproven(world, ledger, n).await);
        }
        wrong
    }

    fn lost(&self, release: &Release, befores: &BTreeMap<u64, u64>) -> String {
        format!(
            "r{} is live, and its cutover does not follow on that of r{}: its log says {:?}",
            release.ticket,
            self.last().ticket,
            befores.get(&release.ticket)
        )
    }

    /// A later ticket is never replaced by an earlier one.
    fn went_back(&self, n: usize, ledger: &Ledger) -> Vec<String> {
        let ticket = self.cutovers[n].ticket;
        let mut wrong = Vec::new();
        for component in ledger.releases[&ticket].brings.keys() {
            let before = self.cutovers[..n].iter().rev().map(|one| one.ticket);
            let over = before
                .filter(|one| *one > ticket)
                .find(|one| ledger.releases[one].brings.contains_key(component));
            wrong.extend(over.map(|over| {
                format!("r{ticket} replaced the later r{over} as {component}: see both cutovers")
            }));
        }
        wrong
    }

    /// What of the set has no proof.
    async fn unproven(&mut self, world: &World, ledger: &Ledger, n: usize) -> Vec<String> {
        let Cutover { ticket, set } = self.cutovers[n].clone();
        let mut wrong = Vec::new();
        if ledger.releases[&ticket].by_itself {
            return wrong;
        }
        for component in world.family.all() {
            let peers = world.peers(component);
            let proof = proof_of(&set, &component.name, &peers);
            // What a roll-back by itself has left untested is not the next one's doing, which brings nothing of it.
            let was_there =
                n > 0 && proof_of(&self.cutovers[n - 1].set, &component.name, &peers) == proof;
            if was_there || self.proven.contains(&proof) {
                continue;
            }
            let row = world.cloud.row(&format!("target#{TARGET}"), &proof).await;
            if row.is_some() {
                self.proven.insert(proof);
                continue;
            }
            let (release, before) = (&ledger.releases[&ticket], &self.cutovers[n - 1]);
            wrong.push(format!(
                "r{ticket} (roll-back: {}, proven at its start: {}, execution {}) made a set live after r{} that no suite passed: there is no row target#{TARGET} / {proof}",
                release.rollback, release.proven, release.execution, before.ticket
            ));
        }
        wrong
    }
}

fn brings(release: &Release) -> impl Iterator<Item = (String, String)> {
    let commit = |(component, (commit, _)): (&String, &(String, String))| {
        (component.clone(), commit.clone())
    };
    release.brings.iter().map(commit)
}

/// The key of what must have passed, as `pipeline::proof` writes it; said again here, so that a
/// mistake there is not one here.
fn proof_of(set: &Set, component: &str, peers: &[String]) -> String {
    let at = |name: &str| format!("{name}@{}", &set[name][..12]);
    let peers: Vec<String> = peers.iter().map(|peer| at(peer)).collect();
    format!("proof#{}#{}", at(component), peers.join(","))
}

/// The cutover that each release's last batch follows on, from the log of Deploy (cutover).
async fn befores(world: &World, since: u128) -> BTreeMap<u64, u64> {
    let project = world.cloud.variable("CUTOVER_PROJECT");
    let asked = [
        "logs",
        "filter-log-events",
        "--log-group-name",
        &format!("/aws/lambda/{project}-cutover"),
        "--filter-pattern",
        "\"changes the zone\"",
        "--start-time",
        &since.to_string(),
        "--output",
        "json",
    ];
    let said = world.cloud.aws(&asked).await.good("filter-log-events");
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let lines = said["events"].as_array().cloned().unwrap_or_default();
    lines
        .iter()
        .filter_map(|line| before(&serde_json::from_str(line["message"].as_str()?).ok()?))
        .collect()
}

/// A cutover's ticket and that of the one before it, from the line with its batch. The batch itself says both:
/// a roll-back is done by the execution of the release that gives way, and has a ticket of its own.
fn before(line: &Value) -> Option<(u64, u64)> {
    let span = &line["span"];
    let batch = line["fields"]["batch"].as_str()?;
    if span["target"] != TARGET {
        return None;
    }
    let mark = format!(".cutover.{TARGET}.");
    let tickets: Vec<u64> = batch
        .split(&mark)
        .filter_map(|part| part.rsplit('"').next()?.strip_prefix('r')?.parse().ok())
        .collect();
    match tickets[..] {
        // Not where it only confirms what is live: the mark keeps its value.
        [before, own, ..] if before != own => Some((own, before)),
        _ => None,
    }
}
