use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// What changes without a word (stacks make zones) is seen after this long.
const LONGEST: Duration = Duration::from_secs(2);

/// Whether instances or records may have changed: the emulator makes a file longer with each
/// change, before it answers to it. So nobody has to ask it over and over.
#[derive(Clone, Debug)]
pub struct Changes(PathBuf);

/// How far the changes were at some time.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    length: u64,
    at: Instant,
}

impl Changes {
    /// The file that grows. It need not be there yet.
    pub fn of(file: impl Into<PathBuf>) -> Self {
        Self(file.into())
    }

    /// To be taken before what is asked of the emulator is asked.
    pub fn now(&self) -> Seen {
        let length = std::fs::metadata(&self.0).map_or(0, |file| file.len());
        let at = Instant::now();
        Seen { length, at }
    }

    /// Whether what was asked then may be different now.
    pub fn since(&self, seen: Seen) -> bool {
        self.now().length != seen.length || seen.at.elapsed() > LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_longer_file_is_a_change() {
        let name = format!("cutover-changes-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let changes = Changes::of(&path);
        let nothing = changes.now();
        assert!(!changes.since(nothing));
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(b".").unwrap();
        assert!(changes.since(nothing));
        assert!(!changes.since(changes.now()));
        std::fs::remove_file(path).unwrap();
    }
}
