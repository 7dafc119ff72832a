//! Harm that is done, and what it explains.

use crate::harm::{Harm, Kill, Timed};
use crate::script::Who;
use crate::world::World;
use end_to_end::{Cloud, Ended, Execution, FaultAt, FaultPlan, Seen};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Users may meet an instance that has ended so long: an event, a replacement that boots beside four
/// releases, and the record's TTL. Where a release has just brought it, the keeper stands back for three minutes.
const REPAIRED: Duration = Duration::from_secs(60);
/// From one release's start to the next one's.
const STARTED: Duration = Duration::from_secs(120);
/// The keeper replaces three of a hostname in an hour; it is not asked for more.
const ENDS_OF_ONE: u32 = 2;

/// Errors that a release may end with because an instance ended that users were sent to, and that name it.
const OF_ENDS: [&str; 4] = [
    "RolledBack",
    "DiedAfterCutover",
    "CandidateGone",
    "NotHealthy",
];
/// A suite that asked such an instance, or one behind it, names the component whose suite it is.
const OF_SUITES: &str = "IntegrationTestsFailed";

/// An instance that was ended.
#[derive(Debug)]
pub struct End {
    pub component: String,
    pub at: Instant,
    /// What a cause calls it: its hostname, its id.
    names: Vec<String>,
    /// Its component, and those that talk to each other with it.
    talk: Vec<String>,
}

impl End {
    /// Whether a release may have failed so because of it.
    fn explains(&self, ended: &Ended) -> bool {
        let names = match ended.error.as_str() {
            OF_SUITES => &self.talk,
            error if OF_ENDS.contains(&error) => &self.names,
            _ => return false,
        };
        names.iter().any(|name| ended.cause.contains(name))
    }
}

/// What was done to one interleaving.
#[derive(Debug, Default)]
pub struct Harmed {
    pub ends: Vec<End>,
    /// Executions that were stopped.
    pub stopped: BTreeSet<String>,
    /// Executions of which a function was killed, and which.
    pub killed: BTreeMap<String, Kill>,
}

/// How often an instance of each hostname was ended, in the whole soak.
pub type Ends = RefCell<BTreeMap<String, u32>>;

/// Plans of functions that are to be killed.
pub struct Kills(Vec<(Kill, FaultPlan)>);

impl Kills {
    /// They must be there before the release begins: its name, or how that begins, is in the event of each of its functions.
    pub fn plan(cloud: &Cloud, harms: &[Timed], names: &[String]) -> Self {
        let project = cloud.variable("CUTOVER_PROJECT");
        let kills = harms.iter().filter_map(|one| match &one.harm {
            Harm::Kills(kill) => Some(kill.clone()),
            _ => None,
        });
        let plans = kills.map(|kill| {
            let function = format!("{project}-{}", kill.function);
            let at = FaultAt {
                function: &function,
                does: "change",
                call: kill.call,
                kind: kill.when,
            };
            let mark = std::slice::from_ref(&names[kill.release]);
            let plan = FaultPlan::write(cloud, mark, at);
            (kill, plan)
        });
        Self(plans.collect())
    }

    /// Those that happened, by the release.
    pub fn met(self) -> Vec<Kill> {
        let met = self.0.into_iter().filter(|(_, plan)| plan.is_met());
        met.map(|(kill, _)| kill).collect()
    }
}

/// Ends instances and stops executions, each at its time.
pub async fn harm(world: &World, harms: &[Timed], names: &[String], ends: &Ends) -> Harmed {
    let start = Instant::now();
    let mut harmed = Harmed::default();
    for Timed { after, harm } in harms {
        match harm {
            Harm::Ends(who) => {
                sleep(after.saturating_sub(start.elapsed())).await;
                harmed.ends.extend(end_one(world, *who, ends).await);
            }
            Harm::Stops(release) => {
                let execution = Execution::within(STARTED, &world.cloud, &names[*release]);
                let Some(execution) = execution.await else {
                    continue;
                };
                sleep(*after).await;
                // It may have ended by itself.
                if execution.status().await == "RUNNING" && execution.stop_in_time().await.is_ok() {
                    harmed.stopped.insert(execution.name);
                }
            }
            Harm::Kills(_) => {}
        }
    }
    harmed
}

async fn end_one(world: &World, who: Who, ends: &Ends) -> Option<End> {
    let component = world.component(who);
    let live = component.live().await;
    let so_far = ends.borrow().get(&live.hostname).copied().unwrap_or(0);
    if so_far >= ENDS_OF_ONE {
        return None;
    }
    ends.borrow_mut().insert(live.hostname.clone(), so_far + 1);
    let at = Instant::now();
    component.kill(&live.instances).await;
    let mut names = live.instances;
    names.push(live.hostname);
    let talk = who.talk().iter().map(|one| world.component(*one));
    Some(End {
        component: component.name.clone(),
        at,
        names,
        talk: talk.map(|one| one.name.clone()).collect(),
    })
}

impl Harmed {
    pub fn is_none(&self) -> bool {
        self.ends.is_empty() && self.stopped.is_empty() && self.killed.is_empty()
    }

    /// Whether it explains that a release ended so, and not as it would have.
    pub fn explains(&self, ended: &Ended) -> bool {
        match ended.status.as_str() {
            "ABORTED" => self.stopped.contains(&ended.name),
            "FAILED" => {
                let of_ends = self.ends.iter().any(|end| end.explains(ended));
                of_ends || self.killed.contains_key(&ended.name)
            }
            _ => false,
        }
    }

    /// Requests that failed, but for those to an instance that has ended, for as long as it may take to
    /// repair that; and for how long users of it got no answer.
    pub fn failed(&self, component: &str, begun: Instant, seen: &Seen) -> (Vec<String>, Duration) {
        let (mut wrong, mut longest) = (Vec::new(), Duration::ZERO);
        let ends = self.ends.iter().filter(|one| one.component == component);
        let ends: Vec<Duration> = ends.map(|one| one.at - begun).collect();
        for (at, what) in seen.failed() {
            let before = ends.iter().filter(|end| **end <= at);
            match before.map(|end| at - *end).min() {
                Some(after) if after <= REPAIRED => longest = longest.max(after),
                _ => wrong.push(format!("a request to {component} failed at {what}")),
            }
        }
        (wrong, longest)
    }

    /// As a line of progress shows it.
    pub fn shown(&self) -> Vec<String> {
        let ends = self
            .ends
            .iter()
            .map(|one| format!("an instance of {} ended", one.component));
        let stopped = self.stopped.iter().map(|one| format!("{one} stopped"));
        let killed = self.killed.values().map(Kill::to_string);
        ends.chain(stopped).chain(killed).collect()
    }
}
