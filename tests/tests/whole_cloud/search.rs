//! Takes every action from the roles of some functions, one after the other, and looks what differs.
//! It takes some ten minutes for each of the two state machines: `make roles`, not `make test`.

use end_to_end::{Cloud, Execution, WithoutPermission, actions_of};

/// A function and the action that it lacks; `None`: it has all.
pub type Without<'a> = Option<(&'a str, &'a str)>;

/// What Lambda itself does in the role's name; the local cloud does it without asking IAM.
const NOT_SEEN_HERE: &[&str] = &["logs:", "xray:"];

/// What the local cloud does not ask IAM for: for the transform of the target's template, and what is asked for
/// nowhere yet: see the template.
const NOT_ASKED_HERE: &[(&str, &str)] = &[
    ("apply-stack", "cloudformation:CreateChangeSet"),
    ("apply-stack", "cloudformation:TagResource"),
];

/// What shows only after a day: younger versions of a launch template are not deleted.
const NOT_SEEN_SO_SOON: &[(&str, &str)] = &[
    ("terminate-previous", "ec2:DeleteLaunchTemplateVersions"),
    ("terminate-previous", "ec2:DescribeLaunchTemplateVersions"),
];

/// `shows` says what shows that a function can do all that it has to, and `differs` in what one of these
/// ends differently. Panics if nothing differs with a permission less.
pub async fn search<Shows: Copy + 'static>(
    cloud: &Cloud,
    functions: &[&str],
    shows: fn(&str) -> &'static [Shows],
    differs: impl AsyncFn(Shows, Without<'_>) -> Option<String>,
) {
    let mut excess = Vec::new();
    for function in functions.iter().filter(|name| is_wanted(name)) {
        let shows = shows(function);
        for one in shows {
            let found = differs(*one, None).await;
            assert_eq!(found, None, "with every permission, before {function}");
        }
        for action in asked_for(cloud, function).await {
            let mut found = None;
            for one in shows {
                if found.is_none() {
                    found = differs(*one, Some((*function, action.as_str()))).await;
                }
            }
            let said = found.as_deref().unwrap_or("NOTHING CHANGES");
            println!("without {function} {action}: {said}");
            if found.is_none() {
                excess.push(format!("{function} {action}"));
            }
        }
    }
    assert!(excess.is_empty(), "nothing needs these: {excess:#?}");
}

/// Takes the action away, if one is named.
pub async fn take(cloud: &Cloud, without: Without<'_>) -> Option<WithoutPermission> {
    let (function, action) = without?;
    Some(WithoutPermission::of(cloud, function, action).await)
}

/// Gives back what was taken.
pub async fn give_back(taken: Option<WithoutPermission>) {
    if let Some(taken) = taken {
        taken.give_back().await;
    }
}

/// Those actions of a function's role whose lack can show here.
async fn asked_for(cloud: &Cloud, function: &str) -> Vec<String> {
    let mut actions = actions_of(cloud, function).await;
    actions.retain(|action| {
        let mut unseen = NOT_SEEN_HERE.iter();
        let is_unseen = unseen.any(|prefix| action.starts_with(prefix));
        !is_unseen
            && !NOT_ASKED_HERE.contains(&(function, action))
            && !NOT_SEEN_SO_SOON.contains(&(function, action))
    });
    actions
}

/// All functions are, or those that the variable `FUNCTIONS` names.
fn is_wanted(function: &str) -> bool {
    let named = std::env::var("FUNCTIONS").unwrap_or_default();
    named.is_empty() || named.split(' ').any(|one| one == function)
}

/// Whether a roll-back by itself could not be put on the bus: its reply says so, and it fails nothing.
pub async fn unannounced(execution: &Execution) -> Option<String> {
    let reply = execution.input_of("Back?").await;
    let left = reply.get("unannounced");
    left.map(|left| format!("{left} not announced"))
}
