//! Secrets Manager: what opens the repositories that are not for everybody. A secret's name travels
//! between the states, its value never: whoever needs it reads it, and keeps it no longer than that.
#![warn(missing_docs)]

use aws::{CallError, CallKind, call_error};
use aws_sdk_secretsmanager::Client;
use pipeline::errors::{ErrorName, Fault, Named};
use pipeline::names::{RepositoryUrl, SecretName};
use serde::Deserialize;
use workspace::git::{Credentials, GitError, InvalidCredentials, Origin};

/// Why a repository's credentials could not be had. None of them shows what the secret holds.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not take the call.
    #[error(
        "the credentials in secret {secret} could not be read: {source}{}",
        advice(source)
    )]
    Call {
        /// The secret's name.
        secret: SecretName,
        /// What Secrets Manager says.
        source: CallError,
    },
    /// There is no such secret.
    #[error(
        "there is no secret {secret}: create it in Secrets Manager with the text \
         {{\"username\": \"...\", \"password\": \"...\"}}, or add the component with another one"
    )]
    Missing {
        /// The secret's name.
        secret: SecretName,
    },
    /// It does not hold what it should.
    #[error("secret {secret} is not {{\"username\": \"...\", \"password\": \"...\"}}: {reason}")]
    Invalid {
        /// The secret's name.
        secret: SecretName,
        /// What is wrong with it.
        reason: String,
    },
}

fn advice(error: &CallError) -> &'static str {
    match error.kind {
        CallKind::Denied => {
            "; the functions may read secrets that begin with cutover/<project>/ and are encrypted \
             with the account's own key"
        }
        CallKind::Unavailable | CallKind::Refused => "",
    }
}

impl Named for SecretError {
    fn name(&self) -> ErrorName {
        match self {
            Self::Call { source, .. } => source.name(),
            Self::Missing { .. } | Self::Invalid { .. } => ErrorName::RepositoryUnreadable,
        }
    }
}

impl From<SecretError> for Fault {
    fn from(error: SecretError) -> Self {
        Fault::new(error.name(), error.to_string())
    }
}

/// Secrets Manager.
#[derive(Debug, Clone)]
pub struct Secrets {
    client: Client,
}

impl Secrets {
    /// Secrets Manager on this configuration.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// A repository, with what opens it. Without a secret's name it is one for everybody.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn origin(
        &self,
        repository: &RepositoryUrl,
        secret: Option<&SecretName>,
    ) -> Result<Origin, SecretError> {
        let credentials = match secret {
            Some(name) => Some(self.repository_credentials(name).await?),
            None => None,
        };
        Ok(Origin {
            url: repository.to_string(),
            credentials,
        })
    }

    /// The credentials that a secret holds, as they are now: a rotated password counts at once.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn repository_credentials(
        &self,
        name: &SecretName,
    ) -> Result<Credentials, SecretError> {
        let call = self.client.get_secret_value().secret_id(name.as_str());
        match call.send().await {
            Ok(reply) => read(name, reply.secret_string()),
            Err(error) => Err(refused(
                name,
                call_error("secretsmanager:GetSecretValue", error),
            )),
        }
    }
}

/// Why a repository does not let us in, with the secret that a person would look at.
pub fn explained(error: &GitError, secret: Option<&SecretName>) -> String {
    match (error, secret) {
        (GitError::Unauthorized { .. }, Some(secret)) => {
            format!("{error}; they are in secret {secret}")
        }
        (GitError::ReadOnly { .. }, Some(secret)) => {
            format!("{error}; those in secret {secret} may not")
        }
        (GitError::ReadOnly { .. } | GitError::NoSuchRepository { .. }, None) => {
            format!("{error}; for a private one, add the component again with --credentials SECRET")
        }
        _ => error.to_string(),
    }
}

fn refused(name: &SecretName, source: CallError) -> SecretError {
    let secret = name.clone();
    match source.is("ResourceNotFoundException") {
        true => SecretError::Missing { secret },
        false => SecretError::Call { secret, source },
    }
}

/// Other keys are no obstacle: the console's templates have some.
#[derive(Deserialize)]
struct Pair {
    username: String,
    password: String,
}

