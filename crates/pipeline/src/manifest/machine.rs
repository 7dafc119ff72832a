//! `[machine]`: where a component's commands run, within what the pipeline allows.

use super::{BuildSection, Limit, MAX_FUNCTION_SECONDS, Manifest, ManifestError, Suite};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What runs users' commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Executor {
    /// The functions themselves: at once, for small commands of people who trust each other.
    Lambda,
    /// A fresh container of CodeBuild for each command.
    CodeBuild,
}

impl Executor {
    const ALL: [Self; 2] = [Self::Lambda, Self::CodeBuild];

    /// As manifests and the pipeline's parameter write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lambda => "lambda",
            Self::CodeBuild => "codebuild",
        }
    }
}

impl fmt::Display for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Executor {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or_else(|| format!("`{text}` must be `lambda` or `codebuild`"))
    }
}

impl From<Executor> for String {
    fn from(executor: Executor) -> Self {
        executor.as_str().to_owned()
    }
}

/// What a pipeline allows, at least one. The first runs what a manifest says nothing of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executors {
    default: Executor,
    more: Vec<Executor>,
}

/// `codebuild,lambda`: the pipeline's parameter.
impl FromStr for Executors {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let all = text
            .split(',')
            .map(|one| Executor::try_from(one.to_owned()));
        let mut all = all.collect::<Result<Vec<_>, _>>()?;
        let default = all.remove(0);
        Ok(Self { default, more: all })
    }
}

impl fmt::Display for Executors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.default)?;
        self.more.iter().try_for_each(|one| write!(f, ", `{one}`"))
    }
}

impl Executors {
    fn allow(&self, executor: Executor) -> bool {
        self.default == executor || self.more.contains(&executor)
    }
}

/// `[machine]`, or the `machine` of `[build]` or a `[[suite]]`, which replaces it there as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// What runs the commands; the pipeline's default if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Executor>,
    /// What the container is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// How large the container is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<Compute>,
}

impl Machine {
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whole, where it is not one of the functions.
    fn settled(&self, place: &str, allowed: &Executors) -> Result<Option<Self>, ManifestError> {
        let kind = self.kind.unwrap_or(allowed.default);
        if !allowed.allow(kind) {
            return Err(ManifestError(format!(
                "{place} kind is `{kind}`, and this pipeline allows {allowed} (its parameter Executors); write what it allows, or leave `kind` out"
            )));
        }
        let container = [
            ("image", self.image.is_some()),
            ("compute", self.compute.is_some()),
        ];
        match (kind, container.iter().find(|(_, is_there)| *is_there)) {
            (Executor::Lambda, Some((key, _))) => Err(ManifestError(format!(
                "{place} {key} is a container's, and `lambda` has none; leave it out, or say kind = \"codebuild\" where the pipeline allows that"
            ))),
            (Executor::Lambda, None) => Ok(None),
            (Executor::CodeBuild, _) => Ok(Some(Self {
                kind: Some(kind),
                ..self.clone()
            })),
        }
    }
}

/// The image of a container: one of CodeBuild's own, or one in an account's registry by its digest, so
/// that the same commit is not built by another image tomorrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Image(String);

impl Image {
    /// As CodeBuild takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The processor of an image of CodeBuild's, which its name tells; of others it is the pipeline's.
    /// <https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html>
    pub fn is_arm(&self) -> Option<bool> {
        let name = self.0.strip_prefix("aws/codebuild/")?;
        Some(name.contains("aarch64"))
    }
}

impl TryFrom<String> for Image {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.len() <= 255 && (is_curated(&text) || is_in_a_registry(&text)) {
            true => Ok(Self(text)),
            false => Err(format!(
                "`{text}` must be an image of CodeBuild such as `aws/codebuild/amazonlinux-aarch64-standard:3.0`, or one in a registry by its digest, `<account>.dkr.ecr.<region>.amazonaws.com/<name>@sha256:<64 digits>`"
            )),
        }
    }
}

fn is_curated(text: &str) -> bool {
    let named = text.strip_prefix("aws/codebuild/");
    let parts = named.and_then(|rest| rest.split_once(':'));
    parts.is_some_and(|(name, version)| is_plain(name, "-_") && is_plain(version, "-_."))
}

