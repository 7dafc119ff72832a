//! Reports that say too little or too much, and what is no report.

use super::*;

#[test]
fn totals_that_disagree_hide_no_failure() {
    let green = r#"<testsuites tests="9" failures="0" errors="0"><testsuite tests="9" failures="0"><testcase name="t"><failure message="no"/></testcase></testsuite></testsuites>"#;
    check(green.as_bytes(), [1, 1, 0, 0], "t: no");
    let red = r#"<testsuites tests="1" failures="2"><testsuite tests="1" failures="0"><testcase name="t"/></testsuite></testsuites>"#;
    check(red.as_bytes(), [1, 2, 0, 0], "");
    let more = r#"<testsuite tests="3" failures="1" errors="1"><testcase name="t"/><testcase name="u"><failure message="no"/></testcase></testsuite>"#;
    assert!(!of(more).passed());
}

#[test]
fn failures_that_are_only_declared_count() {
    let report =
        r#"<testsuites><testsuite failures="2"/><testsuite errors="1" failures="1"/></testsuites>"#;
    check(report.as_bytes(), [0, 3, 1, 0], "");
    check(br#"<testsuite tests="5" failures="0"/>"#, [5, 0, 0, 0], "");
}

#[test]
fn a_failure_of_the_suite_itself_counts() {
    let report = r#"<testsuite><error message="no database"/></testsuite>"#;
    check(
        report.as_bytes(),
        [0, 0, 1, 0],
        "outside of a test case: no database",
    );
}

#[test]
fn a_report_that_was_cut_off_is_not_a_pass() {
    let cut = &MIXED[..MIXED.find("<testcase name=\"starts\"").unwrap()];
    for text in [
        cut,
        "",
        "<testsuite><testcase></testsuite>",
        "<testsuite",
        "no xml",
    ] {
        let reports = of(text);
        assert_eq!(reports.malformed.len(), 1, "{text}");
        assert!(reports.malformed[0].starts_with("a.xml: "), "{reports:?}");
        assert!(!reports.passed());
    }
    assert_eq!(of("no xml").malformed, ["a.xml: it is not XML"]);
}

#[test]
fn other_xml_does_not_count_and_is_said() {
    let reports = summary(&[
        ("coverage.xml", b"<coverage><failure/></coverage>"),
        ("nunit.xml", b"<test-run result=\"Failed\"/>"),
        ("trx.xml", b"<TestRun/>"),
    ]);
    assert_eq!(
        (reports.files, reports.tests, reports.passed()),
        (0, 0, true)
    );
    assert_eq!(
        reports.remark(),
        "no JUnit report: coverage.xml (it is <coverage>), nunit.xml (it is <test-run>) and 1 more"
    );
}

#[test]
fn a_report_without_tests_is_said() {
    for text in [
        "<testsuites/>",
        "<testsuite tests='0' failures='0'></testsuite>",
    ] {
        let reports = of(text);
        assert!(reports.passed());
        assert_eq!(
            reports.remark(),
            "its reports hold no test, so its exit code alone decided"
        );
    }
    assert_eq!(
        of("<testsuite><testcase name='t'/></testsuite>").remark(),
        ""
    );
}

#[test]
fn a_report_folder_that_the_suite_removed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let reports = look(&gone).summarise();
    assert!(reports.passed());
    assert_eq!(
        reports.remark(),
        "the suite removed its report folder, so its exit code alone decided"
    );
}

#[test]
fn a_link_or_a_file_in_the_place_of_the_report_folder_is_not_a_pass() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.xml"), MIXED).unwrap();
    let place = folder.path().join("reports");
    let check = || {
        let reports = look(&place).summarise();
        let said = ["the report folder is no folder any more"];
        assert_eq!(
            (reports.tests, &reports.malformed[..]),
            (0, &said.map(String::from)[..])
        );
        assert!(!reports.passed() && look(&place).to_keep().0.is_empty());
    };
    std::os::unix::fs::symlink(folder.path(), &place).unwrap();
    check();
    fs::remove_file(&place).unwrap();
    fs::write(&place, MIXED).unwrap();
    check();
}

