use gix::protocol::transport::packetline::PacketLineRef;
use gix::protocol::transport::packetline::blocking_io::StreamingPeekableIter;

/// What `git receive-pack` says of one created reference
/// (<https://git-scm.com/docs/gitprotocol-pack#_report_status>).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    Stored,
    Refused(String),
    /// Not a report, or not of this reference.
    Unclear,
}

/// With side bands the report is lines within the lines that carried it.
pub(super) fn unwrapped(data: &[u8]) -> String {
    let mut lines = StreamingPeekableIter::new(data, &[PacketLineRef::Flush], false);
    let mut text = String::new();
    while let Some(Ok(Ok(line))) = lines.read_line() {
        text.push_str(&String::from_utf8_lossy(
            line.as_slice().unwrap_or_default(),
        ));
    }
    text
}

/// Reads the report's text.
pub(super) fn of(text: &str, reference: &str) -> Report {
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("unpack", "ok")) => {}
            Some(("unpack", reason)) => return Report::Refused(reason.to_owned()),
            Some(("ok", name)) if name == reference => return Report::Stored,
            Some(("ng", rest)) => {
                if let Some(reason) = rest.strip_prefix(reference) {
                    return Report::Refused(reason.trim().to_owned());
                }
            }
            _ => {}
        }
    }
    Report::Unclear
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "refs/tags/release/stage/42";

    #[test]
    fn a_report_tells_of_its_own_reference() {
        let refused = |reason: &str| Report::Refused(reason.into());
        for (text, expected) in [
            (format!("unpack ok\nok {TAG}\n"), Report::Stored),
            (
                format!("unpack ok\nng {TAG} pre-receive hook declined\n"),
                refused("pre-receive hook declined"),
            ),
            (
                "unpack index-pack abnormal exit\n".into(),
                refused("index-pack abnormal exit"),
            ),
            ("unpack ok\nok refs/tags/other\n".into(), Report::Unclear),
            ("unpack ok\n".into(), Report::Unclear),
            (String::new(), Report::Unclear),
        ] {
            assert_eq!(of(&text, TAG), expected, "{text}");
        }
    }

    #[test]
    fn lines_within_lines_are_read_as_far_as_they_are_lines() {
        assert_eq!(unwrapped(b"000eunpack ok\n0008abcd0000"), "unpack ok\nabcd");
        assert_eq!(unwrapped(b"000eunpack ok\nzzzz"), "unpack ok\n");
        assert_eq!(unwrapped(b""), "");
    }
}
