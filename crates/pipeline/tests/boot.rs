//! The boot script, run: as the instance's own runner, and by what it makes for systemd.
//!
//! Its absolute folders are moved into one of the test's own, and `aws`, `python3`, `systemctl` and
//! `zstd` are programs of the test's; everything else is the machine's.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "no decision is tested here: the script is run"
)]

use pipeline::boot::{Boot, user_data};
use pipeline::ends::LastEnd;
use pipeline::manifest::Manifest;
use pipeline::names::{Commit, Component};
use pipeline::wire::{Artifact, Bundle, Release};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

#[path = "boot/connections.rs"]
mod connections;

/// For what takes a second or two.
const LIMIT: Duration = Duration::from_secs(60);

struct Machine(PathBuf);

impl Machine {
    /// A folder with the script that boots this command, and the programs that it finds.
    fn new(name: &str, command: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&root);
        let folders = [
            "bin",
            "bucket",
            "run/systemd/system",
            "etc/systemd/system",
            "cloud",
        ];
        for folder in folders {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let machine = Self(root);
        machine.program("python3", "echo i-1");
        machine.program("systemctl", "exit 0");
        machine.program("zstd", "cat \"$2\"");
        // `s3 cp --only-show-errors FROM TO`: from `-` to an object, or from an object to a file.
        let copies = "case $4 in -) key=${5#s3://b/}; mkdir -p \"$BUCKET/${key%/*}\"; cat >\"$BUCKET/$key\" ;;\n\
            *) cp \"$BUCKET/${4#s3://b/}\" \"$5\" ;; esac";
        machine.program("aws", copies);
        let mut tar = Command::new("tar");
        tar.args(["-cf", "bucket/artifact", "-T", "/dev/null"]);
        assert!(tar.current_dir(&machine.0).status().unwrap().success());
        let sum = Command::new("sha256sum")
            .arg(machine.0.join("bucket/artifact"))
            .output();
        let sum = String::from_utf8(sum.unwrap().stdout).unwrap();
        let own = |path: &str| format!("{}/{path}", machine.0.display());
        let script = script(command, sum.split(' ').next().unwrap())
            .replace("/run/systemd/system", &own("run/systemd/system"))
            .replace("/etc/systemd/system", &own("etc/systemd/system"))
            .replace("/var/lib/cloud/data", &own("cloud"))
            .replace("/opt/cutover", &own("opt"));
        fs::write(machine.0.join("user-data"), script).unwrap();
        machine
    }

    /// By another process: while a test beside this one starts a program, that one holds every file that
    /// this process has open, and what is open to be written cannot be run ("Text file busy").
    fn program(&self, name: &str, body: &str) {
        let path = self.0.join("bin").join(name);
        let mut install = Command::new("install");
        let install = install.args(["-m", "755", "/dev/stdin"]).arg(path);
        let mut install = install.stdin(Stdio::piped()).spawn().unwrap();
        let text = format!("#!/bin/bash\n{body}\n");
        let mut stdin = install.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        drop(stdin);
        assert!(install.wait().unwrap().success());
    }

    fn bash(&self, script: &str) -> Command {
        let path = format!("{}:/usr/bin:/bin", self.0.join("bin").display());
        let mut bash = Command::new("/bin/bash");
        bash.arg(self.0.join(script))
            .current_dir(&self.0)
            .env_clear()
            .env("PATH", path)
            .env("BUCKET", self.0.join("bucket"))
            .stdin(Stdio::null());
        bash
    }

    fn object(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.0.join("bucket/logs/stage-r42/api").join(name)).ok()
    }

    /// Boots where systemd runs, which then has a unit and is left to the test.
    fn under_systemd(name: &str) -> Self {
        let machine = Self::new(name, "./api");
        machine.program("sleep", "exit 0");
        fs::write(machine.0.join("cloud/instance-id"), "i-1").unwrap();
        let booted = machine.bash("user-data").output().unwrap();
        assert!(booted.status.success(), "{booted:?}");
        machine
    }

    /// What systemd does when the shipping of the log has ended; answers the pieces that there are.
    fn ships_what_is_left(&self) -> Vec<Vec<u8>> {
        let mut shipping = self.bash("opt/ship-pieces");
        let shipped = shipping.arg("last").output().unwrap();
        assert!(shipped.status.success(), "{shipped:?}");
        let folder = self.0.join("bucket/logs/stage-r42/api/instance-i-1");
        let pieces = fs::read_dir(folder).unwrap().map(|one| one.unwrap().path());
        let mut pieces: Vec<PathBuf> = pieces.collect();
        pieces.sort();
        pieces.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    /// What systemd does when the service has ended; answers the last end as it is told.
    fn ends(&self, result: &str, status: Option<&str>) -> String {
        let mut told = self.bash("opt/ship-log");
        told.env("SERVICE_RESULT", result);
        if let Some(status) = status {
            told.env("EXIT_STATUS", status);
        }
        let told = told.output().unwrap();
        assert!(told.status.success(), "{told:?}");
        last(&self.object("instance-i-1.ends").unwrap())
    }
}

