//! How large a release may be. Step Functions ends an execution whose state takes more than 256 KiB,
//! and nothing can catch that, so nothing would be cleaned up:
//! <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>.
//!
//! So every list that travels has a budget, each component of a release an equal share of it, and
//! Prepare workspace refuses what takes more, before anything boots. Companions have budgets of their
//! own, which Plan companions looks at, and so has the cutover's change of records. `bounds_tests.rs` builds the largest release that is let
//! through and measures its states.

use crate::live::ReadSet;
use crate::names::{Component, Fqdn, alias, hostname_of_release, peer_name, peer_variable};
use crate::proof::Set;
use crate::reason::Reason;
use crate::records::{Batch, MOST_CHARACTERS, MOST_VALUES};
use crate::suites::{plan_suites, url};
use crate::wire::{Artifact, Bundle, Prepared, Release, artifact_key};
use serde::Serialize;
use std::collections::BTreeMap;

/// What AWS lets a state take.
pub const STATE: usize = 256 << 10;

/// What a release's components may take together of one kind of list, what one of them may take at the
/// most, and what there is for them and their companions together: in bytes of JSON. What can stand
/// in one state together is below [`STATE`].
struct Budget {
    components: usize,
    one: usize,
    all: usize,
}

const WORKSPACES: Budget = Budget::of(205, 16, 250);
const SUITES: Budget = Budget::of(180, 110, 240);
const RESULTS: Budget = Budget::of(80, 45, 110);
const INSTANCES: Budget = Budget::of(140, 8, 140);
const OUTPUT: Budget = Budget::of(98, 8, 98);
const PEERS: Budget = Budget::of(70, 8, 70);
/// What is live beside the release.
const BESIDE: usize = 70 << 10;
/// Why tags were not pushed.
const TAGS: usize = 12 << 10;
const TAGS_REASON: usize = 600;

impl Budget {
    /// In KiB.
    const fn of(components: usize, one: usize, all: usize) -> Self {
        Self {
            components: components << 10,
            one: one << 10,
            all: all << 10,
        }
    }

    /// What each component of a release of this size may take.
    fn share(&self, size: usize) -> usize {
        (self.components / size).min(self.one)
    }

    /// What that leaves for companions.
    fn beside(&self, size: usize) -> usize {
        self.all - self.share(size) * size
    }
}

/// Of a suite's result: its keys, numbers and the bucket's name, without other names and the reason.
const RESULT: usize = 230;
/// The same with the longest names.
const LONGEST_RESULT: usize = 420;
/// A reason has this much at least: what failed, and the end of the log's address.
const LEAST_REASON: usize = 120;
/// An instance's id and address, and a comma: the id alone is in the output, once of this release
/// and once of the one before.
const INSTANCE: usize = 70;
const INSTANCE_ID: usize = 23;

/// Suites that one manifest may have. More would not fit, whatever they are.
pub const MAX_SUITES: usize = 200;

/// Hostnames and instances that are listed in an output; more are only counted.
pub const MAX_LISTED: usize = 50;

/// Why a release is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TooLarge(String);

impl TooLarge {
    /// A cutover of so many components that does not fit one change of records.
    pub(crate) fn cutover(components: usize, batch: &Batch) -> Self {
        let (values, characters) = batch.size();
        Self(format!(
            "the cutover of these {components} components would change {values} values of records with {characters} characters, and Route 53 takes {MOST_VALUES} values with {MOST_CHARACTERS} characters in one change: release fewer components together, or have fewer instances"
        ))
    }
}

/// Whether a component of a release takes no more than its share.
///
/// # Errors
/// [`TooLarge`], with what takes too much and what to do.
pub fn check_component(release: &Release, component: &Prepared) -> Result<(), TooLarge> {
    let size = release.size.max(1) as usize;
    let measured = Measured::of(release, component);
    match too_much(&measured, size) {
        Some(taken) => Err(TooLarge(taken.told(size))),
        None => Ok(()),
    }
}

/// What takes more than its share, and what to do.
struct Taken {
    what: &'static str,
    bytes: usize,
    share: usize,
    remedy: &'static str,
}

impl Taken {
    fn told(&self, size: usize) -> String {
        let Self {
            what,
            bytes,
            share,
            remedy,
        } = self;
        let (together, fewer) = match size {
            1 => (String::new(), ""),
            more => (
                format!(" in a release of {more} components"),
                ", or release fewer components together",
            ),
        };
        format!(
            "{what} {bytes} bytes of what a release can pass from state to state, and may take {share}{together}: {remedy}{fewer}"
        )
    }
}

fn too_much(measured: &Measured, size: usize) -> Option<Taken> {
    let look = |bytes, budget: &Budget, what, remedy| Taken {
        what,
        bytes,
        share: budget.share(size),
        remedy,
    };
    let Measured {
        workspace,
        suites,
        results,
        instances,
        output,
        peers,
    } = *measured;
    let shorter = "have shorter commands (a script), or fewer suites";
    let fewer_suites = "have fewer suites, or shorter commands";
    let fewer_instances = "have fewer instances";
    let its_results = "the results of its suites take";
    let its_peers = "the addresses of its peers take";
    let mut looks = [
        look(workspace, &WORKSPACES, "its manifest takes", shorter),
        look(suites, &SUITES, "its suites take", fewer_suites),
        look(results, &RESULTS, its_results, "have fewer suites"),
        look(instances, &INSTANCES, "its instances take", fewer_instances),
        look(
            output,
            &OUTPUT,
            "its part of the output takes",
            fewer_instances,
        ),
        look(peers, &PEERS, its_peers, "have fewer peers"),
    ]
    .into_iter();
    looks.find(|one| one.bytes > one.share)
}

