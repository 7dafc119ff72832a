//! Logs as they are kept: one object each, but an instance's in numbered pieces.

use crate::cloud::Log;
use std::collections::BTreeMap;

/// A log, put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Whose.
    pub component: String,
    /// `unit-tests`, `suite-smoke`, `instance-i-0a1`
    pub name: String,
    /// Its objects, in their order.
    pub pieces: Vec<Log>,
}

impl Kept {
    /// Of all pieces.
    pub fn bytes(&self) -> i64 {
        self.pieces.iter().map(|piece| piece.bytes).sum()
    }

    /// When the last of it was written, milliseconds since 1970.
    pub fn at(&self) -> i64 {
        let at = self.pieces.iter().map(|piece| piece.at);
        at.max().unwrap_or_default()
    }

    /// The object, or what the pieces' names begin with.
    pub fn key(&self) -> &str {
        match self.pieces.as_slice() {
            [only] if !is_piece(&only.key) => &only.key,
            [first, ..] => first.key.rsplit_once('/').map_or("", |(folder, _)| folder),
            [] => "",
        }
    }
}

/// The logs that objects make up. Where an instance's whole log is there, the end of it, which
/// explains a failed start, is not shown a second time.
pub fn together(objects: Vec<Log>) -> Vec<Kept> {
    let mut kept: BTreeMap<(String, String), Kept> = BTreeMap::new();
    // Beside them is what counts an instance's ends, which is not for a person.
    let logs = objects
        .into_iter()
        .filter(|object| object.key.ends_with(".log"));
    for object in logs {
        let (component, name) = (component_of(&object.key), name_of(&object.key));
        let at = (component.to_owned(), name.to_owned());
        let one = kept.entry(at).or_insert_with(|| Kept {
            component: component.to_owned(),
            name: name.to_owned(),
            pieces: Vec::new(),
        });
        one.pieces.push(object);
    }
    let mut kept: Vec<Kept> = kept.into_values().collect();
    for one in &mut kept {
        if one.pieces.iter().any(|piece| is_piece(&piece.key)) {
            one.pieces.retain(|piece| is_piece(&piece.key));
        }
        one.pieces.sort_by(|a, b| a.key.cmp(&b.key));
    }
    kept
}

/// `logs/stage-r42/api/instance-i-0a1/00000001.log`
pub fn is_piece(key: &str) -> bool {
    key.split('/').count() > 4
}

/// `unit-tests` of `logs/stage-r42/api/unit-tests.log`
fn name_of(key: &str) -> &str {
    let file = key.split('/').nth(3).unwrap_or(key);
    file.strip_suffix(".log").unwrap_or(file)
}

fn component_of(key: &str) -> &str {
    key.split('/').nth(2).unwrap_or_default()
}

/// Cuts what arrives in pieces into whole lines.
#[derive(Debug, Default)]
pub struct Lines {
    rest: Vec<u8>,
}

/// A line that does not end is shown at this length all the same.
const LONGEST: usize = 64 * 1024;

impl Lines {
    /// The lines that have ended by now, without their ends.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            lines.push(String::from_utf8_lossy(&line[..end]).into_owned());
        }
        if self.rest.len() > LONGEST {
            lines.extend(self.end());
        }
        lines
    }

    /// The line that nothing has ended.
    pub fn end(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.rest);
        (!rest.is_empty()).then(|| String::from_utf8_lossy(&rest).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, bytes: i64) -> Log {
        Log {
            key: key.into(),
            bytes,
            at: bytes,
        }
    }

    #[test]
    fn the_pieces_of_an_instances_log_are_one_log_in_place_of_its_end() {
        let kept = together(vec![
            object("logs/stage-r42/api/build.log", 1),
            object("logs/stage-r42/api/instance-i-1.ends", 9),
            object("logs/stage-r42/api/instance-i-1.log", 5),
            object("logs/stage-r42/api/instance-i-1/00000002.log", 3),
            object("logs/stage-r42/api/instance-i-1/00000001.log", 7),
            object("logs/stage-r42/api/instance-i-2.log", 5),
        ]);
        let shown: Vec<_> = kept
            .iter()
            .map(|one| (one.name.as_str(), one.bytes(), one.key()))
            .collect();
        assert_eq!(
            shown,
            [
                ("build", 1, "logs/stage-r42/api/build.log"),
                ("instance-i-1", 10, "logs/stage-r42/api/instance-i-1"),
                ("instance-i-2", 5, "logs/stage-r42/api/instance-i-2.log"),
            ]
        );
        assert!(kept[1].pieces[0].key.ends_with("00000001.log"));
    }

    #[test]
    fn a_line_that_arrives_in_two_pieces_is_one_line() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"one\ntw"), ["one"]);
        assert_eq!(lines.take("o\nöl".as_bytes()), ["two"]);
        assert_eq!(lines.end().as_deref(), Some("öl"));
        assert_eq!(lines.end(), None);
    }
}
