//! Reads the JUnit XML that suites leave in their report folder.

use quick_xml::events::{BytesStart, Event};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A report of 10,000 tests has about 3 MiB.
const MOST_BYTES: u64 = 32 << 20;
const MOST_FILES: usize = 1000;
const MOST_DEPTH: usize = 10;
/// First failures reach a state's output, which is read in a console.
const FIRST_FAILURES: usize = 3;
const FAILURE_CHARS: usize = 200;

/// What the reports in a folder say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// Test cases.
    pub tests: u64,
    /// Test cases that failed.
    pub failures: u64,
    /// Test cases that could not be carried out.
    pub errors: u64,
    /// Test cases that were skipped.
    pub skipped: u64,
    /// The first failures and errors, at most 3: test case and message, shortened.
    pub first_failures: Vec<String>,
    /// How many files were JUnit reports.
    pub files: u64,
    /// Files that end in `.xml` and cannot be read as XML, with the reason. A suite that leaves
    /// one has not passed: it was cut off while it wrote.
    pub malformed: Vec<String>,
}

impl Reports {
    /// No failures, no errors, and every file could be read. No reports at all is a pass too:
    /// then the exit code of the suite decides alone.
    pub fn passed(&self) -> bool {
        self.failures == 0 && self.errors == 0 && self.malformed.is_empty()
    }
}

/// Reads every `*.xml` in `folder` and the folders in it. Links are not followed: a suite could
/// point them anywhere. XML that is not JUnit (coverage, say) does not count.
///
/// # Errors
/// When the folder cannot be read.
pub fn summarise(folder: &Path) -> io::Result<Reports> {
    let mut reports = Reports::default();
    for file in files(folder)? {
        if file.extension().is_none_or(|extension| extension != "xml") {
            continue;
        }
        let name = file
            .strip_prefix(folder)
            .unwrap_or(&file)
            .display()
            .to_string();
        match read(&file) {
            Ok(Some(report)) => reports.add(report),
            Ok(None) => {}
            Err(reason) => reports.malformed.push(format!("{name}: {reason}")),
        }
    }
    Ok(reports)
}

/// The regular files in `folder` and the folders in it, sorted: what may be published of a
/// report folder.
///
/// # Errors
/// When the folder cannot be read, or holds more than 1,000 files or 10 levels of folders.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(folder, 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for item in fs::read_dir(folder)? {
        let item = item?;
        let kind = item.file_type()?;
        if kind.is_dir() {
            collect(&item.path(), depth + 1, found)?;
        } else if kind.is_file() {
            found.push(item.path());
        }
        if depth > MOST_DEPTH || found.len() > MOST_FILES {
            return Err(io::Error::other(format!(
                "the report folder has more than {MOST_FILES} files or {MOST_DEPTH} levels of folders"
            )));
        }
    }
    Ok(())
}

impl Reports {
    fn add(&mut self, report: Report) {
        self.files += 1;
        self.tests += report.tests;
        self.failures += report.failures.max(report.declared_failures());
        self.errors += report.errors.max(report.declared_errors());
        self.skipped += report.skipped;
        let room = FIRST_FAILURES.saturating_sub(self.first_failures.len());
        self.first_failures
            .extend(report.first.into_iter().take(room));
    }
}

/// One file. Test cases are counted; what the suites declare in their attributes counts only
/// where it is worse, so that neither can hide a failure.
#[derive(Default)]
struct Report {
    tests: u64,
    failures: u64,
    errors: u64,
    skipped: u64,
    /// Of the root, and the sum of the suites right below it.
    declared: [Declared; 2],
    first: Vec<String>,
    /// The test case that is open.
    case: Option<Case>,
}

#[derive(Default)]
struct Declared {
    failures: u64,
    errors: u64,
}

struct Case {
    name: String,
    bad: bool,
}

fn read(file: &Path) -> Result<Option<Report>, String> {
    let size = file.metadata().map_err(|error| error.to_string())?.len();
    if size > MOST_BYTES {
        return Err(format!("it has more than {MOST_BYTES} bytes"));
    }
    let text = fs::read(file).map_err(|error| error.to_string())?;
    parse(&String::from_utf8_lossy(&text))
}

