//! How long files and functions are. What is longer does more than one thing; it is split where a reader
//! would look for the parts.

use crate::files::{read, rust_files};

const LONGEST_FILE: usize = 400;

/// Lines between a function's braces.
const LONGEST_FUNCTION: usize = 45;

fn all_files() -> Vec<String> {
    let folders = ["crates", "functions", "cli", "local", "tests"];
    let all: Vec<String> = folders.into_iter().flat_map(rust_files).collect();
    assert!(all.len() > 300, "{} files", all.len());
    all
}

/// Whether a file holds nothing but tests and what helps them.
fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let folders = ["/tests/", "_tests/"].iter();
    path.starts_with("tests/")
        || path.starts_with("crates/house/")
        || name.ends_with("tests.rs")
        || name == "testing.rs"
        || folders.into_iter().any(|folder| path.contains(folder))
}

/// The name of the function that a line begins, with the line's indentation.
fn function(line: &str) -> Option<(&str, &str)> {
    let text = line.trim_start();
    let (before, name) = match text.strip_prefix("fn ") {
        Some(name) => ("", name),
        None => text.split_once(" fn ")?,
    };
    let words = ["pub", "async", "const", "unsafe"];
    let is_word = |word: &str| words.contains(&word) || word.starts_with("pub(");
    let ends = name.find(['(', '<'])?;
    let is_one = before.split_whitespace().all(is_word);
    is_one.then_some((&line[..line.len() - text.len()], &name[..ends]))
}

/// Each function of a file as rustfmt leaves it, with the lines of its body.
fn functions(text: &str) -> Vec<(String, usize)> {
    let own = text.split("\n#[cfg(test)]\n").next().unwrap_or_default();
    let lines: Vec<&str> = own.lines().collect();
    let body = |(at, line): (usize, &&str)| {
        let (indent, name) = function(line)?;
        let mut head = lines[at..].iter();
        let ends = head.position(|line| line.ends_with(['{', '}', ';']))?;
        let opens = at + ends;
        if !lines[opens].ends_with('{') {
            return None;
        }
        let closes = format!("{indent}}}");
        let body = lines[opens + 1..].iter();
        let length = body.take_while(|line| !line.starts_with(&closes)).count();
        Some((name.to_owned(), length))
    };
    lines.iter().enumerate().filter_map(body).collect()
}

#[test]
fn no_file_is_too_long() {
    let lines = |path: &String| read(path).lines().count();
    let mut long = all_files();
    long.retain(|path| lines(path) > LONGEST_FILE);
    assert_eq!(long, Vec::<String>::new(), "over {LONGEST_FILE} lines");
}

#[test]
fn no_function_is_too_long_and_most_are_short() {
    let mut all = Vec::new();
    for path in all_files().into_iter().filter(|path| !is_test(path)) {
        let of = functions(&read(&path)).into_iter();
        all.extend(of.map(|(name, length)| (length, format!("{path}: {name}"))));
    }
    all.sort();
    assert!(all.len() > 1500, "{} functions", all.len());
    let long: Vec<_> = all.iter().filter(|one| one.0 > LONGEST_FUNCTION).collect();
    assert!(long.is_empty(), "over {LONGEST_FUNCTION} lines: {long:?}");
    assert!(
        all[all.len() / 2].0 <= 9,
        "the median is {:?}",
        all[all.len() / 2]
    );
    assert!(
        all[all.len() * 9 / 10].0 <= 25,
        "{:?}",
        all[all.len() * 9 / 10]
    );
}

#[test]
fn a_function_is_as_long_as_its_body() {
    let text = "impl A {\n    pub fn one(\n        &self,\n    ) -> u8 {\n        1\n    }\n}\nfn two() {\n    a;\n    b;\n}\n";
    let found = functions(text);
    assert_eq!(found, [("one".to_owned(), 1), ("two".to_owned(), 2)]);
}
