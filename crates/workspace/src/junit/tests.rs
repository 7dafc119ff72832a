use super::*;

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

// --- as tools write it ------------------------------------------------------------------------

#[test]
fn surefire_tells_a_test_that_passed_at_last_as_flaky() {
    check(
        include_bytes!("cases/04-surefire-flaky.xml"),
        [2, 0, 0, 0],
        "",
    );
    let flaky = summary(&[("a.xml", include_bytes!("cases/04-surefire-flaky.xml"))]);
    assert_eq!(flaky.remark(), "1 test passed only when it was tried again");
}

#[test]
fn surefire_tells_a_test_that_failed_each_time_once() {
    let report = r#"<testsuite name="Q" tests="3" failures="3"><testcase name="drains" classname="Q">
        <failure message="1 left" type="E">trace</failure>
        <rerunFailure message="2 left" type="E"><stackTrace>trace</stackTrace></rerunFailure>
        <rerunError message="3 left" type="E"/><system-out>x</system-out></testcase></testsuite>"#;
    check(report.as_bytes(), [1, 1, 0, 0], "Q.drains: 1 left");
    let only =
        r#"<testsuite><testcase name="t"><rerunFailure message="again"/></testcase></testsuite>"#;
    check(
        only.as_bytes(),
        [1, 1, 0, 0],
        "t: failed each time it was tried",
    );
}

#[test]
fn gotestsum_tells_each_try_and_the_last_one_decides() {
    let tries = |last: &str| {
        format!(
            r#"<testsuites tests="4" failures="2"><testsuite name="example.com/q" tests="4" failures="2">
            <testcase classname="q" name="TestDrain"><failure message="Failed" type="">=== RUN   TestDrain
    q_test.go:9: 1 left
--- FAIL: TestDrain (0.00s)</failure></testcase>
            <testcase classname="q" name="TestDrain"><failure message="Failed">again</failure></testcase>
            <testcase classname="q" name="TestFill"/>
            <testcase classname="q" name="TestDrain">{last}</testcase></testsuite></testsuites>"#
        )
    };
    check(tries("").as_bytes(), [2, 0, 0, 0], "");
    assert_eq!(of(&tries("")).flaky, 1);
    let red = tries("<failure message='Failed'>third</failure>");
    check(
        red.as_bytes(),
        [2, 1, 0, 0],
        "q.TestDrain: === RUN TestDrain",
    );
    // A try that was skipped has made nothing good.
    check(
        tries("<skipped/>").as_bytes(),
        [2, 1, 0, 0],
        "q.TestDrain: === RUN TestDrain",
    );
}

#[test]
fn nextest_tells_flaky_and_rerun_tests_within_the_test() {
    let report = r#"<testsuites name="nextest-run" tests="3" failures="1" errors="0"><testsuite name="q" tests="3" disabled="0" errors="0" failures="1">
        <testcase name="drains" classname="q"><flakyFailure timestamp="2026" time="0.1" message="thread 'drains' panicked" type="test failure"><![CDATA[x]]><system-out>o</system-out></flakyFailure></testcase>
        <testcase name="fills" classname="q"><failure message="thread 'fills' panicked" type="test failure">x</failure><rerunFailure type="test failure">y</rerunFailure></testcase>
        <testcase name="ends" classname="q"/></testsuite></testsuites>"#;
    check(
        report.as_bytes(),
        [3, 1, 0, 0],
        "q.fills: thread 'fills' panicked",
    );
}

#[test]
fn a_test_of_another_suite_is_not_a_second_try() {
    let report = r#"<testsuites>
        <testsuite name="Chrome"><testcase classname="Cart" name="adds"><failure message="no"/></testcase></testsuite>
        <testsuite name="Chrome"><testcase classname="Cart" name="adds"/></testsuite></testsuites>"#;
    check(report.as_bytes(), [2, 1, 0, 0], "Cart.adds: no");
}