/// Whether what is tested and live beside a release leaves enough room.
///
/// # Errors
/// [`TooLarge`].
pub fn check_beside(
    release: &Release,
    companions: &[Prepared],
    read_set: &ReadSet,
    set: &Set,
) -> Result<(), TooLarge> {
    let size = release.size.max(1) as usize;
    let measured: Vec<Measured> = companions
        .iter()
        .map(|one| Measured::of(release, one))
        .collect();
    let sum = |of: fn(&Measured) -> usize| measured.iter().map(of).sum::<usize>();
    let looks = [
        (sum(|one| one.workspace), WORKSPACES.beside(size)),
        (sum(|one| one.suites), SUITES.beside(size)),
        (sum(|one| one.results), RESULTS.beside(size)),
        (bytes(read_set) + bytes(set), BESIDE),
    ];
    match looks.into_iter().find(|(taken, budget)| taken > budget) {
        None => Ok(()),
        Some((taken, budget)) => Err(TooLarge(format!(
            "{} live components depend on this release and would be tested beside it; they take {taken} bytes of what a release can pass from state to state, and may take {budget}: release fewer components together, or set TestDependents of the target to false",
            companions.len()
        ))),
    }
}

/// How much a suite's result may say, where there are this many suites; 0 where an execution that began
/// with an earlier definition does not tell it.
pub fn reason_bytes(suites: u32) -> usize {
    let suites = if suites == 0 {
        MAX_SUITES
    } else {
        suites as usize
    };
    let each = RESULTS.all / suites;
    each.saturating_sub(LONGEST_RESULT).max(LEAST_REASON)
}

/// The same for one reason.
pub fn reason(text: &str, suites: u32) -> Reason {
    Reason::within(text, reason_bytes(suites))
}

/// Why a repository has not got its tag. All of them can say so in an output that has the rest of the
/// release in it already.
pub fn tag_reason(text: &str, repositories: usize) -> Reason {
    Reason::within(
        text,
        (TAGS / repositories.max(1)).clamp(LEAST_REASON, TAGS_REASON),
    )
}

/// What one component adds to the states of its release, at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Measured {
    workspace: usize,
    suites: usize,
    results: usize,
    instances: usize,
    output: usize,
    peers: usize,
}

impl Measured {
    fn of(release: &Release, component: &Prepared) -> Self {
        let planned = &component.planned;
        let manifest = &component.manifest;
        let peers = manifest.component.peers.iter();
        let address = |peer: &Component| {
            let name = peer_name(peer, release.ticket, &release.domain);
            (peer.clone(), url(&name, 8999))
        };
        let peers: BTreeMap<_, _> = peers.map(address).collect();
        let built = Prepared {
            artifact: Some(largest_artifact(component)),
            ..component.clone()
        };
        let (suites, _) = plan_suites(std::slice::from_ref(&built), &peers, false);
        let results = manifest.suites.iter().map(|suite| {
            let log = release.log_key(&planned.component, &format!("suite-{}", suite.name));
            let names = bytes(&planned.component) + bytes(&suite.name) + log.len();
            RESULT + LEAST_REASON + names
        });
        let run = manifest.run.as_ref();
        let instances = run.map_or(0, |run| usize::from(run.instances.number()));
        let hostname = hostname_of_release(
            &planned.component,
            &planned.commit,
            release.ticket,
            &release.domain,
        );
        let named = bytes(&planned.component) + bytes(&planned.version) + 42 + bytes(&hostname);
        Self {
            workspace: bytes(&built) + 1,
            suites: suites.iter().map(|one| bytes(one) + 1).sum(),
            results: results.sum(),
            instances: 330 + named + instances * INSTANCE,
            output: 260
                + named
                + bytes(&alias(&planned.component, &release.domain)) * 2
                + bytes::<Fqdn>(&hostname) * 2
                + instances * INSTANCE_ID
                + component.cache.as_ref().map_or(0, bytes)
                + bytes(&component.warnings),
            peers: bytes(&peers)
                + peers
                    .keys()
                    .map(|peer| peer_variable(peer).len())
                    .sum::<usize>(),
        }
    }
}

fn largest_artifact(component: &Prepared) -> Artifact {
    let planned = &component.planned;
    Artifact {
        bundle: Bundle {
            key: artifact_key(&planned.component, &planned.commit),
            sha256: "f".repeat(64),
            bytes: u64::from(u32::MAX),
        },
        source_sha256: "f".repeat(64),
        built_by: "t".repeat(26),
        built_at: "2026-01-01T00:00:00.000000000Z".into(),
        toolchain: "t".repeat(60),
    }
}

fn bytes<T: Serialize + ?Sized>(value: &T) -> usize {
    // What cannot be written as JSON travels nowhere.
    serde_json::to_string(value).map_or(0, |text| text.len())
}

#[cfg(test)]
#[path = "bounds_tests.rs"]
mod tests;
