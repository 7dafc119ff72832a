//! Commands that leave what they can, and report what they like: the release fails or goes on as it must,
//! and another component's release right after it meets nothing of it.

use end_to_end::{Cloud, Component, Service, no_process_is_left_of};

/// Plants settings above its checkout, folders that only root could remove, files in the place of its
/// log, and processes that have left its group.
const LITTERS: &str = r#"import os, subprocess
top = os.path.abspath("../..")
for parent in (top, "..", "."):
    for name, mode in ((".cargo", 0o700), ("locked", 0o500), ("closed", 0)):
        folder = f"{parent}/{name}"
        os.makedirs(folder + "/in")
        open(folder + "/config.toml", "w").write('[build]\nrustc-wrapper = "evil"\n')
        os.chmod(folder + "/in", mode)
        os.chmod(folder, mode)
with open(top + "/sparse", "w") as sparse:
    sparse.truncate(4 << 30)
os.symlink("/etc", top + "/link")
for name in {"command.log", *os.listdir("..")} - {"tree", ".cargo", "locked", "closed"}:
    if not os.path.isdir("../" + name):
        if os.path.lexists("../" + name):
            os.remove("../" + name)
        os.symlink(top + "/sparse", "../" + name)
for _ in range(8):
    subprocess.Popen(["sh", "-c", "sleep 60; : @MARK@"], start_new_session=True)
print("it was here", flush=True)
"#;

/// Fails if there is anything above its checkout that is not its own.
const LOOKS: &str = r#"import os, sys
own = [os.path.abspath(".."), os.environ["HOME"], os.environ["TMPDIR"]]
left = set(os.listdir("../..")) - {os.path.basename(path) for path in own}
left |= set(os.listdir("..")) & {".cargo", "locked", "closed"}
print("left by others:", sorted(left))
sys.exit(bool(left))
"#;

/// Each of 24 processes starts its successor in a session of its own and ends, for 8 seconds at most. A
/// hundred times a second: faster, they would use up the numbers that this machine has for processes.
const HOPS: &str = r#"import os, time
ends = time.monotonic() + 8
for _ in range(24):
    if os.fork() == 0:
        while time.monotonic() < ends and os.fork() == 0:
            os.setsid()
            time.sleep(0.01)
        os._exit(0)
"#;

/// Appended to a manifest whose commands run in the functions, or in containers.
const LAMBDA: &str = "";
const CODEBUILD: &str = "\n[machine]\nkind = \"codebuild\"\n";

/// A version whose every command runs this script too.
fn with(script: &'static str, mark: &str, machine: &str) -> Service {
    let mut service = Service::good("1");
    service.more_manifest = machine.into();
    let text = script.replace("@MARK@", mark);
    service.files.push(("script.py", text));
    service.unit_tests = format!("python3 script.py {mark}");
    service.build = format!("sh -c 'python3 script.py {mark} && sh build.sh'");
    service.add_suite("script", format!("python3 script.py {mark}"));
    service
}

#[tokio::test]
async fn what_a_command_leaves_is_not_there_for_another_component() {
    litters("litters", "looks", LAMBDA).await;
}

#[tokio::test]
async fn what_a_command_in_a_container_leaves_is_not_there_for_another_component() {
    litters("boxed-litters", "boxed-looks", CODEBUILD).await;
}

async fn litters(hostile: &str, other: &str, machine: &str) {
    let cloud = Cloud::up().await;
    let hostile = Component::new(&cloud, hostile, "dev").await;
    let other = Component::new(&cloud, other, "dev").await;
    let mark = format!("mark-{}", hostile.name);
    let (_, ended) = hostile.release(&with(LITTERS, &mark, machine)).await;
    assert_eq!(ended.output()["outcome"], "live", "{ended:#?}");
    no_process_is_left_of(&mark).await;
    for stage in ["unit-tests", "build", "suite-script"] {
        let key = format!("logs/{}/{}/{stage}.log", ended.release(), hostile.name);
        let log = cloud.object(&key).await.expect("a log");
        let is_own = log.starts_with("$ ") && log.contains("\nit was here\n");
        assert!(is_own && log.len() < 1000, "{stage}: {log:.2000}");
        assert!(log.contains("[cutover: exited with code 0"), "{log}");
    }
    other.goes_live(&with(LOOKS, "", machine)).await;
}

#[tokio::test]
#[ignore = "make test-long: in containers, as by default on AWS, make test has it"]
async fn processes_that_hop_are_ended_or_their_command_has_failed() {
    hops("hops", "after-hops", LAMBDA).await;
}

