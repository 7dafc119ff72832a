//! Why a release did not go live: the sentences that its execution ends with.
//!
//! The reader's first question is whether users are affected, so that comes first: where the aliases
//! point. Then what happened, and what became of the release.

use crate::another::is_of_the_superseded;
use crate::errors::ErrorName;
use crate::names::{Component, Fqdn, Target, Ticket};
use crate::wire::{AlreadyLive, FailedStage, Failure, SuiteOutcome, SuiteReply, Tagged};

/// Step Functions keeps 32,768 characters of a cause; a person reads far fewer.
pub const MAX_CAUSE: usize = 8_000;

/// How a release that was not released ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The name of the first failure.
    pub error: String,
    /// Sentences.
    pub cause: String,
}

/// An alias of the release and where it points now.
pub type StillLive = (Fqdn, Option<Fqdn>);

/// What happened to a release.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FailedRelease<'a> {
    /// Pipelines or stages that failed.
    pub failures: &'a [Failure],
    /// How the suites ended.
    pub tests: &'a [SuiteReply],
    /// Where the aliases point.
    pub still: &'a [StillLive],
    /// Its libraries that are not released.
    pub libraries: &'a [&'a Component],
    /// Those that are.
    pub released: &'a [Tagged],
    /// Which components had healthy instances when the release was given up.
    pub reached: &'a [(Component, bool)],
    /// A later release is live: the sentence that says which.
    pub superseded: Option<&'a str>,
    /// What it had taken over, or what was live by it: it is not for this release to end.
    pub given_back: &'a [&'a Fqdn],
}

/// Why a release gives way to another.
pub fn superseded_by(component: &Component, by: Ticket, own: Ticket) -> String {
    format!(
        "{component}: release {by} is later than {own} and is live; a newer version is never replaced by an older one"
    )
}

/// Why a release gives way to another that moved nothing.
pub fn confirmed_by(component: &Component, by: Ticket, own: Ticket) -> String {
    format!(
        "{component}: release {by} is later than {own}, and what it asked for was live already; an older release does not replace it"
    )
}

/// Puts together what happened.
pub fn verdict(happened: &FailedRelease<'_>, label: &str) -> Verdict {
    let FailedRelease {
        failures,
        tests,
        still,
        libraries,
        released,
        reached,
        superseded,
        given_back,
    } = happened;
    let red: Vec<&SuiteReply> = tests
        .iter()
        .filter(|test| test.outcome != SuiteOutcome::Passed)
        .collect();
    let error = match (failures.first(), red.first()) {
        (Some(failure), _) => failure.failed.error.clone(),
        (None, Some(_)) => ErrorName::IntegrationTestsFailed.into(),
        (None, None) => ErrorName::NotReleased.into(),
    };
    let superseded = superseded.filter(|_| is_of_the_superseded(&error));
    let error = superseded.map_or(error, |_| ErrorName::Superseded.into());
    let mut happened: Vec<String> = superseded.into_iter().map(sentence).collect();
    happened.extend(failures.iter().map(failure_sentence));
    happened.extend(red.iter().map(|test| suite_sentence(test)));
    happened.extend(siblings_sentence(failures, &red, reached));
    let users = users_sentence(still, libraries, released);
    let end = match (still, libraries) {
        // All that it was to bring: only its execution does not know that.
        ([], []) if !released.is_empty() => format!("Release {label} did not come to its end."),
        _ => end_sentence(given_back, still.is_empty() && !libraries.is_empty(), label),
    };
    let end = end + &released_sentence(released);
    // However much has failed, the first and the last sentence stay.
    let room = MAX_CAUSE.saturating_sub(users.chars().count() + end.chars().count() + 4);
    let parts = [users, cut(happened.join(" "), room), end];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Verdict {
        error,
        cause: parts.join(" "),
    }
}

fn users_sentence(still: &[StillLive], libraries: &[&Component], released: &[Tagged]) -> String {
    let released = released.iter().map(|one| &one.component);
    let names = libraries.iter().copied().chain(released);
    let names: Vec<&str> = names.map(Component::as_str).collect();
    let what = match (still, names.len()) {
        ([], 1) => "is a library",
        ([], 2..) => "are libraries",
        _ => return still_sentences(still),
    };
    format!(
        "Nothing that runs is affected: {} {what}, and every component stays with the commit that it pins.",
        list(&names)
    )
}

/// What was released before the rest failed stays so: it harms nobody who does not pin it.
fn released_sentence(released: &[Tagged]) -> String {
    let names = released.iter();
    let names = names.map(|one| format!("{} {}", one.component, one.commit.short()));
    let names: Vec<String> = names.collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match names.len() {
        0 => String::new(),
        1 => format!(" The library {} is released and stays so.", names[0]),
        _ => format!(" The libraries {} are released and stay so.", list(&names)),
    }
}

fn end_sentence(given_back: &[&Fqdn], nothing_launched: bool, label: &str) -> String {
    let names: Vec<&str> = given_back.iter().map(|one| one.as_str()).collect();
    match names.as_slice() {
        [] if nothing_launched => format!("Release {label} was not released."),
        [] => format!("Release {label} was not released; its candidates were discarded."),
        names => format!(
            "Release {label} was not released. It gave back what ran before it: {}; a later release ends that. Its other candidates, if any, were discarded.",
            list(names)
        ),
    }
}

