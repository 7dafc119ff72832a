//! What becomes of a target's stack: from what CloudFormation says of it to what is to be done.

use crate::launch_template;
use crate::names::{Domain, Target};
use crate::rows::EnvironmentRow;
use crate::settings::{BadOutput, TargetSettings, text};
use crate::target_wire::Operation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A stack as CloudFormation describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// Its ARN: finds it after it was deleted, too.
    pub id: String,
    /// E.g. `CREATE_COMPLETE`.
    pub status: String,
    /// Of the status.
    pub reason: String,
    /// As given, or the template's defaults.
    pub parameters: BTreeMap<String, String>,
    /// Its own tags.
    pub tags: BTreeMap<String, String>,
    /// By name.
    pub outputs: BTreeMap<String, String>,
    /// Whether it refuses to be deleted.
    pub is_protected: bool,
}

impl Stack {
    /// Whether it is this project's and target's, and not somebody else's of the same name.
    pub fn is_of(&self, project: &str, target: &Target) -> bool {
        let tag = |key: &str| self.tags.get(key).map(String::as_str);
        tag("cutover:project") == Some(project) && tag("cutover:target") == Some(target.as_str())
    }

    /// How far it is. The statuses are those of
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>.
    pub fn settled(&self) -> Settled {
        match self.status.as_str() {
            "DELETE_COMPLETE" => Settled::Gone,
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" => Settled::Good,
            // Everything new is there already; what was replaced is being removed.
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => Settled::InProgress,
            "UPDATE_ROLLBACK_COMPLETE" => Settled::RolledBack,
            status if status.ends_with("_IN_PROGRESS") => Settled::InProgress,
            _ => Settled::Failed,
        }
    }
}

/// How far a stack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// CloudFormation is at it.
    InProgress,
    /// It is what the template says.
    Good,
    /// An update failed; it is what it was before.
    RolledBack,
    /// It is not what it should be.
    Failed,
    /// There is none.
    Gone,
}

/// What provisioning does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyPlan {
    /// There is none.
    Create,
    /// There is one that can be updated.
    Update,
    /// What a failed creation or deletion left goes first.
    RemoveFirst,
    /// Another operation is under way; then this one.
    Wait,
    /// A person must look.
    Refused(ApplyRefusal),
}

/// Why a stack is left as it is, and what a person does about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyRefusal {
    /// A stack of this name is somebody else's.
    #[error(
        "the stack {name} exists and is not this target's: it lacks the tags cutover:project and cutover:target; rename the target, or delete that stack"
    )]
    NotOurs {
        /// The stack's name.
        name: String,
    },
    /// An update failed, and so did going back.
    #[error(
        "the stack {name} is {status}: {reason}; bring it back with `aws cloudformation continue-update-rollback --stack-name {name}` and provision again"
    )]
    Stuck {
        /// The stack's name.
        name: String,
        /// In CloudFormation's word, e.g. `UPDATE_ROLLBACK_FAILED`.
        status: String,
        /// In CloudFormation's words.
        reason: String,
    },
}

/// What provisioning does with what is there.
pub fn plan_apply(name: &str, found: Option<&Stack>, is_ours: bool) -> ApplyPlan {
    let Some(stack) = found else {
        return ApplyPlan::Create;
    };
    if !is_ours {
        let name = name.to_owned();
        return ApplyPlan::Refused(ApplyRefusal::NotOurs { name });
    }
    match (stack.status.as_str(), stack.settled()) {
        (_, Settled::Gone) => ApplyPlan::Create,
        (_, Settled::Good | Settled::RolledBack) => ApplyPlan::Update,
        (_, Settled::InProgress) => ApplyPlan::Wait,
        // A stack whose first creation failed can only be deleted:
        // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
        ("CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "DELETE_FAILED", _) => {
            ApplyPlan::RemoveFirst
        }
        (status, Settled::Failed) => ApplyPlan::Refused(ApplyRefusal::Stuck {
            name: name.to_owned(),
            status: status.to_owned(),
            reason: stack.reason.clone(),
        }),
    }
}

/// What Delete stack does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletePlan {
    /// There is none.
    Nothing,
    /// It is somebody else's, and is left alone.
    NotOurs,
    /// Another operation is under way, which can be neither stopped nor overtaken; then this one.
    Wait,
    /// It is being deleted.
    UnderWay,
    /// It goes.
    Delete,
}

impl DeletePlan {
    /// What CloudFormation is asked to do, now or before.
    pub fn operation(self) -> Operation {
        match self {
            Self::Nothing | Self::NotOurs => Operation::None,
            Self::Wait => Operation::Wait,
            Self::UnderWay | Self::Delete => Operation::Delete,
        }
    }
}

/// Decides it. `ours`: whether the stack has the target's tags.
pub fn plan_delete(found: Option<&Stack>, ours: bool) -> DeletePlan {
    let Some(stack) = found else {
        return DeletePlan::Nothing;
    };
    match (stack.settled(), stack.status.as_str()) {
        _ if !ours => DeletePlan::NotOurs,
        (Settled::Gone, _) => DeletePlan::Nothing,
        (Settled::InProgress, "DELETE_IN_PROGRESS") => DeletePlan::UnderWay,
        (Settled::InProgress, _) => DeletePlan::Wait,
        _ => DeletePlan::Delete,
    }
}

