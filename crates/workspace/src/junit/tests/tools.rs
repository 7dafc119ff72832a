//! Reports as tools write them.

use super::*;

#[test]
fn surefire_tells_a_test_that_passed_at_last_as_flaky() {
    check(
        include_bytes!("../cases/04-surefire-flaky.xml"),
        [2, 0, 0, 0],
        "",
    );
    let flaky = summary(&[("a.xml", include_bytes!("../cases/04-surefire-flaky.xml"))]);
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
        include_bytes!("../cases/08-mocha-xunit-both.xml"),
        [3, 1, 0, 1],
        first,
    );
    let both = r#"<testsuite><testcase name="t"><failure message="a"/><error message="b"/></testcase></testsuite>"#;
    check(both.as_bytes(), [1, 1, 0, 0], "t: a");
}

#[test]
fn dotnet_writes_utf_16() {
    check(
        include_bytes!("../cases/14-utf16-green.xml"),
        [1, 0, 0, 0],
        "",
    );
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
