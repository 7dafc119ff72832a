//! Takes one permission of one function away, and gives it back whatever happens.

use crate::Cloud;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// Roles that a test of this run has changed: another one waits, since a policy is put as a whole.
static CHANGED: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>> = Mutex::new(BTreeMap::new());

/// While this lives, the function's role lacks the action.
#[derive(Debug)]
pub struct WithoutPermission {
    cloud: Cloud,
    role: String,
    policy: String,
    /// The policy as it was; `None` where there was none.
    before: Option<String>,
    given_back: bool,
    _alone: Option<OwnedMutexGuard<()>>,
}

impl WithoutPermission {
    /// Takes `action` from the role of `function`; panics if the role does not have it.
    pub async fn of(cloud: &Cloud, function: &str, action: &str) -> Self {
        let (guard, mut document) = Self::unchanged(cloud, function).await;
        let taken = take(&mut document, action);
        assert!(
            taken,
            "the role of {function} has no {action}: {:?}",
            guard.before
        );
        guard.put(&document.to_string()).await;
        guard
    }

    /// Denies `action` to the role of `function` on one resource, and leaves it all others. By a policy of its own: tests
    /// of other programs do so at the same time, and none has to wait for another.
    pub async fn on(cloud: &Cloud, function: &str, action: &str, resource: &str) -> Self {
        let denied = json!({"Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Action": action, "Resource": resource}]});
        let guard = Self {
            cloud: cloud.clone(),
            role: role_of(cloud, function).await,
            policy: name_of_its_own(),
            before: None,
            given_back: false,
            _alone: None,
        };
        guard.put(&denied.to_string()).await;
        guard
    }

    /// Takes `action` from one of the policies of the role that CloudFormation makes targets with.
    pub async fn of_stacks(cloud: &Cloud, policy: &str, action: &str) -> Self {
        let (guard, mut document) = Self::policy(cloud, "stack", policy).await;
        assert!(take(&mut document, action), "{policy} has no {action}");
        guard.put(&document.to_string()).await;
        guard
    }

    async fn unchanged(cloud: &Cloud, function: &str) -> (Self, Value) {
        Self::policy(cloud, function, function).await
    }

    async fn policy(cloud: &Cloud, function: &str, policy: &str) -> (Self, Value) {
        let role = role_of(cloud, function).await;
        let alone = alone_with(&role).await;
        let document = inline_policy(cloud, &role, policy).await;
        let guard = Self {
            cloud: cloud.clone(),
            role,
            policy: policy.to_owned(),
            before: Some(document.to_string()),
            given_back: false,
            _alone: Some(alone),
        };
        (guard, document)
    }

    /// Gives it back.
    pub async fn give_back(mut self) {
        let said = self.cloud.aws(&self.restoring()).await;
        said.good("giving a permission back");
        self.given_back = true;
    }

    async fn put(&self, document: &str) {
        let put = self.asked("put-role-policy");
        let arguments = [&put[..], &["--policy-document", document]].concat();
        let said = self.cloud.aws(&arguments).await;
        said.good("put-role-policy");
    }

    fn asked<'a>(&'a self, operation: &'a str) -> [&'a str; 6] {
        let (role, policy) = (&self.role, &self.policy);
        [
            "iam",
            operation,
            "--role-name",
            role,
            "--policy-name",
            policy,
        ]
    }

    fn restoring(&self) -> Vec<&str> {
        match &self.before {
            None => self.asked("delete-role-policy").to_vec(),
            Some(before) => [
                &self.asked("put-role-policy")[..],
                &["--policy-document", before],
            ]
            .concat(),
        }
    }
}

/// The way of a test that panics: on a thread of its own, since this one may be in a runtime.
impl Drop for WithoutPermission {
    fn drop(&mut self) {
        if self.given_back {
            return;
        }
        let mut restore = std::process::Command::new(self.cloud.aws_cli());
        restore
            .args(self.restoring())
            .envs(self.cloud.environment());
        match restore.status() {
            Ok(status) if status.success() => {}
            other => eprintln!(
                "the policy of {} was not restored ({other:?}): run infra/deploy-local.sh after removing .local/deployed",
                self.role
            ),
        }
    }
}

/// Of this program and of others that run beside it.
fn name_of_its_own() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("denied-{}-{number}", std::process::id())
}

async fn alone_with(role: &str) -> OwnedMutexGuard<()> {
    let lock = {
        let mut changed = CHANGED.lock().unwrap_or_else(PoisonError::into_inner);
        changed.entry(role.to_owned()).or_default().clone()
    };
    lock.lock_owned().await
}

/// From the pipeline's stack, which names a role after its function.
async fn role_of(cloud: &Cloud, function: &str) -> String {
    let words = function.split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    let asked = cloud.stacks.describe_stack_resource();
    let asked = asked
        .stack_name(format!("{}-cutover", cloud.variable("CUTOVER_PROJECT")))
        .logical_resource_id(words.collect::<String>() + "Role");
    let found = asked.send().await.expect("the function has a role");
    let found = found
        .stack_resource_detail()
        .and_then(|role| role.physical_resource_id());
    found.expect("a role has a name").to_owned()
}

/// What the role's one policy allows; it is named after the function.
async fn inline_policy(cloud: &Cloud, role: &str, function: &str) -> Value {
    let asked = [
        "iam",
        "get-role-policy",
        "--role-name",
        role,
        "--policy-name",
        function,
        "--query",
        "PolicyDocument",
        "--output",
        "json",
    ];
    let said = cloud.aws(&asked).await.good("get-role-policy");
    serde_json::from_str(&said).expect("a policy is JSON")
}

/// Removes the action from every statement, and statements that allow nothing any more.
fn take(document: &mut Value, action: &str) -> bool {
    let mut taken = false;
    let statements = document["Statement"]
        .as_array_mut()
        .expect("a policy has statements");
    for statement in statements.iter_mut() {
        let actions = match &statement["Action"] {
            Value::String(one) => vec![Value::String(one.clone())],
            Value::Array(many) => many.clone(),
            other => panic!("an action that is neither text nor list: {other}"),
        };
        let kept: Vec<Value> = actions
            .iter()
            .filter(|one| *one != action)
            .cloned()
            .collect();
        taken |= kept.len() < actions.len();
        statement["Action"] = Value::Array(kept);
    }
    statements.retain(|statement| statement["Action"] != Value::Array(Vec::new()));
    taken
}

/// Every action that the role of a function has.
pub async fn actions_of(cloud: &Cloud, function: &str) -> Vec<String> {
    let document = inline_policy(cloud, &role_of(cloud, function).await, function).await;
    let statements = document["Statement"]
        .as_array()
        .expect("a policy has statements")
        .clone();
    let actions = statements
        .iter()
        .flat_map(|statement| match &statement["Action"] {
            Value::Array(many) => many.clone(),
            one => vec![one.clone()],
        });
    let mut actions: Vec<String> = actions
        .filter_map(|one| one.as_str().map(str::to_owned))
        .collect();
    actions.sort();
    actions.dedup();
    actions
}
