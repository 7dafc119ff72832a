//! What the README shows of a release's end is what a release says.

mod repository;

use pipeline::names::{Component, Fqdn};
use pipeline::verdict::{Happened, verdict};
use pipeline::wire::{FailedStage, Failure};

#[test]
fn the_cause_that_the_readme_shows_is_what_a_release_says() {
    let message = "unit tests of 3f2a9c1b04de: `make test` exited with code 2 after 1.3 s, saying: 1 of 7 wrong; log: s3://<bucket>/logs/stage-r42/api/unit-tests.log";
    let failures = [Failure {
        component: Some(Component::new("api").unwrap()),
        failed: FailedStage {
            stage: "Unit tests | Build".into(),
            error: "UnitTestsFailed".into(),
            cause: serde_json::json!({"errorType": "UnitTestsFailed", "errorMessage": message})
                .to_string(),
        },
    }];
    let still = [(
        Fqdn::new("api.stage.myproj.com").unwrap(),
        Some(Fqdn::new("api-0123456789ab.stage.myproj.com").unwrap()),
    )];
    let happened = Happened {
        failures: &failures,
        still: &still,
        ..Happened::default()
    };
    let readme = repository::read("README.md");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cause = verdict(&happened, "stage-r42").cause;
    assert!(
        words(&readme).contains(&words(&cause)),
        "the README does not show:\n{cause}"
    );
}
