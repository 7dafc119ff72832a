//! What a command gets, what becomes of it, and that nothing of it is left.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use workspace::command::{Command, CommandError, Ending, Outcome, check_artifact, run};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

struct Run {
    folder: TempDir,
    log: File,
    env: Vec<(String, String)>,
    timeout: Duration,
}

impl Run {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            log: tempfile::tempfile().unwrap(),
            env: Vec::new(),
            timeout: Duration::from_secs(20),
        }
    }

    fn try_line(&self, line: &str) -> Result<Outcome, CommandError> {
        run(&Command {
            line,
            cwd: self.folder.path(),
            env: &self.env,
            timeout: self.timeout,
            note: None,
            log: &self.log,
            scratch: &std::env::temp_dir(),
            path: PATH,
        })
    }

    fn line(&self, line: &str) -> Outcome {
        self.try_line(line).unwrap()
    }

    fn script(&self, script: &str) -> Outcome {
        fs::write(self.folder.path().join("script"), script).unwrap();
        self.line("sh ./script")
    }

    fn log(&self) -> String {
        let mut log = vec![0; self.log.metadata().unwrap().len() as usize];
        self.log.read_exact_at(&mut log, 0).unwrap();
        String::from_utf8(log).unwrap()
    }

    /// A number that a script has written into a file.
    fn pid(&self, file: &str) -> String {
        let text = fs::read_to_string(self.folder.path().join(file)).unwrap();
        text.trim().to_owned()
    }
}

/// Exited: a zombie is nobody's business but must not stay either.
fn is_there(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

#[test]
fn a_command_that_ends_well_has_succeeded() {
    let run = Run::new();
    let outcome = run.line("echo hello 'a  b'");
    assert!(outcome.succeeded());
    assert_eq!(outcome.tail, "hello a  b");
    assert_eq!(outcome.output_bytes, 11);
    let log = run.log();
    assert!(
        log.starts_with("$ echo hello 'a  b'\nhello a  b\n[cutover: exited with code 0, "),
        "{log}"
    );
}

#[test]
fn output_and_errors_are_in_the_log_in_their_order() {
    let run = Run::new();
    let outcome = run.script("echo one\necho two >&2\necho three\nexit 3\n");
    assert_eq!(outcome.ending, Ending::Exited { code: 3 });
    assert_eq!(outcome.tail, "one\ntwo\nthree");
    assert!(run.log().contains("one\ntwo\nthree\n"));
}

#[test]
fn a_command_that_kills_itself_was_signalled() {
    let outcome = Run::new().script("kill -SEGV $$\n");
    assert_eq!(outcome.ending, Ending::Signalled { signal: 11 });
    assert_eq!(outcome.ending.to_string(), "was killed by SIGSEGV");
}

#[test]
fn the_environment_holds_nothing_of_ours() {
    let mut run = Run::new();
    run.env.push(("TARGET_URL".into(), "http://api".into()));
    let outcome = run.line("env");
    let mut names: Vec<&str> = outcome
        .tail
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["CI", "HOME", "LANG", "PATH", "TARGET_URL", "TERM", "TMPDIR"]
    );
    // This process has others, so the test can fail.
    assert!(std::env::vars().any(|(name, _)| !names.contains(&name.as_str())));
}

#[test]
fn home_and_tmpdir_are_fresh_and_go_with_the_command() {
    let run = Run::new();
    // As Go's module cache does it: a folder that cannot be written to.
    let outcome = run.script(
        "cd $HOME; ls -A $HOME $TMPDIR | wc -w; mkdir -p a/b; chmod 500 a a/b; echo $HOME $TMPDIR",
    );
    let mut lines = outcome.tail.lines();
    assert_eq!(
        lines.next().unwrap().trim(),
        "2",
        "only the two names that ls prints: {}",
        outcome.tail
    );
    for folder in lines.next().unwrap().split(' ') {
        assert!(folder.len() > 5 && !Path::new(folder).exists(), "{folder}");
    }
}

#[test]
fn nothing_of_a_shell_is_interpreted() {
    let run = Run::new();
    let outcome = run.line("echo $HOME `id` $(id) * ; touch made && touch made > made | cat");
    assert_eq!(
        outcome.tail,
        "$HOME `id` $(id) * ; touch made && touch made > made | cat"
    );
    assert!(!run.folder.path().join("made").exists());
}

