//! Reasons: sentences that enter a state. They come from tests, git servers and AWS, and anybody
//! could make them endless, so they are cut where they are made.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes that a reason may take in a state. A failure's text is a JSON text within a JSON text there,
/// so a quote takes four. 98 components and their companions can fail at once, and all of that has
/// to fit into 256 KiB (`bounds`).
pub const MAX_REASON: usize = 1_200;

/// Where it is cut, this much of its end is kept: that is where the log's address is.
const END: usize = 400;

/// A sentence of at most [`MAX_REASON`] bytes, on one line; empty where there is nothing to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Reason(String);

impl Reason {
    /// Cuts it if need be: its beginning and its end stay.
    pub fn new(text: &str) -> Self {
        Self::within(text, MAX_REASON)
    }

    /// The same, for where many share the room.
    pub fn within(text: &str, most: usize) -> Self {
        Self(cut(text, most.min(MAX_REASON)))
    }

    /// The sentence.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is left out of a row or a reply where there is none of it.
pub(crate) fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn cut(text: &str, most: usize) -> String {
    let text = text.trim();
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    if text.len() <= most && size(text.chars()) <= most {
        return text.chars().map(plain).collect();
    }
    let gap = format!(" … ({} bytes left out) … ", text.len());
    let room = most.saturating_sub(gap.len());
    let end = room.min(END.min(most / 3));
    let head: String = fitting(text.chars(), room - end).map(plain).collect();
    let tail: Vec<char> = fitting(text.chars().rev(), end).map(plain).collect();
    let left_out = text
        .len()
        .saturating_sub(head.len() + tail.iter().map(|c| c.len_utf8()).sum::<usize>());
    let tail: String = tail.into_iter().rev().collect();
    format!("{head} … ({left_out} bytes left out) … {tail}")
}

fn fitting(text: impl Iterator<Item = char>, most: usize) -> impl Iterator<Item = char> {
    let mut taken = 0;
    text.take_while(move |c| {
        taken += weight(*c);
        taken <= most
    })
}

fn size(text: impl Iterator<Item = char>) -> usize {
    text.map(weight).sum()
}

/// Bytes in a JSON text within a JSON text.
fn weight(c: char) -> usize {
    match c {
        '"' | '\\' => 4,
        c => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Lambda puts it into its payload, and Step Functions that into a state.
    fn bytes_in_a_state(reason: &Reason) -> usize {
        let payload = serde_json::json!({"errorMessage": reason}).to_string();
        serde_json::json!({ "cause": payload }).to_string().len()
    }

    #[test]
    fn a_reason_of_3_megabytes_is_cut_and_keeps_beginning_and_end() {
        for filling in ["x", "é", "\"", "\\", "\n", "\u{7}", "日", "<A&\"'"] {
            let text = format!("it began {} log: s3://bucket/log", filling.repeat(3 << 20));
            let reason = Reason::new(&text);
            assert!(bytes_in_a_state(&reason) <= MAX_REASON + 50, "{filling:?}");
            assert!(reason.as_str().starts_with("it began "), "{reason}");
            assert!(
                reason.as_str().ends_with(" log: s3://bucket/log"),
                "{reason}"
            );
            assert!(reason.as_str().contains(" bytes left out) … "), "{reason}");
        }
    }

    #[test]
    fn a_reason_that_fits_stays_as_it_is_on_one_line() {
        assert_eq!(Reason::new(" it failed\nat 7 ").as_str(), "it failed at 7");
        let longest = "x".repeat(MAX_REASON);
        assert_eq!(Reason::new(&longest).as_str(), longest);
        assert_eq!(Reason::within("a short one", 120).as_str(), "a short one");
        assert!(Reason::within(&longest, 120).as_str().len() <= 120 + 10);
    }

    #[test]
    fn a_reason_is_cut_where_it_is_read_too() {
        let text = serde_json::to_string(&"x".repeat(100_000)).unwrap();
        let reason: Reason = serde_json::from_str(&text).unwrap();
        assert!(reason.as_str().len() <= MAX_REASON + 10);
    }
}
