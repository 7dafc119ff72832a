//! Why a release did not go live: the sentences that its execution ends with.
//!
//! The reader's first question is whether users are affected, so that comes first.

use crate::errors;
use crate::names::{Component, Fqdn, Ticket};
use crate::wire::{Failure, SuiteOutcome, SuiteReply};

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
pub struct Happened<'a> {
    /// Pipelines or stages that failed.
    pub failures: &'a [Failure],
    /// How the suites ended.
    pub tests: &'a [SuiteReply],
    /// Where the aliases point.
    pub still: &'a [StillLive],
    /// Which components had healthy instances when the release was given up.
    pub reached: &'a [(Component, bool)],
    /// A later release is live: the sentence that says which.
    pub superseded: Option<&'a str>,
}

/// Why a release gives way to another.
pub fn superseded_by(component: &Component, by: Ticket, own: Ticket) -> String {
    format!(
        "{component}: release {by} is later than {own} and is live; a newer version is never replaced by an older one"
    )
}

/// What happens to a release whose candidates a later one has ended: it is no fault of theirs.
const OF_THE_SUPERSEDED: &[&str] = &[
    errors::CANDIDATE_GONE,
    errors::INTEGRATION_TESTS_FAILED,
    errors::NOT_HEALTHY,
];

/// Puts together what happened.
pub fn verdict(happened: &Happened<'_>, label: &str) -> Verdict {
    let Happened {
        failures,
        tests,
        still,
        reached,
        superseded,
    } = happened;
    let red: Vec<&SuiteReply> = tests
        .iter()
        .filter(|test| test.outcome != SuiteOutcome::Passed)
        .collect();
    let error = match (failures.first(), red.first()) {
        (Some(failure), _) => failure.failed.error.clone(),
        (None, Some(_)) => "IntegrationTestsFailed".into(),
        (None, None) => "NotReleased".into(),
    };
    let superseded = superseded.filter(|_| OF_THE_SUPERSEDED.contains(&error.as_str()));
    let error = superseded.map_or(error, |_| errors::SUPERSEDED.to_owned());
    let mut parts: Vec<String> = superseded.into_iter().map(sentence).collect();
    parts.extend(failures.iter().map(failure_sentence));
    parts.extend(red.iter().map(|test| suite_sentence(test)));
    parts.extend(siblings_sentence(failures, &red, reached));
    parts.extend(still.iter().map(still_sentence));
    parts.push(format!(
        "Release {label} was not released; its candidates were discarded."
    ));
    Verdict {
        error,
        cause: cut(parts.join(" ")),
    }
}

/// What is remarked of a release that turned out to be live after something had failed.
pub fn live_after_all(failures: &[Failure], label: &str) -> String {
    let mut parts: Vec<String> = failures.iter().map(failure_sentence).collect();
    parts.push(format!(
        "The aliases had moved by then, as DNS shows: {label} is live."
    ));
    cut(parts.join(" "))
}

