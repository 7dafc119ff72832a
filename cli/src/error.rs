//! Why a command did not do what it was asked, and the exit code that says so.

use pipeline::errors::ErrorName;
use serde_json::{Value, json};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The release is live, was live already, or the question is answered.
    Good,
    /// The release did not go live.
    NotReleased,
    /// What was typed cannot be released: there is no such component, version or target.
    Refused,
    /// The time to look is over; the release may still go live.
    TimeIsOver,
}

impl Exit {
    /// What scripts see.
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::NotReleased => 1,
            Self::Refused => INPUT,
            Self::TimeIsOver => TIME_IS_OVER,
        }
    }

    /// Of a release that failed with this error.
    pub fn of_failed(error: &str) -> Self {
        match ErrorName::find(error) {
            Some(
                ErrorName::InputInvalid
                | ErrorName::UnknownComponent
                | ErrorName::UnknownTarget
                | ErrorName::UnknownVersion,
            ) => Self::Refused,
            _ => Self::NotReleased,
        }
    }
}

/// clap uses it for a command line that it does not understand.
const INPUT: u8 = 2;
const TIME_IS_OVER: u8 = 4;

/// Why a command could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// What was typed cannot be right.
    #[error("{0}")]
    Usage(String),
    /// A `cutover.toml`, or the folder around it, that a release would refuse.
    #[error("{message}")]
    Folder {
        /// The name that the release would end with.
        error: ErrorName,
        /// The line and what should stand there.
        message: String,
    },
    /// AWS (or the local cloud) cannot be reached, or says no.
    #[error("{what}\n  {next}")]
    Cloud {
        /// The call and the answer.
        what: String,
        /// What to try.
        next: String,
    },
    /// What was waited for did not come in time.
    #[error("{0}")]
    TimeIsOver(String),
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(String),
    /// Whoever read the output has enough, e.g. `head`.
    #[error("nobody reads the output")]
    ReaderGone,
}

impl Failure {
    /// What scripts see.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Folder { .. } => INPUT,
            Self::Cloud { .. } | Self::Output(_) => 3,
            Self::TimeIsOver(_) => TIME_IS_OVER,
            // What 128 + SIGPIPE says of other programs.
            Self::ReaderGone => 141,
        }
    }

    /// Its name, for scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Usage(_) => ErrorName::InputInvalid.as_str(),
            Self::Folder { error, .. } => error.as_str(),
            Self::Cloud { .. } => "CloudRefused",
            Self::TimeIsOver(_) => "TimeIsOver",
            Self::Output(_) | Self::ReaderGone => "OutputFailed",
        }
    }

    /// The same with `--json`.
    pub fn as_json(&self) -> Value {
        json!({"error": self.name(), "message": self.to_string(), "exit_code": self.code()})
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
            Exit::Refused.code(),
            Failure::Usage("no".into()).code(),
            cloud.code(),
            Exit::TimeIsOver.code(),
            Failure::TimeIsOver("late".into()).code(),
        ];
        assert_eq!(codes, [0, 1, 2, 2, 3, 4, 4]);
    }

    #[test]
    fn a_release_of_something_unknown_is_wrong_input_and_one_that_failed_is_not() {
        let codes = [
            "UnknownVersion",
            "InputInvalid",
            "BuildFailed",
            "Superseded",
        ]
        .map(|error| Exit::of_failed(error).code());
        assert_eq!(codes, [2, 2, 1, 1]);
    }

    #[test]
    fn a_script_gets_name_message_and_exit_code() {
        let failure = Failure::Usage("there is no release stage-r9".into());
        expect_test::expect![[
            r#"{"error":"InputInvalid","exit_code":2,"message":"there is no release stage-r9"}"#
        ]]
        .assert_eq(&failure.as_json().to_string());
    }
}
