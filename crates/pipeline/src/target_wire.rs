//! What travels between the states of the target machine. Field names are a user interface: people
//! read them in the console.

use crate::names::{Domain, Project, Target};
use crate::target_stack::Settled;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Input of Plan target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanTargetRequest {
    /// What a person typed.
    pub input: Value,
    /// The execution's name.
    pub execution: String,
}

/// What an execution of the target's state machine is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetAction {
    /// Make or change it.
    Provision,
    /// Take it away.
    Teardown,
}

/// What every state knows of the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetPlan {
    /// What the execution is to do with it.
    pub action: TargetAction,
    /// Whose.
    pub project: Project,
    /// Which.
    pub target: Target,
    /// `<project>-<target>`
    pub stack: String,
    /// `dev.myproj.com`
    pub domain: Domain,
    /// The execution's name.
    pub execution: String,
    /// Values that were asked for.
    pub parameters: BTreeMap<String, String>,
    /// Whether the stack refuses to be deleted, and a database leaves a snapshot.
    pub protected: bool,
    /// Seconds between two looks at what takes its time.
    pub pause: u32,
}

/// What a state of the target machine is called with where it needs no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetRequest {
    /// Of Plan target.
    pub plan: TargetPlan,
}

/// What was begun with a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// What; `none` where nothing differs.
    pub operation: Operation,
    /// The stack's ARN, where there is one.
    #[serde(default)]
    pub stack_id: String,
    /// Which events are this operation's.
    #[serde(default)]
    pub token: String,
    /// Of which template the stack is made; its name has its SHA-256 in it.
    #[serde(default)]
    pub template: String,
    /// What the stack consists of, where it is about to be deleted.
    #[serde(default)]
    pub resources: Vec<String>,
}

/// What CloudFormation was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A new stack.
    Create,
    /// Changes.
    Update,
    /// To go.
    Delete,
    /// What a failed creation left is to go first; then apply again.
    RemoveFirst,
    /// Nothing: another operation is under way; then apply again.
    Wait,
    /// Nothing: nothing differs, or there is nothing.
    None,
}

/// Input of Look at stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookRequest {
    /// Of Plan target.
    pub plan: TargetPlan,
    /// What is waited for.
    pub begun: Begun,
}

/// Reply of Look at stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// How far it is.
    pub settled: Settled,
    /// In CloudFormation's word.
    pub status: String,
    /// What a person reads if it is not what it should be.
    #[serde(default)]
    pub cause: String,
}

/// Reply of Prove target usable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usable {
    /// What was tried, each a sentence.
    pub proven: Vec<String>,
    /// The version of the launch template that releases launch from.
    #[serde(default = "crate::launch_template::first")]
    pub launch_template_version: String,
    /// What keeps nobody from recording the target, and should be mended, each with what to do.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Input of Record target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordTargetRequest {
    /// Of Plan target.
    pub plan: TargetPlan,
    /// What was done.
    pub operation: Operation,
    /// Of which template the stack is made; empty where Apply stack did not say.
    #[serde(default)]
    pub template: String,
    /// What was tried.
    pub proven: Vec<String>,
    /// The version of the launch template that releases launch from.
    #[serde(default = "crate::launch_template::first")]
    pub launch_template_version: String,
    /// What should be mended.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What a provisioning changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvisionOutcome {
    /// The target is new.
    Provisioned,
    /// It was there, and is made of something else now.
    Updated,
    /// It was there and is as it was.
    Unchanged,
}

/// What a provisioning ends with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provisioned {
    /// What differs from before.
    pub outcome: ProvisionOutcome,
    /// Which.
    pub target: Target,
    /// Its stack.
    pub stack: String,
    /// Whether the stack refuses to be deleted.
    pub protected: bool,
    /// By name.
    pub outputs: BTreeMap<String, String>,
    /// What was tried.
    pub proven: Vec<String>,
    /// What should be mended, each with what to do.
    pub warnings: Vec<String>,
}

/// Input of Apply stack and of Delete stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundRequest {
    /// Of Plan target.
    pub plan: TargetPlan,
    /// Which time, from 1: each is an operation of its own. Before it, what kept the stack from going is cleared again, or
    /// what somebody else had begun with it has ended. An execution that began with an earlier definition does not tell.
    #[serde(default = "first_round")]
    pub round: u32,
}

fn first_round() -> u32 {
    1
}

/// Reply of Close target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Executions that still work on the target.
    pub running: Vec<String>,
}

/// Reply of Clear target; asked again until nothing is left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleared {
    /// Whether the stack can go.
    pub done: bool,
    /// Record names that were deleted.
    pub records: Vec<String>,
    /// Instances that were ended.
    pub instances: Vec<String>,
    /// Instances that are still ending.
    pub ending: Vec<String>,
    /// Objects and versions that were deleted.
    pub objects: u64,
}

/// Reply of Forget target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// Rows that were deleted.
    pub rows: u64,
    /// Objects of its releases in the pipeline's bucket that were deleted.
    pub objects: u64,
}

/// Reply of Prove nothing is left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftovers {
    /// What is still there.
    pub left: Vec<String>,
    /// What stays on purpose: a protected database's last snapshot.
    pub kept: Vec<String>,
    /// Where was looked, each a sentence.
    pub proven: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What a function is asked by an execution that began before the pipeline was updated.
    #[test]
    fn a_stack_is_applied_for_the_first_time_where_no_round_is_told() {
        let plan = json!({
            "action": "provision", "project": "myproj", "target": "stage", "stack": "myproj-stage",
            "domain": "stage.myproj.com", "execution": "x", "parameters": {}, "protected": false, "pause": 20,
        });
        let asked = |value| serde_json::from_value::<RoundRequest>(value).unwrap().round;
        assert_eq!(asked(json!({"plan": plan})), 1);
        assert_eq!(asked(json!({"plan": plan, "round": 3})), 3);
    }
}
