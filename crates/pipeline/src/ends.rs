//! How often a component has ended on an instance, as the instance tells it (`boot.sh`).
//!
//! Ends are counted, not dated: no two clocks have to agree. An end is told before the component is
//! started again, so who sees it answer can read of every end before that. Two cases are known and
//! accepted: an end that could not be told for 20 s (S3 failed) is told with the next one, and then
//! counts as one since; and a crash of the whole machine is no end of the component, but it is not
//! healthy either until it is up again.

use crate::names::release_label;
use crate::names::{Component, Target, Ticket};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What is read of an instance's ends at most; `boot.sh` keeps twenty lines.
pub const MAX_BYTES: usize = 4096;

/// Where an instance tells its component's ends. The release is the one that launched it.
pub fn key(target: &Target, launched: Ticket, component: &Component, instance: &str) -> String {
    let label = release_label(target, launched);
    format!("logs/{label}/{component}/instance-{instance}.ends")
}

/// Instances and how often their component had ended.
pub type Counts = BTreeMap<String, u32>;

/// The last end of a component on an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastEnd {
    /// Which end it was, from 1.
    pub number: u32,
    /// An exit code, or a signal's name.
    pub status: String,
    /// How long the component had run.
    pub seconds: u64,
}

impl LastEnd {
    /// Of what the instance has told; `None` where that is nothing that can be read.
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.lines().rfind(|line| !line.trim().is_empty())?;
        let mut words = line.split(' ');
        let number = words.next()?.parse().ok()?;
        let _time = words.next()?;
        let status: String = words
            .next()?
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .take(20)
            .collect();
        Some(Self {
            number,
            status,
            seconds: words.next()?.parse().ok()?,
        })
    }
}

/// "with exit code 1 after 4 s"
impl fmt::Display for LastEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status, seconds, ..
        } = self;
        match status.as_str() {
            code if code.bytes().all(|byte| byte.is_ascii_digit()) => {
                write!(f, "with exit code {code} after {seconds} s")
            }
            "oom-kill" => write!(f, "because it ran out of memory after {seconds} s"),
            signal => write!(f, "by signal {signal} after {seconds} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let told = LastEnd::parse(text).map(|end| format!("{} {end}", end.number));
        assert_eq!(told.as_deref(), expected);
    }

    #[test]
    fn the_last_line_counts() {
        check(
            "1 1700000000 0 2\n2 1700000004 1 4\n",
            Some("2 with exit code 1 after 4 s"),
        );
        check("7 1700000000 KILL 60", Some("7 by signal KILL after 60 s"));
        check(
            "1 1700000000 oom-kill 9\n\n",
            Some("1 because it ran out of memory after 9 s"),
        );
    }

    #[test]
    fn what_cannot_be_read_is_no_end() {
        check("", None);
        check("an html page", None);
        check("1 1700000000", None);
    }
}