fn script(command: &str, sha256: &str) -> String {
    let text = format!(
        "[component]\nname='api'\n[build]\nunit_tests='true'\ncommand='true'\noutput='dist'\n\
         [run]\ncommand=\"{command}\"\nport=8080\n"
    );
    let component = Component::new("api").unwrap();
    let manifest = Manifest::parse(&text, &component).unwrap();
    let release: Release = serde_json::from_value(serde_json::json!({
        "project": "myproj", "target": "stage", "ticket": 42, "execution": "x",
        "domain": "stage.myproj.com", "zone_id": "Z", "launch_template_id": "lt-1",
        "subnet_ids": [], "alias_ttl": 60, "hostname_ttl": 60, "drain_seconds": 90, "test_dependents": false,
        "skip_slow_scans": false, "size": 1
    }))
    .unwrap();
    let bundle = Bundle {
        key: "artifact".into(),
        sha256: sha256.to_owned(),
        bytes: 1,
    };
    let artifact = Artifact {
        bundle,
        source_sha256: String::new(),
        built_by: String::new(),
        built_at: String::new(),
        toolchain: String::new(),
    };
    user_data(&Boot {
        release: &release,
        component: &component,
        commit: &Commit::new("a".repeat(40)).unwrap(),
        run: manifest.service().unwrap(),
        artifact: &artifact,
        vendor: &[],
        bucket: "b",
        region: "eu-central-1",
        peers: &BTreeMap::new(),
    })
    .unwrap()
}

fn last(ends: &str) -> String {
    let last = LastEnd::parse(ends).unwrap_or_else(|| panic!("cannot be read: {ends}"));
    format!("{} {last}", last.number)
}

#[test]
fn under_systemd_each_end_is_told_with_its_status() {
    let machine = Machine::under_systemd("systemd-ends");
    let ends = |result, status| machine.ends(result, status);
    let started = fs::File::create(machine.0.join("opt/started")).unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    started.set_modified(at).unwrap();
    // So that it does not matter how busy the machine is.
    machine.program("date", "echo 1790000007");
    assert_eq!(ends("exit-code", Some("3")), "1 with exit code 3 after 7 s");
    assert_eq!(ends("signal", Some("SEGV")), "2 by signal SEGV after 7 s");
    let killed = ends("oom-kill", Some("KILL"));
    assert_eq!(killed, "3 because it ran out of memory after 7 s");
    ends("resources", None);
    let log = machine.object("instance-i-1.log").unwrap();
    for said in ["api ended with 3 after ", "api ended with resources after "] {
        assert!(log.contains(&format!("cutover: {said}")), "{log}");
    }
}

#[test]
fn however_often_it_ends_the_last_twenty_are_kept_and_all_are_counted() {
    let machine = Machine::under_systemd("systemd-many");
    (0..25).for_each(|_| drop(machine.ends("exit-code", Some("1"))));
    let ends = machine.object("instance-i-1.ends").unwrap();
    assert_eq!(ends.lines().count(), 20);
    assert!(ends.len() < pipeline::ends::MAX_BYTES);
    assert_eq!(LastEnd::parse(&ends).unwrap().number, 25);
}

/// An instance has 8 GiB of disk, and its log no end.
#[test]
fn a_log_is_shipped_whole_and_leaves_the_disk() {
    use std::os::unix::fs::MetadataExt;
    let machine = Machine::under_systemd("systemd-pieces");
    let path = machine.0.join("opt/api.log");
    let lines: String = (0..4_000_000).map(|n| format!("{n:09}\n")).collect();
    fs::write(&path, &lines).unwrap();
    let pieces = machine.ships_what_is_left();
    assert!(pieces.iter().all(|piece| piece.len() <= 1 << 20));
    assert!(
        pieces.concat() == lines.as_bytes(),
        "the pieces are not the log"
    );
    let on_disk = fs::metadata(&path).unwrap().blocks() * 512;
    assert!(on_disk <= 33 << 20, "{on_disk} bytes are still on the disk");

    // Whoever goes on writing, and whoever goes on shipping, goes on where it was.
    let mut log = fs::OpenOptions::new().append(true).open(&path).unwrap();
    log.write_all(b"later\n").unwrap();
    let more = machine.ships_what_is_left();
    assert_eq!(
        (more.len(), more.last().unwrap().as_slice()),
        (pieces.len() + 1, &b"later\n"[..])
    );
    assert_eq!(machine.ships_what_is_left().len(), more.len());
}

#[test]
fn what_is_written_faster_than_it_can_be_shipped_is_left_out_and_said() {
    let machine = Machine::under_systemd("systemd-flood");
    let log = fs::File::create(machine.0.join("opt/api.log")).unwrap();
    log.set_len((512 << 20) + 10).unwrap();
    let pieces = machine.ships_what_is_left();
    let said = format!("\ncutover: {} bytes are left out here\n", (511 << 20) + 10);
    assert!(pieces[0].starts_with(said.as_bytes()));
    assert_eq!(pieces.concat().len(), said.len() + (1 << 20));
}

