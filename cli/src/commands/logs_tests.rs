use super::*;
use crate::release::cells::FailedStage;

fn log(key: &str, at: i64) -> Log {
    Log {
        key: format!("logs/stage-r42/{key}.log"),
        bytes: 1,
        at,
    }
}

fn logs(names: &[(&str, i64)]) -> Vec<Kept> {
    together(names.iter().map(|(name, at)| log(name, *at)).collect())
}

#[test]
fn a_stage_has_its_log_and_those_of_its_suites_or_instances() {
    let of = |stage: &str| {
        let all = ["unit-tests", "suite-smoke", "suite-zap", "instance-i-0a1"];
        let of_it = all.into_iter().filter(|name| belongs(name, stage));
        of_it.collect::<Vec<_>>()
    };
    assert_eq!(of("unit-tests"), ["unit-tests"]);
    assert_eq!(of("integration-tests"), ["suite-smoke", "suite-zap"]);
    assert_eq!(of("smoke"), ["suite-smoke"]);
    assert_eq!(of("deploy-initial"), ["instance-i-0a1"]);
}

#[test]
fn the_failed_stage_is_printed_last() {
    let failed = FailedStage {
        component: Some("api".into()),
        stage: "Unit tests".into(),
    };
    let mut model = Model::default();
    model.failed.push(failed);
    let mut logs = logs(&[
        ("api/unit-tests", 1),
        ("ui/unit-tests", 3),
        ("api/build", 2),
    ]);
    sort(&mut logs, &model);
    let order: Vec<&str> = logs.iter().map(Kept::key).collect();
    assert_eq!(
        order,
        [
            "logs/stage-r42/api/build.log",
            "logs/stage-r42/ui/unit-tests.log",
            "logs/stage-r42/api/unit-tests.log"
        ]
    );
}

#[test]
fn what_is_misspelt_is_refused_with_what_there_is() {
    let logs = logs(&[("api/unit-tests", 1), ("ui/suite-smoke", 3)]);
    let nope = Component::new("nope").unwrap();
    let refused = is_of_the_release(&nope, "stage-r42", &Model::default(), &logs).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "component `nope` is not in stage-r42; its components are api, ui"
    );
    let refused = leaves_one("unit-test", "stage-r42", &logs).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "stage-r42 has no log `unit-test`; its logs are suite-smoke, unit-tests"
    );
    let refused = leaves_one("cutover", "stage-r42", &logs).unwrap_err();
    assert!(refused.to_string().contains("--stage cutover --function"));
    assert_eq!(leaves_one("smoke", "stage-r42", &logs), Ok(()));
    assert_eq!(leaves_one("build", "stage-r42", &logs), Ok(()));
}
