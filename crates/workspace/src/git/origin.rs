use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use std::fmt;

/// A repository's address, and as whom it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `https://`, or `http://` on this machine; without credentials.
    pub url: String,
    /// Sent to the host of the address and to no other.
    pub credentials: Option<Credentials>,
}

/// A user's name and password, or a token in the password's place. Nothing shows them: no
/// `Debug`, no error, no address.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    username: String,
    password: String,
}

/// Why a name and a password cannot be sent. It does not repeat them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCredentials {
    /// RFC 7617 ends the name at its first colon.
    #[error("the username must not have a colon")]
    Colon,
    /// Not a secret.
    #[error("the password is empty")]
    NoPassword,
}

impl Origin {
    /// A repository that anybody may read.
    pub fn public(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials: None,
        }
    }

    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        self.credentials.as_ref().and_then(Credentials::header)
    }
}

impl Credentials {
    /// Checks them; for a token the name may be anything, as the git host has it.
    ///
    /// # Errors
    /// [`InvalidCredentials`].
    pub fn new(
        username: impl Into<String>,
        password: impl Into<String>,
    ) -> Result<Self, InvalidCredentials> {
        let (username, password) = (username.into(), password.into());
        if username.contains(':') {
            return Err(InvalidCredentials::Colon);
        }
        if password.is_empty() {
            return Err(InvalidCredentials::NoPassword);
        }
        Ok(Self { username, password })
    }

    /// RFC 7617. Base64 is always a header's value, so this is `Some`.
    fn header(&self) -> Option<HeaderValue> {
        let encoded = STANDARD.encode(format!("{}:{}", self.username, self.password));
        let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
        // So that no HTTP library shows it or keeps it in a compression table.
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> Origin {
        Origin {
            credentials: Some(Credentials::new("ann", "open-sesame").unwrap()),
            ..Origin::public("https://git.example.com/api.git")
        }
    }

    #[test]
    fn the_header_is_what_rfc_7617_says() {
        let header = ann().authorization().unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic YW5uOm9wZW4tc2VzYW1l");
        assert_eq!(Origin::public("https://x").authorization(), None);
    }

    #[test]
    fn nothing_shows_credentials() {
        let shown = format!("{:?} {:?}", ann(), ann().authorization());
        for secret in ["ann", "sesame", "YW5u"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn what_the_header_cannot_carry_is_refused() {
        let refused = |username, password| Credentials::new(username, password).unwrap_err();
        assert_eq!(refused("a:b", "x"), InvalidCredentials::Colon);
        assert_eq!(refused("ann", ""), InvalidCredentials::NoPassword);
        assert!(Credentials::new("", "a token").is_ok());
    }
}
