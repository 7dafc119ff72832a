//! What can stop the local cloud, said so that a person can mend it.

use std::io;

/// Why a command of the local cloud did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A file, socket or process of this machine refused.
    #[error("{what}")]
    Io {
        /// What was being done, as a phrase: "could not write .local/env".
        what: String,
        #[source]
        source: io::Error,
    },
    /// The emulated AWS refused or did not answer.
    #[error("{what}: {detail}")]
    Cloud { what: String, detail: String },
    /// An instance's network could not be made.
    #[error("no network of its own")]
    Namespace(#[source] cutover_net::namespace::NoNamespace),
    /// What is true now and what to do, in full.
    #[error("{0}")]
    Refused(String),
}

impl LocalError {
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub fn cloud(what: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::Cloud {
            what: what.into(),
            detail: detail.to_string(),
        }
    }

    /// The error and everything below it, in one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut below = std::error::Error::source(self);
        while let Some(cause) = below {
            text.push_str(&format!(": {cause}"));
            below = cause.source();
        }
        text
    }
}

pub type Result<T> = std::result::Result<T, LocalError>;