/// The values an operation is started with: what was asked for, what follows from the project, and
/// for the rest what the stack has (`None`: the previous value).
pub fn parameters_of(
    found: Option<&Stack>,
    asked: &BTreeMap<String, String>,
    own: &BTreeMap<String, String>,
) -> BTreeMap<String, Option<String>> {
    let mut values: BTreeMap<String, Option<String>> = found
        .filter(|stack| stack.settled() != Settled::Gone)
        .map(|stack| {
            stack
                .parameters
                .keys()
                .map(|key| (key.clone(), None))
                .collect()
        })
        .unwrap_or_default();
    for (key, value) in asked.iter().chain(own) {
        values.insert(key.clone(), Some(value.clone()));
    }
    values
}

/// Why a stack cannot become what is asked for while it is in use, if it cannot.
pub fn irreplaceable(found: &Stack, asked: &BTreeMap<String, String>) -> Option<String> {
    let changed = |key: &str| {
        let (is, asked) = (found.parameters.get(key)?, asked.get(key)?);
        (is != asked).then(|| (is.clone(), asked.clone()))
    };
    if let Some((is, asked)) = changed("VpcCidr") {
        return Some(format!(
            "parameters.VpcCidr: is {is} and cannot become {asked}: a network is replaced, not changed, and what is live stands in it; tear the target down and provision it again"
        ));
    }
    for zone in ["ZoneA", "ZoneB"] {
        if let Some((is, asked)) = changed(zone) {
            return Some(format!(
                "parameters.{zone}: is {} and cannot become {}: a subnet is replaced, not changed, and its addresses are taken as long as the old one is there; tear the target down and provision it again",
                chosen_zone(&is),
                chosen_zone(&asked)
            ));
        }
    }
    match changed("Database") {
        Some((is, _)) if is == "true" => Some(
            "parameters.Database: the database would be deleted, with what is in it; tear the target down if that is what you want".into(),
        ),
        _ => None,
    }
}

fn chosen_zone(zone: &str) -> &str {
    if zone.is_empty() {
        "the region's own choice"
    } else {
        zone
    }
}

/// One event of a stack, as far as it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Logical id.
    pub resource: String,
    /// E.g. `AWS::EC2::VPC`.
    pub kind: String,
    /// E.g. `CREATE_FAILED`.
    pub status: String,
    /// In the service's own words.
    pub reason: String,
}

/// What is said of an operation that failed: the first failed resource's own message. The events
/// are those of the operation, the oldest first. What is cancelled because another one failed says
/// nothing of why.
pub fn first_failure(events: &[Event]) -> Option<String> {
    let failed = events
        .iter()
        .filter(|event| {
            event.status.ends_with("_FAILED") && event.kind != "AWS::CloudFormation::Stack"
        })
        .find(|event| {
            !event.reason.starts_with("Resource creation cancelled")
                && !event.reason.starts_with("Resource update cancelled")
        });
    failed.map(|event| {
        let reason = if event.reason.is_empty() {
            "no reason given"
        } else {
            &event.reason
        };
        format!("{} ({}): {reason}", event.resource, event.kind)
    })
}

/// What a person reads of an operation that did not end well: what happened, what is true now, what
/// to do.
pub fn sentence(name: &str, operation: Operation, stack: &Stack, why: &str) -> String {
    match (operation, stack.settled()) {
        (Operation::Create, Settled::Gone) => format!(
            "CloudFormation could not create the stack {name}: {why}. What it had made is deleted again; nothing is left. Correct that and provision again"
        ),
        (Operation::Update, Settled::RolledBack) => format!(
            "CloudFormation could not update the stack {name}: {why}. It is rolled back: the target is what it was before, and what is live stays live"
        ),
        (_, Settled::Gone) => String::new(),
        _ => format!(
            "the stack {name} is {}: {why}. What is left of it is listed by `aws cloudformation list-stack-resources --stack-name {name}`; tear the target down again once that is corrected",
            stack.status
        ),
    }
}

/// What releases need of a stack's outputs.
pub fn environment_of(outputs: &BTreeMap<String, String>) -> Result<EnvironmentRow, BadOutput> {
    Ok(EnvironmentRow {
        domain: Domain::new(text(outputs, "Domain")?).map_err(|_| BadOutput("Domain".into()))?,
        zone_id: text(outputs, "ZoneId")?.to_owned(),
        launch_template_id: text(outputs, "LaunchTemplateId")?.to_owned(),
        launch_template_version: launch_template::first(), // found out by Prove target usable
        subnet_ids: text(outputs, "SubnetIds")?
            .split(',')
            .map(str::to_owned)
            .collect(),
        settings: TargetSettings::of(outputs)?,
    })
}

#[cfg(test)]
#[path = "target_stack_tests.rs"]
mod tests;
