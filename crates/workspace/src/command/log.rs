use super::Ending;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::time::Duration;

/// What a command says first is its settings, what it says last is what went wrong. Together this is
/// more than anybody reads, and little enough to store with every release.
const HEAD: u64 = 10 << 20;
const END: usize = 10 << 20;
/// The tail is to be read in a console beside a release's outcome.
const TAIL_LINES: usize = 30;
const TAIL_BYTES: usize = 4096;
/// Kept raw: escape sequences go, and only then is counted.
pub const KEPT: usize = 8 * TAIL_BYTES;

/// A log file that takes the beginning and the end of a command's output.
pub(super) struct Log {
    file: BufWriter<File>,
    /// Output, not only what is in the file.
    bytes: u64,
    /// The end of it, so far as it is not in the file: written when the command has ended.
    end: VecDeque<u8>,
    /// The very end, for the tail.
    last: VecDeque<u8>,
    /// The disk is full, say: the command must go on, its output is drained.
    failed: Option<io::Error>,
}

/// What is to be said of the output.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) tail: String,
    pub(super) bytes: u64,
}

impl Log {
    pub(super) fn begin(file: &File, line: &str, note: Option<&str>) -> io::Result<Self> {
        let mut file = BufWriter::new(file.try_clone()?);
        writeln!(file, "$ {line}")?;
        if let Some(note) = note {
            writeln!(file, "[cutover: {note}]")?;
        }
        file.flush()?;
        Ok(Self {
            file,
            bytes: 0,
            end: VecDeque::new(),
            last: VecDeque::with_capacity(KEPT),
            failed: None,
        })
    }

    /// Takes everything, to its end. Flushed whenever there is nothing more to read at once, so
    /// that the log can be followed.
    pub(super) fn drain(&mut self, mut output: impl Read) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match output.read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => self.take(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(error);
                    return;
                }
            }
        }
    }

    fn take(&mut self, output: &[u8]) {
        let room = HEAD.saturating_sub(self.bytes);
        let fits = output
            .len()
            .min(usize::try_from(room).unwrap_or(usize::MAX));
        if self.failed.is_none() {
            self.failed = self.write(&output[..fits]).err();
        }
        self.bytes += output.len() as u64;
        keep(&mut self.end, &output[fits..], END);
        keep(&mut self.last, output, KEPT);
    }

    fn write(&mut self, output: &[u8]) -> io::Result<()> {
        self.file.write_all(output)?;
        self.file.flush()
    }

    /// Ends the log with the end of the output and a line that says how the command ended.
    pub(super) fn close(mut self, ending: &Ending, duration: Duration) -> io::Result<Written> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let left_out = self.bytes - self.bytes.min(HEAD) - self.end.len() as u64;
        if left_out > 0 {
            write!(
                self.file,
                "\n[cutover: {left_out} bytes are left out here; a log holds the first and the last {} MiB]\n",
                HEAD >> 20
            )?;
        }
        let (one, two) = self.end.as_slices();
        self.file.write_all(one)?;
        self.file.write_all(two)?;
        let fresh = self.last.back().is_none_or(|&byte| byte == b'\n');
        let gap = if fresh { "" } else { "\n" };
        writeln!(
            self.file,
            "{gap}[cutover: {ending}, {:.1} s]",
            duration.as_secs_f64()
        )?;
        self.file.flush()?;
        Ok(Written {
            tail: tail(&Vec::from(self.last)),
            bytes: self.bytes,
        })
    }
}

/// Appends, and forgets what is more than `most` bytes from the end.
fn keep(end: &mut VecDeque<u8>, output: &[u8], most: usize) {
    let newest = &output[output.len().saturating_sub(most)..];
    let over = (end.len() + newest.len()).saturating_sub(most);
    end.drain(..over);
    end.extend(newest);
}

