//! What does not depend on each other is asked for side by side: a release of 98 components would wait for each of them
//! in turn. A loop that waits in each of its rounds says why it may.

use crate::files::{read, sources};

/// What a comment above such a loop begins with.
const WHY: &str = "// One after the other: ";

/// Tries of the same thing, and parts of a list that are as large as one call takes.
fn needs_no_reason(head: &str) -> bool {
    head.contains(" in 0..") || head.contains(".chunks(") || head.ends_with("_ {")
}

/// The heads of loops that wait in each round, with their lines, as rustfmt leaves them.
fn loops(text: &str) -> Vec<(usize, String)> {
    let own = text.split("\n#[cfg(test)]\n").next().unwrap_or_default();
    let lines: Vec<&str> = own.lines().collect();
    let head = |(at, line): (usize, &&str)| {
        let text = line.trim_start();
        let indent = &line[..line.len() - text.len()];
        let is_loop = text.starts_with("for ") && text.ends_with('{') && !needs_no_reason(text);
        let closes = format!("{indent}}}");
        let body = lines[at + 1..].iter();
        let mut body = body.take_while(|line| **line != closes);
        let says_why = at > 0 && lines[at - 1].trim_start().starts_with(WHY);
        let waits = body.any(|line| line.contains(".await"));
        (is_loop && waits && !says_why).then(|| (at + 1, text.to_owned()))
    };
    lines.iter().enumerate().filter_map(head).collect()
}

#[test]
fn a_loop_that_waits_in_each_round_says_why() {
    let is_test = |path: &str| path.contains("tests") || path.contains("crates/model/");
    let mut found = Vec::new();
    for path in sources().into_iter().filter(|path| !is_test(path)) {
        let of = loops(&read(&path)).into_iter();
        found.extend(of.map(|(line, head)| format!("{path}:{line}: {head}")));
    }
    let none: Vec<String> = Vec::new();
    assert_eq!(found, none, "ask side by side, or say why not: `{WHY}...`");
}

#[test]
fn such_a_loop_is_found() {
    let waits = "fn a() {\n    for one in all {\n        ask(one).await;\n    }\n}\n";
    assert_eq!(loops(waits), [(2, "for one in all {".to_owned())]);
    let reason = waits.replace("    for", &format!("    {WHY}few.\n    for"));
    assert!(loops(&reason).is_empty());
    assert!(loops(&waits.replace(".await", "")).is_empty());
}
