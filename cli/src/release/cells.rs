//! What the table shows of a component, and what a log says of it.

use super::stages::TERMINATE_PREVIOUS;
use pipeline::stages::COLUMNS;
use std::collections::BTreeMap;

/// How far a stage of a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cell {
    /// Not begun.
    #[default]
    Pending,
    /// Since then, milliseconds since 1970.
    Running { since: i64 },
    /// It took this many milliseconds.
    Done { took: i64 },
    /// After this many milliseconds.
    Failed { took: i64 },
    /// It was under way when the release gave up.
    Stopped,
    /// Left out: its outcome existed, or there was nothing to do.
    Skipped,
}

impl Cell {
    /// Whether it will not change by itself any more.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Pending | Self::Running { .. })
    }

    /// What it becomes when its state ends.
    pub fn end(self, at: i64, failed: bool) -> Self {
        match self {
            Self::Running { since } if failed => Self::Failed { took: at - since },
            Self::Running { since } => Self::Done { took: at - since },
            Self::Done { took } if failed => Self::Failed { took },
            Self::Pending if failed => Self::Failed { took: 0 },
            other => other,
        }
    }
}

/// A component.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// Its name.
    pub component: String,
    /// By column of [`COLUMNS`].
    pub cells: [Cell; COLUMNS.len()],
    /// By suite.
    pub suites: BTreeMap<String, Cell>,
    /// Whether it is released itself, and not only tested because it talks to who is.
    pub released: bool,
    /// Whether nothing of it runs.
    pub library: bool,
    /// Whether it is one more instance of what is live, there to be tested beside the release.
    pub companion: bool,
}

impl Row {
    /// As it is shown.
    pub fn name(&self) -> String {
        match (self.companion, self.library) {
            (true, _) => format!("{} (companion)", self.component),
            (_, true) => format!("{} (library)", self.component),
            _ => self.component.clone(),
        }
    }

    /// Whether a stage of the whole release is one of it too: a companion only ends with it.
    pub fn takes_part(&self, column: usize) -> bool {
        self.released || (self.companion && column == TERMINATE_PREVIOUS)
    }
}

/// A stage that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedStage {
    /// Whose, where it was one component's.
    pub component: Option<String>,
    /// The state's name.
    pub stage: String,
}

/// One line of what happens, for a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Milliseconds since the release began.
    pub at: i64,
    /// The component, or `release`.
    pub subject: String,
    /// What.
    pub text: String,
}
