//! Numbers that stand in the documents are those of the code.

use crate::files::{entries, exists, read};
use crate::templates::{PIPELINE, template};

/// The number that follows `before` in a file.
fn number(path: &str, before: &str) -> u64 {
    number_in(&read(path), before)
}

/// `90`, `10_000`, `2 * 86_400` or `10 << 20`.
fn number_in(text: &str, before: &str) -> u64 {
    let mut found = text.split(before).skip(1);
    let (Some(rest), None) = (found.next(), found.next()) else {
        panic!("`{before}` is not there once");
    };
    let written = |c: char| c.is_ascii_digit() || "_ *<".contains(c);
    let end = rest.find(|c| !written(c)).unwrap_or(rest.len());
    let one = |text: &str| text.replace('_', "").trim().parse::<u64>().expect(before);
    match rest[..end].split_once("<<") {
        Some((value, shift)) => one(value) << one(shift),
        None => rest[..end].split('*').map(one).product(),
    }
}

/// `1,000`
fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        number => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}

/// Whether a document has a sentence, however its lines are broken.
fn says(document: &str, sentence: &str) {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words(&read(document)).contains(&words(sentence)),
        "{document} does not say: {sentence}"
    );
}

const LIMITS: &str = "docs/limits.md";

#[test]
fn a_sweep_and_the_keeper_look_as_often_and_take_as_much_as_the_documents_say() {
    let sweep = |name: &str| number("crates/pipeline/src/sweep.rs", &format!("{name}: usize = "));
    let builds = "crates/pipeline/src/sweep/builds.rs";
    let sentence = format!(
        "{} looks; in each {} releases, {} executions, {} stray instances of a target, {} containers, and {} late \
         records of each kind",
        number("statemachine/sweep.yaml", "$looks < "),
        sweep("MOST_JOBS"),
        sweep("MOST_EXECUTIONS"),
        sweep("MOST_INSTANCES"),
        number(builds, "MOST_BUILDS: usize = "),
        number("crates/pipeline/src/leftover.rs", "MOST: usize = "),
    );
    says(LIMITS, &sentence);
    let runs = number("statemachine/keep.yaml", "$looks < ");
    let looks = number("crates/pipeline/src/drivers/keep.rs", "const LOOKS: u32 = ");
    says(
        LIMITS,
        &format!("{runs} runs of {looks} looks, a second apart"),
    );
    let run = number(
        "crates/pipeline/src/drivers/keep/ending.rs",
        "const RUN: i64 = ",
    );
    says(
        LIMITS,
        &format!("a run whose looks take long ends after {run} s"),
    );
    let timeout = number("functions/keep/function.yaml", "Timeout: ");
    assert!(
        run + 120 < timeout,
        "two more looks, as long as looks can be"
    );
}

#[test]
fn launch_template_versions_are_kept_as_long_as_the_documents_say() {
    let path = "crates/pipeline/src/launch_template.rs";
    let seconds = number(path, "KEPT_SECONDS: i64 = ");
    assert_eq!(seconds, 2 * 86_400, "the documents say two days");
    says(LIMITS, "those that nobody needs are deleted after two days");
    let older = "older than two days";
    says(
        "docs/operating.md",
        &format!("launch template versions {older}"),
    );
    says(
        "docs/protocol.md",
        &format!("deletes those that are {older}"),
    );
}

#[test]
fn a_teardown_waits_for_releases_as_long_as_the_documents_say() {
    let before = "looks: 0\n      - Condition: \"{% $looks < ";
    let rest = read("statemachine/target.yaml");
    let (_, state) = rest
        .split_once("\n  Releases in flight?:\n")
        .expect("the state");
    let looks = number_in(state.split("\n\n").next().unwrap_or_default(), before);
    let parameters = &template(PIPELINE)["Parameters"];
    let pause = parameters["TargetPauseSeconds"]["Default"]
        .as_u64()
        .expect("seconds");
    let hours = looks * pause / 3600;
    says(
        LIMITS,
        &format!(
            "a teardown waits for releases | {hours} h, {} looks",
            grouped(looks)
        ),
    );
    assert_eq!(hours, 4, "docs/targets.md says four");
    says("docs/targets.md", "waits for them for four hours");
}

#[test]
fn the_examples_are_as_many_as_the_documents_say() {
    let manifests = entries("examples")
        .into_iter()
        .map(|name| format!("examples/{name}/cutover.toml"))
        .filter(|path| exists(path));
    let (libraries, services): (Vec<_>, Vec<_>) =
        manifests.partition(|path| read(path).contains("kind = \"library\""));
    assert_eq!((services.len(), libraries.len()), (5, 1));
    says("examples/README.md", "five small services and a library");
    says("ARCHITECTURE.md", "five small real services");
}
