//! One report file.

use super::{FIRST_FAILURES, Read, shortened};
use quick_xml::events::{BytesStart, Event};
use std::collections::HashMap;

/// As much of a failure's text as its first line can take.
const TEXT_BYTES: usize = 4096;

/// What a file tells: its test cases are counted. What its suites declare in their attributes counts
/// only where it is worse than what is told, so that neither can hide a failure.
#[derive(Default)]
pub(super) struct Report {
    tests: u64,
    skipped: u64,
    /// One for each test case that is bad, and for each failure outside of one.
    bad: Vec<Bad>,
    /// Which of `bad` is of a test case that may be tried again in this suite.
    failed: HashMap<Key, usize>,
    flaky: u64,
    /// Runs that failed and were followed by another: a suite may have counted them.
    again: u64,
    /// Of the root, and the sum of the suites right below it.
    declared: [Declared; 2],
    open: Vec<Element>,
    suites: usize,
    case: Option<Case>,
}

/// What a file says after all.
pub(super) struct Said {
    pub(super) tests: u64,
    pub(super) failures: u64,
    pub(super) errors: u64,
    pub(super) skipped: u64,
    pub(super) flaky: u64,
    pub(super) first: Vec<String>,
}

#[derive(Default)]
struct Declared {
    tests: u64,
    failures: u64,
    errors: u64,
}

/// A test case is the same one if suite, class and name are.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    suite: usize,
    class: String,
    name: String,
}

struct Case {
    key: Key,
    bad: Option<Bad>,
    skipped: bool,
    /// Runs of it that failed before it passed (surefire, nextest).
    flaky: u64,
    /// Runs of it that failed after it had failed.
    rerun: u64,
}

struct Bad {
    kind: Kind,
    case: String,
    message: Option<String>,
    of_type: Option<String>,
    /// Inside of the element.
    text: String,
    /// It was tried again and passed.
    made_good: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failure,
    Error,
}

#[derive(PartialEq, Eq)]
enum Element {
    Suites,
    Suite(usize),
    Case,
    /// A failure or error; the first of its test case has its text read.
    Result {
        first: bool,
    },
    Other,
}

/// Entities are never expanded: the reader knows only the five of XML itself, and a document type
/// is passed over.
pub(super) fn parse(text: &str) -> Result<Read, String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut report = Report::default();
    let mut root: Option<String> = None;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(element) => {
                root.get_or_insert_with(|| element.local_name().as_ref().to_owned());
                report.open(&element);
            }
            Event::Empty(element) => {
                root.get_or_insert_with(|| element.local_name().as_ref().to_owned());
                report.open(&element);
                report.close();
            }
            Event::End(_) => report.close(),
            Event::Text(text) => report.text(&text),
            Event::CData(text) => report.text(&text),
            Event::GeneralRef(name) => {
                let known = name.resolve_char_ref().ok().flatten().map(String::from);
                let known = known
                    .or_else(|| quick_xml::escape::resolve_xml_entity(&name).map(str::to_owned));
                report.text(&known.unwrap_or_else(|| format!("&{};", &*name)));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match root {
        _ if !report.open.is_empty() => Err("it ends in the middle".to_owned()),
        None if text.trim().is_empty() => Err("it is empty".to_owned()),
        None => Err("it is not XML".to_owned()),
        Some(root) if root == "testsuites" || root == "testsuite" => {
            Ok(Read::Report(Box::new(report)))
        }
        Some(root) => Ok(Read::Other(root)),
    }
}

impl Report {
    fn open(&mut self, element: &BytesStart<'_>) {
        let name = element.local_name();
        let name = name.as_ref();
        let in_case = self.open.last() == Some(&Element::Case);
        let in_suite = matches!(self.open.last(), Some(Element::Suites | Element::Suite(_)));
        let opened = match name {
            "testsuites" => {
                self.declare(element);
                Element::Suites
            }
            "testsuite" => {
                self.declare(element);
                self.suites += 1;
                Element::Suite(self.suites)
            }
            "testcase" if in_suite => {
                self.begin(element);
                Element::Case
            }
            "failure" if in_case || in_suite => self.result(element, Kind::Failure),
            "error" if in_case || in_suite => self.result(element, Kind::Error),
            _ => {
                if let (true, Some(case)) = (in_case, &mut self.case) {
                    case.note(name);
                }
                Element::Other
            }
        };
        self.open.push(opened);
    }

    fn close(&mut self) {
        if self.open.pop() == Some(Element::Case) {
            self.end();
        }
    }

    fn declare(&mut self, element: &BytesStart<'_>) {
        if let Some(declared) = self.declared.get_mut(self.open.len()) {
            declared.tests += number(element, "tests");
            declared.failures += number(element, "failures");
            declared.errors += number(element, "errors");
        }
    }

