//! The little JSON this service writes, and a check of what a peer wrote.

/// A string with its quotes.
pub fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            _ if letter < ' ' => quoted.push_str(&format!("\\u{:04x}", letter as u32)),
            _ => quoted.push(letter),
        }
    }
    quoted + "\""
}

/// Whether `text` is one JSON object and nothing else.
pub fn is_object(text: &str) -> bool {
    let text = text.trim_matches(WHITE);
    text.starts_with('{') && value(text, 32).is_some_and(str::is_empty)
}

const WHITE: &[char] = &[' ', '\t', '\r', '\n'];

/// What follows the value at the start of `text`; `None` if there is none.
fn value(text: &str, depth: usize) -> Option<&str> {
    match text.as_bytes().first()? {
        b'"' => quoted(text),
        b'{' => list(&text[1..], '}', depth.checked_sub(1)?, true),
        b'[' => list(&text[1..], ']', depth.checked_sub(1)?, false),
        b'-' | b'0'..=b'9' => number(text),
        _ => ["true", "false", "null"]
            .iter()
            .find_map(|word| text.strip_prefix(word)),
    }
}

fn list(text: &str, end: char, depth: usize, keys: bool) -> Option<&str> {
    let mut rest = text.trim_start_matches(WHITE);
    if let Some(empty) = rest.strip_prefix(end) {
        return Some(empty);
    }
    loop {
        if keys {
            rest = quoted(rest)?
                .trim_start_matches(WHITE)
                .strip_prefix(':')?
                .trim_start_matches(WHITE);
        }
        rest = value(rest, depth)?.trim_start_matches(WHITE);
        if let Some(after) = rest.strip_prefix(end) {
            return Some(after);
        }
        rest = rest.strip_prefix(',')?.trim_start_matches(WHITE);
    }
}

fn quoted(text: &str) -> Option<&str> {
    let mut letters = text.strip_prefix('"')?.chars();
    loop {
        match letters.next()? {
            '"' => return Some(letters.as_str()),
            '\\' => match letters.next()? {
                'u' => {
                    let hex = letters.as_str().get(..4)?;
                    hex.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
                    letters = letters.as_str()[4..].chars();
                }
                escaped => "\"\\/bfnrt".contains(escaped).then_some(())?,
            },
            letter if letter < ' ' => return None,
            _ => {}
        }
    }
}

fn number(text: &str) -> Option<&str> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !"+-.eE".contains(c))
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let whole = number.strip_prefix('-').unwrap_or(number);
    let leading_zero = whole.len() > 1 && whole.starts_with('0') && whole.as_bytes()[1].is_ascii_digit();
    (whole.starts_with(|c: char| c.is_ascii_digit())
        && !leading_zero
        && !number.ends_with('.')
        && !number.contains(".e"))
    .then(|| number.parse::<f64>().ok())??;
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        assert_eq!(string("a\"b\\c\n\u{7f}ü"), "\"a\\\"b\\\\c\\u000a\u{7f}ü\"");
        for text in ["", "\"", "\\", "\u{0}\t\r\n", "ü😀"] {
            assert!(is_object(&format!("{{{}:{}}}", string(text), string(text))), "{text:?}");
        }
    }

    #[test]
    fn an_object_is_told_from_what_is_none() {
        for good in [
            "{}",
            " {\"a\": [1, -2.5e3, true, null, {\"b\":\"\\u00fc\"}]}\n",
            "{\"a\":0}",
        ] {
            assert!(is_object(good), "{good}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
        for bad in [
            "",
            "[]",
            "\"a\"",
            "{",
            "{}x",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":-}",
            "{\"\\x\":1}",
            &deep,
        ] {
            assert!(!is_object(bad), "{bad}");
        }
    }
}
