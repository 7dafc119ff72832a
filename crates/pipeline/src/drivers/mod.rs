//! Drivers: decisions that need several looks, without any I/O.
//!
//! A driver is a value. [`Driver::next`] says what it needs next ([`Ask`]); whoever runs it does that
//! and gives the answer ([`Answer`]), until there is a reply. The functions run drivers on AWS
//! (`crates/drive`), the model check runs the very same values on a modelled world, with crashes and
//! late answers between any two asks, and unit tests feed them answers.
//!
//! An example, the cutover of `api`:
//!
//! | the driver asks | it is told |
//! |---|---|
//! | `Candidates`: what is recorded of its own hostnames? | both rows, still of this release |
//! | `View`: what does the zone hold? | `api` leads to version 1 |
//! | `Candidates`: what is recorded of what is live? | version 1, release 7 |
//! | `Examine`: are the candidates well? | yes |
//! | `RecordSet`: what was tested together | done |
//! | `Change`: move `api` from version 1 to version 2 | refused: a record is not what it was |
//! | `View`: what does the zone hold now? | ... |
//!
//! A crash at any ask loses the driver. The stage runs again with a new one, which begins with a look.

mod confirm;
mod cutover;
mod discard;
mod keep;
mod plan_companions;
mod publish_hostnames;
mod publish_peers;
mod record;
mod request;
mod roll_back;
mod sweep;
mod take_down;
mod terminate;
#[cfg(test)]
mod testing;

pub use confirm::{Confirm, Confirmed};
pub use cutover::Cutover;
pub use discard::Discard;
pub use keep::{Keep, KeepAnswer, KeepAsk, Keeping, LaunchOutcome};
pub use plan_companions::PlanCompanions;
pub use publish_hostnames::PublishHostnames;
pub use publish_peers::PublishPeers;
pub use roll_back::RollBack;
pub use sweep::{Mode, Sweep};
pub use terminate::{Terminate, Terminated};

use crate::errors::{ErrorName, Fault};
use crate::evidence::Subject;
use crate::health::{Condition, Tolerates};
use crate::names::{Component, Fqdn, Ticket};
use crate::proof::Proof;
use crate::records::{Batch, ZoneView};
use crate::retire::Leaving;
use crate::rows::{
    AliasRow, CandidateRow, CandidateState, HistoryRow, ProofRow, ReleaseOutcome, ReleaseRow,
    SetRow,
};
use crate::sweep::{Launched, SeenRelease, Stands};
use crate::wire::{PlanReply, Release, SuiteReply, Tagged};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Rows of candidates, by hostname.
pub type Rows = BTreeMap<Fqdn, Arc<CandidateRow>>;

/// A decision that needs several looks.
pub trait Driver {
    /// What it comes to.
    type Reply;

    /// Whose decision it is: what it asks is asked of this release's target.
    fn release(&self) -> &Release;

    /// Takes the answer to what it asked last ([`Answer::Begin`] at first) and says what comes next.
    /// `now` is the time of the answer (RFC 3339).
    fn next(&mut self, answer: Answer, now: &str) -> Result<Next<Self::Reply>, Fault>;

    /// What it asked for last could not be done. That ends it, unless nothing depends on it any more.
    fn call_failed(&mut self, fault: Fault) -> Result<Next<Self::Reply>, Fault> {
        Err(fault)
    }
}

/// What comes next.
#[derive(Debug, Clone)]
pub enum Next<R> {
    /// This is needed.
    Ask(Ask),
    /// Nothing is needed any more.
    Done(R),
}