#[tokio::test]
async fn processes_that_hop_in_a_container_go_with_it() {
    hops("boxed-hops", "boxed-after-hops", CODEBUILD).await;
}

async fn hops(hostile: &str, other: &str, machine: &str) {
    let cloud = Cloud::up().await;
    let hostile = Component::new(&cloud, hostile, "dev").await;
    let other = Component::new(&cloud, other, "dev").await;
    let mark = format!("mark-{}", hostile.name);
    let (_, ended) = hostile.release(&with(HOPS, &mark, machine)).await;
    let goes_on = "processes of the command are still running after being killed";
    let failed = machine == LAMBDA && ended.status == "FAILED" && ended.cause.contains(goes_on);
    assert!(failed || ended.output()["outcome"] == "live", "{ended:#?}");
    other.goes_live(&with(LOOKS, "", machine)).await;
    no_process_is_left_of(&mark).await;
}

/// The next command of that function finds its sandbox unclean, and is tried again in another one.
#[tokio::test]
async fn limits_that_a_command_sets_for_its_function_reach_no_other_release() {
    let cloud = Cloud::up().await;
    let hostile = Component::new(&cloud, "limits", "dev").await;
    let other = Component::new(&cloud, "after-limits", "dev").await;
    let mut service = Service::good("1");
    service.unit_tests = "sh -c 'prlimit --pid $PPID --fsize=4096:4096'".into();
    hostile.goes_live(&service).await;
    other.goes_live(&Service::good("1")).await;
}

/// A suite's script, what the cause must say of it, and what where it ran in a container.
const REPORTS: [(&str, &str, &str, &str); 4] = [
    (
        "linked",
        "os.rmdir(folder)\nos.symlink('/etc', folder)\n",
        "suite linked did not pass: the report folder is no folder any more",
        "suite linked did not pass: what `python3 linked` left cannot be taken: the archive is refused at reports: the link is absolute",
    ),
    (
        "waits",
        "os.mkfifo(folder + '/waits.xml')\n",
        "suite waits did not pass: waits.xml: it is no regular file",
        "suite waits did not pass: what `python3 waits` left cannot be taken: the archive is refused at reports/waits.xml: it is neither a file",
    ),
    (
        "endless",
        "for name in 'abc':\n    open(f'{folder}/{name}.xml', 'w').write('<' + 'A' * (1 << 20))\n",
        "suite endless did not pass: a.xml: ",
        "suite endless did not pass: a.xml: ",
    ),
    (
        "wordy",
        "open(folder + '/a.xml', 'w').write('<testsuite><testcase name=\"t\"><failure message=\"' + 'why ' * (3 << 18) + '\"/></testcase></testsuite>')\nprint('x' * (3 << 20))\n",
        "suite wordy did not pass: t: why why ",
        "suite wordy did not pass: t: why why ",
    ),
];

#[tokio::test]
#[ignore = "make test-long: in containers, as by default on AWS, make test has it"]
async fn suites_that_report_what_they_like_fail_at_a_bounded_length() {
    lies("lies", "after-lies", LAMBDA).await;
}

#[tokio::test]
async fn suites_in_containers_that_report_what_they_like_fail_at_a_bounded_length() {
    lies("boxed-lies", "boxed-after-lies", CODEBUILD).await;
}

async fn lies(hostile: &str, other: &str, machine: &str) {
    let cloud = Cloud::up().await;
    let hostile = Component::new(&cloud, hostile, "stage").await;
    let other = Component::new(&cloud, other, "stage").await;
    let good = hostile.goes_live(&Service::good("1")).await;
    let mut service = Service::good("2");
    service.more_manifest = machine.into();
    service.suites.clear();
    for (name, script, ..) in REPORTS {
        let script = format!("import os\nfolder = os.environ['REPORT_DIR']\n{script}");
        service.files.push((name, script));
        service.add_suite(name, format!("python3 {name}"));
    }
    let (_, ended) = hostile.release(&service).await;
    assert_eq!(ended.error, "IntegrationTestsFailed", "{ended:#?}");
    assert!(ended.cause.len() < 10_000, "{} bytes", ended.cause.len());
    for (_, _, here, boxed) in REPORTS {
        let said = if machine == LAMBDA { here } else { boxed };
        assert!(ended.cause.contains(said), "not `{said}`: {}", ended.cause);
    }
    hostile.stands_alone(&good).await;
    other.goes_live(&Service::good("1")).await;
}