/// `None` if it is XML but no JUnit report. Entities are never expanded: the reader knows only
/// the five of XML itself, and a document type is passed over.
fn parse(text: &str) -> Result<Option<Report>, String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut report = Report::default();
    let mut depth = 0_usize;
    let mut root = None;
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match event {
            Event::Start(element) => {
                root.get_or_insert_with(|| is_junit(&element));
                report.open(&element, depth);
                depth += 1;
            }
            Event::Empty(element) => {
                root.get_or_insert_with(|| is_junit(&element));
                report.open(&element, depth);
                report.close(element.local_name().as_ref());
            }
            Event::End(element) => {
                depth = depth.saturating_sub(1);
                report.close(element.local_name().as_ref());
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match root {
        _ if depth > 0 => Err("it ends in the middle".to_owned()),
        None => Err("it is empty".to_owned()),
        Some(junit) => Ok(junit.then_some(report)),
    }
}

fn is_junit(root: &BytesStart<'_>) -> bool {
    matches!(root.local_name().as_ref(), "testsuites" | "testsuite")
}

impl Report {
    fn open(&mut self, element: &BytesStart<'_>, depth: usize) {
        match element.local_name().as_ref() {
            "testsuites" | "testsuite" => {
                if let Some(declared) = self.declared.get_mut(depth) {
                    declared.failures += number(element, "failures");
                    declared.errors += number(element, "errors");
                }
            }
            "testcase" => {
                self.tests += 1;
                self.case = Some(Case {
                    name: case_name(element),
                    bad: false,
                });
            }
            "failure" => self.bad(element, |report| report.failures += 1),
            "error" => self.bad(element, |report| report.errors += 1),
            "skipped" if self.case.is_some() => self.skipped += 1,
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if name == "testcase" {
            self.case = None;
        }
    }

    /// A failure or error. A test case counts once, however many it has; outside of a test case
    /// (a suite that could not be set up) each counts.
    fn bad(&mut self, element: &BytesStart<'_>, count: impl FnOnce(&mut Self)) {
        let name = match &mut self.case {
            Some(case) if case.bad => return,
            Some(case) => {
                case.bad = true;
                case.name.clone()
            }
            None => "outside of a test case".to_owned(),
        };
        count(self);
        let message = attribute(element, "message").or_else(|| attribute(element, "type"));
        let message = message.unwrap_or_else(|| "no message".to_owned());
        let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
        self.first.push(shortened(&format!("{name}: {line}")));
        self.first.truncate(FIRST_FAILURES);
    }

    fn declared_failures(&self) -> u64 {
        let [root, suites] = &self.declared;
        root.failures.max(suites.failures)
    }

    fn declared_errors(&self) -> u64 {
        let [root, suites] = &self.declared;
        root.errors.max(suites.errors)
    }
}

fn case_name(element: &BytesStart<'_>) -> String {
    let name = attribute(element, "name").unwrap_or_else(|| "a test without a name".to_owned());
    match attribute(element, "classname") {
        Some(class) if !class.is_empty() => format!("{class}.{name}"),
        _ => name,
    }
}

fn number(element: &BytesStart<'_>, name: &str) -> u64 {
    let text = attribute(element, name);
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// With an entity that XML does not define, the text stays as it is written.
fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    let written = attribute.value.clone();
    let version = quick_xml::XmlVersion::Implicit1_0;
    let value = attribute.normalized_value(version).unwrap_or(written);
    Some(value.into_owned())
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(FAILURE_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
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

    fn summary(files: &[(&str, &str)]) -> Reports {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        summarise(folder.path()).unwrap()
    }

    #[test]
    fn test_cases_of_all_files_are_counted() {
        let reports = summary(&[
            ("junit.xml", MIXED),
            ("more/it.xml", MIXED),
            ("log.txt", "<"),
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
            let reports = summary(&[("a.xml", text)]);
            assert_eq!(reports.malformed.len(), 1, "{text}");
            assert!(reports.malformed[0].starts_with("a.xml: "), "{reports:?}");
            assert!(!reports.passed());
        }
    }

    #[test]
    fn failures_that_are_only_declared_count() {
        let reports = summary(&[(
            "a.xml",
            r#"<testsuites><testsuite failures="2"/><testsuite errors="1" failures="1"/></testsuites>"#,
        )]);
        assert_eq!((reports.failures, reports.errors), (3, 1));
    }

    #[test]
    fn a_failure_of_the_suite_itself_counts() {
        let reports = summary(&[(
            "a.xml",
            r#"<testsuite><error message="no database"/></testsuite>"#,
        )]);
        assert_eq!(
            reports.first_failures,
            ["outside of a test case: no database"]
        );
        assert!(!reports.passed());
    }

    #[test]
    fn other_xml_does_not_count() {
        let reports = summary(&[("coverage.xml", "<coverage><failure/></coverage>")]);
        assert_eq!(reports, Reports::default());
        assert!(reports.passed());
    }

    #[test]
    fn entities_are_not_expanded() {
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>
<testsuite><testcase name="&b;"><failure message="&f;">&b;&f;</failure></testcase></testsuite>"#;
        let reports = summary(&[("a.xml", bomb)]);
        assert_eq!(reports.first_failures, ["&b;: &f;"]);
    }

    #[test]
    fn a_long_failure_is_shortened() {
        let text = format!(
            r#"<testsuite><testcase name="t"><failure message="{}"/></testcase></testsuite>"#,
            "é".repeat(500)
        );
        let reports = summary(&[("a.xml", &text)]);
        assert_eq!(reports.first_failures[0].chars().count(), FAILURE_CHARS + 1);
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
        assert_eq!(files(&reports).unwrap(), [""; 0].map(PathBuf::from));
        assert_eq!(summarise(&reports).unwrap(), Reports::default());
    }
}
