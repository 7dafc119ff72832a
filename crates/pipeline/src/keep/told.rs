//! What the keeper is asked, and what it tells.

use super::host::{HostPlan, wanted};
use super::{Done, KeepPlan};
use crate::names::{Component, Fqdn, Target};
use crate::reason::Reason;
use crate::rows::CandidateRow;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters of a sentence, and of all that is said of an end in red: some hundred travel from state to state.
const LONGEST: usize = 500;
const LONGEST_OF_ALL: usize = 4_000;

/// Sentences of a target, and components of all targets: a state holds 256 KiB.
const MOST: usize = 100;

/// The input of Keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeepRequest {
    /// The execution's input.
    pub input: Value,
}

/// What is to be looked after, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whom {
    /// Why.
    pub why: Why,
    /// Whether it is only to be told how everything is.
    pub status: bool,
}

/// Why the keeper looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// EC2 says that this instance is in another state: its target, if it is one of ours.
    Changed(String),
    /// It is time: all targets.
    Schedule,
    /// An execution: this target, or all.
    Asked(Option<Target>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(default)]
    target: Option<Target>,
    #[serde(default)]
    status: bool,
}

impl Whom {
    /// Reads an event of EC2
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html>), one of a
    /// schedule, or an execution's input: `{"target": "stage", "status": true}`, both of which may be left out.
    pub fn parse(input: &Value) -> Result<Self, String> {
        let why = match input["source"].as_str() {
            Some("aws.ec2") => {
                let id = input["detail"]["instance-id"].as_str();
                let id =
                    id.ok_or("detail.instance-id: missing; an event about an instance has it")?;
                Why::Changed(id.to_owned())
            }
            Some("aws.events") => Why::Schedule,
            Some(other) => {
                return Err(format!(
                    "source: an event of `{other}` is none to look after"
                ));
            }
            None => {
                let typed = Typed::deserialize(input).map_err(|error| error.to_string())?;
                return Ok(Self {
                    why: Why::Asked(typed.target),
                    status: typed.status,
                });
            }
        };
        Ok(Self { why, status: false })
    }
}

/// The reply of Keep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepReply {
    /// Each target that was looked at.
    pub targets: Vec<Kept>,
    /// Seconds until there is to be another look, if there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<u32>,
    /// What could not be done, of all targets: sentences. Another look may do it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failed: String,
    /// What is not launched any more, of all targets: sentences. Each look of an execution says it, so it is told
    /// whatever becomes of the look that decided it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stopped: String,
    /// Executions that do what a look found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub started: Vec<String>,
}

impl KeepReply {
    /// Of all targets.
    pub fn of(mut targets: Vec<Kept>) -> Self {
        let mut room = MOST;
        for kept in &mut targets {
            kept.components.truncate(room);
            room -= kept.components.len();
        }
        let failed = sentences(targets.iter().flat_map(|one| &one.failed));
        let stopped = sentences(targets.iter().flat_map(|one| &one.stopped));
        Self {
            again: targets.iter().any(|one| one.waits).then_some(1),
            failed,
            stopped,
            targets,
            started: Vec::new(),
        }
    }
}

/// What was seen and done on a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Kept {
    /// Which.
    pub target: Target,
    /// The keeper's turn there, when it was looked.
    #[serde(default)]
    pub turn: u64,
    /// Its components: of a status all, else those that are not as they should be.
    #[serde(default)]
    pub components: Vec<Seen>,
    /// What there is to do: sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<String>,
    /// What was done: sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<String>,
    /// What is not launched any more, at the last look: sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<String>,
    /// What could not be done: sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
    /// Whether there is to be another look soon.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    /// Rows of the history that could not be written: nothing waits for them.
    #[serde(default, skip_serializing_if = "crate::reason::is_zero")]
    pub untold: usize,
    /// Rows of the history that could not be put on the bus: the next sweep tries again.
    #[serde(default, skip_serializing_if = "crate::reason::is_zero")]
    pub unannounced: usize,
    /// Of a status: what was done last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Done>,
}

impl Kept {
    /// Nothing is known yet.
    pub fn of(target: Target) -> Self {
        Self {
            target,
            turn: 0,
            components: Vec::new(),
            plan: Vec::new(),
            done: Vec::new(),
            stopped: Vec::new(),
            failed: Vec::new(),
            waits: false,
            untold: 0,
            unannounced: 0,
            history: Vec::new(),
        }
    }

    /// What a look has found.
    pub fn found(&mut self, plan: &KeepPlan, status: bool) {
        let seen = plan.seen.iter().filter(|one| status || !one.is_well());
        self.components = seen.cloned().collect();
        self.plan = lines(&plan.says);
        self.waits = plan.waits;
        // Who only asks how everything is gets that, and is no failure.
        let given_up = plan.given_up.values().filter(|_| !status).cloned();
        self.stopped = lines(&given_up.collect::<Vec<_>>());
    }

    /// These were done.
    pub fn did(&mut self, what: &[String]) {
        let room = MOST.saturating_sub(self.done.len());
        self.done.extend(lines(what).into_iter().take(room));
    }

    /// One could not be.
    pub fn failed_at(&mut self, why: &str) {
        let why = Reason::within(why, LONGEST).to_string();
        if self.failed.len() < MOST && !self.failed.contains(&why) {
            self.failed.push(why);
        }
    }
}

fn sentences<'a>(all: impl Iterator<Item = &'a String>) -> String {
    let all: Vec<String> = all.map(|why| format!("{why}.")).collect();
    Reason::within(&all.join(" "), LONGEST_OF_ALL).to_string()
}

fn lines(sentences: &[String]) -> Vec<String> {
    let short = |what: &String| Reason::within(what, LONGEST).to_string();
    sentences.iter().take(MOST).map(short).collect()
}

/// How a component is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seen {
    /// Which.
    pub component: Component,
    /// Where its alias leads.
    pub hostname: Fqdn,
    /// How many instances should run.
    pub wanted: usize,
    /// To how many users are sent that are well, or may be.
    pub serving: usize,
    /// Those that are not well: `i-1 is terminated`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unwell: Vec<String>,
}

impl Seen {
    pub(super) fn of(row: &CandidateRow, host: &HostPlan) -> Self {
        let unwell = host.fits.iter().filter_map(|(id, fit)| match fit.why() {
            Some(why) => Some(Reason::within(&format!("{id} {why}"), 200).to_string()),
            None if fit.word() == "starts" => Some(format!("{id} starts")),
            None => None,
        });
        Self {
            component: row.component.clone(),
            hostname: row.hostname.clone(),
            wanted: wanted(row),
            serving: host.serving,
            unwell: unwell.collect(),
        }
    }

    /// Whether all is as it should be.
    pub fn is_well(&self) -> bool {
        self.unwell.is_empty() && self.serving >= self.wanted
    }
}