#[test]
fn a_command_gets_no_input() {
    let outcome = Run::new().line("cat");
    assert!(outcome.succeeded());
    assert!(outcome.duration < Duration::from_secs(5));
}

#[test]
fn a_command_that_hangs_is_stopped_and_nothing_of_it_is_left() {
    let mut run = Run::new();
    run.timeout = Duration::from_millis(500);
    let outcome =
        run.script("sleep 300 &\necho $! > sleep.pid\necho $$ > own.pid\necho before\nwait\n");
    assert_eq!(outcome.ending, Ending::TimedOut { limit: run.timeout });
    assert_eq!(outcome.tail, "before");
    assert!(outcome.duration < Duration::from_secs(5));
    assert!(!is_there(&run.pid("own.pid")) && !is_there(&run.pid("sleep.pid")));
    assert!(
        run.log()
            .contains("[cutover: was stopped after its time limit of 0.5 s")
    );
}

#[test]
fn a_command_may_end_in_its_own_way_when_it_is_told_to_stop() {
    let mut run = Run::new();
    run.timeout = Duration::from_millis(500);
    let outcome = run.script("trap 'echo tidied; exit 0' TERM\nsleep 300 & wait\n");
    assert_eq!(outcome.ending, Ending::TimedOut { limit: run.timeout });
    assert_eq!(outcome.tail, "tidied");
}

#[test]
fn a_command_that_does_not_want_to_stop_is_killed() {
    let mut run = Run::new();
    run.timeout = Duration::from_millis(300);
    let started = Instant::now();
    let outcome = run.script("trap '' TERM\necho $$ > own.pid\nwhile :; do sleep 1; done\n");
    assert_eq!(outcome.ending, Ending::TimedOut { limit: run.timeout });
    assert!(!is_there(&run.pid("own.pid")));
    let took = started.elapsed();
    assert!(
        took > Duration::from_secs(5) && took < Duration::from_secs(12),
        "{took:?}"
    );
}

