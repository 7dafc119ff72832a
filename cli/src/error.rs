//! Why a command did not do what it was asked, and the exit code that says so.

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The release is live, was live already, or the question is answered.
    Good,
    /// The release did not go live, or not yet.
    NotReleased,
}

impl Exit {
    /// What scripts see.
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::NotReleased => 1,
        }
    }
}

/// Why a command could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// What was typed cannot be right.
    #[error("{0}")]
    Usage(String),
    /// AWS (or the local cloud) cannot be reached, or says no.
    #[error("{what}\n  {next}")]
    Cloud {
        /// The call and the answer.
        what: String,
        /// What to try.
        next: String,
    },
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(String),
    /// Whoever read the output has enough, e.g. `head`.
    #[error("nobody reads the output")]
    ReaderGone,
}

impl Failure {
    /// What scripts see; clap uses 2 for a command line that it does not understand.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Cloud { .. } | Self::Output(_) => 3,
            // What 128 + SIGPIPE says of other programs.
            Self::ReaderGone => 141,
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::Output(error.to_string()),
        }
    }
}

impl From<pipeline::input::InputError> for Failure {
    fn from(error: pipeline::input::InputError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<pipeline::names::InvalidName> for Failure {
    fn from(error: pipeline::names::InvalidName) -> Self {
        Self::Usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_release_that_is_live_exits_with_0() {
        let cloud = Failure::Cloud {
            what: "denied".into(),
            next: "ask".into(),
        };
        let codes = [
            Exit::Good.code(),
            Exit::NotReleased.code(),
            Failure::Usage("no".into()).code(),
            cloud.code(),
        ];
        assert_eq!(codes, [0, 1, 2, 3]);
    }
}
