//! Commands run without a shell. What only a shell understands would be given to the program as it
//! is written: that is said before somebody wonders.

/// Programs that take a line for a shell themselves.
const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"];

/// What of a command only a shell would understand, as a sentence; `None` where there is nothing.
///
/// A quote keeps what is in it from being taken so, as it would in a shell; but not `$` in double
/// quotes.
pub fn needs_shell(line: &str) -> Option<String> {
    let first = line.split_whitespace().next().unwrap_or_default();
    if SHELLS.contains(&first.rsplit('/').next().unwrap_or_default()) {
        return None;
    }
    let words = words(line);
    let found = words
        .iter()
        .enumerate()
        .find_map(|(n, word)| meant_for_a_shell(word, n == 0))?;
    Some(format!(
        "`{}` has a meaning only in a shell, and commands run without one: the program gets it as it is written; if you need a shell, write sh -c '...'",
        crate::names::excerpt(&found)
    ))
}

/// A word with what is quoted in it.
#[derive(Debug, Default)]
struct Word {
    /// As written, without its quotes.
    text: String,
    /// What a shell would look at: `None` for what a quote or a backslash protects. In double quotes
    /// only `$` and the backquote are left.
    bare: String,
}

fn words(line: &str) -> Vec<Word> {
    let (mut words, mut word, mut quote) = (Vec::new(), Word::default(), None);
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => {
                word.text.extend(rest.next());
                word.bare.push('_');
            }
            (Some('\''), c) => {
                word.text.push(c);
                word.bare.push('_');
            }
            (Some(_), c) => {
                word.text.push(c);
                word.bare.push(
                    if matches!(c, '$' | '`' | '{' | '(') || c.is_alphanumeric() {
                        c
                    } else {
                        '_'
                    },
                );
            }
            (None, c) => {
                word.text.push(c);
                word.bare.push(c);
            }
        }
    }
    words.push(word);
    words.retain(|word| !word.bare.is_empty());
    words
}

fn meant_for_a_shell(word: &Word, is_first: bool) -> Option<String> {
    let bare = word.bare.as_str();
    let operator = ["&&", "||", "|", ";", "&", ">", ">>", "<", "<<", "(", ")"].contains(&bare);
    let redirects = bare
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .starts_with(['>', '<']);
    let ends_command = bare.len() > 1 && bare.ends_with(';');
    let pattern = bare.contains('*');
    let home = bare == "~" || bare.starts_with("~/");
    if operator || redirects || ends_command || pattern || home {
        return Some(word.text.clone());
    }
    if let Some(variable) = variable(bare) {
        return Some(variable);
    }
    let assigns = bare.split_once('=').is_some_and(|(name, _)| is_name(name));
    (is_first && assigns).then(|| word.text.clone())
}

/// `$NAME`, `${...}`, `$(...)` or a backquote.
fn variable(bare: &str) -> Option<String> {
    if bare.contains('`') {
        return Some("`".into());
    }
    let after = bare.split_once('$')?.1;
    match after.chars().next()? {
        '{' | '(' => Some(format!("${}", &after[..1])),
        c if c.is_ascii_alphabetic() || c == '_' => {
            let name: String = after
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            // A `_` alone stands for something that was quoted.
            (name != "_").then(|| format!("${name}"))
        }
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<&str>) {
        let found = needs_shell(line);
        let named = expected.map(|what| format!("`{what}` has a meaning only in a shell"));
        match named {
            Some(named) => assert!(
                found
                    .as_deref()
                    .is_some_and(|found| found.starts_with(&named)),
                "{line}: {found:?}"
            ),
            None => assert_eq!(found, None, "{line}"),
        }
    }

    #[test]
    fn what_only_a_shell_understands_is_named() {
        check("make test && make lint", Some("&&"));
        check("make test || true", Some("||"));
        check("pytest | tee out", Some("|"));
        check("make dist > log", Some(">"));
        check("make dist 2>&1", Some("2>&1"));
        check("make dist >log", Some(">log"));
        check("sleep 9 &", Some("&"));
        check("cd it; pytest", Some("it;"));
        check("./server --port $PORT", Some("$PORT"));
        check("./server --port \"$PORT\"", Some("$PORT"));
        check("./server --home=${HOME}", Some("${"));
        check("echo $(date)", Some("$("));
        check("echo `date`", Some("`"));
        check("cp src/*.py dist", Some("src/*.py"));
        check("cat ~/x", Some("~/x"));
        check("PORT=1 ./server", Some("PORT=1"));
    }

    #[test]
    fn what_a_program_understands_itself_is_not() {
        for line in [
            "make test",
            "sh -c 'make test && make lint'",
            "/bin/bash -c \"echo $PORT\"",
            "awk '{print $1}' file",
            "pytest -k 'a or b*' it",
            "go test ./...",
            "go test -run 'A|B' ./...",
            "curl http://localhost/?a=1&b=2",
            "python3 -c 'print(\"a && b\")'",
            "make V=1 test",
            "echo \\$PORT a\\*b",
            "grep -E \"^a$\" file",
            "echo 'it''s' \"5 > 3\"",
            "npm run build -- --x=1",
        ] {
            check(line, None);
        }
    }
}