#[test]
fn what_a_command_leaves_in_the_background_is_gone() {
    let run = Run::new();
    let started = Instant::now();
    let outcome = run.script("sleep 300 &\necho $! > sleep.pid\n");
    assert!(outcome.succeeded());
    assert!(!is_there(&run.pid("sleep.pid")));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_daemon_that_left_group_and_session_is_gone() {
    let run = Run::new();
    let script = "
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.environ.clear()
        open('daemon.pid.new', 'w').write(str(os.getpid()))
        os.rename('daemon.pid.new', 'daemon.pid')
        time.sleep(300)
    os._exit(0)
os.wait()
while not os.path.exists('daemon.pid'):
    time.sleep(0.01)
";
    fs::write(run.folder.path().join("daemon.py"), script).unwrap();
    let outcome = run.line("python3 daemon.py");
    assert!(outcome.succeeded(), "{outcome:?}");
    assert!(!is_there(&run.pid("daemon.pid")));
}

#[test]
fn of_huge_output_the_log_keeps_beginning_and_end_and_the_command_goes_on() {
    let run = Run::new();
    let outcome = run.script("head -c 31457280 /dev/zero | tr '\\0' 'x'\necho\necho the end\n");
    assert!(outcome.succeeded());
    assert_eq!(outcome.output_bytes, 31_457_280 + 9);
    assert!(
        outcome.tail.ends_with("\nthe end") || outcome.tail == "the end",
        "{}",
        outcome.tail.len()
    );
    let log = run.log();
    assert!(
        log.len() > 20 << 20 && log.len() < (20 << 20) + 400,
        "{}",
        log.len()
    );
    let end = &log[log.len() - 200..];
    assert!(end.contains("xxx\nthe end\n[cutover: exited"), "{end}");
    let gap =
        "[cutover: 10485769 bytes are left out here; a log holds the first and the last 10 MiB]";
    assert_eq!(log.matches(gap).count(), 1);
    assert!(end.contains("[cutover: exited with code 0"), "{end}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let run = Run::new();
    let check = |line: &str, expected: &str| {
        let error = run.try_line(line).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(
        "no-such-tool x",
        &format!("no-such-tool cannot be started: there is no such program in {PATH}"),
    );
    check(
        "./it/smoke.sh",
        "./it/smoke.sh cannot be started: there is no such file in the checkout",
    );
    fs::write(run.folder.path().join("plain"), "").unwrap();
    let reason = "it is not executable (git update-index --chmod=+x)";
    check("./plain", &format!("./plain cannot be started: {reason}"));
}

#[test]
fn a_script_that_the_kernel_cannot_run_is_told_why() {
    let check = |content: &str, reason: &str| {
        let run = Run::new();
        let script = run.folder.path().join("script");
        fs::write(&script, content).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let error = run.try_line("./script").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("./script cannot be started: {reason}")
        );
    };
    check(
        "#!/no/such/interpreter\n",
        "the interpreter that its first line names is not there",
    );
    check(
        "echo no first line\n",
        "it is no program for this machine, nor a script that begins with #!",
    );
}

#[test]
fn a_first_line_of_windows_names_the_carriage_return() {
    let run = Run::new();
    for first in ["#!/bin/sh\r\n", "#!/usr/bin/env python3\r\n"] {
        let script = run.folder.path().join("build.sh");
        fs::write(&script, format!("{first}true\r\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let error = run.try_line("./build.sh").unwrap_err().to_string();
        let line = first.trim_end();
        let expected = format!(
            "./build.sh cannot be started: its first line, `{line}`, ends in a carriage return"
        );
        assert!(error.starts_with(&expected), "{error}");
    }
    let failed = run.line("sh build.sh");
    let hint = failed.hint.unwrap_or_default();
    assert!(
        hint.starts_with("the lines of build.sh end in a carriage return"),
        "{hint}"
    );
    fs::write(run.folder.path().join("build.sh"), "#!/bin/sh\nfalse\n").unwrap();
    assert_eq!(run.line("sh build.sh").hint, None);
}

#[test]
fn what_an_artifact_could_not_start_is_told_before_a_machine_boots_for_it() {
    let run = Run::new();
    let check = |line: &str, expected: &str| {
        let said = check_artifact(line, run.folder.path());
        let said = said.map_or_else(|error| error.to_string(), |()| String::new());
        assert!(
            said.starts_with(expected) && said.is_empty() == expected.is_empty(),
            "{said}"
        );
    };
    check(
        "./api --port 1",
        "./api cannot be started: there is no such file in the artifact",
    );
    let api = run.folder.path().join("api");
    fs::write(&api, "#!/bin/sh\r\nexit 0\r\n").unwrap();
    check("./api", "./api cannot be started: it is not executable");
    fs::set_permissions(&api, fs::Permissions::from_mode(0o755)).unwrap();
    check(
        "./api",
        "./api cannot be started: its first line, `#!/bin/sh`, ends in a carriage return",
    );
    fs::write(&api, "#!/bin/sh\nexit 0\n").unwrap();
    for line in ["./api", "python3 server.py", "/usr/bin/java -jar api.jar"] {
        check(line, "");
    }
    check(
        "./api 'a",
        "the command \"./api 'a\" cannot be split into words",
    );
}

#[test]
fn the_time_that_a_command_has_computed_is_told() {
    let outcome = Run::new().script("i=0\nwhile [ $i -lt 200000 ]; do i=$((i+1)); done\n");
    assert!(outcome.user_time > Duration::from_millis(20), "{outcome:?}");
    assert!(outcome.user_time <= outcome.duration * 2);
}

/// Each is a number that no other process of the machine can have.
#[test]
fn what_a_command_orphans_is_reaped_while_it_runs() {
    let run = Run::new();
    let script = "
import glob, os, sys, time
for _ in range(200):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.wait()
def state(path):
    try:
        return open(path).read().rsplit(')', 1)[1].split()[:2]
    except OSError:
        return None
def dead():
    ours = ['Z', str(os.getppid())]
    return sum(state(path) == ours for path in glob.glob('/proc/[0-9]*/stat'))
ends = time.monotonic() + 10
while dead() and time.monotonic() < ends:
    time.sleep(0.01)
sys.exit(dead())
";
    fs::write(run.folder.path().join("orphans.py"), script).unwrap();
    let outcome = run.line("python3 orphans.py");
    assert!(outcome.succeeded(), "{outcome:?}");
}
