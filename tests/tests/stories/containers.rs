//! Commands in containers of their own: they build, test and release as in the functions, end on time, and
//! find nothing in there that is of use.

use end_to_end::{Cloud, Component, Ended, Service, no_process_is_left_of, processes_with, until};
use serde_json::json;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(180);
/// From the stop of an execution until its builds have ended.
const STOPPED: Duration = Duration::from_secs(10);

const CODEBUILD: &str = "\n[machine]\nkind = \"codebuild\"\n";

/// A version whose every command runs in a container.
fn contained(version: &str) -> Service {
    let mut service = Service::good(version);
    service.more_manifest = CODEBUILD.into();
    service
}

#[tokio::test]
async fn a_component_whose_commands_run_in_containers_goes_live() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "boxed", "stage").await;
    component.goes_live(&Service::good("1")).await;
    let mut service = contained("2");
    let report =
        "sh -c 'echo \"<testsuite><testcase name=\\\"t\\\"/></testsuite>\" >\"$REPORT_DIR/r.xml\"'";
    service.add_suite("report", report);
    let (sha, ended) = component.release(&service).await;
    let output = ended.output();
    assert_eq!(output["outcome"], "live", "{ended:#?}");
    component.stands_alone(&sha).await;

    let suites = output["suites"].as_array().expect("suites");
    let reported = suites.iter().find(|one| one["suite"] == "report");
    assert_eq!(reported.expect("the suite")["tests"], 1, "{output:#?}");
    let states = component.execution_of(&sha).await.states().await;
    for state in [
        "Container of unit tests",
        "Container of build",
        "Container of suite",
    ] {
        assert!(states.iter().any(|one| one == state), "{states:?}");
    }
    for state in ["Unit tests", "Build", "Run suite"] {
        assert!(!states.iter().any(|one| one == state), "{states:?}");
    }
    for (stage, said) in [
        ("unit-tests", "unit tests of 2\n"),
        ("build", "$ sh build.sh\nbuilt\n"),
        ("suite-smoke", "the candidate is"),
    ] {
        let key = format!("logs/{}/{}/{stage}.log", ended.release(), component.name);
        let log = cloud.object(&key).await.expect("a log");
        assert!(log.contains(said), "{stage}: {log}");
        assert!(log.contains("\n[cutover: exited with code 0, "), "{log}");
    }
}

#[tokio::test]
async fn commands_in_a_container_that_fail_or_take_too_long_end_with_all_their_processes() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "boxed-red", "stage").await;
    let good = component.goes_live(&Service::good("1")).await;
    let mark = format!("mark-{}", component.name);
    let mut service = contained("2");
    let line = format!("sh -c '(setsid sh -c \"sleep 300; : {mark}\" &) ; sleep 300; : {mark}'");
    service.add_suite("hanging", line);
    service.add_suite("red", "sh -c 'echo no such luck; exit 3'");
    let (_, ended) = component.release(&service).await;
    assert_eq!(ended.error, "IntegrationTestsFailed", "{ended:#?}");
    for said in [
        "was stopped after its time limit of 3 s",
        "exited with code 3",
        "saying: no such luck",
    ] {
        assert!(ended.cause.contains(said), "not `{said}`: {}", ended.cause);
    }
    no_process_is_left_of(&mark).await;
    component.stands_alone(&good).await;
}

#[tokio::test]
async fn the_build_of_a_stopped_execution_ends_with_all_its_processes() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "boxed-stop", "dev").await;
    let mark = format!("mark-{}", component.name);
    let mut service = contained("1");
    service.build =
        format!("sh -c '(setsid sh -c \"sleep 300; : {mark}\" &) ; sleep 300; : {mark}'");
    let sha = component.commit_and_push(&service).await;
    let running = component.execution_of(&sha).await;
    let at_least_two = async || (processes_with(&mark).len() >= 2).then_some(());
    until(LIMIT, at_least_two).await.expect("the build runs");
    running.stop().await;
    let none = async || processes_with(&mark).is_empty().then_some(());
    let gone = until(STOPPED, none).await;
    assert!(
        gone.is_some(),
        "after {STOPPED:?}: {:?}",
        processes_with(&mark)
    );
}

