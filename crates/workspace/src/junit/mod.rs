//! Reads the JUnit XML that suites leave in their report folder.
//!
//! There is no standard, only what tools write. What is read here: a test that was tried again
//! counts once, and its last result decides; a failure that is told twice counts once; what cannot
//! be read is a failure; what is no report, or holds no test, is said.

mod encoding;
mod folder;
mod report;

pub use folder::{Folder, look};

use folder::Found;
use report::Report;
use std::io::Read as _;
use std::path::Path;

/// A report of 10,000 tests has about 3 MiB; what tests print can make it many times that.
const MOST_BYTES: u64 = 128 << 20;
/// Of all reports of a suite together.
const MOST_READ: u64 = 512 << 20;
/// First failures reach a state's output, which is read in a console.
const FIRST_FAILURES: usize = 3;
const FAILURE_CHARS: usize = 200;
/// Files that are named in a remark.
const NAMED: usize = 2;

/// What the reports in a folder say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// Test cases; one that was tried again counts once.
    pub tests: u64,
    /// Test cases that failed.
    pub failures: u64,
    /// Test cases that could not be carried out.
    pub errors: u64,
    /// Test cases that were skipped.
    pub skipped: u64,
    /// Test cases that passed only when they were tried again.
    pub flaky: u64,
    /// The first failures and errors, at most 3: test case and message, shortened.
    pub first_failures: Vec<String>,
    /// How many files were JUnit reports.
    pub files: u64,
    /// What cannot be read, with the reason: files that end in `.xml` and are none, say. A suite that
    /// leaves one has not passed: it was cut off while it wrote. At most 3 are told.
    pub malformed: Vec<String>,
    /// XML that is no JUnit report (coverage, say): it does not count, and is said.
    pub others: Vec<String>,
    /// The suite removed its report folder, as runners with an option to clean up do.
    pub removed: bool,
}

impl Reports {
    /// No failures, no errors, and every file could be read. No reports at all is a pass too:
    /// then the exit code of the suite decides alone.
    pub fn passed(&self) -> bool {
        self.failures == 0 && self.errors == 0 && self.malformed.is_empty()
    }

    /// What a person should know of reports that did not keep the suite from passing.
    pub fn remark(&self) -> String {
        let mut parts = Vec::new();
        if self.removed {
            parts
                .push("the suite removed its report folder, so its exit code alone decided".into());
        }
        if self.files > 0 && self.tests == 0 {
            parts.push("its reports hold no test, so its exit code alone decided".to_owned());
        }
        if !self.others.is_empty() {
            let named = &self.others[..self.others.len().min(NAMED)];
            let more = match self.others.len() - named.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            parts.push(format!("no JUnit report: {}{more}", named.join(", ")));
        }
        match self.flaky {
            0 => {}
            1 => parts.push("1 test passed only when it was tried again".into()),
            more => parts.push(format!(
                "{more} tests passed only when they were tried again"
            )),
        }
        parts.join("; ")
    }

    fn add(&mut self, report: Report) {
        let said = report.said();
        self.files += 1;
        self.tests += said.tests;
        self.failures += said.failures;
        self.errors += said.errors;
        self.skipped += said.skipped;
        self.flaky += said.flaky;
        self.first_failures.extend(said.first);
        self.first_failures.truncate(FIRST_FAILURES);
    }

    fn other(&mut self, what: &str) {
        self.others.push(shortened(what));
    }

    fn malformed(&mut self, what: &str) {
        self.malformed.push(shortened(what));
        self.malformed.truncate(FIRST_FAILURES);
    }
}

impl Folder {
    /// Reads every `*.xml`.
    pub fn summarise(&self) -> Reports {
        let mut reports = Reports {
            removed: self.removed,
            ..Reports::default()
        };
        for problem in &self.problems {
            reports.malformed(problem);
        }
        let mut room = MOST_READ;
        for file in self.files.iter().filter(|file| is_xml(&file.name)) {
            let name = file.name.display();
            if file.size > room {
                reports.malformed(&format!(
                    "{name}: with the reports before it, it has more than {MOST_READ} bytes"
                ));
                break;
            }
            room -= file.size;
            match self.read(file) {
                Ok(Read::Report(report)) => reports.add(*report),
                Ok(Read::Other(root)) => reports.other(&format!("{name} (it is <{root}>)")),
                Err(reason) => reports.malformed(&format!("{name}: {reason}")),
            }
        }
        reports
    }

    fn read(&self, file: &Found) -> Result<Read, String> {
        let open = self.open(&file.name).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        let read = open.take(MOST_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| error.to_string())?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(format!("it has more than {MOST_BYTES} bytes"));
        }
        report::parse(&encoding::decode(bytes)?)
    }
}

fn is_xml(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("xml"))
}

/// What a file that is XML turned out to be.
enum Read {
    Report(Box<Report>),
    /// With its root element.
    Other(String),
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(FAILURE_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests;