/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html>
fn is_in_a_registry(text: &str) -> bool {
    let Some((repository, digest)) = text.split_once("@sha256:") else {
        return false;
    };
    let Some((registry, name)) = repository.split_once('/') else {
        return false;
    };
    let labels: Vec<&str> = registry.split('.').collect();
    let is_ours = match labels[..] {
        [account, "dkr", "ecr", region, "amazonaws", "com"]
        | [account, "dkr", "ecr", region, "amazonaws", "com", "cn"] => {
            account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && is_plain(region, "-")
        }
        _ => false,
    };
    let is_digest = digest.len() == 64
        && digest
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_ours && is_digest && is_plain(name, "-_./")
}

/// Lower-case letters, digits, and these.
fn is_plain(text: &str, more: &str) -> bool {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(c);
    !text.is_empty() && text.chars().all(known)
}

/// How large a container is.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-compute-types.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Compute {
    /// 2 processors.
    Small,
    /// 4 processors.
    Medium,
    /// 8 processors.
    Large,
    /// 36 processors, 48 of ARM.
    Xlarge,
    /// 72 processors, 96 of ARM.
    DoubleXlarge,
}

impl Compute {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Small, "small"),
        (Self::Medium, "medium"),
        (Self::Large, "large"),
        (Self::Xlarge, "xlarge"),
        (Self::DoubleXlarge, "2xlarge"),
    ];

    /// CodeBuild's name for it.
    pub const fn of_codebuild(self) -> &'static str {
        match self {
            Self::Small => "BUILD_GENERAL1_SMALL",
            Self::Medium => "BUILD_GENERAL1_MEDIUM",
            Self::Large => "BUILD_GENERAL1_LARGE",
            Self::Xlarge => "BUILD_GENERAL1_XLARGE",
            Self::DoubleXlarge => "BUILD_GENERAL1_2XLARGE",
        }
    }
}

impl TryFrom<String> for Compute {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|(_, name)| *name == text);
        found.map(|(compute, _)| compute).ok_or_else(|| {
            format!("`{text}` must be `small`, `medium`, `large`, `xlarge` or `2xlarge`")
        })
    }
}

impl From<Compute> for String {
    fn from(compute: Compute) -> Self {
        let found = Compute::ALL.into_iter().find(|(one, _)| *one == compute);
        found.map(|(_, name)| name.to_owned()).unwrap_or_default()
    }
}

impl Manifest {
    /// The same, with a machine in `[build]` and in each `[[suite]]` whose commands do not run in the
    /// functions, and nowhere else. So what was kept before there were machines means what it meant.
    ///
    /// # Errors
    /// [`ManifestError`] where it asks for what the pipeline does not allow.
    pub fn settled(mut self, allowed: &Executors) -> Result<Self, ManifestError> {
        let all = std::mem::take(&mut self.machine);
        let of = |own: &Option<Machine>, place: &str| match own {
            Some(own) => own.settled(place, allowed),
            None => all.settled("[machine]", allowed),
        };
        let BuildSection {
            machine,
            timeout,
            unit_tests_timeout,
            ..
        } = &mut self.build;
        *machine = of(machine, "[build] machine")?;
        in_time(machine, *timeout, "[build] timeout")?;
        in_time(machine, *unit_tests_timeout, "[build] unit_tests_timeout")?;
        for suite in &mut self.suites {
            let Suite { name, machine, .. } = suite;
            *machine = of(machine, &format!("[[suite]] {name} machine"))?;
            in_time(machine, suite.timeout, &format!("[[suite]] {name} timeout"))?;
        }
        Ok(self)
    }
}

/// A function ends sooner than a container.
fn in_time(machine: &Option<Machine>, limit: Limit, key: &str) -> Result<(), ManifestError> {
    let seconds = limit.duration().as_secs();
    match machine.is_none() && seconds > MAX_FUNCTION_SECONDS {
        true => Err(ManifestError(format!(
            "{key} is {seconds} s, and a command that runs by `lambda` has at most {MAX_FUNCTION_SECONDS} s; say kind = \"codebuild\" in [machine] where the pipeline allows that"
        ))),
        false => Ok(()),
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
