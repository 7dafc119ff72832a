//! Releases and how they ended.

use crate::names::Ticket;
use crate::wire::PlanReply;
use serde::{Deserialize, Serialize};

/// How far a release got, in the words of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReleaseOutcome {
    /// It has neither moved an alias nor ended.
    #[serde(rename = "running")]
    Running,
    /// Its cutover moved the aliases.
    #[serde(rename = "live")]
    Live,
    /// All that was asked for was live at these commits, by an earlier or another release.
    #[serde(rename = "already live")]
    AlreadyLive,
    /// It ended without moving an alias.
    #[serde(rename = "not released")]
    NotReleased,
    /// Its libraries are released, and it brought nothing else.
    #[serde(rename = "libraries released")]
    LibrariesReleased,
    /// It was live, and Watch release took it back.
    #[serde(rename = "rolled back")]
    RolledBack,
}

/// `target#<t>` / `release#<ticket>`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRow {
    /// Its number.
    pub ticket: Ticket,
    /// The execution's name.
    pub execution: String,
    /// The execution's ARN.
    pub execution_arn: String,
    /// RFC 3339.
    pub started: String,
    /// What Plan release answered: the same execution gets the same plan again.
    pub plan: PlanReply,
    /// How far it got.
    pub outcome: ReleaseOutcome,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Route 53's change that moved the aliases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_id: Option<String>,
}

impl ReleaseRow {
    /// Of a release that begins, with its execution's name and ARN.
    pub fn begun(
        plan: PlanReply,
        (execution, execution_arn): (String, String),
        started: String,
    ) -> Self {
        Self {
            ticket: plan.release.ticket,
            execution,
            execution_arn,
            started,
            plan,
            outcome: ReleaseOutcome::Running,
            cause: None,
            ended: None,
            change_id: None,
        }
    }
}