/// What a driver needs of the world. Each is one call of AWS, or several that do the same thing.
#[derive(Debug, Clone)]
pub enum Ask {
    /// All records of the target's zone. Answer: [`Answer::Zone`].
    View,
    /// What is recorded of these hostnames. Answer: [`Answer::Rows`].
    Candidates(BTreeSet<Fqdn>),
    /// What is recorded of all hostnames that stand. Answer: [`Answer::Rows`].
    AllCandidates,
    /// The hostnames of components that the release of this ticket planned. Answer: [`Answer::Names`].
    PlannedNames(Ticket),
    /// What is recorded of these aliases. Answer: [`Answer::Aliases`].
    Aliases(BTreeSet<Component>),
    /// Which of these components the project has. Answer: [`Answer::Components`].
    Components(BTreeSet<Component>),
    /// Which of these commits of libraries are released. Answer: [`Answer::Released`].
    Released(Vec<Tagged>),
    /// Whether all of these have passed on the target. Answer: [`Answer::Passed`].
    HavePassed(Vec<Proof>),
    /// So many seconds. Answer: [`Answer::Done`].
    Wait(u64),
    /// What Run suite wrote of these suites. Answer: [`Answer::Evidence`].
    Evidence(Vec<Subject>),
    /// Until these candidates have been healthy for as long as their manifests say
    /// ([`crate::health::settles_in`]). Answer: [`Answer::Done`].
    Settle(Vec<Arc<CandidateRow>>),
    /// How the instances behind these hostnames are. Answer: [`Answer::Conditions`].
    Examine(Vec<Arc<CandidateRow>>, Tolerates),
    /// A batch for the zone, with its comment. Answer: [`Answer::Changed`].
    Change(Batch, String),
    /// Until every name server answers with this change. Answer: [`Answer::Done`].
    WaitInSync(String),
    /// What was tested together, and what each component passed beside. Answer: [`Answer::Done`].
    RecordSet(Box<SetRow>, Vec<ProofRow>),
    /// What is live, unless a later release has recorded itself. Answer: [`Answer::Done`].
    RecordAliases(Vec<AliasRow>),
    /// These were replaced by the release of this ticket, and may be kept for their connections for so long from now on.
    /// Answer: [`Answer::Done`].
    KeepConnected(Ticket, Vec<(Fqdn, Duration)>),
    /// What is live already is what the release of this ticket asked for: noted in these rows, each if it is this
    /// ticket's still and no later release is noted. Answer: [`Answer::Moved`], those that are noted.
    Confirm(Ticket, Vec<(Fqdn, Ticket)>),
    /// Candidates' rows move on, each if it is its release's still. Answer: [`Answer::Moved`].
    MoveOn(Vec<Mark>),
    /// What a roll-back took over is as it was before: these rows, each if it is this ticket's still and
    /// nobody has begun to take it away. Answer: [`Answer::Done`].
    GiveBack(Ticket, Vec<CandidateRow>),
    /// The release of this ticket is live, by this change of Route 53 if it is known. Answer:
    /// [`Answer::Done`].
    RecordLive(Ticket, Option<String>),
    /// The release of this ticket ended so, for this cause. Answer: [`Answer::Done`].
    RecordFailure(Ticket, ReleaseOutcome, String),
    /// Of these releases, those that are recorded as running were not released, for this cause. Answer:
    /// [`Answer::Done`].
    RecordSuperseded(BTreeSet<Ticket>, String),
    /// The instances behind these hostnames end. Answer: [`Answer::Ended`].
    End(Vec<Leaving>),
    /// The release of this ticket was taken back, for this cause. Answer: [`Answer::Done`].
    RecordRolledBack(Ticket, String),
    /// What the execution of this name, which began then (RFC 3339), has planned before. Answer:
    /// [`Answer::Plan`].
    PlanOf(String, String),
    /// The target's next ticket. Answer: [`Answer::Ticket`].
    DrawTicket,
    /// All names of a release, or none. Answer: [`Answer::Reserved`].
    Reserve(Box<Reservation>),
    /// The names of companions, all or none. Answer: [`Answer::Reserved`].
    ReserveCompanions(Vec<CandidateRow>),
    /// The target's instances that are up. Answer: [`Answer::Instances`].
    Instances,
    /// What is recorded of these releases, and of the newest. Answer: [`Answer::Releases`].
    Releases(BTreeSet<Ticket>),
    /// How the executions of these releases stand. Answer: [`Answer::Executions`].
    Executions(BTreeMap<Ticket, Arc<ReleaseRow>>),
    /// These instances end. Answer: [`Answer::Ended`].
    EndInstances(Vec<String>),
    /// What only the keeper asks for. Answer: [`Answer::Keep`].
    Keep(KeepAsk),
    /// What begins, or was done, for who reads the history. Nothing is decided by it. Answer: [`Answer::Done`].
    Tell(Box<HistoryRow>),
}

