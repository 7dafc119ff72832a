//! The names that stages' errors have in the state machine. They are API: `Retry` and `Catch`
//! match on them, and people filter executions by them.

use std::error::Error;

macro_rules! names {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        $($(#[$doc])* pub const $constant: &str = $name;)*
        /// All of them.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

names! {
    /// A key or value of the input is wrong; nothing was done.
    INPUT_INVALID = "InputInvalid";
    /// The template did not set a function up.
    MISCONFIGURED = "Misconfigured";
    /// The target was never provisioned.
    UNKNOWN_TARGET = "UnknownTarget";
    /// The target is being torn down.
    TARGET_CLOSING = "TargetClosing";
    /// A protected target is torn down only by who types its name twice.
    NOT_CONFIRMED = "NotConfirmed";
    /// CloudFormation did not make, change or delete a target's stack.
    STACK_FAILED = "StackFailed";
    /// A target's stack is there, and no release could use it.
    TARGET_NOT_USABLE = "TargetNotUsable";
    /// The component was never added.
    UNKNOWN_COMPONENT = "UnknownComponent";
    /// The repository has no such version.
    UNKNOWN_VERSION = "UnknownVersion";
    /// A roll-back would change nothing: no other version was live before.
    NOTHING_TO_ROLL_BACK = "NothingToRollBack";
    /// The repository cannot be read.
    REPOSITORY_UNREADABLE = "RepositoryUnreadable";
    /// A later release is live, or a newer push is on its way.
    SUPERSEDED = "Superseded";
    /// `cutover.toml` is missing or wrong.
    MANIFEST_INVALID = "ManifestInvalid";
    /// The commit cannot be checked out as it is.
    SOURCE_REFUSED = "SourceRefused";
    /// What a release would pass from state to state is more than Step Functions takes.
    RELEASE_TOO_LARGE = "ReleaseTooLarge";
    /// A manifest names a peer that is not live and not in the release.
    PEER_NOT_LIVE = "PeerNotLive";
    /// The unit tests did not pass.
    UNIT_TESTS_FAILED = "UnitTestsFailed";
    /// The build did not succeed or left nothing.
    BUILD_FAILED = "BuildFailed";
    /// Bytes are not those that were announced.
    CORRUPT = "Corrupt";
    /// New instances did not become healthy in time.
    NOT_HEALTHY = "NotHealthy";
    /// A candidate was discarded while a stage still worked on it.
    CANDIDATE_GONE = "CandidateGone";
    /// Suites did not pass.
    INTEGRATION_TESTS_FAILED = "IntegrationTestsFailed";
    /// What is live beside the release kept changing while it was tested.
    PEERS_KEPT_MOVING = "PeersKeptMoving";
    /// The cutover was refused; nothing moved.
    CUTOVER_REFUSED = "CutoverRefused";
    /// Disk or processes of the function failed.
    WORKSPACE_FAILED = "WorkspaceFailed";
    /// An object that a stage before wrote is gone.
    OBJECT_MISSING = "ObjectMissing";
    /// A row of the table cannot be read.
    ROW_INVALID = "RowInvalid";
    /// AWS was throttling, timing out or failing: the state machine tries again.
    UNAVAILABLE = "Unavailable";
    /// A role lacks a permission.
    ACCESS_DENIED = "AccessDenied";
    /// AWS refused a call.
    CALL_REFUSED = "CallRefused";
}

/// An error whose name the state machine can catch.
pub trait Named: Error {
    /// The `errorType`, which is API: `Retry` and `Catch` match on it.
    fn name(&self) -> &'static str;
}

/// An error that already has its name and its sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    name: &'static str,
    message: String,
}

impl Fault {
    /// A named error.
    pub fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
        }
    }
}

impl Named for Fault {
    fn name(&self) -> &'static str {
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