/// Looks for whatever it can use, and says how each try ended. It never prints a credential.
const INVENTORY: &str = r#"import datetime, hashlib, hmac, os, re, sys, urllib.error, urllib.request

bucket, component, table = sys.argv[1:]


def variables():
    found = dict(os.environ)
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                pairs = open(f"/proc/{name}/environ").read().split("\0")
            except OSError:
                continue
            found.update(pair.split("=", 1) for pair in pairs if "=" in pair)
    return found


HAVE = variables()
ENDPOINT, REGION = HAVE["AWS_ENDPOINT_URL"], HAVE["AWS_REGION"]


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def ask(what, service, method, path, query="", body=b"", headers={}):
    moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    host, digest = ENDPOINT.split("//")[1], hashlib.sha256(body).hexdigest()
    signed = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": moment,
              "x-amz-security-token": HAVE["AWS_SESSION_TOKEN"], **headers}
    names = ";".join(sorted(signed))
    canonical = "\n".join([method, path, query, *(f"{name}:{signed[name]}" for name in sorted(signed)), "", names, digest])
    scope = f"{moment[:8]}/{REGION}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + HAVE["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in (moment[:8], REGION, service, "aws4_request"):
        key = mac(key, part)
    signed["authorization"] = (f"AWS4-HMAC-SHA256 Credential={HAVE['AWS_ACCESS_KEY_ID']}/{scope}, "
                               f"SignedHeaders={names}, Signature={mac(key, text).hex()}")
    request = urllib.request.Request(ENDPOINT + path + ("?" + query if query else ""), body or None, signed, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            print(f"{what}: {answer.status}", flush=True)
    except urllib.error.HTTPError as error:
        said = re.search(r"AccessDenied\w*|NoSuchKey", error.read().decode("utf-8", "replace"))
        print(f"{what}: {said.group() if said else error.code}", flush=True)


def json_call(what, service, target, body, kind="1.1"):
    ask(what, service, "POST", "/", body=body.encode(), headers={"content-type": f"application/x-amz-json-{kind}", "x-amz-target": target})


ask("who am I", "sts", "POST", "/", body=b"Action=GetCallerIdentity&Version=2011-06-15",
    headers={"content-type": "application/x-www-form-urlencoded"})
for prefix in ("inputs/", "outputs/", "sources/"):
    ask(f"list {prefix}", "s3", "GET", f"/{bucket}", f"list-type=2&prefix={prefix.replace('/', '%2F')}")
ask("guess an input", "s3", "GET", f"/{bucket}/inputs/{'0' * 32}.zip")
ask("read an output", "s3", "GET", f"/{bucket}/outputs/{'0' * 32}/outcome")
for key in (f"artifacts/{component}/x", f"builds/x/{component}.tar.zst", f"evidence/x/{component}/build.json", "sources/x",
            "logs/x", "inputs/x"):
    ask(f"write {key.split('/')[0]}", "s3", "PUT", f"/{bucket}/{key}", body=b"junk")
ask("write junk into outputs", "s3", "PUT", f"/{bucket}/outputs/{'1' * 32}/outcome", body=b"junk")
json_call("read the table", "dynamodb", "DynamoDB_20120810.Scan", '{"TableName": "%s"}' % table, "1.0")
json_call("start a build", "codebuild", "CodeBuild_20161006.StartBuild", '{"projectName": "myproj-commands"}')
json_call("list builds", "codebuild", "CodeBuild_20161006.ListBuilds", "{}")
json_call("read a secret", "secretsmanager", "secretsmanager.ListSecrets", "{}")
print("other processes:", sum(name.isdigit() for name in os.listdir("/proc")) > 12)
print("the local cloud:", os.path.exists(sys.argv[0].replace("inventory.py", "") + ".local") or os.listdir("/tmp") != [])
"#;

/// What each try must come to. On AWS the role is found at an address, not in a variable; it is the same role.
const FOUND: [(&str, &str); 19] = [
    ("who am I", "200"),
    ("list inputs/", "AccessDenied"),
    ("list outputs/", "AccessDenied"),
    ("list sources/", "AccessDenied"),
    ("guess an input", "AccessDenied"),
    ("read an output", "AccessDenied"),
    ("write artifacts", "AccessDenied"),
    ("write builds", "AccessDenied"),
    ("write evidence", "AccessDenied"),
    ("write sources", "AccessDenied"),
    ("write logs", "AccessDenied"),
    ("write inputs", "AccessDenied"),
    ("write junk into outputs", "200"),
    ("read the table", "AccessDeniedException"),
    ("start a build", "AccessDeniedException"),
    ("list builds", "AccessDeniedException"),
    ("read a secret", "AccessDeniedException"),
    ("other processes", "False"),
    ("the local cloud", "False"),
];

#[tokio::test]
async fn a_hostile_build_finds_nothing_in_its_container_that_is_of_use() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "boxed-thief", "dev").await;
    let mut service = contained("1");
    let (bucket, table) = (
        cloud.variable("CUTOVER_BUCKET"),
        cloud.variable("CUTOVER_TABLE"),
    );
    service.build = format!(
        "sh -c 'python3 inventory.py {bucket} {} {table} && sh build.sh'",
        component.name
    );
    service.files.push(("inventory.py", INVENTORY.into()));
    let (_, ended) = component.release(&service).await;
    let key = format!("logs/{}/{}/build.log", ended.release(), component.name);
    let log = cloud.object(&key).await.expect("a log");
    for (what, expected) in FOUND {
        let line = format!("\n{what}: {expected}\n");
        assert!(log.contains(&line), "not `{what}: {expected}`:\n{log}");
    }
}