/// Where a candidate's row moves on to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Whose row.
    pub hostname: Fqdn,
    /// The release that it belongs to.
    pub ticket: Ticket,
    /// What it says from then on.
    pub state: CandidateState,
}

/// As a log tells it, after who asks: "looks at the zone".
impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::View => write!(f, "looks at the zone"),
            Self::Candidates(names) => write!(f, "reads {} rows of hostnames", names.len()),
            Self::AllCandidates => write!(f, "reads the rows of all hostnames that stand"),
            Self::PlannedNames(ticket) => write!(f, "reads what {ticket} planned"),
            Self::Aliases(names) => write!(f, "reads {} rows of aliases", names.len()),
            Self::Components(names) => write!(f, "reads {} rows of components", names.len()),
            Self::Released(all) => write!(f, "reads {} rows of libraries", all.len()),
            Self::HavePassed(proofs) => write!(f, "reads {} proofs", proofs.len()),
            Self::Wait(seconds) => write!(f, "waits {seconds} s"),
            Self::Evidence(all) => write!(f, "reads the evidence of {} suites", all.len()),
            Self::Settle(rows) => write!(f, "lets {} settle", rows.len()),
            Self::Examine(rows, _) => write!(f, "looks at the instances of {}", rows.len()),
            Self::Change(_, comment) => write!(f, "applies its batch ({comment})"),
            Self::WaitInSync(id) => write!(f, "waits until {id} is INSYNC"),
            Self::RecordSet(set, _) => write!(f, "records the tested set of {}", set.release),
            Self::RecordAliases(rows) => write!(f, "records {} aliases", rows.len()),
            Self::KeepConnected(_, all) => write!(f, "keeps {} for their connections", all.len()),
            Self::Confirm(_, all) => write!(f, "confirms {} rows as live", all.len()),
            Self::MoveOn(marks) => match marks.first() {
                Some(one) => write!(f, "marks {} rows as {:?}", marks.len(), one.state),
                None => write!(f, "marks no row"),
            },
            Self::GiveBack(_, rows) => write!(f, "gives {} rows back as they were", rows.len()),
            Self::RecordLive(ticket, _) => write!(f, "records {ticket} as live"),
            Self::RecordFailure(ticket, outcome, _) => write!(f, "records {ticket} as {outcome:?}"),
            Self::RecordSuperseded(tickets, _) => {
                write!(f, "records {} releases as superseded", tickets.len())
            }
            Self::End(leaving) => write!(f, "ends the instances of {}", leaving.len()),
            Self::RecordRolledBack(ticket, _) => write!(f, "records {ticket} as rolled back"),
            Self::PlanOf(execution, _) => write!(f, "reads the plan of {execution}"),
            Self::DrawTicket => write!(f, "draws a ticket"),
            Self::Reserve(one) => write!(f, "reserves {} names", one.names()),
            Self::ReserveCompanions(rows) => write!(f, "reserves {} names", rows.len()),
            Self::Instances => write!(f, "looks at the target's instances"),
            Self::Releases(these) => {
                write!(f, "reads {} rows of releases, and the newest", these.len())
            }
            Self::Executions(these) => write!(f, "asks for the executions of {}", these.len()),
            Self::EndInstances(ids) => write!(f, "ends {} instances", ids.len()),
            Self::Keep(ask) => ask.fmt(f),
            Self::Tell(row) => write!(f, "tells that {} is {:?}", row.act, row.state),
        }
    }
}

/// Everything that a release reserves.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// The release.
    pub release: ReleaseRow,
    /// Its candidates, in state `planned`.
    pub candidates: Vec<CandidateRow>,
    /// Instances that stand from before and that it takes over: the row as it was seen, and as it
    /// will be.
    pub taken_over: Vec<(CandidateRow, CandidateRow)>,
    /// The release of an earlier execution that had the same name.
    pub earlier: Option<Ticket>,
}