/// At most `MAX_CAUSE` characters.
fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_CAUSE) {
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
        " (as it is live, beside this release)"
    } else {
        ""
    };
    format!(
        "{}{beside}, Integration tests: suite {} {}",
        test.component,
        test.suite,
        sentence(&test.reason)
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

fn still_sentence((alias, now): &StillLive) -> String {
    match now {
        Some(hostname) => format!("{alias} still points at {hostname}."),
        None => format!("{alias} does not exist yet: nothing was live."),
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
/// own list of them is nowhere; these were seen, e.g. in awslabs/amazon-s3-find-and-forget#283.
const WITHOUT_AN_ANSWER: [&str; 4] = [
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
mod tests {
    use super::*;
    use crate::names::{Component, SuiteName};
    use crate::wire::FailedStage;
    use expect_test::expect;

    fn failure(component: Option<&str>, stage: &str, error: &str, cause: &str) -> Failure {
        Failure {
            component: component.map(|name| Component::new(name).unwrap()),
            failed: FailedStage {
                stage: stage.into(),
                error: error.into(),
                cause: cause.into(),
            },
        }
    }

    fn still() -> Vec<StillLive> {
        vec![(
            Fqdn::new("api.stage.myproj.com").unwrap(),
            Some(Fqdn::new("api-3f2a9c1b04de.stage.myproj.com").unwrap()),
        )]
    }

    #[test]
    fn a_failed_build_names_component_stage_and_reason_and_what_users_see() {
        let failure = failure(
            Some("api"),
            "Build",
            "BuildFailed",
            r#"{"errorType":"BuildFailed","errorMessage":"`make dist` exited with 2; log: s3://b/logs/stage-r4/api/build.log"}"#,
        );
        let happened = Happened {
            failures: &[failure],
            still: &still(),
            ..Happened::default()
        };
        let verdict = verdict(&happened, "stage-r4");
        assert_eq!(verdict.error, "BuildFailed");
        expect!["api, Build: `make dist` exited with 2; log: s3://b/logs/stage-r4/api/build.log. api.stage.myproj.com still points at api-3f2a9c1b04de.stage.myproj.com. Release stage-r4 was not released; its candidates were discarded."].assert_eq(&verdict.cause);
    }

    #[test]
    fn a_release_that_is_live_after_all_says_what_went_wrong_and_that_it_is_live() {
        let lost = failure(
            None,
            "Deploy (cutover)",
            "AccessDenied",
            r#"{"errorType":"AccessDenied","errorMessage":"route53:GetChange: AccessDenied"}"#,
        );
        expect!["Deploy (cutover): route53:GetChange: AccessDenied. The aliases had moved by then, as DNS shows: stage-r4 is live."].assert_eq(&live_after_all(&[lost], "stage-r4"));
    }

    #[test]
    fn failed_suites_are_all_named() {
        let red = |suite: &str, outcome| SuiteReply {
            component: Component::new("api").unwrap(),
            companion: suite == "zap",
            suite: SuiteName::new(suite).unwrap(),
            outcome,
            reason: format!("failed: {suite} said no"),
            command_seconds: 1.0,
            tests: 1,
            failures: 1,
            log: String::new(),
        };
        let tests = [
            red("smoke", SuiteOutcome::Failed),
            red("zap", SuiteOutcome::TimedOut),
            red("ok", SuiteOutcome::Passed),
        ];
        let happened = Happened {
            tests: &tests,
            ..Happened::default()
        };
        let verdict = verdict(&happened, "stage-r4");
        assert_eq!(verdict.error, "IntegrationTestsFailed");
        assert!(
            verdict.cause.contains("suite smoke failed")
                && verdict.cause.contains(
                    "api (as it is live, beside this release), Integration tests: suite zap failed"
                )
                && !verdict.cause.contains("suite ok")
        );
    }

    #[test]
    fn a_release_whose_candidates_a_later_one_ended_was_superseded() {
        let gone = failure(
            Some("api"),
            "Deploy (initial)",
            "CandidateGone",
            "it is gone",
        );
        let by = superseded_by(&Component::new("api").unwrap(), Ticket(9), Ticket(7));
        let happened = Happened {
            failures: &[gone],
            superseded: Some(&by),
            ..Happened::default()
        };
        let verdict = verdict(&happened, "stage-r7");
        assert_eq!(verdict.error, "Superseded");
        expect!["api: release r9 is later than r7 and is live; a newer version is never replaced by an older one. api, Deploy (initial): it is gone. Release stage-r7 was not released; its candidates were discarded."]
            .assert_eq(&verdict.cause);
        let unbuilt = failure(Some("api"), "Build", "BuildFailed", "no compiler");
        let happened = Happened {
            failures: &[unbuilt],
            superseded: Some(&by),
            ..Happened::default()
        };
        assert_eq!(super::verdict(&happened, "stage-r7").error, "BuildFailed");
    }

    #[test]
    fn what_the_others_did_is_told() {
        let component = |name: &str| Component::new(name).unwrap();
        let happened = Happened {
            failures: &[failure(Some("api"), "Build", "BuildFailed", "no compiler")],
            reached: &[
                (component("api"), false),
                (component("msa"), true),
                (component("msb"), true),
                (component("ui"), false),
            ],
            ..Happened::default()
        };
        expect!["api, Build: no compiler. Of the others, msa and msb became healthy; ui had no instances yet. Release stage-r4 was not released; its candidates were discarded."]
            .assert_eq(&verdict(&happened, "stage-r4").cause);
    }

    #[test]
    fn a_time_limit_says_so() {
        assert_eq!(
            message_of("States.Timeout", ""),
            "the stage did not end within its time limit"
        );
    }

    #[test]
    fn a_function_that_was_killed_is_told_from_one_that_refused() {
        let killed = r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 59f8 Error: Runtime exited with error: signal: killed"}"#;
        expect!["the function ended without an answer (Runtime.ExitError): it ran out of time or memory, or crashed; see its log. RequestId: 59f8 Error: Runtime exited with error: signal: killed"]
            .assert_eq(&message_of("Runtime.ExitError", killed));
        for error in WITHOUT_AN_ANSWER {
            let said = message_of(error, "");
            assert!(
                said.starts_with("the function ended without an answer"),
                "{said}"
            );
        }
        let refused = r#"{"errorType":"BuildFailed","errorMessage":"no compiler"}"#;
        assert_eq!(message_of("BuildFailed", refused), "no compiler");
    }

    #[test]
    fn an_endless_cause_is_cut() {
        let failure = failure(None, "Plan release", "X", &"x".repeat(100_000));
        let happened = Happened {
            failures: &[failure],
            ..Happened::default()
        };
        let cause = verdict(&happened, "stage-r4").cause;
        assert!(cause.chars().count() <= MAX_CAUSE + 1);
    }
}