#[test]
fn tests_of_one_name_that_all_passed_are_as_many_as_they_are() {
    let report = r#"<testsuite tests="3"><testcase classname="C" name="takes"/><testcase classname="C" name="takes"/><testcase classname="C" name="takes"/></testsuite>"#;
    check(report.as_bytes(), [3, 0, 0, 0], "");
    let later = r#"<testsuite><testcase classname="C" name="takes"/><testcase classname="C" name="takes"><failure message="no"/></testcase></testsuite>"#;
    check(later.as_bytes(), [2, 1, 0, 0], "C.takes: no");
}

#[test]
fn mocha_tells_a_failure_twice() {
    let first = "Users.finds none: expected 1 to equal 0";
    check(
        include_bytes!("cases/08-mocha-xunit-both.xml"),
        [3, 1, 0, 1],
        first,
    );
    let both = r#"<testsuite><testcase name="t"><failure message="a"/><error message="b"/></testcase></testsuite>"#;
    check(both.as_bytes(), [1, 1, 0, 0], "t: a");
}

#[test]
fn dotnet_writes_utf_16() {
    check(include_bytes!("cases/14-utf16-green.xml"), [1, 0, 0, 0], "");
    let red = "<?xml version=\"1.0\" encoding=\"utf-16\"?><testsuite><testcase name=\"größer\"><failure message=\"nein\"/></testcase></testsuite>";
    let bytes: Vec<u8> = red.encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(&bytes, [1, 1, 0, 0], "größer: nein");
}

#[test]
fn latin_1_is_read_as_it_is_declared() {
    let report = b"<?xml version='1.0' encoding='ISO-8859-1'?><testsuite><testcase name='gr\xf6\xdfer'><failure message='n\xe4'/></testcase></testsuite>";
    check(report, [1, 1, 0, 0], "größer: nä");
}

#[test]
fn pytest_tells_a_test_that_failed_and_could_not_be_torn_down_twice() {
    let report = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.05" hostname="h">
        <testcase classname="it.test_q" name="test_drain[1-2]" time="0.001"><failure message="assert 1 == 0">def test_drain():
E       assert 1 == 0</failure></testcase>
        <testcase classname="it.test_q" name="test_drain[1-2]" time="0.001"><error message="failed on teardown with &quot;OSError&quot;">x</error></testcase>
        <testcase classname="it.test_q" name="test_xfail"><skipped type="pytest.xfail" message="known"/></testcase>
        <testcase classname="it.test_q" name="test_fill"><properties><property name="a" value="b"/></properties></testcase>
        </testsuite></testsuites>"#;
    check(
        report.as_bytes(),
        [3, 1, 0, 1],
        "it.test_q.test_drain[1-2]: assert 1 == 0",
    );
}

#[test]
fn a_test_that_cannot_be_set_up_is_an_error() {
    let report = r#"<testsuites><testsuite name="pytest" errors="1" failures="0" tests="1"><testcase classname="" name="it.test_q"><error message="collection failure">ImportError: no q</error></testcase></testsuite></testsuites>"#;
    check(
        report.as_bytes(),
        [1, 0, 1, 0],
        "it.test_q: collection failure",
    );
}

#[test]
fn go_junit_report_has_what_happened_in_the_text() {
    let report = r#"<testsuites tests="2" failures="1"><testsuite name="q" tests="2" failures="1" errors="0" id="0" hostname="h" skipped="0" time="0.003">
        <properties><property name="go.version" value="go1.22"/></properties>
        <testcase name="TestDrain" classname="q" time="0.000"><failure message="Failed"><![CDATA[    q_test.go:9: 1 left]]></failure></testcase>
        <testcase name="TestFill" classname="q"><skipped message="Skipped"/></testcase><system-out>ok</system-out></testsuite></testsuites>"#;
    check(
        report.as_bytes(),
        [2, 1, 0, 1],
        "q.TestDrain: q_test.go:9: 1 left",
    );
}

