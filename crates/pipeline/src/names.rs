//! Checked names. Whatever comes from outside becomes one of these before it is used.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is not the name it should be; the sentence gives the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(pub String);

/// Shortens what a person sent, so that an error message never repeats 200 KB back.
pub fn excerpt(text: &str) -> String {
    const SHOWN: usize = 60;
    let printable: String = text
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    match printable.char_indices().nth(SHOWN) {
        Some((end, _)) => format!(
            "{}… ({} characters)",
            &printable[..end],
            printable.chars().count()
        ),
        None => printable,
    }
}

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text and keeps it.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                let check: fn(&str) -> Result<(), String> = $check;
                check(&text).map_err(InvalidName)?;
                Ok(Self(text))
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_text!(
    /// The project that owns the components, e.g. `myproj`.
    Project,
    |text| lower_label(text, 1, 20, "a project name")
);

checked_text!(
    /// One deployable with its own repository, e.g. `api`.
    ///
    /// At most 30 characters, so that `<component>-<sha12>-r<ticket>` fits a DNS label (63), and
    /// never of the form of a hostname (`api-3f2a9c1b04de`) or a peer name (`api-r42`): a record's
    /// name tells what it is.
    Component,
    |text| {
        lower_label(text, 1, 30, "a component name")?;
        let last = text.rsplit('-').next().unwrap_or_default();
        if last != text && (is_sha12(last) || is_release_mark(last)) {
            return Err(format!(
                "`{}` cannot be a component name: it ends like a hostname or a peer name of a release",
                excerpt(text)
            ));
        }
        Ok(())
    }
);

checked_text!(
    /// A deployment environment: `dev`, `stage`, `prod`.
    Target,
    |text| lower_label(text, 1, 16, "a target name")
);

checked_text!(
    /// A full commit SHA: 40 lower-case hexadecimal digits.
    Commit,
    |text| {
        if text.len() == 40 && is_lower_hex(text) {
            Ok(())
        } else {
            Err(format!("`{}` is not a full commit SHA (40 hexadecimal digits, lower case)", excerpt(text)))
        }
    }
);

checked_text!(
    /// The domain of a target, e.g. `stage.myproj.com`, without the final dot.
    Domain,
    domain
);

checked_text!(
    /// A fully qualified record name in a target's zone, lower case, without the final dot.
    Fqdn,
    domain
);

checked_text!(
    /// The name of a test suite in a manifest, e.g. `smoke`.
    SuiteName,
    |text| lower_label(text, 1, 40, "a suite name")
);

checked_text!(
    /// The name of a secret in Secrets Manager that holds a repository's credentials. It begins with
    /// `cutover/`, because the functions' roles can read no other.
    SecretName,
    |text| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.@-".contains(&b);
        if text.starts_with("cutover/") && (9..=256).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(())
        } else {
            Err(format!(
                "`{}` is not the name of a secret that a release may read: `cutover/<project>/<what>`, of letters, digits and /_+=.@-",
                excerpt(text)
            ))
        }
    }
);

checked_text!(
    /// Where a component's repository is fetched from: an `https` (or, on loopback, `http`) address.
    RepositoryUrl,
    repository_url
);

