//! The one list of stages: which state calls which function, and where a person sees it.
//!
//! A row is all that the command line and the tests need to know of a stage. `make render` makes the rows
//! of the state machines and of `functions/*/function.yaml`.

#[rustfmt::skip]
mod list;

pub use list::*;

/// A state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Of `statemachine/<name>.yaml`, and of `<project>-<name>`.
    pub name: &'static str,
    /// Its stages, in the states' order.
    pub stages: &'static [Stage],
    /// One of these is in each cause that its executions fail with: what is true for users.
    pub effects: &'static [&'static str],
}

/// A state that calls a function, or one that a person waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// The state's name.
    pub state: &'static str,
    /// The folder of its function, by which the function's log is named too; `None` where none runs.
    pub function: Option<&'static str>,
    /// Where the command line shows it.
    pub shown: Shown,
    /// Whether its function runs a user's command or starts an instance: then it leaves a log in the
    /// bucket, beside the function's own.
    pub leaves_a_log: bool,
}

/// Where the command line shows a stage while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// In the table of components.
    InColumn(Heading),
    /// Below the table: of the whole release, and long enough to be noticed.
    Below,
    /// Not at all.
    Nowhere,
}

/// What stands above a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading {
    /// The state's name on two lines, for tables of a usual width.
    pub lines: [&'static str; 2],
    /// For narrow ones.
    pub short: &'static str,
}

/// A column of the table of components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The state's name.
    pub state: &'static str,
    /// What stands above it.
    pub heading: Heading,
}

impl Stage {
    const fn task(state: &'static str, function: &'static str) -> Self {
        Self {
            state,
            function: Some(function),
            shown: Shown::Nowhere,
            leaves_a_log: false,
        }
    }

    const fn wait(state: &'static str) -> Self {
        Self {
            function: None,
            ..Self::task(state, "")
        }
    }

    const fn column(self, lines: [&'static str; 2], short: &'static str) -> Self {
        Self {
            shown: Shown::InColumn(Heading { lines, short }),
            ..self
        }
    }

    const fn below(self) -> Self {
        Self {
            shown: Shown::Below,
            ..self
        }
    }

    const fn with_log(self) -> Self {
        Self {
            leaves_a_log: true,
            ..self
        }
    }
}

/// The table's columns, in the order in which a release passes them.
pub const COLUMNS: [Column; count_columns()] = columns();

const fn count_columns() -> usize {
    let (mut found, mut next) = (0, 0);
    while next < RELEASE.len() {
        if matches!(RELEASE[next].shown, Shown::InColumn(_)) {
            found += 1;
        }
        next += 1;
    }
    found
}

const fn columns() -> [Column; count_columns()] {
    let heading = Heading {
        lines: [""; 2],
        short: "",
    };
    let mut columns = [Column { state: "", heading }; count_columns()];
    let (mut found, mut next) = (0, 0);
    while next < RELEASE.len() {
        if let Shown::InColumn(heading) = RELEASE[next].shown {
            let state = RELEASE[next].state;
            columns[found] = Column { state, heading };
            found += 1;
        }
        next += 1;
    }
    columns
}

/// The stage that a state is, whatever runs its command: `Build` of `Build in a container`.
pub fn of_state(state: &str) -> &str {
    state.strip_suffix(" in a container").unwrap_or(state)
}

/// A release's stage, by its state's name.
pub fn of_release(state: &str) -> Option<&'static Stage> {
    RELEASE.iter().find(|stage| stage.state == state)
}

/// A machine by its name.
pub fn machine(name: &str) -> Option<&'static Machine> {
    MACHINES.iter().find(|machine| machine.name == name)
}

/// The functions of these stages, each once, in their order.
pub fn functions(stages: &'static [Stage]) -> Vec<&'static str> {
    let mut found = Vec::new();
    for function in stages.iter().filter_map(|stage| stage.function) {
        if !found.contains(&function) {
            found.push(function);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_several_states_is_listed_once() {
        let all = functions(RELEASE);
        assert_eq!(all.iter().filter(|one| **one == "cutover").count(), 1);
        assert_eq!(all.first(), Some(&"plan-release"));
    }

    #[test]
    fn columns_stand_in_the_order_of_the_stages() {
        let states: Vec<&str> = COLUMNS.iter().map(|column| column.state).collect();
        assert_eq!(states.first(), Some(&"Prepare workspace"));
        assert_eq!(states.last(), Some(&"Terminate previous"));
        assert!(
            states
                .windows(2)
                .all(|two| position(two[0]) < position(two[1]))
        );
    }

    fn position(state: &str) -> Option<usize> {
        RELEASE.iter().position(|stage| stage.state == state)
    }

    #[test]
    fn a_state_has_one_row() {
        let all = || MACHINES.iter().flat_map(|machine| machine.stages);
        for stage in all() {
            let same = |other: &&Stage| other.state == stage.state;
            assert_eq!(all().filter(same).count(), 1);
        }
    }
}
