use super::*;
use crate::release::cells::FailedStage;

fn log(name: &str, at: i64) -> Log {
    Log {
        key: format!("logs/stage-r42/{name}.log"),
        bytes: 1,
        at,
    }
}

#[test]
fn a_stage_has_its_log_and_those_of_its_suites_or_instances() {
    let of = |stage: &str| {
        let all = ["unit-tests", "suite-smoke", "suite-zap", "instance-i-0a1"]
            .map(|name| format!("logs/stage-r42/api/{name}.log"));
        all.iter()
            .filter(|key| belongs(key, stage))
            .map(|key| name_of(key).to_owned())
            .collect::<Vec<_>>()
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
    let mut logs = vec![
        log("api/unit-tests", 1),
        log("ui/unit-tests", 3),
        log("api/build", 2),
    ];
    sort(&mut logs, &model);
    let order: Vec<&str> = logs.iter().map(|log| log.key.as_str()).collect();
    assert_eq!(
        order,
        [
            "logs/stage-r42/api/build.log",
            "logs/stage-r42/ui/unit-tests.log",
            "logs/stage-r42/api/unit-tests.log"
        ]
    );
}