#[test]
fn a_bucket_that_takes_nothing_ends_the_last_shipping_and_nothing_is_lost() {
    let machine = Machine::under_systemd("systemd-refused");
    fs::write(machine.0.join("opt/api.log"), "kept\n").unwrap();
    let aws = fs::read_to_string(machine.0.join("bin/aws")).unwrap();
    machine.program("aws", "exit 1");
    let refused = machine
        .bash("opt/ship-pieces")
        .arg("last")
        .status()
        .unwrap();
    assert_eq!(refused.code(), Some(1));
    machine.program("aws", aws.trim_start_matches("#!/bin/bash\n"));
    assert_eq!(machine.ships_what_is_left(), [b"kept\n"]);
}

#[test]
fn the_units_are_ones_that_systemd_takes() {
    let machine = Machine::under_systemd("systemd-unit");
    let shipping = machine.0.join("etc/systemd/system/cutover-log.service");
    let text = fs::read_to_string(&shipping).unwrap();
    // Begins first and ends last.
    assert!(text.contains("Before=cutover.service\n"), "{text}");
    assert!(text.contains("/ship-pieces last\n"), "{text}");
    let unit = machine.0.join("etc/systemd/system/cutover.service");
    let text = fs::read_to_string(&unit).unwrap();
    for line in [
        "ExecStartPre=+/usr/bin/touch ",
        "ExecStopPost=+",
        "Restart=always\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let mut verify = Command::new("systemd-analyze");
    match verify
        .args(["verify", "--man=no"])
        .arg(&unit)
        .arg(&shipping)
        .output()
    {
        // A machine without systemd has no judge; the lines above are held all the same.
        Err(error) => eprintln!("systemd-analyze: {error}"),
        Ok(said) => {
            let said = String::from_utf8_lossy(&said.stderr).into_owned();
            assert!(!said.contains("cutover.service"), "{said}");
            assert!(!said.contains("cutover-log.service"), "{said}");
        }
    }
}

#[test]
fn a_component_that_prints_much_hides_no_end() {
    let machine = Machine::new("self-ends", "sh -c 'seq 300; exit 7'");
    let mut booted = machine.bash("user-data");
    let mut booted = booted.stdout(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + LIMIT;
    let told = loop {
        let ends = machine.object("instance-i-1.ends").unwrap_or_default();
        if LastEnd::parse(&ends).is_some_and(|last| last.number >= 2) {
            break ends;
        }
        assert!(Instant::now() < deadline, "{ends}");
        std::thread::sleep(Duration::from_millis(50));
    };
    Command::new("kill")
        .arg(booted.id().to_string())
        .status()
        .unwrap();
    booted.wait().unwrap();
    // Which of its ends is read, and after how many seconds, is the machine's load.
    assert!(last(&told).contains(" with exit code 7 after "), "{told}");
    let log = machine.object("instance-i-1.log").unwrap();
    assert!(log.lines().count() <= 200);
}

/// The head of a program for a machine that nobody has.
const FOREIGN: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xff\xff\x01\0\0\0";

#[test]
fn a_program_for_another_machine_is_told_in_the_same_words_by_either_runner() {
    const WORDS: &str = "cannot execute binary file: Exec format error";
    let foreign = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign");
    fs::write(&foreign, FOREIGN).unwrap();
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o755)).unwrap();
    let command = foreign.display().to_string();

    let machine = Machine::new("self-foreign", &command);
    let mut booted = machine
        .bash("user-data")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + LIMIT;
    while machine.object("instance-i-1.ends").is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    let stop = Command::new("kill").arg(booted.id().to_string()).status();
    assert!(stop.unwrap().success());
    booted.wait().unwrap();
    let log = fs::read_to_string(machine.0.join("cutover/api.log")).unwrap();
    assert!(log.contains(WORDS), "{log}");
    let ends = machine.object("instance-i-1.ends").unwrap();
    assert!(last(&ends).starts_with("1 with exit code 126"), "{ends}");

    let systemd = Machine::new("systemd-foreign", &command);
    systemd.program("sleep", "exit 0");
    fs::write(systemd.0.join("cloud/instance-id"), "i-1").unwrap();
    assert!(systemd.bash("user-data").status().unwrap().success());
    let ran = Command::new(systemd.0.join("opt/run")).output().unwrap();
    assert_eq!(ran.status.code(), Some(126));
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said.contains(WORDS), "{said}");
}

/// A number that was remembered may be another process's by now, or a thread's: `kill` would end what has it.
#[test]
fn nothing_is_ended_by_a_number_that_was_remembered() {
    let script = include_str!("../src/boot.sh");
    let lines = script
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let kills = lines.filter(|line| line.split([' ', '\'', ';', '(']).any(|word| word == "kill"));
    let by_number =
        kills.filter(|line| !line.contains("kill $(jobs -pr)") && !line.contains("kill -l "));
    assert_eq!(by_number.collect::<Vec<_>>(), Vec::<&str>::new());
}
