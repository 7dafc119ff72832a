//! A command that answers in its function's name, and then in another component's: it stops the function,
//! finds the Runtime API, and takes events from it. A story beside it could lose its events to it.

use crate::RELEASES;
use end_to_end::{Cloud, Component, Ended, Service};
use serde_json::{Value, json};

/// Answers the open event and the next one, whose ever it is, with what it likes; then ends its function.
/// It waits two minutes for that next one at the most.
const FORGES: &str = r#"import http.client, json, os, re, signal, sys

FUNCTION = os.getppid()
# On AWS it is 9001 for everybody. Here the name of the environment's folder tells it.
told = re.search(r"/environment-(\d+)-", os.environ["TMPDIR"])
ADDRESS = ("127.0.0.1", int(told.group(1)) if told else 9001)
PLANTED = json.loads(open("planted.json").read())


def ask(method, path, body=None):
    connection = http.client.HTTPConnection(*ADDRESS, timeout=120)
    connection.request(method, "/2018-06-01/runtime/invocation/" + path, body)
    answer = connection.getresponse()
    said = answer.read()
    if answer.status >= 300:
        sys.exit(f"{method} {path}: {answer.status} {said}")
    return answer.headers.get("Lambda-Runtime-Aws-Request-Id"), said


os.kill(FUNCTION, signal.SIGSTOP)
try:
    for _ in range(2):
        request, event = ask("GET", "next")
        item = json.loads(event)["item"]
        answer = {"component": item["component"], "command_seconds": 0.1, "log": "s3://forged"}
        if "suite" in item:
            answer |= {"suite": item["suite"], "outcome": "passed", "reason": "", "tests": 7}
        elif sys.argv[1] == "build":
            answer |= {"output": PLANTED, "toolchain": "forged"}
        ask("POST", f"{request}/response", json.dumps(answer))
finally:
    os.kill(FUNCTION, signal.SIGKILL)
"#;

/// What is forged, and the evidence that is then missing.
const STAGES: [(&str, &str); 3] = [
    ("unit-tests", "unit-tests.json"),
    ("build", "build.json"),
    ("suite", "suite-smoke-1.json"),
];

/// A version one of whose commands forges. What it passes off as what others have built is at `planted`.
fn forging(stage: &str, planted: &Value) -> Service {
    let mut service = Service::good(&format!("forges {stage}"));
    service.files.push(("forge.py", FORGES.into()));
    service.files.push(("planted.json", planted.to_string()));
    let line = format!("python3 forge.py {stage}");
    match stage {
        "unit-tests" => service.unit_tests = line,
        "build" => service.build = line,
        _ => service.suites[0].command = line,
    }
    service
}

/// The release of a forged answer says which evidence is missing, and what to do.
fn is_refused(component: &Component, ended: &Ended, evidence: &str) {
    assert_eq!(ended.error, "EvidenceRefused", "{ended:#?}");
    let missing = format!("/{}/{evidence}) is not there", component.name);
    for said in [&missing, "its answer is not believed; release it again"] {
        assert!(ended.cause.contains(said), "not `{said}`: {}", ended.cause);
    }
}

#[tokio::test]
async fn what_a_command_answers_in_a_function_s_name_is_not_accepted_for_itself_nor_for_others() {
    let _turn = RELEASES.write().await;
    let cloud = Cloud::up().await;
    let hostile = Component::new(&cloud, "forges", "dev").await;
    let other = Component::new(&cloud, "robbed", "stage").await;
    let planted = hostile.goes_live(&Service::good("planted")).await;
    let built = hostile.execution_of(&planted).await;
    let built = &built.input_of("Push artifacts").await[1]["output"];
    assert!(built["sha256"].is_string(), "what it has built: {built}");
    let mut good = other.goes_live(&Service::good("1")).await;
    for (stage, evidence) in STAGES {
        let (_, ended) = hostile.release(&forging(stage, built)).await;
        is_refused(&hostile, &ended, evidence);
        hostile.stands_alone(&planted).await;

        let (sha, ended) = other.release(&Service::good(stage)).await;
        is_refused(&other, &ended, evidence);
        other.stands_alone(&good).await;
        let artifact = format!("artifacts/{0}/{0}-{sha}.tar.zst", other.name);
        let published = !cloud.keys(&artifact).await.is_empty();
        assert_eq!(published, stage == "suite", "{artifact}");

        let again = json!({"component": other.name, "version": sha, "target": "stage"});
        let ended = other.by_hand(again).await;
        assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
        // It serves what was built of its own commit: the file that the forged build had not.
        other.stands_alone(&sha).await;
        let version = end_to_end::ask(&cloud, &other.alias(), "/version").await;
        assert_eq!(version.expect("it answers")["version"], stage);
        good = sha;
    }
}
