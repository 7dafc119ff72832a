//! Whether an account may run the containers that a component's commands need. CodeBuild queues what is
//! above its quota, and a new account's may be 0 or 1: a release would wait, and fail, for hours.

use crate::manifest::{Compute, Image, Machine, Manifest};
use std::collections::BTreeSet;

/// A quota of CodeBuild as it is applied to the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// `Concurrently running builds for ARM/Small environment`
    pub name: String,
    /// `L-5ED1D25B`
    pub code: String,
    /// How many builds of that size run at once.
    pub at_once: u64,
}

/// The quota is 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no container can run its commands: this account's quota `{}` is 0 in this region, so they would never begin; ask AWS \
     for 2 or more: {}; or choose another [machine] compute",
    .0.name, asking(.0, 2)
)]
pub struct NoPlace(pub Quota);

fn asking(quota: &Quota, wanted: u64) -> String {
    format!(
        "aws service-quotas request-service-quota-increase --service-code codebuild --quota-code {} --desired-value {wanted}",
        quota.code
    )
}

/// What of a component is to run, besides what is built already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runs {
    /// Unit tests and build.
    pub build: bool,
    /// Suites that are slow.
    pub slow: bool,
}

/// The quotas that its containers count against, by name. `is_arm` is the pipeline's processor, which a
/// container has that says nothing else.
pub fn needed(manifest: &Manifest, runs: Runs, is_arm: bool) -> BTreeSet<String> {
    let build = manifest.build.machine.iter().filter(|_| runs.build);
    let suites = manifest.suites.iter();
    let suites = suites.filter(|suite| runs.slow || !suite.slow);
    let suites = suites.filter_map(|suite| suite.machine.as_ref());
    build
        .chain(suites)
        .map(|machine| name(machine, is_arm))
        .collect()
}

/// <https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html>
fn name(machine: &Machine, is_arm: bool) -> String {
    let own = machine.image.as_ref().and_then(Image::is_arm);
    let processor = match own.unwrap_or(is_arm) {
        true => "ARM",
        false => "Linux",
    };
    let size = match machine.compute.unwrap_or(Compute::Small) {
        Compute::Small => "Small",
        Compute::Medium => "Medium",
        Compute::Large => "Large",
        Compute::Xlarge => "XLarge",
        Compute::DoubleXlarge => "2XLarge",
    };
    format!("Concurrently running builds for {processor}/{size} environment")
}

/// What is to be said of those that are needed: a warning for each that is 1. What AWS does not tell is not
/// said anything of.
///
/// # Errors
/// [`NoPlace`], for the first that is 0.
pub fn check(needed: &BTreeSet<String>, quotas: &[Quota]) -> Result<Vec<String>, NoPlace> {
    let found = |name: &String| quotas.iter().find(|quota| quota.name == *name);
    let found: Vec<&Quota> = needed.iter().filter_map(found).collect();
    if let Some(quota) = found.iter().find(|quota| quota.at_once == 0) {
        return Err(NoPlace((*quota).clone()));
    }
    let one = found.into_iter().filter(|quota| quota.at_once == 1);
    Ok(one.map(one_at_a_time).collect())
}

fn one_at_a_time(quota: &Quota) -> String {
    format!(
        "its commands wait for each other, since this account's quota `{}` is 1: {}",
        quota.name,
        asking(quota, 4)
    )
}

#[cfg(test)]
#[path = "quota_tests.rs"]
mod tests;
