//! The stages that a person follows, out of [`pipeline::stages`].

use pipeline::stages::{COLUMNS, RELEASE, Shown, WITHOUT_STATE, functions, of_release};
use std::ops::Range;

/// The one that moves the aliases.
pub const CUTOVER: &str = "Deploy (cutover)";
/// The parallel state around unit tests and build.
pub const UNIT_TESTS_AND_BUILD: &str = "Unit tests | Build";
/// The one that every round of tests begins with.
pub const PLAN_COMPANIONS: &str = "Plan companions";

/// The columns that a reused artifact leaves out.
pub const OF_THE_BUILD: Range<usize> = index("Unit tests")..index("Push artifacts") + 1;
/// The columns of the two that run side by side.
pub const UNIT_TESTS_TO_BUILD: Range<usize> = index("Unit tests")..index("Build") + 1;
/// Columns before it belong to one component each.
pub const INTEGRATION_TESTS: usize = index("Integration tests");
/// The last one.
pub const TERMINATE_PREVIOUS: usize = index("Terminate previous");

/// The column of a state that has one.
const fn index(state: &str) -> usize {
    let mut column = 0;
    // A state without a column ends the build here: the index is out of bounds.
    while !is_same(COLUMNS[column].state.as_bytes(), state.as_bytes()) {
        column += 1;
    }
    column
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut next = 0;
    while next < one.len() && next < other.len() && one[next] == other[next] {
        next += 1;
    }
    next == one.len() && next == other.len()
}

/// The column of a state.
pub fn column(state: &str) -> Option<usize> {
    COLUMNS.iter().position(|column| column.state == state)
}

/// Whether a state is of the whole release, has no column, and takes a noticeable time.
pub fn is_below_the_table(state: &str) -> bool {
    of_release(state).is_some_and(|stage| stage.shown == Shown::Below)
}

/// The folder of a state's function, by which its log is named; `None` where no function runs.
pub fn folder(state: &str) -> Option<&'static str> {
    of_release(state)?.function
}

/// Folders whose function runs a user's command or starts an instance: they leave logs in the
/// bucket, the others only their own log group.
pub fn leaves_a_log(folder: &str) -> bool {
    let of_it = |function| function == folder;
    RELEASE
        .iter()
        .any(|stage| stage.leaves_a_log && stage.function.is_some_and(of_it))
}

/// All folders, in the order in which a release passes them.
pub fn folders() -> Vec<&'static str> {
    [WITHOUT_STATE.to_vec(), functions(RELEASE)].concat()
}
