//! What suites leave behind: reports as tools really write them, and what a release says of them.

use end_to_end::{Cloud, Component, Service};

/// Writes 1,200 reports; removes its folder; passes at the second try; leaves only coverage.
const SUITES: [(&str, &str); 4] = [
    (
        "many",
        "python3 -c 'import os; [open(os.environ[\"REPORT_DIR\"] + f\"/TEST-C{n:04}.xml\", \"w\").write(\"<testsuite><testcase name=\\\"works\\\"/></testsuite>\") for n in range(1200)]'",
    ),
    ("cleans", "sh -c 'rm -rf \"$REPORT_DIR\"; echo cleaned'"),
    (
        "flaky",
        "sh -c 'echo \"<testsuite failures=\\\"1\\\"><testcase name=\\\"t\\\"><flakyFailure/></testcase></testsuite>\" > $REPORT_DIR/a.xml'",
    ),
    (
        "covers",
        "sh -c 'echo \"<coverage/>\" > $REPORT_DIR/coverage.xml'",
    ),
];

#[tokio::test]
async fn reports_are_read_as_tools_write_them_and_what_is_none_is_said() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "reports", "dev").await;
    let mut service = Service::good("1");
    for (name, command) in SUITES {
        // In a file, since a manifest's command is a text in quotes.
        service.files.push((name, format!("exec {command}\n")));
        service.add_suite(name, format!("sh {name}"));
    }
    let (_, ended) = component.release(&service).await;
    let output = ended.output();
    assert_eq!(output["outcome"], "live", "{ended:#?}");
    let said = |name: &str| -> (u64, String) {
        let suites = output["suites"].as_array().expect("suites");
        let suite = suites.iter().find(|one| one["suite"] == name).expect(name);
        let remark = suite["remark"].as_str().unwrap_or_default();
        (
            suite["tests"].as_u64().expect("a number"),
            remark.to_owned(),
        )
    };
    assert_eq!(said("many"), (1200, String::new()));
    assert!(
        said("cleans").1.contains("removed its report folder"),
        "{output}"
    );
    assert_eq!(
        said("flaky").1,
        "1 test passed only when it was tried again"
    );
    assert!(
        said("covers").1.contains("coverage.xml (it is <coverage>)"),
        "{output}"
    );
    let release = ended.release();
    let last = format!("reports/{release}/{}/many/TEST-C1199.xml", component.name);
    assert!(cloud.object(&last).await.is_some(), "{last} is not kept");
}

#[tokio::test]
async fn a_command_that_looks_as_if_it_wanted_a_shell_is_warned_of() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "noshell", "dev").await;
    let mut service = Service::good("1");
    service.unit_tests = "echo made && true".into();
    let (_, ended) = component.release(&service).await;
    let warnings = ended.output()["warnings"].to_string();
    assert!(
        warnings.contains("[build] unit_tests: `&&` has a meaning only in a shell"),
        "{ended:#?}"
    );
    let key = format!("logs/{}/{}/unit-tests.log", ended.release(), component.name);
    let log = cloud.object(&key).await.expect("a log");
    assert!(
        log.contains("[cutover: `&&` has a meaning only in a shell"),
        "{log}"
    );
}