#[tokio::test]
async fn what_is_only_said_to_be_a_container_s_is_not_believed() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "boxed-lie", "dev").await;
    let (sha, ended) = component.release(&contained("1")).await;
    assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
    let execution = component.execution_of(&sha).await;
    let collect = execution.input_of("Collect build").await;
    let key = format!(
        "outputs/{}/outcome",
        collect["name"].as_str().expect("a name")
    );
    assert!(cloud.object(&key).await.is_some(), "{collect}");

    // Another name, as a container that guesses would have to.
    let mut forged = collect.clone();
    forged["name"] = json!("0".repeat(32));
    forged["step"]["release"]["ticket"] = json!(999_998);
    let answer = cloud.call("collect-command", &forged).await;
    assert_eq!(answer["errorType"], "BuildFailed", "{answer}");
    let said = answer["errorMessage"].as_str().unwrap_or_default();
    assert!(
        said.contains("its container ended without saying how its command did"),
        "{said}"
    );
    let evidence = cloud.keys("evidence/dev-r999998/").await;
    assert_eq!(evidence, Vec::<String>::new(), "nothing counts");
}

/// Looks for a Runtime API to answer, says that it passed in the place of the script that runs it, and kills that
/// script.
const FORGES: &str = r#"import os, signal, socket

found = []
for name in os.listdir("/proc"):
    if name.isdigit():
        words = open(f"/proc/{name}/cmdline").read().split("\0")
        if "command.sh" in words:
            found.append(int(name))
        if "AWS_LAMBDA_RUNTIME_API=" in open(f"/proc/{name}/environ").read():
            print("a runtime api is told to", name)
with socket.socket() as api:
    print("9001:", api.connect_ex(("127.0.0.1", 9001)) != 0, flush=True)
open("../result/outcome", "w").write("ended exited\nstatus 0\nhundredths 1\nmade packed\n")
open("../result/log", "w").write(open("/dev/null").read() + "all is well\n")
os.system("mkdir -p dist && cp server.py VERSION dist/ && tar -cf ../result/output.tar dist")
# The outermost last: what starts the script ends with it.
for process in sorted(found, reverse=True):
    os.kill(process, signal.SIGKILL)
"#;