impl Commit {
    /// The first 12 digits: what a hostname carries.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

/// A number from one counter per target; a later release has a higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticket(pub u64);

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

/// `stage-r42`: the release as tags and S3 keys name it.
pub fn release_label(target: &Target, ticket: Ticket) -> String {
    format!("{target}-{ticket}")
}

/// The short, stable name of a component in a target: `api.stage.myproj.com`.
pub fn alias(component: &Component, domain: &Domain) -> Fqdn {
    Fqdn(format!("{component}.{domain}"))
}

/// The name that carries the commit: `api-3f2a9c1b04de.stage.myproj.com`.
pub fn hostname(component: &Component, commit: &Commit, domain: &Domain) -> Fqdn {
    Fqdn(format!("{component}-{}.{domain}", commit.short()))
}

/// The name used where instances of the commit already stand behind its plain hostname.
pub fn hostname_of_release(
    component: &Component,
    commit: &Commit,
    ticket: Ticket,
    domain: &Domain,
) -> Fqdn {
    Fqdn(format!("{component}-{}-{ticket}.{domain}", commit.short()))
}

/// What a candidate of a release calls its peer: `ui-r42.stage.myproj.com`.
pub fn peer_name(peer: &Component, ticket: Ticket, domain: &Domain) -> Fqdn {
    Fqdn(format!("{peer}-{ticket}.{domain}"))
}

/// The record that tells which release cut over last on a target, and so whether any did since it
/// was looked at. No component can have its name: component names have no dots.
pub fn last_cutover(domain: &Domain) -> Fqdn {
    Fqdn(format!("last.cutover.{domain}"))
}

/// What [`last_cutover`] says of a release: `r42.cutover.stage.myproj.com`, a name that does not
/// resolve and is only read.
pub fn cutover_of(ticket: Ticket, domain: &Domain) -> Fqdn {
    Fqdn(format!("{ticket}.cutover.{domain}"))
}

/// `release/stage/42`: the tag that a release pushes on request.
pub fn release_tag(target: &Target, ticket: Ticket) -> String {
    format!("release/{target}/{}", ticket.0)
}

/// The component whose alias a record name of this domain is, if it is one's.
pub fn alias_of(name: &Fqdn, domain: &Domain) -> Option<Component> {
    let label = name.0.strip_suffix(domain.as_str())?.strip_suffix('.')?;
    Component::new(label).ok()
}

/// Whether a record name of this domain is a hostname's: `api-3f2a9c1b04de`, with `-r42` or without.
pub fn is_hostname(name: &Fqdn, domain: &Domain) -> bool {
    let parts = name.0.strip_suffix(domain.as_str());
    let parts: Vec<&str> = parts
        .unwrap_or_default()
        .trim_end_matches('.')
        .split('-')
        .collect();
    match parts.as_slice() {
        [_, .., sha, mark] if is_sha12(sha) && is_release_mark(mark) => parts.len() > 2,
        [_, .., sha] => is_sha12(sha),
        _ => false,
    }
}

/// Whose name for which peer a record name of this domain is, if it is one's: `ui-r42`.
pub fn peer_name_of(name: &Fqdn, domain: &Domain) -> Option<(Component, Ticket)> {
    let label = name.0.strip_suffix(domain.as_str())?.strip_suffix('.')?;
    let (peer, ticket) = label.rsplit_once("-r")?;
    Some((Component::new(peer).ok()?, Ticket(ticket.parse().ok()?)))
}

/// The environment variable that tells a service or a suite where a peer is: `UI_URL`.
pub fn peer_variable(peer: &Component) -> String {
    format!("{}_URL", peer.as_str().replace('-', "_").to_uppercase())
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_sha12(text: &str) -> bool {
    text.len() == 12 && is_lower_hex(text)
}

fn is_release_mark(text: &str) -> bool {
    text.strip_prefix('r')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn lower_label(text: &str, min: usize, max: usize, what: &str) -> Result<(), String> {
    let ends_well =
        text.bytes().next().is_some_and(|b| b.is_ascii_lowercase()) && !text.ends_with('-');
    let inner = text
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if (min..=max).contains(&text.len()) && ends_well && inner && !text.contains("--") {
        return Ok(());
    }
    Err(format!(
        "`{}` is not {what}: {min} to {max} lower-case letters, digits and single hyphens, beginning with a letter",
        excerpt(text)
    ))
}

/// RFC 1035 labels of 1 to 63 characters, 253 in all.
fn domain(text: &str) -> Result<(), String> {
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() <= 253 && text.contains('.') && text.split('.').all(label_ok) {
        Ok(())
    } else {
        Err(format!(
            "`{}` is not a domain name in lower case such as `stage.myproj.com`",
            excerpt(text)
        ))
    }
}

fn repository_url(text: &str) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("repository `{}` {why}", excerpt(text)));
    let (rest, loopback_only) = match (text.strip_prefix("https://"), text.strip_prefix("http://"))
    {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => return refuse("must begin with https://"),
    };
    if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._~:/%+".contains(&b))
        || text.len() > 300
    {
        return refuse("has a character that an address here cannot have (or over 300 of them)");
    }
    let host = rest.split('/').next().unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    if name.is_empty() || rest.len() == host.len() || rest.contains("..") {
        return refuse("needs a host and a path");
    }
    if loopback_only && !(name == "localhost" || name.starts_with("127.")) {
        return refuse("must use https:// (http:// only on this machine)");
    }
    Ok(())
}

impl RepositoryUrl {
    /// The last part of the path without `.git`: what push events call the repository.
    pub fn repository_name(&self) -> &str {
        let last = self
            .0
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default();
        last.strip_suffix(".git").unwrap_or(last)
    }

    /// Whether both lead to the same repository: a host's case, a final slash and `.git` do not matter.
    pub fn is_same(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }

    /// Whether it is this repository of CodeCommit in this region:
    /// <https://docs.aws.amazon.com/codecommit/latest/userguide/regions.html>.
    pub fn is_codecommit(&self, region: &str, repository: &str) -> bool {
        let (host, path) = self.parts();
        let hosts = ["git-codecommit", "git-codecommit-fips"]
            .into_iter()
            .flat_map(|service| {
                ["amazonaws.com", "amazonaws.com.cn"]
                    .map(|domain| format!("https://{service}.{region}.{domain}"))
            });
        hosts.into_iter().any(|one| one == host)
            && path.strip_prefix("v1/repos/") == Some(repository)
    }

    fn parts(&self) -> (String, &str) {
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.trim_end_matches('/');
        let host = format!("{scheme}://{}", host.to_ascii_lowercase());
        (host, path.strip_suffix(".git").unwrap_or(path))
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
