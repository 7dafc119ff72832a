//! How a command in a container says that it ended: the file `outcome` of `command.sh`.

use std::time::Duration;
use workspace::command::{Ending, Outcome};

/// More than four short lines.
pub(super) const MOST_BYTES: usize = 512;

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    timed_out: bool,
    status: i32,
    took: Duration,
    /// What became of what it left.
    pub(super) made: Made,
}

/// Of `output.tar`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// There was nothing to pack.
    Nothing,
    /// It is there.
    Packed,
    /// It could not be packed.
    Broken,
}

/// Reads it, as `command.sh` writes it and not otherwise.
pub(super) fn read(text: &str) -> Option<Said> {
    let mut lines = text.lines();
    let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    let said = Said {
        timed_out: match value("ended")? {
            "exited" => false,
            "timed-out" => true,
            _ => return None,
        },
        status: number(value("status")?)?.try_into().ok()?,
        took: Duration::from_millis(number(value("hundredths")?)?.checked_mul(10)?),
        made: match value("made")? {
            "none" => Made::Nothing,
            "packed" => Made::Packed,
            "broken" => Made::Broken,
            _ => return None,
        },
    };
    lines.next().is_none().then_some(said)
}

fn number(text: &str) -> Option<u64> {
    let plain = text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

impl Said {
    /// The same as of a command that ran here.
    pub(super) fn outcome(self, limit: Duration, tail: String, output_bytes: u64) -> Outcome {
        let ending = match (self.timed_out, self.status) {
            (true, _) => Ending::TimedOut { limit },
            // A shell's word for a signal.
            (false, status @ 129..=192) => Ending::Signalled {
                signal: status - 128,
            },
            (false, code) => Ending::Exited { code },
        };
        Outcome {
            ending,
            duration: self.took,
            user_time: Duration::ZERO,
            system_time: Duration::ZERO,
            tail,
            output_bytes,
            hint: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "ended exited\nstatus 3\nhundredths 1234\nmade packed\n";

    #[test]
    fn what_the_script_writes_is_read() {
        let said = read(GOOD).unwrap();
        assert_eq!(said.made, Made::Packed);
        let outcome = said.outcome(Duration::from_secs(60), "tail".into(), 4);
        assert_eq!(outcome.ending, Ending::Exited { code: 3 });
        assert_eq!(outcome.duration, Duration::from_millis(12_340));
    }

    #[test]
    fn a_limit_that_was_reached_and_a_signal_are_told() {
        let ending = |text: String| {
            let said = read(&text).unwrap();
            said.outcome(Duration::from_secs(60), String::new(), 0)
                .ending
        };
        let limit = Duration::from_secs(60);
        let timed_out = GOOD.replace("exited", "timed-out").replace("3\n", "124\n");
        assert_eq!(ending(timed_out), Ending::TimedOut { limit });
        let killed = GOOD.replace("status 3", "status 139");
        assert_eq!(ending(killed), Ending::Signalled { signal: 11 });
    }

    #[test]
    fn what_a_command_may_have_written_in_its_place_is_not() {
        let bad = [
            "",
            "ended exited",
            "status 0\nended exited\nhundredths 1\nmade none\n",
            "ended exited\nstatus -1\nhundredths 1\nmade none\n",
            "ended exited\nstatus 0\nhundredths 99999999999999999999\nmade none\n",
            "ended well\nstatus 0\nhundredths 1\nmade none\n",
            "ended exited\nstatus 0\nhundredths 1\nmade none\nmore\n",
        ];
        for text in bad {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