/// The last lines as a terminal would leave them: no escape sequences, of a line that was
/// overwritten (`\r`) only the last state.
pub fn tail(raw: &[u8]) -> String {
    let text = without_escapes(&String::from_utf8_lossy(raw));
    let seen = |line: &str| {
        let line = line.trim_end_matches('\r');
        let line = line.rsplit('\r').next().unwrap_or("");
        line.replace(|c: char| c.is_control() && c != '\t', "")
    };
    let mut lines: Vec<String> = Vec::new();
    let mut bytes = 0;
    for line in text.trim_end().lines().rev().map(seen).take(TAIL_LINES) {
        bytes += line.len() + 1;
        if bytes > TAIL_BYTES {
            let room = line.len() - (bytes - TAIL_BYTES).min(line.len());
            if lines.is_empty() {
                let from = line.ceil_char_boundary(line.len() - room);
                lines.push(line[from..].to_owned());
            }
            break;
        }
        lines.push(line);
    }
    lines.reverse();
    lines.join("\n")
}

/// Removes ANSI sequences (ECMA-48): `ESC [ … letter`, `ESC ] … BEL or ESC \`, `ESC x`.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            plain.push(c);
            continue;
        }
        match rest.next() {
            Some('[') => {
                while rest
                    .next()
                    .is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c))
                {}
            }
            Some(']') => while rest.next().is_some_and(|c| c != '\u{7}' && c != '\u{1b}') {},
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek;

    #[test]
    fn the_tail_is_what_a_terminal_would_show() {
        let raw = b"\x1b[31mred\x1b[0m\r\n10%\r50%\r100%\nbad \xff byte\n\x1b]0;title\x07end\n\n";
        assert_eq!(tail(raw), "red\n100%\nbad \u{fffd} byte\nend");
    }

    #[test]
    fn the_tail_has_at_most_30_lines_and_4_kib() {
        let many: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let lines = tail(many.as_bytes());
        assert_eq!(lines.lines().count(), 30);
        assert!(lines.starts_with("line 70\n") && lines.ends_with("line 99"));
        let long = format!("{}\n{}é\n", "a".repeat(3000), "b".repeat(3000));
        assert_eq!(tail(long.as_bytes()), format!("{}é", "b".repeat(3000)));
        let endless = "é".repeat(5000);
        let cut = tail(endless.as_bytes());
        assert!(cut.len() <= 4096 && cut.len() > 4000 && endless.ends_with(&cut));
    }

    /// The log of this much output, in reads of this size; then the last line.
    fn logged(bytes: usize, read: usize) -> String {
        let mut file = tempfile::tempfile().unwrap();
        let mut log = Log::begin(&file, "x", None).unwrap();
        let mut output = vec![b'0'; bytes];
        output
            .iter_mut()
            .rev()
            .take(1000)
            .for_each(|byte| *byte = b'9');
        output.chunks(read).for_each(|some| log.take(some));
        log.take(b"the reason\n");
        let ending = Ending::Exited { code: 1 };
        let written = log.close(&ending, Duration::ZERO).unwrap();
        assert_eq!(written.bytes, bytes as u64 + 11);
        let mut text = String::new();
        file.seek(io::SeekFrom::Start(0)).unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn of_a_long_output_beginning_and_end_are_kept_and_the_gap_is_told_once() {
        for read in [64 << 10, 40 << 20] {
            let text = logged(40 << 20, read);
            let left_out = (20 << 20) + 11;
            let gap = format!(
                "\n[cutover: {left_out} bytes are left out here; a log holds the first and the last 10 MiB]\n"
            );
            let (head, end) = text.split_once(&gap).expect("the gap is told");
            assert_eq!(head.len(), "$ x\n".len() + (10 << 20));
            assert!(end.ends_with("9the reason\n[cutover: exited with code 1, 0.0 s]\n"));
            assert_eq!(
                end.len() - "[cutover: exited with code 1, 0.0 s]\n".len(),
                10 << 20
            );
        }
    }

    #[test]
    fn an_output_that_fits_is_kept_whole() {
        for bytes in [0, 5 << 20, (20 << 20) - 11] {
            let text = logged(bytes, 64 << 10);
            assert!(!text.contains("left out"), "{bytes}");
            let around = "$ x\n".len() + "the reason\n[cutover: exited with code 1, 0.0 s]\n".len();
            assert_eq!(text.len(), bytes + around);
        }
    }
}
