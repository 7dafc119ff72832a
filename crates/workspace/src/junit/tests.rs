mod doubtful;
mod tools;

use super::folder::MOST_FILES;
use super::*;
use std::fs;

const MIXED: &str = r#"<?xml version="1.0"?>
<testsuites tests="5" failures="1" errors="1">
  <testsuite name="a" tests="5" failures="1" errors="1" skipped="1">
    <testcase classname="api.Health" name="answers"/>
    <testcase classname="api.Health" name="is &lt;fast&gt;"><failure message="took&#10;  2 s">trace</failure></testcase>
    <testcase name="starts"><error type="IOError"/></testcase>
    <testcase name="later"><skipped/></testcase>
    <testcase name="talks"><system-out><![CDATA[<failure/>]]></system-out></testcase>
  </testsuite>
</testsuites>"#;

fn summary(files: &[(&str, &[u8])]) -> Reports {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    look(folder.path()).summarise()
}

fn of(text: &str) -> Reports {
    summary(&[("a.xml", text.as_bytes())])
}

/// Tests, failures, errors, skipped; and the first failure.
fn check(report: &[u8], expected: [u64; 4], first: &str) {
    let found = summary(&[("a.xml", report)]);
    let counts = [found.tests, found.failures, found.errors, found.skipped];
    assert_eq!(counts, expected, "{found:?}");
    let told = found.first_failures.first().map_or("", String::as_str);
    assert_eq!(told, first);
    assert_eq!(found.passed(), expected[1] + expected[2] == 0, "{found:?}");
    assert_eq!(found.malformed, [""; 0]);
}

#[test]
fn test_cases_of_all_files_are_counted() {
    let mixed = MIXED.as_bytes();
    let reports = summary(&[
        ("junit.xml", mixed),
        ("more/it.XML", mixed),
        ("log.txt", b"<"),
    ]);
    assert_eq!((reports.files, reports.tests, reports.skipped), (2, 10, 2));
    assert_eq!((reports.failures, reports.errors), (2, 2));
    assert_eq!(reports.malformed, [""; 0]);
    let first = [
        "api.Health.is <fast>: took 2 s",
        "starts: IOError",
        "api.Health.is <fast>: took 2 s",
    ];
    assert_eq!(reports.first_failures, first);
    assert!(!reports.passed());
}
