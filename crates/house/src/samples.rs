//! What the documents show of messages and screens is what the programs say: a block of code below
//! `<!-- sample: FILE TEST -->` equals the first snapshot of that test.

use crate::files::{documents, read};

/// The snapshot's text: what stands in the first `expect!` of the test `name` in `source`.
fn snapshot(source: &str, name: &str) -> Option<String> {
    let (_, body) = source.split_once(&format!("fn {name}("))?;
    let body = body.split("\n#[test]").next()?;
    let (_, written) = body.split_once("expect![")?;
    let written = written.trim_start_matches(|c: char| c == '[' || c.is_whitespace());
    if let Some(raw) = written.strip_prefix("r#\"") {
        return Some(dedented(raw.split("\"#").next()?));
    }
    let quoted = written.strip_prefix('"')?;
    let end = quoted
        .char_indices()
        .find(|(at, c)| *c == '"' && !quoted[..*at].ends_with('\\'))?;
    Some(quoted[..end.0].replace("\\\"", "\"").replace("\\n", "\n"))
}

/// Without the first line's end and the indentation that all lines share, as `expect-test` reads it.
fn dedented(text: &str) -> String {
    let text = text.strip_prefix('\n').unwrap_or(text);
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let filled = text.lines().filter(|line| !line.trim().is_empty());
    let shared = filled.map(indentation).min().unwrap_or(0);
    let lines = text.lines().map(|line| line.get(shared..).unwrap_or(""));
    lines.collect::<Vec<_>>().join("\n")
}

/// A sentence may be folded over lines; a screen may not.
fn same(shown: &str, said: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    match said.lines().count() {
        0 | 1 => words(shown) == words(said),
        _ => shown.trim_end() == said.trim_end(),
    }
}

#[test]
fn every_sample_in_the_documents_is_what_a_test_says() {
    let mut samples = 0;
    for document in documents() {
        let text = read(&document);
        for rest in text.split("\n<!-- sample: ").skip(1) {
            samples += 1;
            let (mark, rest) = rest
                .split_once(" -->\n```")
                .expect("a block after the mark");
            let (file, test) = mark.split_once(' ').expect("a file and a test");
            let (_, block) = rest.split_once('\n').expect("a block");
            let shown = block.split("\n```").next().unwrap_or_default();
            let said = snapshot(&read(file), test)
                .unwrap_or_else(|| panic!("{document}: {file} has no snapshot in {test}"));
            assert!(
                same(shown, &said),
                "{document} shows:\n{shown}\n\n{test} says:\n{said}"
            );
        }
    }
    assert!(samples >= 5, "{samples} samples were found");
}

#[test]
fn a_snapshot_is_read_as_expect_test_reads_it() {
    let source = "fn other() { expect![\"no\"] }\n#[test]\nfn one() {\n    expect![[r#\"\n        a\n          b\"#]]\n}\n#[test]\nfn two() { x(expect![\"say \\\"c\\\"\"]) }\n";
    assert_eq!(snapshot(source, "one").as_deref(), Some("a\n  b"));
    assert_eq!(snapshot(source, "two").as_deref(), Some("say \"c\""));
    assert_eq!(snapshot(source, "three"), None);
    assert!(same("a\nb", "a b") && !same("a b", "a\nb"));
}