#[test]
fn ctest_and_googletest_say_by_an_attribute_what_did_not_run() {
    let ctest = r#"<testsuite name="Linux-c++" tests="4" failures="1" disabled="1" skipped="1" hostname="" time="0" timestamp="2026">
        <testcase name="drains" classname="drains" time="0.1" status="run"><system-out>ok</system-out></testcase>
        <testcase name="fills" classname="fills" status="fail"><failure message="Failed"/><system-out>1 left</system-out></testcase>
        <testcase name="later" classname="later" status="disabled"/>
        <testcase name="no" classname="no" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase></testsuite>"#;
    check(ctest.as_bytes(), [4, 1, 0, 2], "fills: Failed");
    let googletest = r#"<testsuites tests="2" failures="0" disabled="1" errors="0" name="AllTests"><testsuite name="Q" tests="2" failures="0" disabled="1" skipped="0" errors="0">
        <testcase name="Drains" status="run" result="completed" classname="Q"/><testcase name="DISABLED_Fills" status="notrun" result="suppressed" classname="Q"/></testsuite></testsuites>"#;
    check(googletest.as_bytes(), [2, 0, 0, 1], "");
}

#[test]
fn phpunit_nests_its_suites_and_sums_them_at_each_level() {
    let report = r#"<testsuites><testsuite name="phpunit.xml" tests="3" assertions="3" errors="1" failures="1" skipped="0">
        <testsuite name="unit" tests="3" errors="1" failures="1"><testsuite name="QTest" file="/q.php" tests="3" errors="1" failures="1">
        <testcase name="testDrain" class="QTest" classname="QTest" file="/q.php" line="7"><failure type="PHPUnit\Framework\ExpectationFailedException">QTest::testDrain
Failed asserting that 1 matches expected 0.</failure></testcase>
        <testsuite name="QTest::testFill" tests="2" errors="1" failures="0"><testcase name="testFill with data set #0" classname="QTest"/>
        <testcase name="testFill with data set #1" classname="QTest"><error type="TypeError">no</error></testcase></testsuite>
        </testsuite></testsuite></testsuite></testsuites>"#;
    check(
        report.as_bytes(),
        [3, 1, 1, 0],
        "QTest.testDrain: QTest::testDrain",
    );
}

#[test]
fn jest_repeats_the_name_in_the_class() {
    let report = r#"<testsuites name="jest tests" tests="2" failures="1" errors="0" time="0.7">
        <testsuite name="Cart" errors="0" failures="1" skipped="0" tests="2">
        <testcase classname="Cart adds" name="Cart adds" time="0.01"><failure>Error: expect(received).toBe(expected) // Object.is equality

Expected: 1</failure></testcase><testcase classname="Cart ends" name="Cart ends"/></testsuite></testsuites>"#;
    check(
        report.as_bytes(),
        [2, 1, 0, 0],
        "Cart adds: Error: expect(received).toBe(expected) // Object.is equality",
    );
}

#[test]
fn huge_output_of_a_test_neither_counts_nor_hides() {
    let noise = "<failure/> & ".repeat(1 << 20);
    let report = format!(
        r#"<testsuite tests="2" failures="1"><testcase name="loud"><system-out><![CDATA[{noise}]]></system-out></testcase>
        <testcase name="bad"><failure message="no"/><system-err><![CDATA[{noise}]]></system-err></testcase></testsuite>"#
    );
    check(report.as_bytes(), [2, 1, 0, 0], "bad: no");
}

// --- what is declared --------------------------------------------------------------------------

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

// --- what is no report -------------------------------------------------------------------------

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
    // Neither is a link followed that stands in its place.
    fs::write(folder.path().join("a.xml"), MIXED).unwrap();
    std::os::unix::fs::symlink(folder.path(), &gone).unwrap();
    assert_eq!(look(&gone).summarise(), reports);
    assert!(look(&gone).to_keep().0.is_empty());
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
fn links_in_a_report_folder_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.xml");
    fs::write(&secret, MIXED).unwrap();
    let reports = folder.path().join("reports");
    fs::create_dir(&reports).unwrap();
    std::os::unix::fs::symlink(&secret, reports.join("link.xml")).unwrap();
    std::os::unix::fs::symlink(folder.path(), reports.join("folder")).unwrap();
    assert!(look(&reports).to_keep().0.is_empty());
    assert_eq!(look(&reports).summarise(), Reports::default());
}