#[tokio::test]
async fn a_command_that_speaks_for_its_container_has_not_passed() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "boxed-forges", "dev").await;
    let good = component.goes_live(&Service::good("1")).await;
    let mut service = contained("2");
    service.build = "python3 forge.py".into();
    service.files.push(("forge.py", FORGES.into()));
    let (sha, ended) = component.release(&service).await;
    assert_eq!(ended.error, "BuildFailed", "{ended:#?}");
    let said = "its container ended without saying how its command did (CodeBuild says FAILED), so it did not pass";
    assert!(ended.cause.contains(said), "{}", ended.cause);
    let execution = component.execution_of(&sha).await;
    let collect = execution.input_of("Collect build").await;
    let name = collect["name"].as_str().expect("a name");
    let key = format!("outputs/{name}/outcome");
    let planted = cloud.object(&key).await.expect("what it planted");
    assert!(planted.contains("made packed"), "{planted}");
    component.stands_alone(&good).await;
}

/// Of the largest containers this account may run none, of the next one.
#[tokio::test]
async fn a_release_whose_containers_have_no_place_says_what_to_ask_aws_for_before_anything_runs() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "boxed-quota", "dev").await;
    let of_size = |compute: &str| {
        let mut service = contained(compute);
        service.more_manifest += &format!("compute = \"{compute}\"\nimage = \"{X86}\"\n");
        service
    };
    let (sha, ended) = component.release(&of_size("2xlarge")).await;
    assert_eq!(ended.error, "QuotaTooLow", "{ended:#?}");
    for said in [
        "`Concurrently running builds for Linux/2XLarge environment` is 0 in this region",
        "ask AWS for 2 or more: aws service-quotas request-service-quota-increase --service-code codebuild --quota-code L-0397D009",
    ] {
        assert!(ended.cause.contains(said), "not `{said}`: {}", ended.cause);
    }
    let states = component.execution_of(&sha).await.states().await;
    assert!(
        !states.iter().any(|one| one == "Component pipelines"),
        "{states:?}"
    );
    let (_, ended) = component.release(&of_size("xlarge")).await;
    let output = ended.output();
    assert_eq!(output["outcome"], "live", "{ended:#?}");
    let warned =
        "this account's quota `Concurrently running builds for Linux/XLarge environment` is 1";
    assert!(output["warnings"].to_string().contains(warned), "{output}");
}

const X86: &str = "aws/codebuild/amazonlinux-x86_64-standard:5.0";
/// Asks a server of the machine that is really there, and says how that went.
const CALLS: &str = r#"import sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    print("connected:", opener.open(sys.argv[1], timeout=5).status)
except OSError as error:
    print("not connected:", error)
"#;

async fn calls_home(component: &Component, more: &str) -> (Ended, String) {
    let cloud = &component.cloud;
    let mut service = Service::good(if more.is_empty() { "1" } else { "2" });
    let server = format!("{}/info/refs?service=git-upload-pack", component.url());
    service.build = format!("sh -c 'python3 calls.py \"{server}\" && sh build.sh'");
    // Its own loopback is there all the same.
    let own = "import socket; a = socket.create_server((\"127.0.0.1\", 0)); socket.create_connection(a.getsockname())";
    service.files.push(("own.py", own.into()));
    service.unit_tests = "python3 own.py".into();
    service.files.push(("calls.py", CALLS.into()));
    service.more_manifest = CODEBUILD.into();
    service.more_of_build = more.into();
    let (_, ended) = component.release(&service).await;
    let key = format!("logs/{}/{}/build.log", ended.release(), component.name);
    let log = cloud.object(&key).await.expect("a log");
    (ended, log)
}

#[tokio::test]
async fn a_build_that_wants_no_network_has_none() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "boxed-off", "dev").await;
    let (ended, log) = calls_home(&component, "").await;
    assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
    assert!(log.contains("\nconnected: 200\n"), "{log}");
    let (ended, log) = calls_home(&component, "network = false\n").await;
    assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
    assert!(log.contains("\nnot connected: "), "{log}");
}

#[tokio::test]
async fn no_network_is_refused_where_it_would_not_be_kept() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "unboxed-off", "dev").await;
    let mut service = Service::good("1");
    service.more_of_build = "network = false\n".into();
    let (_, ended) = component.release(&service).await;
    assert_eq!(ended.error, "ManifestInvalid", "{ended:#?}");
    let said = "a function cannot keep a command from its network";
    assert!(ended.cause.contains(said), "{}", ended.cause);
}