impl Reservation {
    fn names(&self) -> usize {
        self.candidates.len() + self.taken_over.len()
    }
}

/// What a driver is told.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It begins.
    Begin,
    /// It is done.
    Done,
    /// The zone.
    Zone(ZoneView),
    /// The rows that there are.
    Rows(Rows),
    /// The rows that there are.
    Aliases(Vec<AliasRow>),
    /// Those that there are.
    Components(BTreeSet<Component>),
    /// Those that are.
    Released(Vec<Tagged>),
    /// Whether all have.
    Passed(bool),
    /// How each suite ended.
    Evidence(Vec<SuiteReply>),
    /// Of each hostname.
    Conditions(BTreeMap<Fqdn, Condition>),
    /// What became of a batch.
    Changed(ChangeOutcome),
    /// The hostnames whose rows moved on; the others belong to another release by now, or are gone.
    Moved(BTreeSet<Fqdn>),
    /// Hostnames.
    Names(BTreeSet<Fqdn>),
    /// The instances that were ended.
    Ended(Vec<String>),
    /// What is planned for that name.
    Plan(PlanFound),
    /// The ticket.
    Ticket(Ticket),
    /// Whether the names are reserved: `false` where somebody else was first with one of them.
    Reserved(bool),
    /// Those that are up.
    Instances(Vec<Launched>),
    /// The rows that there are.
    Releases(Vec<SeenRelease>),
    /// Of each.
    Executions(BTreeMap<Ticket, Stands>),
    /// What only the keeper is told.
    Keep(KeepAnswer),
}

/// What is planned for the name of an execution.
#[derive(Debug, Clone)]
pub enum PlanFound {
    /// Nothing.
    None,
    /// Its own plan.
    Own(Box<PlanReply>),
    /// This release, by an execution that had the name long ago.
    Earlier(Ticket),
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// All of it was applied, as this change of Route 53.
    Applied(String),
    /// Nothing of it was applied: the zone is not what was observed, as Route 53 says in these words.
    Refused(String),
}

impl Answer {
    /// It answers something else than what was asked: whoever runs the driver has a fault.
    fn out_of_turn(&self) -> Fault {
        let text = format!("a driver was told what it had not asked for: {self:?}");
        Fault::new(ErrorName::Misconfigured, text)
    }
}

/// How often is looked again because the zone moved between a look and what followed from it.
pub const MAX_PLANS: u32 = 5;

/// How often the very same batch is refused before that is an error.
const MAX_REFUSALS: u32 = 3;

/// Counts how often a batch was planned, and remembers the one that was refused last.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attempts {
    left: u32,
    refused: Option<Batch>,
    /// How often that one was.
    times: u32,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            left: MAX_PLANS,
            refused: None,
            times: 0,
        }
    }
}

impl Attempts {
    /// Whether there may be one more look. `while` says what was being done: "while hostnames were
    /// taken away".
    pub fn again(&mut self, while_: &str) -> Result<(), Fault> {
        self.left -= 1;
        match self.left {
            0 => Err(Fault::new(
                ErrorName::Unavailable,
                format!("the zone kept changing {while_}"),
            )),
            _ => Ok(()),
        }
    }

    /// The same after a refusal. A zone that moved gives another batch at the next look; the very same
    /// batch refused again and again is refused for another reason. Twice it may be by chance: a record
    /// went, came late, and went again.
    pub fn refused(&mut self, batch: Batch, why: &str, while_: &str) -> Result<(), Fault> {
        self.times = match self.refused.as_ref() == Some(&batch) {
            true => self.times + 1,
            false => 1,
        };
        self.refused = Some(batch);
        match self.times >= MAX_REFUSALS {
            true => Err(Fault::new(
                ErrorName::CallRefused,
                format!(
                    "route53:ChangeResourceRecordSets refused the change {MAX_REFUSALS} times, although the zone is as it was looked at: {why}"
                ),
            )),
            false => self.again(while_),
        }
    }
}
