//! The names that errors have in the state machines. They are API: `Retry` and `Catch` match on
//! them, and people filter executions by them.
//!
//! `make render` makes the tables of docs/errors.md of this list: by the comment above them, what a
//! name means, and after `To do:` what a person does about it.

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
        // What was asked for
        /// A key or a value of the input is wrong; the message names the key.
        ///
        /// To do: correct it.
        InputInvalid,
        /// The target was never provisioned.
        ///
        /// To do: `cutover target provision <target>`, or name another target.
        UnknownTarget,
        /// The target is being torn down.
        ///
        /// To do: name another target, or provision it again after the teardown.
        TargetClosing,
        /// The component was never added.
        ///
        /// To do: `cutover component add`.
        UnknownComponent,
        /// A manifest pins a library at a commit that was never released. Nothing of the release ran.
        ///
        /// To do: release that commit of the library first, as the message says, or pin one that `cutover
        /// component show <library>` lists.
        LibraryNotReleased,
        /// The repository has no such version, or nothing is live there.
        ///
        /// To do: `git ls-remote` shows which versions there are.
        UnknownVersion,
        /// No other version was live before, so a roll-back would change nothing.
        ///
        /// To do: the cause names versions that were live there; release one of them.
        NothingToRollBack,
        /// A later release is live, or found live already what it asked for; or the branch has moved on.
        ///
        /// To do: usually nothing; the cause says where the branch points now, and how to release that
        /// commit if no push did. If the later release was a mistake, or failed itself, release the commit
        /// again.
        Superseded,
        /// The release would pass more from state to state than Step Functions takes, or its cutover would change
        /// more records than Route 53 takes in one change.
        ///
        /// To do: the cause says what is too much; release fewer components together.
        ReleaseTooLarge,
        /// A peer is neither live on the target nor part of this release.
        ///
        /// To do: release the peer first, or both together.
        PeerNotLive,
        // Sources, tests and build
        /// The repository cannot be read.
        ///
        /// To do: check the address; for a private repository see [*Private
        /// repositories*](component.md#private-repositories).
        RepositoryUnreadable,
        /// `cutover.toml` is missing or wrong; the message names the line.
        ///
        /// To do: correct it and push.
        ManifestInvalid,
        /// The commit has submodules or links out of the checkout, or is too large.
        ///
        /// To do: copy what is needed into the repository.
        SourceRefused,
        /// `[build] unit_tests` did not exit with 0 in time.
        ///
        /// To do: read the log.
        UnitTestsFailed,
        /// `[build] command` failed, or left no `output`.
        ///
        /// To do: read the log.
        BuildFailed,
        /// The health path did not answer 200 in time, the component keeps ending, or it did not stay
        /// healthy until the cutover.
        ///
        /// To do: the cause quotes the instance's own log, or says how the component ended.
        NotHealthy,
        /// Suites did not pass; the cause names all of them.
        ///
        /// To do: read the logs and reports.
        IntegrationTestsFailed,
        /// Something that the tests use went live during each of 3 runs of the suites, or beside a
        /// roll-back that is not tested again.
        ///
        /// To do: release or roll back again at a quieter moment, or release both together.
        PeersKeptMoving,
        // Cutover
        /// One of the release's names has a record that no release made (it is left as it is), or the
        /// candidate is gone.
        ///
        /// To do: the cause says what to do with the record.
        CutoverRefused,
        /// The candidate, or the release of a library, was discarded while a stage still worked on it, or its
        /// instance ended before the cutover.
        ///
        /// To do: release again.
        CandidateGone,
        // Targets
        /// The target is protected and its name was typed only once.
        ///
        /// To do: `cutover target teardown prod --confirm prod`.
        NotConfirmed,
        /// CloudFormation did not make, change or delete a target's stack; the cause is the message of the
        /// first resource that failed.
        ///
        /// To do: correct that and run the same again.
        StackFailed,
        /// A target's stack is complete, but no instance could be launched or no record read there.
        ///
        /// To do: the cause says which permission, quota or subnet; then provision again.
        TargetNotUsable,
        // The pipeline and AWS
        /// The SHA-256 of an object is not the announced one.
        ///
        /// To do: the message names the object; remove it and release again.
        Corrupt,
        /// A stage that runs a user's command is said to have passed, and did not write so itself: its
        /// answer may be the command's. Nothing was published or moved by it.
        ///
        /// To do: release again; if this happens twice, look at what the component's commands do.
        EvidenceRefused,
        /// An object that an earlier stage wrote is gone.
        ///
        /// To do: was it deleted, or older than its retention? release again.
        ObjectMissing,
        /// An item of the table cannot be read.
        ///
        /// To do: the message names it; correct it by hand.
        RowInvalid,
        /// Files or processes of an earlier command are left in the function's sandbox and cannot be
        /// removed, or it has changed the limits of the function's process, so nothing ran in it and it
        /// ended. Four more tries in other sandboxes found the same.
        ///
        /// To do: look at what the components' commands leave behind (the message names one process or the
        /// folder), then release again. An extension in a layer is such a process: [who may run
        /// commands](security.md#users-commands).
        SandboxUnclean,
        /// The account may run no container of the size that a command needs.
        ///
        /// To do: ask AWS for more with the call in the message; [quotas](aws.md#4-quotas).
        QuotaTooLow,
        /// The function's disk or processes failed.
        ///
        /// To do: raise `BundleDisk`; see the function's log.
        WorkspaceFailed,
        /// The template did not set a function up.
        ///
        /// To do: deploy `infra/pipeline.yaml` again.
        Misconfigured,
        /// A role lacks the permission that the message names.
        ///
        /// To do: deploy the templates again; ask who changed the role.
        AccessDenied,
        /// AWS refused a call, or CodeBuild took no container for a command
        /// (`AccountLimitExceededException`: the account may run none, or too few, at once).
        ///
        /// To do: the message has AWS's own words; for CodeBuild see its [quotas](aws.md#4-quotas).
        CallRefused,
        /// AWS or the git server was throttling or failing, even after 4 retries.
        ///
        /// To do: release again.
        Unavailable,
    }
    machines {
        // Cutover
        /// The release went live. Then one of its instances ended or stopped answering while the previous
        /// ones still ran, and users were sent back to those in one change.
        ///
        /// To do: the cause says why and since when; correct the version and push again.
        RolledBack,
        /// **Users are affected**: the release went live and is not healthy, and it was not taken back,
        /// because nothing was live before or that is not healthy either. Nothing of it was ended.
        ///
        /// To do: the cause says which instance and why; release a version that works, or `cutover
        /// rollback`.
        DiedAfterCutover,
        /// The release was not released, **and** Discard candidates did not complete; the cause says
        /// what may be left, and where it is not known whether the aliases moved.
        ///
        /// To do: nothing; the [sweeper](operating.md#the-sweeper) takes it away within two minutes. If that
        /// fails too, its execution says why.
        DiscardFailed,
        /// A sweep could not take away all that ended executions have left.
        ///
        /// To do: the cause says what failed; the next sweep, within 15 minutes, goes on.
        LeftBehind,
        /// An instance that should run does not, and the keeper could not replace it, or launched as many as it may
        /// in an hour and none stayed well.
        ///
        /// To do: the cause says which; `cutover logs --live <component>` has what it says. Release a version that
        /// runs, or roll back.
        NotKept,
        /// The release ended without a failure that anybody reported.
        ///
        /// To do: see the execution's history.
        NotReleased,
        // Targets
        /// Releases still run on a target that was to be torn down.
        ///
        /// To do: the cause names them; stop them and run the same again.
        TargetBusy,
        /// A target is torn down, but something with its tag or name is still found.
        ///
        /// To do: the cause lists it; run the same again, or delete it by hand.
        SomethingLeft,
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
