use std::io;

/// Why a repository could not be read or tagged.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The address is not one that is asked. It is not shown: it might hold a password.
    #[error("the repository's address is refused: {reason}")]
    Address {
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// Not 40 lower-case hexadecimal digits.
    #[error("{given:?} is not a full commit SHA (40 lower-case hexadecimal digits)")]
    NotASha {
        /// Its beginning.
        given: String,
    },
    /// The server answered, and does not know the repository.
    #[error("there is no repository at {url}, or it is private")]
    NoSuchRepository {
        /// The address.
        url: String,
    },
    /// The server answered, and does not accept who asks.
    #[error("{url} refuses the credentials that were given for it")]
    Unauthorized {
        /// The address.
        url: String,
    },
    /// The server sends us elsewhere, where credentials must not go.
    #[error(
        "{url} redirects elsewhere, where its credentials are not sent: \
         use the address that the repository has now"
    )]
    Moved {
        /// The address.
        url: String,
    },
    /// A format that this reads none of.
    #[error(
        "{url} is in git's SHA-256 format, which cannot be read; only repositories in SHA-1 can be released"
    )]
    Sha256 {
        /// The address.
        url: String,
    },
    /// The repository may be read and not be written.
    #[error("{url} does not accept a push: credentials that may write are needed")]
    ReadOnly {
        /// The address.
        url: String,
    },
    /// Not a name that git takes.
    #[error("{given:?} cannot be the name of a tag")]
    NotATagName {
        /// Its beginning.
        given: String,
    },
    /// The server did not store the tag: a hook or a rule of it, or it does not have the commit.
    #[error("{url} refused the tag {tag}: {reason}")]
    TagRefused {
        /// The address.
        url: String,
        /// Its name.
        tag: String,
        /// In the server's words.
        reason: String,
    },
    /// The repository does not have this commit.
    #[error("{url} has no commit {commit}")]
    NoSuchCommit {
        /// The address.
        url: String,
        /// 40 hexadecimal digits.
        commit: String,
    },
    /// The SHA is of a tag, tree or file.
    #[error("{id} in {url} is a {kind}, not a commit")]
    NotACommit {
        /// The address.
        url: String,
        /// 40 hexadecimal digits.
        id: String,
        /// What it is.
        kind: String,
    },
    /// The commit uses submodules.
    #[error("submodules are not supported ({path}): copy what they bring into the repository")]
    Submodules {
        /// Where the commit names one.
        path: String,
    },
    /// The commit has something that would not survive being packed and unpacked.
    #[error("{path} cannot be bundled: {reason}")]
    Refused {
        /// In the commit.
        path: String,
        /// What to change.
        reason: String,
    },
    /// The checkout or the pack with it is too large.
    #[error("the repository is too large: {reason}")]
    TooLarge {
        /// Which limit it passes.
        reason: String,
    },
    /// It took too long.
    #[error("{url} did not answer in full within {seconds} s")]
    Deadline {
        /// The address.
        url: String,
        /// The deadline.
        seconds: u64,
    },
    /// The conversation broke off, or the server said something unexpected.
    #[error("the conversation with {url} failed: {reason}")]
    Conversation {
        /// The address.
        url: String,
        /// What happened, as a chain.
        reason: String,
        /// Whether the same again may well succeed: no connection, a server's own error.
        transient: bool,
    },
    /// The objects that came do not make up the commit.
    #[error("the commit is not complete: {reason}")]
    Incomplete {
        /// What is missing or wrong.
        reason: String,
    },
    /// The bundle could not be written.
    #[error("could not write the bundle at {path}")]
    Write {
        /// In the commit, or the bundle.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No room or permission for what is fetched, or a fault of ours.
    #[error("could not prepare the fetch: {reason}")]
    Scratch {
        /// What failed.
        reason: String,
    },
}

/// A connection that ended before there was an answer, or a whole one: as often as not, one that a server closed
/// because nobody had used it. gix takes it for final; these are reqwest's and hyper's words, and tests hold them.
const BROKEN_OFF: [&str; 3] = [
    "error sending request",
    "connection closed before message completed",
    "request or response body error",
];

impl GitError {
    /// Whether the same request may succeed a little later: the network or the server failed,
    /// not the request.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Deadline { .. } => true,
            Self::Conversation { transient, .. } => *transient,
            _ => false,
        }
    }

    pub(super) fn conversation(url: &str, error: &gix::Error, with_credentials: bool) -> Self {
        let reason = chain(error);
        let url = url.to_owned();
        let refused = error.is_unauthenticated() || error.is_permission_denied();
        if refused && with_credentials {
            return Self::Unauthorized { url };
        }
        if refused || reason.contains("status 404") {
            return Self::NoSuchRepository { url };
        }
        // gix has no error of its own for it; a test holds its words.
        let sha256 = [
            "object format used by the remote is unsupported",
            "hash sized 64",
        ];
        if sha256.iter().any(|words| reason.contains(words)) {
            return Self::Sha256 { url };
        }
        if reason.contains("refusing to follow redirect") {
            return Self::Moved { url };
        }
        let broken_off = BROKEN_OFF.iter().any(|words| reason.contains(words));
        Self::Conversation {
            url,
            reason,
            transient: error.is_retryable() || broken_off,
        }
    }

    pub(super) fn scratch(error: impl std::fmt::Display) -> Self {
        Self::Scratch {
            reason: error.to_string(),
        }
    }
}

/// Every message of an error of gix on one line; its own Display is only the outermost.
pub(super) fn chain(error: &gix::Error) -> String {
    let mut parts: Vec<String> = error.iter_errors().map(ToString::to_string).collect();
    parts.dedup();
    parts.join(": ")
}