#[test]
fn a_folder_of_1200_reports_is_read_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let report = "<testsuite><testcase name='works'/></testsuite>";
    for n in 0..1200 {
        fs::write(folder.path().join(format!("TEST-C{n:04}.xml")), report).unwrap();
    }
    let found = look(folder.path());
    assert_eq!(
        (found.summarise().tests, found.summarise().passed()),
        (1200, true)
    );
    let (kept, left_out) = found.to_keep();
    assert_eq!((kept.len(), left_out), (1200, 0));
    assert_eq!(kept[0].0, "TEST-C0000.xml");
}

#[test]
fn more_files_than_are_read_are_not_a_pass() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..=MOST_FILES {
        fs::write(folder.path().join(format!("{n}")), "").unwrap();
    }
    let reports = look(folder.path()).summarise();
    assert_eq!(
        reports.malformed,
        ["the report folder has more than 10000 files"]
    );
}

#[test]
fn entities_are_not_expanded() {
    let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>
<testsuite><testcase name="&b;"><failure message="&f;">&b;&f;</failure></testcase></testsuite>"#;
    check(bomb.as_bytes(), [1, 1, 0, 0], "&b;: &f;");
    let text = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><testsuite><testcase name="t"><failure>&a; &lt; &#49;</failure></testcase></testsuite>"#;
    check(text.as_bytes(), [1, 1, 0, 0], "t: &a; < 1");
}

#[test]
fn what_a_report_says_is_shortened() {
    let long = "é".repeat(3 << 20);
    let reports = of(&format!(
        r#"<testsuite><testcase name="t"><failure message="{long}"/></testcase></testsuite>"#
    ));
    assert_eq!(reports.first_failures[0].chars().count(), FAILURE_CHARS + 1);
    for text in [format!("<{long}/>"), format!("<testsuite></{long}>")] {
        let reports = of(&text);
        let said = reports.malformed.iter().chain(&reports.others);
        assert!(said.map(String::len).sum::<usize>() < 2000, "{text:.20}");
    }
    let many: Vec<(String, &[u8])> = (0..50).map(|n| (format!("{n}.xml"), &b"<"[..])).collect();
    let many: Vec<(&str, &[u8])> = many
        .iter()
        .map(|(name, text)| (name.as_str(), *text))
        .collect();
    assert_eq!(summary(&many).malformed.len(), 3);
}

#[test]
fn what_is_no_regular_file_is_not_read_and_not_a_pass_where_a_report_is_expected() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.xml");
    fs::write(&secret, MIXED).unwrap();
    let reports = folder.path().join("reports");
    fs::create_dir(&reports).unwrap();
    std::os::unix::fs::symlink(&secret, reports.join("link.xml")).unwrap();
    std::os::unix::fs::symlink(folder.path(), reports.join("folder")).unwrap();
    nix::unistd::mkfifo(&reports.join("waits.xml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut said = look(&reports).summarise();
    said.malformed.sort();
    let expected = ["link.xml", "waits.xml"].map(|name| format!("{name}: it is no regular file"));
    assert_eq!(said.malformed, expected);
    assert_eq!(said.tests, 0);
    assert!(look(&reports).to_keep().0.is_empty());
}

#[test]
fn what_was_a_report_and_is_a_link_by_now_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (reports, moved) = (folder.path().join("reports"), folder.path().join("moved"));
    fs::create_dir_all(reports.join("in")).unwrap();
    fs::write(reports.join("in/a.xml"), MIXED).unwrap();
    let found = look(&reports);
    assert!(found.open("in/a.xml").is_ok());
    fs::rename(reports.join("in"), &moved).unwrap();
    std::os::unix::fs::symlink(&moved, reports.join("in")).unwrap();
    assert!(found.open("in/a.xml").is_err());
    assert_eq!(found.summarise().malformed.len(), 1);
    assert_eq!(found.to_keep(), (Vec::new(), 1));
}

#[test]
fn sparse_reports_are_neither_read_nor_kept() {
    let folder = tempfile::tempdir().unwrap();
    for (name, size) in [("a.xml", 4 << 30), ("b.bin", 4 << 30), ("c.bin", 5)] {
        let file = fs::File::create(folder.path().join(name)).unwrap();
        file.set_len(size).unwrap();
    }
    let found = look(folder.path());
    assert_eq!(found.to_keep(), (vec![("c.bin", 5)], 2));
    let said = "a.xml: with the reports before it, it has more than 536870912 bytes";
    assert_eq!(found.summarise().malformed, [said]);
}
