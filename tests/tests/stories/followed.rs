//! What a release's commands print can be read while they print it.

use end_to_end::{Cloud, Component, Service, until};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// From a command's print to its line.
const SHOWN: Duration = Duration::from_secs(3);
/// Until a command runs, on two busy cores.
const RUNS: Duration = Duration::from_secs(120);

/// A busy machine may be late, but not always.
const TRIES: usize = 5;
const LATE: Duration = Duration::from_secs(30);

/// A version whose build prints a line for each file `say-<n>` in the folder, until there is the file `go`.
fn held(machine: &str, folder: &Path) -> Service {
    let mut service = Service::good("1");
    service.more_manifest = machine.into();
    let script = format!(
        "cd {0}\necho early; echo early too; touch runs\nn=1\nwhile [ ! -e go ]; do\n\
         if [ -e say-$n ]; then echo now $n; touch said-$n; n=$((n+1)); fi\nsleep 0.05\ndone\n\
         echo late\ncd - >/dev/null\nexec sh build.sh\n",
        folder.display()
    );
    service.files.push(("held.sh", script));
    service.build = "sh held.sh".into();
    service
}

/// The command, and its lines as they come.
fn typed(cloud: &Cloud, arguments: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(cloud.root.join("target/debug/cutover"))
        .args(arguments)
        .envs(cloud.environment())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the command starts");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    (child, lines)
}

/// Reads to a line, and answers all before it.
async fn to(
    lines: &mut Lines<BufReader<ChildStdout>>,
    wanted: &str,
    limit: Duration,
) -> Vec<String> {
    let mut before = Vec::new();
    let read = async {
        while let Some(line) = lines.next_line().await.expect("a line") {
            if line == wanted {
                return true;
            }
            before.push(line);
        }
        false
    };
    let found = tokio::time::timeout(limit, read).await;
    assert_eq!(
        found,
        Ok(true),
        "{wanted} within {limit:?}, after {before:#?}"
    );
    before
}

async fn there(file: &Path) {
    let is_there = until(RUNS, async || file.exists().then_some(())).await;
    assert!(is_there.is_some(), "{}", file.display());
}

async fn is_followed(what: &str, machine: &str) {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, what, "dev").await;
    // Where a container finds it too: /tmp is hidden there.
    let folder = tempfile::tempdir_in(cloud.root.join("target")).expect("a folder");
    let sha = component
        .commit_and_push(&held(machine, folder.path()))
        .await;
    let execution = component.execution_of(&sha).await;
    there(&folder.path().join("runs")).await;
    let row = cloud
        .release_of("dev", &execution.name)
        .await
        .expect("a release");
    let release = format!("dev-r{}", row["ticket"]);

    let one = [
        "logs",
        &release,
        "--component",
        &component.name,
        "--stage",
        "build",
        "--follow",
    ];
    let (mut child, mut lines) = typed(&cloud, &one);
    let (_watch, mut watched) = typed(&cloud, &["watch", &execution.name, "--logs"]);
    to(&mut lines, "early", LATE).await;
    to(&mut lines, "early too", LATE).await;
    let whose = format!("{} build | ", component.name);
    to(&mut watched, &format!("{whose}early"), LATE).await;

    let mut took = Vec::new();
    for n in 1..=TRIES {
        std::fs::write(folder.path().join(format!("say-{n}")), "").expect("a file");
        there(&folder.path().join(format!("said-{n}"))).await;
        let began = Instant::now();
        to(&mut lines, &format!("now {n}"), LATE).await;
        to(&mut watched, &format!("{whose}now {n}"), LATE).await;
        took.push(began.elapsed());
        if began.elapsed() < SHOWN {
            break;
        }
    }
    assert!(took.last() < Some(&SHOWN), "{took:?}");

    std::fs::write(folder.path().join("go"), "").expect("a file");
    let rest = to(&mut lines, "built", RUNS).await;
    assert_eq!(rest, ["late"], "each line comes once");
    let ended = lines
        .next_line()
        .await
        .expect("a line")
        .expect("a last line");
    assert!(
        ended.starts_with("[cutover: exited with code 0, "),
        "{ended}"
    );
    assert_eq!(lines.next_line().await.expect("its end"), None);
    assert!(child.wait().await.expect("it ends").success());
    // One that was over before the first part is shown as a whole.
    let tests = format!("{} unit-tests | unit tests of 1", component.name);
    let all = cloud
        .cutover(&["logs", &release, "--follow"])
        .await
        .good("logs --follow");
    assert!(all.lines().any(|line| line == tests), "{all}");

    let key = format!("logs/{release}/{}/build.log", component.name);
    let log = cloud.object(&key).await.expect("the whole log");
    assert!(log.contains("\nearly\nearly too\nnow 1\n"), "{log}");
}

#[tokio::test]
async fn what_a_command_in_a_function_prints_is_shown_while_it_runs() {
    is_followed("shown", "").await;
}

#[tokio::test]
async fn what_a_command_in_a_container_prints_is_shown_while_it_runs() {
    is_followed("boxed-shown", "\n[machine]\nkind = \"codebuild\"\n").await;
}