fn read(name: &SecretName, text: Option<&str>) -> Result<Credentials, SecretError> {
    let invalid = |reason: String| SecretError::Invalid {
        secret: name.clone(),
        reason,
    };
    let text = text.ok_or_else(|| invalid("it is binary".into()))?;
    // serde's own words may repeat a value.
    let pair: Pair = serde_json::from_str(text)
        .map_err(|_| invalid("it is not JSON with these two strings".into()))?;
    Credentials::new(pair.username, pair.password)
        .map_err(|error: InvalidCredentials| invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use replay::Replay;

    fn name() -> SecretName {
        SecretName::new("cutover/myproj/api").unwrap()
    }

    fn refusal(text: Option<&str>) -> String {
        let error = read(&name(), text).unwrap_err();
        assert_eq!(error.name(), ErrorName::RepositoryUnreadable);
        format!("{error}")
    }

    #[test]
    fn a_secret_is_a_username_and_a_password() {
        let text = r#"{"username": "ann", "password": "open-sesame", "engine": "none"}"#;
        let expected = Credentials::new("ann", "open-sesame").unwrap();
        assert_eq!(read(&name(), Some(text)).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_said_without_showing_it() {
        let shape = r#"secret cutover/myproj/api is not {"username": "...", "password": "..."}"#;
        for (text, reason) in [
            (None, "it is binary"),
            (Some("open-sesame"), "it is not JSON with these two strings"),
            (
                Some(r#"{"password": "open-sesame"}"#),
                "it is not JSON with these two strings",
            ),
            (
                Some(r#"{"username": "a", "password": 5}"#),
                "it is not JSON with these two strings",
            ),
            (
                Some(r#"{"username": "a", "password": ""}"#),
                "the password is empty",
            ),
            (
                Some(r#"{"username": "a:b", "password": "open-sesame"}"#),
                "the username must not have a colon",
            ),
        ] {
            assert_eq!(refusal(text), format!("{shape}: {reason}"));
        }
    }

    #[test]
    fn a_closed_repository_is_told_with_the_secret_to_look_at() {
        let url = || "https://git.example.com/api.git".to_owned();
        let unauthorized = GitError::Unauthorized { url: url() };
        assert_eq!(
            explained(&unauthorized, Some(&name())),
            "https://git.example.com/api.git refuses the credentials that were given for it; \
             they are in secret cutover/myproj/api"
        );
        let read_only = GitError::ReadOnly { url: url() };
        assert_eq!(
            explained(&read_only, Some(&name())),
            "https://git.example.com/api.git does not accept a push: credentials that may write \
             are needed; those in secret cutover/myproj/api may not"
        );
        let missing = GitError::NoSuchRepository { url: url() };
        assert_eq!(
            explained(&missing, None),
            "there is no repository at https://git.example.com/api.git, or it is private; for a private one, add the component again with --credentials SECRET"
        );
        assert_eq!(explained(&missing, Some(&name())), missing.to_string());
    }

    fn call(kind: CallKind, code: &str) -> SecretError {
        let source = CallError {
            operation: "secretsmanager:GetSecretValue",
            kind,
            code: code.into(),
            message: "no".into(),
        };
        refused(&name(), source)
    }

    #[test]
    fn a_missing_secret_is_told_from_one_that_may_not_be_read() {
        let missing = call(CallKind::Refused, "ResourceNotFoundException");
        assert_eq!(missing.name(), ErrorName::RepositoryUnreadable);
        assert!(
            missing
                .to_string()
                .starts_with("there is no secret cutover/myproj/api: create it")
        );
        let denied = call(CallKind::Denied, "AccessDeniedException");
        assert_eq!(denied.name(), ErrorName::AccessDenied);
        assert!(
            denied.to_string().contains("begin with cutover/<project>/"),
            "{denied}"
        );
        let busy = call(CallKind::Unavailable, "InternalServiceError");
        assert_eq!(busy.name(), ErrorName::Unavailable);
    }

    /// The origin of a private repository, where Secrets Manager answers so.
    async fn origin(answer: (u16, &str)) -> (Result<Origin, SecretError>, Replay) {
        let replay = Replay::new([answer]);
        let repository = RepositoryUrl::new("https://git.example.com/api.git").unwrap();
        let secrets = Secrets::new(&replay.config());
        (secrets.origin(&repository, Some(&name())).await, replay)
    }

    #[tokio::test]
    async fn a_secret_is_read_when_it_is_needed() {
        let text = r#"{"ARN": "arn", "Name": "n", "SecretString": "{\"username\": \"ann\", \"password\": \"p\"}"}"#;
        let (found, replay) = origin((200, text)).await;
        assert!(found.unwrap().credentials.is_some());
        assert_eq!(replay.asked(), [r#"{"SecretId":"cutover/myproj/api"}"#]);
        let none = Replay::default();
        let repository = RepositoryUrl::new("https://git.example.com/api.git").unwrap();
        let found = Secrets::new(&none.config()).origin(&repository, None).await;
        assert!(found.unwrap().credentials.is_none() && none.asked().is_empty());
    }

    #[tokio::test]
    async fn what_secrets_manager_says_has_a_name_in_the_state_machine() {
        for (body, expected) in [
            (
                r#"{"__type": "ResourceNotFoundException", "Message": "m"}"#,
                ErrorName::RepositoryUnreadable,
            ),
            (
                r#"{"__type": "AccessDeniedException", "Message": "m"}"#,
                ErrorName::AccessDenied,
            ),
            (
                r#"{"__type": "DecryptionFailure", "Message": "m"}"#,
                ErrorName::CallRefused,
            ),
            (
                r#"{"__type": "InvalidRequestException", "Message": "it is scheduled for deletion"}"#,
                ErrorName::CallRefused,
            ),
            (
                r#"{"__type": "ThrottlingException", "Message": "m"}"#,
                ErrorName::Unavailable,
            ),
        ] {
            let (found, _) = origin((400, body)).await;
            assert_eq!(found.unwrap_err().name(), expected, "{body}");
        }
        let (failed, _) =
            origin((500, r#"{"__type": "InternalServiceError", "Message": "m"}"#)).await;
        assert_eq!(failed.unwrap_err().name(), ErrorName::Unavailable);
        let (binary, _) = origin((
            200,
            r#"{"ARN": "arn", "Name": "n", "SecretBinary": "eA=="}"#,
        ))
        .await;
        assert_eq!(binary.unwrap_err().name(), ErrorName::RepositoryUnreadable);
    }
}
