//! What the sweeper is asked, and what it tells.

use super::{Job, SweepPlan};
use crate::bounds::MAX_LISTED;
use crate::names::{Target, Ticket, release_label};
use crate::reason::Reason;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters of a sentence, and of all that failed: some hundred of them travel from state to state.
const LONGEST: usize = 500;
const LONGEST_FAILURE: usize = 4_000;

/// The input of Sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepRequest {
    /// The execution's input, as it came: an event, or what somebody typed.
    pub input: Value,
    /// Releases whose drain this execution has waited for.
    #[serde(default)]
    pub drained: Vec<Drained>,
    /// By which the history knows what this run does; an earlier definition does not tell.
    #[serde(default)]
    pub run: Option<Run>,
}

/// One look of an execution: the same at each try.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Run {
    /// The execution's name.
    pub execution: String,
    /// When its state was entered, RFC 3339.
    pub entered: String,
}

/// A release that has drained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// Where.
    pub target: Target,
    /// Which.
    pub ticket: Ticket,
}

/// What is to be swept, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whom {
    /// Why.
    pub cause: Cause,
    /// Whether it is only to be told what would be done.
    pub dry_run: bool,
}

/// Why there is a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The execution of this ARN has ended: its target.
    Ended(String),
    /// It is time: all targets.
    Schedule,
    /// Somebody asks for it: this target, or all.
    Asked(Option<Target>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(default)]
    target: Option<Target>,
    #[serde(default)]
    dry_run: bool,
}

impl Whom {
    /// Reads an execution's input: an event of Step Functions
    /// (<https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html>), one of a
    /// schedule (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html>), or
    /// `{"target": "stage", "dry_run": true}`, both of which may be left out.
    pub fn parse(input: &Value) -> Result<Self, String> {
        let cause = match input["source"].as_str() {
            Some("aws.states") => {
                let arn = input["detail"]["executionArn"].as_str();
                let arn =
                    arn.ok_or("detail.executionArn: missing; an event about an execution has it")?;
                Cause::Ended(arn.to_owned())
            }
            Some("aws.events") => Cause::Schedule,
            Some(other) => {
                return Err(format!(
                    "source: an event of `{other}` is none to sweep for"
                ));
            }
            None => {
                let typed: Typed = Typed::deserialize(input).map_err(|error| error.to_string())?;
                return Ok(Self {
                    cause: Cause::Asked(typed.target),
                    dry_run: typed.dry_run,
                });
            }
        };
        Ok(Self {
            cause,
            dry_run: false,
        })
    }
}

/// The reply of Sweep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepReply {
    /// Each target that was looked at.
    pub targets: Vec<Swept>,
    /// Whether, and when, there is to be another look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
    /// What could not be done, of all targets: sentences; empty where all was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failed: String,
}

impl SweepReply {
    /// Of all targets, each with the seconds that a release of it drains. `drained` are those that have.
    pub fn of(found: Vec<(Swept, u32)>, drained: Vec<Drained>) -> Self {
        let mut reply = Self::default();
        let mut again = Again {
            seconds: 0,
            drained,
        };
        let mut failed = Vec::new();
        for (swept, drain) in found {
            if swept.wants_another() {
                again.seconds = again.seconds.max(drain).max(1);
            }
            let draining = swept.draining.iter().map(|ticket| Drained {
                target: swept.target.clone(),
                ticket: *ticket,
            });
            again.drained.extend(draining);
            failed.extend(swept.failed.iter().map(|why| format!("{why}.")));
            reply.targets.push(swept);
        }
        reply.failed = Reason::within(&failed.join(" "), LONGEST_FAILURE).to_string();
        reply.again = (again.seconds > 0).then_some(again);
        reply
    }
}

/// Another look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// Seconds until then.
    pub seconds: u32,
    /// Releases that have drained by then.
    pub drained: Vec<Drained>,
}

/// What was found and done on a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Swept {
    /// Which.
    pub target: Target,
    /// What there is to do: sentences, none where nothing is left.
    pub plan: Vec<String>,
    /// What was done: sentences. Of a dry run none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<String>,
    /// What no release accounts for, so that it is left alone: sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unaccounted: Vec<String>,
    /// What could not be done: sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
    /// Whether some of that may pass by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_pass: bool,
    /// Releases that are left for the next look.
    #[serde(default, skip_serializing_if = "crate::reason::is_zero")]
    pub left: usize,
    /// Rows of the history that could not be written: nothing waits for them.
    #[serde(default, skip_serializing_if = "crate::reason::is_zero")]
    pub untold: usize,
    /// Rows of the history that could not be put on the bus: the next sweep tries again.
    #[serde(default, skip_serializing_if = "crate::reason::is_zero")]
    pub unannounced: usize,
    /// Releases that drain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub draining: Vec<Ticket>,
}

fn line(sentence: &str) -> String {
    Reason::within(sentence, LONGEST).to_string()
}

impl Swept {
    /// What a plan says before anything is done.
    pub fn of(target: &Target, plan: &SweepPlan) -> Self {
        Self {
            target: target.clone(),
            plan: plan
                .jobs
                .iter()
                .map(|job| line(&job.sentence(target)))
                .collect(),
            done: Vec::new(),
            unaccounted: plan.named.clone(),
            failed: Vec::new(),
            may_pass: false,
            left: plan.left,
            untold: 0,
            unannounced: 0,
            draining: Vec::new(),
        }
    }

    /// One more thing was done.
    pub fn did(&mut self, what: &str) {
        self.done.push(line(what));
    }

    /// One could not be.
    pub fn failed_at(&mut self, why: &str) {
        self.failed.push(line(why));
    }

    /// Whether another look is of use: something changed, drains, may pass by itself, or waits for its turn.
    pub fn wants_another(&self) -> bool {
        let has_work = !self.done.is_empty() || !self.draining.is_empty();
        has_work || self.may_pass || self.left > 0
    }
}

impl Job {
    /// What is to be done, as a person reads it.
    pub fn sentence(&self, target: &Target) -> String {
        let label = |ticket: &Ticket| release_label(target, *ticket);
        match self {
            Self::Undo {
                ticket,
                ending,
                hostnames,
            } => format!(
                "{}: {}; its row gets to say how it ended, and {}",
                label(ticket),
                ending.clause(),
                going(hostnames)
            ),
            Self::Companions { ticket, hostnames } => format!(
                "{}: it has ended, and {}, which was only tested beside it",
                label(ticket),
                going(hostnames)
            ),
            Self::Drain {
                ticket, hostnames, ..
            } => format!(
                "{}: it is live and its execution has ended; once nobody can remember what was before, {}",
                label(ticket),
                going(hostnames)
            ),
            Self::Retire {
                ticket, hostnames, ..
            } => format!(
                "{}: it is live and has drained, and {}",
                label(ticket),
                going(hostnames)
            ),
            Self::Records(names) => {
                format!(
                    "records that came after what they lead to had gone: {}",
                    going(names)
                )
            }
            Self::Instances(ids) => {
                format!(
                    "instances of releases that ended, in no row and no record: {}",
                    going(ids)
                )
            }
        }
    }
}

fn going(names: &[impl ToString]) -> String {
    let listed: Vec<String> = names
        .iter()
        .take(MAX_LISTED)
        .map(ToString::to_string)
        .collect();
    match (names.len(), names.len() - listed.len()) {
        (0, _) => "nothing of it stands".into(),
        (1, _) => format!("{} goes", listed[0]),
        (_, 0) => format!("{} go", listed.join(", ")),
        (_, more) => format!("{} and {more} more go", listed.join(", ")),
    }
}
