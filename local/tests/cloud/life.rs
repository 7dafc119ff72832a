//! Starting, ending, and what an accident leaves.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::harness::{Cloud, eventually};

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

fn kill_9(pid: &str) {
    assert!(
        Command::new("kill")
            .args(["-9", pid])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn starting_twice_says_so_and_changes_nothing() {
    let cloud = Cloud::up();
    let before = cloud.state();
    let again = cloud.local(&["up"]);
    assert!(again.status.success());
    assert!(text(&again.stdout).contains("is up already"), "{again:?}");
    assert!(
        !text(&again.stdout).contains("note: another build"),
        "{again:?}"
    );
    assert_eq!(cloud.state(), before);
    // What runs is of before the last build.
    std::fs::write(cloud.path(".local/launch.py"), "other files").unwrap();
    let again = cloud.local(&["up"]);
    assert!(again.status.success());
    let note = "note: another build of this program started its emulator; `make down up`";
    assert!(text(&again.stdout).contains(note), "{again:?}");
}

#[test]
fn two_that_start_at_once_share_one_cloud() {
    let cloud = Cloud::down();
    let start = || {
        cloud
            .local_command(&["up"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let (first, second) = (start(), start());
    let (first, second) = (
        first.wait_with_output().unwrap(),
        second.wait_with_output().unwrap(),
    );
    assert!(
        first.status.success() && second.status.success(),
        "{first:?}\n{second:?}"
    );
    let endpoint = cloud.state()["endpoint"].as_str().unwrap().to_owned();
    assert!(text(&first.stdout).contains(&endpoint) && text(&second.stdout).contains(&endpoint));
}

#[test]
fn ending_twice_is_as_good_as_once() {
    let cloud = Cloud::up();
    for _ in 0..2 {
        let down = cloud.local(&["down"]);
        assert!(down.status.success(), "{down:?}");
        assert_eq!(cloud.processes(), Vec::<String>::new());
        assert!(!cloud.path(".local/env").exists());
    }
    assert_eq!(cloud.local(&["status"]).status.code(), Some(3));
}

#[test]
fn a_killed_supervisor_takes_everything_with_it_and_the_next_start_works() {
    let mut cloud = Cloud::up();
    let endpoint = cloud.env("AWS_ENDPOINT_URL").to_owned();
    kill_9(&cloud.state()["supervisor"]["pid"].to_string());
    eventually("nothing is left", || cloud.processes().is_empty());
    assert_eq!(cloud.local(&["status"]).status.code(), Some(3));
    cloud.start();
    assert_ne!(cloud.env("AWS_ENDPOINT_URL"), endpoint);
    let log = std::fs::read_to_string(cloud.path(".local/log/supervisor.log")).unwrap();
    assert!(log.contains("ended without cleaning up"), "{log}");
    cloud.aws(&["sts", "get-caller-identity"]);
}

#[test]
fn an_orphan_of_an_earlier_run_is_ended() {
    let mut cloud = Cloud::down();
    let root = cloud.path("").display().to_string();
    let mut orphan = Command::new("sleep")
        .arg("1000")
        .env("CUTOVER_LOCAL_ROOT", root.trim_end_matches('/'))
        .spawn()
        .unwrap();
    cloud.start();
    assert!(!orphan.wait().unwrap().success());
}

#[test]
fn without_its_emulator_the_cloud_ends_and_says_why() {
    let cloud = Cloud::up();
    let launcher = cloud
        .processes()
        .into_iter()
        .find(|line| line.contains("launch.py"))
        .unwrap();
    kill_9(launcher.split(' ').next().unwrap());
    eventually("the supervisor has ended", || {
        cloud.local(&["status"]).status.code() == Some(3)
    });
    eventually("nothing is left", || cloud.processes().is_empty());
    eventually("the log says why", || {
        let log = std::fs::read_to_string(cloud.path(".local/log/supervisor.log")).unwrap();
        log.contains("MiniStack ended")
    });
}

#[test]
fn ports_stay_the_same_and_one_that_is_taken_is_told_with_its_holder() {
    let mut cloud = Cloud::up();
    assert!(cloud.local(&["down"]).status.success());
    // Ports that no other test's cloud would take meanwhile.
    let free = [(), ()].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [gateway, git] = free.map(|one| one.local_addr().unwrap().port());
    let remembered = format!(r#"{{"gateway": {gateway}, "git server": {git}}}"#);
    std::fs::write(cloud.path(".local/ports.json"), remembered).unwrap();
    cloud.start();
    let first = ["CUTOVER_GATEWAY", "CUTOVER_GIT"].map(|name| cloud.env(name).to_owned());
    assert!(first[1].ends_with(&format!(":{git}")), "{first:?}");
    assert!(cloud.local(&["down"]).status.success());
    cloud.start();
    let second = ["CUTOVER_GATEWAY", "CUTOVER_GIT"].map(|name| cloud.env(name).to_owned());
    assert_eq!(first, second);

    assert!(cloud.local(&["down"]).status.success());
    let address = first[1].trim_start_matches("http://").to_owned();
    let held = TcpListener::bind(&address).unwrap();
    let up = cloud.local(&["up"]);
    let port = address.rsplit(':').next().unwrap();
    let said = format!(
        "note: port {port} of the git server is taken by process {} (",
        std::process::id()
    );
    assert!(text(&up.stdout).contains(&said), "{up:?}");
    assert_ne!(cloud.state()["git"], first[1]);

    assert!(cloud.local(&["down"]).status.success());
    drop(held);
    cloud.start();
    assert_eq!(cloud.env("CUTOVER_GIT"), first[1]);
}

/// A checkout is known by this file.
fn make_checkout(cloud: &Cloud) {
    std::fs::create_dir_all(cloud.path("local")).unwrap();
    std::fs::write(cloud.path("local/setup.sh"), "").unwrap();
}

#[test]
fn commands_work_from_any_folder_once_the_env_file_is_read() {
    let cloud = Cloud::up();
    make_checkout(&cloud);
    let elsewhere = tempfile::tempdir().unwrap();
    let script = format!(
        "set -e; . '{}'; cutover-local repository create shop; cutover-local status",
        cloud.path(".local/env").display()
    );
    let ran = Command::new("sh")
        .args(["-c", &script])
        .current_dir(elsewhere.path())
        .env("CUTOVER_VENV", cloud.venv())
        .output()
        .unwrap();
    let said = text(&ran.stdout);
    assert!(ran.status.success(), "{ran:?}");
    let made = format!("Made {}/shop.git", cloud.env("CUTOVER_GIT"));
    assert!(said.contains(&made), "{said}");
    assert!(said.contains("The local cloud is up"), "{said}");
    // Its shell is none of the cloud's processes.
    assert!(
        !text(&std::fs::read(cloud.path(".local/env")).unwrap()).contains("CUTOVER_LOCAL_ROOT")
    );
}

#[test]
fn a_missing_emulator_is_named_with_what_to_do() {
    let cloud = Cloud::down();
    let output = cloud
        .local_command(&["up"])
        .env("CUTOVER_VENV", cloud.path("none"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(
        text(&output.stderr).contains("run local/setup.sh first"),
        "{output:?}"
    );
}

#[test]
fn a_cloud_keeps_nothing_open_of_whoever_started_it() {
    let cloud = Cloud::down();
    let lock = cloud.path("lock-of-a-script");
    let up = cloud.local_command(&["up"]);
    let mut script = Command::new("flock");
    script.arg(&lock).arg(up.get_program()).args(up.get_args());
    let changed = up
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    assert!(script.envs(changed).status().unwrap().success());
    let mut again = Command::new("flock");
    let again = again.arg("--nonblock").arg(&lock).arg("true").status();
    assert!(again.unwrap().success(), "the lock was never freed");
}
