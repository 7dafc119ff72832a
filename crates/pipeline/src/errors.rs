//! The names that errors have in the state machines. They are API: `Retry` and `Catch` match on
//! them, and people filter executions by them.

use std::error::Error;
use std::fmt;

macro_rules! names {
    (
        functions { $($(#[$doc:meta])* $name:ident,)* }
        machines { $($(#[$ends_doc:meta])* $ends:ident,)* }
    ) => {
        /// Why an execution did not do what it was started for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ErrorName { $($(#[$doc])* $name,)* $($(#[$ends_doc])* $ends,)* }

        impl ErrorName {
            /// Those that functions end with; `Retry` and `Catch` name no others of ours.
            pub const OF_FUNCTIONS: &[Self] = &[$(Self::$name),*];
            /// Those that only the state machines end with.
            pub const OF_MACHINES: &[Self] = &[$(Self::$ends),*];

            /// As the console shows it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    $(Self::$ends => stringify!($ends),)*
                }
            }
        }
    };
}

names! {
    functions {
        /// A key or value of the input is wrong; nothing was done.
        InputInvalid,
        /// The template did not set a function up.
        Misconfigured,
        /// The target was never provisioned.
        UnknownTarget,
        /// The target is being torn down.
        TargetClosing,
        /// A protected target is torn down only by who types its name twice.
        NotConfirmed,
        /// CloudFormation did not make, change or delete a target's stack.
        StackFailed,
        /// A target's stack is there, and no release could use it.
        TargetNotUsable,
        /// The component was never added.
        UnknownComponent,
        /// The repository has no such version.
        UnknownVersion,
        /// A roll-back would change nothing: no other version was live before.
        NothingToRollBack,
        /// The repository cannot be read.
        RepositoryUnreadable,
        /// A later release is live, or a newer push is on its way.
        Superseded,
        /// `cutover.toml` is missing or wrong.
        ManifestInvalid,
        /// The commit cannot be checked out as it is.
        SourceRefused,
        /// What a release would pass from state to state is more than Step Functions takes.
        ReleaseTooLarge,
        /// A manifest names a peer that is not live and not in the release.
        PeerNotLive,
        /// The unit tests did not pass.
        UnitTestsFailed,
        /// The build did not succeed or left nothing.
        BuildFailed,
        /// A stage that runs a user's command is said to have answered, and left no evidence of it.
        EvidenceRefused,
        /// Bytes are not those that were announced.
        Corrupt,
        /// New instances did not become healthy in time.
        NotHealthy,
        /// A candidate was discarded while a stage still worked on it.
        CandidateGone,
        /// Suites did not pass.
        IntegrationTestsFailed,
        /// What is live beside the release kept changing while it was tested.
        PeersKeptMoving,
        /// The cutover was refused; nothing moved.
        CutoverRefused,
        /// Something of an earlier command is left where a command was to run, and cannot be removed: the
        /// state machine tries again, in another sandbox.
        SandboxUnclean,
        /// Disk or processes of the function failed.
        WorkspaceFailed,
        /// An object that a stage before wrote is gone.
        ObjectMissing,
        /// A row of the table cannot be read.
        RowInvalid,
        /// AWS was throttling, timing out or failing: the state machine tries again.
        Unavailable,
        /// A role lacks a permission.
        AccessDenied,
        /// AWS refused a call.
        CallRefused,
    }
    machines {
        /// Users reach the new version, and what came after the cutover did not end well.
        DiedAfterCutover,
        /// A release failed, and so did taking its candidates away.
        DiscardFailed,
        /// A release failed, and no stage said why.
        NotReleased,
        /// The release went live, was not well, and was taken back.
        RolledBack,
        /// A teardown left something behind.
        SomethingLeft,
        /// Releases still run on a target that was to be torn down.
        TargetBusy,
    }
}

impl ErrorName {
    /// The name that this text is, if it is one of ours: Step Functions and Lambda have their own.
    pub fn find(text: &str) -> Option<Self> {
        let mut all = Self::OF_FUNCTIONS.iter().chain(Self::OF_MACHINES);
        all.find(|name| name.as_str() == text).copied()
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<ErrorName> for String {
    fn from(name: ErrorName) -> Self {
        name.as_str().into()
    }
}

/// An error whose name the state machine can catch.
pub trait Named: Error {
    /// The `errorType`, which is API: `Retry` and `Catch` match on it.
    fn name(&self) -> ErrorName;
}

/// An error that already has its name and its sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    name: ErrorName,
    message: String,
}

impl Fault {
    /// A named error.
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
        }
    }
}

impl Named for Fault {
    fn name(&self) -> ErrorName {
        self.name
    }
}

/// An error and its sources in one sentence, each once: many errors repeat their source.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let part = inner.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        source = inner.source();
    }
    text
}
