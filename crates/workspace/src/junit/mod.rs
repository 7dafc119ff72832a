//! Reads the JUnit XML that suites leave in their report folder.
//!
//! There is no standard, only what tools write. What is read here: a test that was tried again
//! counts once, and its last result decides; a failure that is told twice counts once; what cannot
//! be read is a failure; what is no report, or holds no test, is said.

mod encoding;
mod report;

use report::Report;
use std::fs;
use std::path::{Path, PathBuf};

/// A report of 10,000 tests has about 3 MiB; what tests print can make it many times that.
const MOST_BYTES: u64 = 128 << 20;
/// Java's tools write one for each class.
const MOST_FILES: usize = 10_000;
const MOST_DEPTH: usize = 20;
/// Of a report folder, this much is kept beside the release.
const MOST_KEPT: u64 = 512 << 20;
/// First failures reach a state's output, which is read in a console.
const FIRST_FAILURES: usize = 3;
const FAILURE_CHARS: usize = 200;
/// Files that are named in a remark.
const NAMED: usize = 2;

/// What a suite left in its report folder.
#[derive(Debug, Default)]
pub struct Folder {
    root: PathBuf,
    /// Regular files, sorted.
    files: Vec<PathBuf>,
    /// Why not all of it was read.
    problems: Vec<String>,
    removed: bool,
}

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

    fn malformed(&mut self, what: &str) {
        self.malformed.push(shortened(what));
        self.malformed.truncate(FIRST_FAILURES);
    }
}

/// Looks into a report folder and the folders in it. Links are not followed: a suite could point
/// them anywhere, and so could it replace the folder itself.
pub fn look(root: &Path) -> Folder {
    let mut folder = Folder {
        root: root.to_owned(),
        ..Folder::default()
    };
    match root.symlink_metadata() {
        Ok(found) if found.is_dir() => folder.collect(root, 0),
        _ => folder.removed = true,
    }
    folder.files.sort();
    folder
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
        for file in self.files.iter().filter(|file| is_xml(file)) {
            let name = self.name(file);
            match read(file) {
                Ok(Read::Report(report)) => reports.add(*report),
                Ok(Read::Other(root)) => {
                    reports
                        .others
                        .push(shortened(&format!("{name} (it is <{root}>)")));
                }
                Err(reason) => reports.malformed(&format!("{name}: {reason}")),
            }
        }
        reports
    }

    /// What is kept of it: names in the folder and where they are. And how many files are not.
    pub fn to_keep(&self) -> (Vec<(String, &Path)>, usize) {
        let mut room = MOST_KEPT;
        let mut kept = Vec::new();
        for file in &self.files {
            let size = file
                .symlink_metadata()
                .map_or(u64::MAX, |found| found.len());
            let name = file.strip_prefix(&self.root).ok().and_then(Path::to_str);
            if let (Some(name), true) = (name, size <= room) {
                room -= size;
                kept.push((name.to_owned(), file.as_path()));
            }
        }
        let left_out = self.files.len() - kept.len();
        (kept, left_out)
    }

    fn name(&self, file: &Path) -> String {
        let name = file.strip_prefix(&self.root).unwrap_or(file);
        name.display().to_string()
    }

    fn collect(&mut self, folder: &Path, depth: usize) {
        let items = match fs::read_dir(folder) {
            Ok(items) if depth <= MOST_DEPTH => items,
            Ok(_) => return self.problem(folder, &format!("more than {MOST_DEPTH} folders deep")),
            Err(error) => return self.problem(folder, &error.to_string()),
        };
        for item in items.flatten() {
            if self.files.len() >= MOST_FILES {
                let problem = format!("the report folder has more than {MOST_FILES} files");
                return self.problems.push(problem);
            }
            match item.file_type() {
                Ok(kind) if kind.is_dir() => self.collect(&item.path(), depth + 1),
                Ok(kind) if kind.is_file() => self.files.push(item.path()),
                _ => {}
            }
        }
    }

    fn problem(&mut self, at: &Path, reason: &str) {
        let problem = format!("{}: {reason}", self.name(at));
        self.problems.push(problem);
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

fn read(file: &Path) -> Result<Read, String> {
    let size = file.metadata().map_err(|error| error.to_string())?.len();
    if size > MOST_BYTES {
        return Err(format!("it has more than {MOST_BYTES} bytes"));
    }
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    report::parse(&encoding::decode(bytes)?)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(FAILURE_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests;
