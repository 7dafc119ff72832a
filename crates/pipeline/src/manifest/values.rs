//! Values of a manifest that check themselves.

use super::MAX_COMMAND_SECONDS;
use serde::{Deserialize, Serialize};
use std::time::Duration;

macro_rules! checked {
    ($(#[$doc:meta])* $name:ident($inner:ty) as $outer:ty, $make:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(pub(super) $inner);
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                let make: fn(String) -> Result<$inner, String> = $make;
                make(text).map(Self)
            }
        }
        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

checked!(
    /// A command line: split into words by quotes as a shell would, but run without a shell.
    CommandLine(String) as String,
    |text| match text.trim() {
        "" => Err("a command must not be empty".into()),
        trimmed if trimmed.contains('\r') => Err("a command is one line, and this one has a carriage return in it, as lines of Windows have".into()),
        _ if text.len() > 2000 || text.contains(['\0', '\n']) => Err("a command is one line of at most 2000 characters".into()),
        trimmed => Ok(trimmed.to_owned()),
    }
);

checked!(
    /// A folder inside the checkout.
    RelativePath(String) as String,
    |text| {
        let parts_ok = text.split('/').all(|part| !part.is_empty() && part != ".." && part != ".");
        if text == "." || text == "./" {
            Err(format!("`{text}` would make the whole checkout the artifact, with sources and tests; have [build] command copy what runs into a folder such as `dist`"))
        } else if parts_ok && text.len() <= 200 && !text.contains(['\0', '\\']) {
            Ok(text)
        } else {
            Err(format!("`{text}` must be a folder inside the checkout such as `dist`"))
        }
    }
);

checked!(
    /// The path of a request, e.g. `/healthz`.
    HttpPath(String) as String,
    |text| {
        if text.starts_with('/') && text.len() <= 200 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
            Ok(text)
        } else {
            Err(format!("`{text}` must be a path such as `/healthz`"))
        }
    }
);

/// A time limit of at most eight hours, written as `90s`, `10m` or `8h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Limit(pub(super) u64);

impl Limit {
    /// The limit as a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl TryFrom<String> for Limit {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` must be a time such as `90s`, `10m` or `2h`, from 1s to {}h",
                MAX_COMMAND_SECONDS / 3600
            )
        };
        let (digits, unit) = text
            .split_at_checked(text.len().saturating_sub(1))
            .ok_or_else(wrong)?;
        let factor = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(wrong()),
        };
        let seconds = digits
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(factor))
            .ok_or_else(wrong)?;
        (1..=MAX_COMMAND_SECONDS)
            .contains(&seconds)
            .then_some(Self(seconds))
            .ok_or_else(wrong)
    }
}

impl From<Limit> for String {
    fn from(limit: Limit) -> String {
        format!("{}s", limit.0)
    }
}

/// A port that a target's security group opens: 8000 to 8999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Port(pub(super) u16);

impl Port {
    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Port {
    type Error = String;
    fn try_from(number: u16) -> Result<Self, String> {
        if (8000..=8999).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("port {number} must be from 8000 to 8999"))
        }
    }
}

/// How many instances: 1 to 20.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Instances(pub(super) u16);

impl Instances {
    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Instances {
    type Error = String;
    fn try_from(number: u16) -> Result<Self, String> {
        if (1..=20).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("instances = {number} must be from 1 to 20"))
        }
    }
}