/// What is said of a release that found all it brings live by another one, when its candidates went.
pub fn already_live(live: &[AlreadyLive], label: &str) -> Verdict {
    let served = live.iter().map(|one| {
        let commit = one.commit.short();
        format!(
            "{} serves {commit} from {} already.",
            one.alias, one.hostname
        )
    });
    let mut parts: Vec<String> = served.collect();
    parts.push(format!(
        "Another release of the same commits went live first, so nothing moved, and the candidates of {label} were discarded."
    ));
    Verdict {
        error: "AlreadyLive".into(),
        cause: cut(parts.join(" "), MAX_CAUSE),
    }
}

/// What is remarked of a release that turned out to be live after something had failed.
pub fn live_after_all(failures: &[Failure], label: &str) -> String {
    let mut parts = vec![format!(
        "{label} is live: the aliases had moved before this failed, as DNS shows."
    )];
    parts.extend(failures.iter().map(failure_sentence));
    cut(parts.join(" "), MAX_CAUSE)
}

/// What is said of a release that came to no plan: nothing was reserved, so nothing was launched.
pub fn unplanned(failed: &FailedStage) -> String {
    let why = sentence(&message_of(&failed.error, &failed.cause));
    let parts = format!(
        "No alias was moved and nothing was launched. {}: {why}",
        failed.stage
    );
    cut(parts, MAX_CAUSE)
}

fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn failure_sentence(failure: &Failure) -> String {
    let what = sentence(&message_of(&failure.failed.error, &failure.failed.cause));
    match &failure.component {
        Some(component) => format!("{component}, {}: {what}", failure.failed.stage),
        None => format!("{}: {what}", failure.failed.stage),
    }
}

fn suite_sentence(test: &SuiteReply) -> String {
    let beside = if test.companion {
        " (the live version, tested beside this release)"
    } else {
        ""
    };
    format!(
        "{}{beside}, Integration tests: suite {} {}",
        test.component,
        test.suite,
        sentence(test.reason.as_str())
    )
}

/// What those did that did not fail.
fn siblings_sentence(
    failures: &[Failure],
    red: &[&SuiteReply],
    reached: &[(Component, bool)],
) -> Option<String> {
    let failed = |component: &Component| {
        failures
            .iter()
            .any(|failure| failure.component.as_ref() == Some(component))
            || red.iter().any(|test| test.component == *component)
    };
    let of = |healthy: bool| -> Vec<&str> {
        reached
            .iter()
            .filter(|(component, was)| !failed(component) && *was == healthy)
            .map(|(component, _)| component.as_str())
            .collect()
    };
    if reached.len() < 2 {
        return None;
    }
    let told = [
        (of(true), "became healthy"),
        (of(false), "had no instances yet"),
    ];
    let told: Vec<String> = told
        .iter()
        .filter(|(names, _)| !names.is_empty())
        .map(|(names, what)| format!("{} {what}", list(names)))
        .collect();
    (!told.is_empty()).then(|| format!("Of the others, {}.", told.join("; ")))
}

fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Aliases that are told one by one; of more, only that none moved.
const TOLD: usize = 3;

fn still_sentences(still: &[StillLive]) -> String {
    if still.len() > TOLD {
        return format!(
            "None of its {} aliases was moved: {} and the others point where they did.",
            still.len(),
            still[0].0
        );
    }
    let told = still.iter().map(|(alias, now)| match now {
        Some(hostname) => format!("{alias} still points at {hostname}."),
        None => format!("{alias} does not exist yet: nothing was live."),
    });
    told.collect::<Vec<String>>().join(" ")
}

/// A component names a peer that is not there for it. `known` tells whether it was ever added.
pub fn peer_not_live(who: &[&Component], peer: &Component, target: &Target, known: bool) -> String {
    let names: Vec<&str> = who.iter().map(|one| one.as_str()).collect();
    let verb = if names.len() == 1 { "names" } else { "name" };
    let whose = if names.len() == 1 {
        "its manifest"
    } else {
        "their manifests"
    };
    let all: Vec<&str> = names.iter().copied().chain([peer.as_str()]).collect();
    match known {
        true => format!(
            "{} {verb} the peer {peer}, which is not live on {target}: release {peer} there first, or {} together",
            list(&names),
            list(&all)
        ),
        false => format!(
            "{} {verb} the peer {peer}, which is not a component of this project: correct [component] peers in {whose}, or add {peer} with `cutover component add`",
            list(&names)
        ),
    }
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?', '…']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// What Lambda says of a function that gave none: it was killed (for its memory, by itself or by a
/// command's doing), or its time was up. With a payload it has the first three names, without one the
/// last: <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>. Lambda's
/// own list of them is nowhere; these were seen, e.g. in awslabs/amazon-s3-find-and-forget#283. Where the
/// stage may run twice, it is tried again first (`statemachine/rules.yaml`).
pub const WITHOUT_AN_ANSWER: [&str; 4] = [
    "Runtime.ExitError",
    "Runtime.OutOfMemory",
    "Sandbox.Timedout",
    "Lambda.Unknown",
];

/// The sentence inside Lambda's error payload, or what Step Functions itself says.
pub fn message_of(error: &str, cause: &str) -> String {
    let inner = serde_json::from_str::<serde_json::Value>(cause)
        .ok()
        .and_then(|payload| {
            payload
                .get("errorMessage")
                .and_then(|message| message.as_str().map(str::to_owned))
        });
    match (inner, error) {
        (inner, error) if WITHOUT_AN_ANSWER.contains(&error) => format!(
            "the function ended without an answer ({error}): it ran out of time or memory, or crashed; see its log. {}",
            inner.as_deref().unwrap_or(cause)
        ),
        (Some(message), _) if !message.trim().is_empty() => message,
        (_, "States.Timeout") => "the stage did not end within its time limit".into(),
        _ if cause.trim().is_empty() => error.to_owned(),
        _ => cause.to_owned(),
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