    fn begin(&mut self, element: &BytesStart<'_>) {
        let suite = self.open.iter().rev().find_map(|one| match one {
            Element::Suite(number) => Some(*number),
            _ => None,
        });
        let status = attribute(element, "status").unwrap_or_default();
        let status = status.to_ascii_lowercase();
        self.case = Some(Case {
            key: Key {
                suite: suite.unwrap_or_default(),
                class: attribute(element, "classname").unwrap_or_default(),
                name: attribute(element, "name").unwrap_or_else(|| "a test without a name".into()),
            },
            bad: None,
            // ctest and googletest leave out the element.
            skipped: ["notrun", "disabled", "skipped", "ignored"].contains(&status.as_str()),
            flaky: 0,
            rerun: 0,
        });
    }

    /// A test case counts once, however many failures it has; outside of one (a suite that could
    /// not be set up) each counts.
    fn result(&mut self, element: &BytesStart<'_>, kind: Kind) -> Element {
        let bad = |case: String| Bad {
            kind,
            case,
            message: attribute(element, "message"),
            of_type: attribute(element, "type"),
            text: String::new(),
            made_good: false,
        };
        match &mut self.case {
            Some(case) if case.bad.is_some() => return Element::Result { first: false },
            Some(case) => case.bad = Some(bad(case.key.shown())),
            None => self.bad.push(bad("outside of a test case".into())),
        }
        Element::Result { first: true }
    }

    fn text(&mut self, text: &str) {
        if self.open.last() != Some(&Element::Result { first: true }) {
            return;
        }
        let bad = match &mut self.case {
            Some(case) => case.bad.as_mut(),
            None => self.bad.last_mut(),
        };
        if let Some(bad) = bad
            && bad.text.len() < TEXT_BYTES
        {
            bad.text.extend(text.chars().take(TEXT_BYTES));
        }
    }

    fn end(&mut self) {
        let Some(case) = self.case.take() else { return };
        self.again += case.flaky + case.rerun;
        let before = self.failed.get(&case.key).copied();
        let bad = case.bad.or_else(|| {
            // Tried again and failed again, and nothing else said.
            (case.rerun > 0).then(|| Bad {
                kind: Kind::Failure,
                case: case.key.shown(),
                message: Some("failed each time it was tried".into()),
                of_type: None,
                text: String::new(),
                made_good: false,
            })
        });
        match (bad, before) {
            (Some(bad), None) => {
                self.tests += 1;
                self.failed.insert(case.key, self.bad.len());
                self.bad.push(bad);
            }
            (Some(_), Some(_)) => self.again += 1,
            (None, Some(before)) if !case.skipped => {
                self.failed.remove(&case.key);
                self.bad[before].made_good = true;
                self.again += 1;
                self.flaky += 1;
            }
            (None, Some(_)) => {}
            (None, None) => {
                self.tests += 1;
                self.skipped += u64::from(case.skipped);
                self.flaky += u64::from(case.flaky > 0);
            }
        }
    }

    pub(super) fn said(self) -> Said {
        let bad = || self.bad.iter().filter(|bad| !bad.made_good);
        let count = |kind| bad().filter(|bad| bad.kind == kind).count() as u64;
        let (mut failures, mut errors) = (count(Kind::Failure), count(Kind::Error));
        let told = failures + errors;
        let [root, suites] = &self.declared;
        let declared_failures = root.failures.max(suites.failures);
        let declared_errors = root.errors.max(suites.errors);
        // mocha writes the same number into both attributes.
        let twice = declared_failures == declared_errors && declared_failures == told;
        let hidden = (declared_failures + declared_errors).saturating_sub(told + self.again);
        if hidden > 0 && !twice {
            failures = failures.max(declared_failures.saturating_sub(self.again));
            errors = errors.max(
                (told + hidden)
                    .saturating_sub(failures)
                    .min(declared_errors),
            );
        }
        Said {
            tests: match self.tests {
                0 => root.tests.max(suites.tests),
                told => told,
            },
            failures,
            errors,
            skipped: self.skipped,
            flaky: self.flaky,
            first: bad().take(FIRST_FAILURES).map(Bad::shown).collect(),
        }
    }
}

impl Key {
    fn shown(&self) -> String {
        let Self { class, name, .. } = self;
        match name.starts_with(class.as_str()) {
            true => name.clone(),
            false => format!("{class}.{name}"),
        }
    }
}

impl Case {
    /// What else a test case has inside it.
    fn note(&mut self, element: &str) {
        match element {
            "skipped" => self.skipped = true,
            "flakyFailure" | "flakyError" => self.flaky += 1,
            "rerunFailure" | "rerunError" => self.rerun += 1,
            _ => {}
        }
    }
}

impl Bad {
    /// One line: the case, and what tells most of what happened.
    fn shown(&self) -> String {
        let message = self.message.as_deref().filter(|text| tells_something(text));
        let line = self.text.lines().find(|line| !line.trim().is_empty());
        let less = [&self.message, &self.of_type].map(Option::as_deref);
        let what = [message, line].into_iter().chain(less).flatten();
        let what = what.into_iter().find(|text| !text.trim().is_empty());
        let line = format!("{}: {}", self.case, what.unwrap_or("no message"));
        shortened(&line.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// go-junit-report and ctest write "Failed", and what happened into the text.
fn tells_something(message: &str) -> bool {
    !message.trim().is_empty() && !message.trim().eq_ignore_ascii_case("failed")
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
