//! The script of a container, run as it is there. In a process of its own: beside other tests it would be
//! a process that no running command has started.

use pipeline::manifest::{CachedFolder, CommandLine, Limit};
use pipeline::names::{Commit, Component};
use pipeline::wire::Vendored;
use runner::Task;
use runner::container::{Leaves, script, write};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use workspace::{Limits, bundle};

/// A source bundle with one file in it.
fn source(folder: &Path) -> std::path::PathBuf {
    let files = folder.join("files");
    std::fs::create_dir(&files).unwrap();
    std::fs::write(files.join("hello.txt"), "hello").unwrap();
    let archive = folder.join("source.tar.zst");
    bundle::pack(&files, &archive, 1_000, Limits::SOURCE).unwrap();
    archive
}

/// Runs a line as in a container, and answers the folder.
fn ran(line: &str, limit: &str, leaves: Leaves<'_>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let line = CommandLine::try_from(line.to_owned()).unwrap();
    let cached = [CachedFolder::try_from("kept/deep".to_owned()).unwrap()];
    let pin = Vendored {
        library: Component::new("gdal").unwrap(),
        commit: Commit::new("a".repeat(40)).unwrap(),
        artifact: None, // fetched by now
    };
    let task = Task {
        line: &line,
        environment: [("COMMIT".to_owned(), "it's".to_owned())].into(),
        limit: Limit::try_from(limit.to_owned()).unwrap(),
        log_key: String::new(),
        vendor: &[pin],
        cache: &cached,
    };
    let script = script(&task, leaves).unwrap();
    let source = source(folder.path());
    let kept = folder.path().join("files/kept/deep");
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::write(kept.join("old"), "old").unwrap();
    let cache = folder.path().join("cache.tar.zst");
    bundle::pack(&folder.path().join("files"), &cache, 1_000, Limits::SOURCE).unwrap();
    let time = write(
        &script,
        &source,
        &[
            ("vendor-gdal.tar".to_owned(), source.clone()),
            ("cache.tar".to_owned(), cache),
        ],
        &folder.path().join("in.zip"),
    );
    assert_eq!(time.unwrap(), 1_000);
    let begins = folder.path().join("container");
    let python = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
    let unpacked = Command::new("python3")
        .args(["-c", python])
        .args([folder.path().join("in.zip"), begins.clone()])
        .status();
    assert!(unpacked.unwrap().success(), "it is a zip archive");
    let ended = Command::new("sh")
        .arg("command.sh")
        .current_dir(&begins)
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("CODEBUILD_BUILD_ID", "build")
        .env("JAVA_HOME", "/the/image's")
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    folder
}

fn left(folder: &TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join("container/result").join(name)).unwrap()
}

fn outcome(folder: &TempDir) -> Vec<String> {
    let text = left(folder, "outcome");
    let without_time = text.lines().filter(|line| !line.starts_with("hundredths "));
    without_time.map(str::to_owned).collect()
}

#[test]
fn a_command_leaves_how_it_ended_what_it_printed_and_what_it_made() {
    let line = r#"sh -c 'cat hello.txt; mkdir dist; echo made > dist/a; ln dist/a dist/b; ln -s a dist/c'"#;
    let folder = ran(line, "1m", Leaves::Output("dist"));
    assert_eq!(
        outcome(&folder),
        ["ended exited", "status 0", "made packed"]
    );
    assert_eq!(left(&folder, "log"), "hello");
    let (tar, to) = (
        folder.path().join("container/result/output.tar"),
        folder.path().join("taken"),
    );
    let unpacked = bundle::unpack_tar(&tar, &to, Limits::ARTIFACT).unwrap();
    assert_eq!(unpacked.files, 3);
    assert_eq!(
        std::fs::read_to_string(to.join("dist/c")).unwrap(),
        "made\n"
    );
}

#[test]
fn a_command_finds_the_library_that_it_pins_and_no_archive() {
    let line = r#"sh -c 'cat $VENDOR/gdal/hello.txt && ls .. | grep -c tar'"#;
    let folder = ran(line, "1m", Leaves::Nothing);
    assert_eq!(left(&folder, "log"), "hello0\n");
}

#[test]
fn a_build_finds_the_folders_that_it_keeps_and_leaves_them_again() {
    let line =
        "sh -c 'mkdir dist; cp hello.txt dist; cat kept/deep/old; echo new >kept/deep/new; ls ..'";
    let folder = ran(line, "1m", Leaves::Output("dist"));
    let log = left(&folder, "log");
    assert!(log.starts_with("old") && !log.contains("cache"), "{log}");
    let tar = folder.path().join("container/result/cache.tar");
    let to = folder.path().join("caches");
    assert_eq!(
        bundle::unpack_tar(&tar, &to, Limits::ARTIFACT)
            .unwrap()
            .files,
        2
    );
    // What fails leaves nothing.
    let folder = ran("false", "1m", Leaves::Output("dist"));
    assert!(!folder.path().join("container/result/cache.tar").exists());
}

#[test]
fn a_command_over_its_limit_is_stopped_and_says_so() {
    let folder = ran("sh -c 'echo begun; sleep 60'", "1s", Leaves::Output("dist"));
    assert_eq!(
        outcome(&folder),
        ["ended timed-out", "status 124", "made none"]
    );
    assert_eq!(left(&folder, "log"), "begun\n");
}

#[test]
fn the_words_of_a_command_and_its_variables_are_read_by_no_shell() {
    let line = r#"sh -c 'echo "$0" "$COMMIT"' "a'b $(touch evil) ;x""#;
    let folder = ran(line, "1m", Leaves::Nothing);
    assert_eq!(left(&folder, "log"), "a'b $(touch evil) ;x it's\n");
}

#[test]
fn a_command_sees_the_image_s_variables_and_none_of_codebuild_s() {
    let folder = ran("env", "1m", Leaves::Reports);
    let log = left(&folder, "log");
    assert!(
        log.contains("JAVA_HOME=/the/image's\n") && log.contains("\nREPORT_DIR="),
        "{log}"
    );
    assert!(
        !log.contains("AWS_") && !log.contains("CODEBUILD_"),
        "{log}"
    );
    assert_eq!(
        outcome(&folder),
        ["ended exited", "status 0", "made packed"]
    );
}

#[test]
fn a_long_output_is_cut_in_the_middle() {
    let folder = ran(
        "sh -c 'head -c 30000000 /dev/zero; echo; echo last'",
        "1m",
        Leaves::Nothing,
    );
    let log = left(&folder, "log");
    assert!(
        log.len() < 21_000_000 && log.ends_with("last\n"),
        "{}",
        log.len()
    );
    assert!(
        log.contains("[cutover: 9028486 bytes are left out here"),
        "{}",
        log.len()
    );
}

#[test]
fn a_log_that_is_replaced_is_what_was_printed_all_the_same() {
    let folder = ran(
        "sh -c 'echo printed; rm ../log; truncate -s 4G ../sparse; ln -s sparse ../log'",
        "1m",
        Leaves::Nothing,
    );
    assert_eq!(left(&folder, "log"), "printed\n");
}
