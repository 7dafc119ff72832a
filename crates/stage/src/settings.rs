//! What a function is configured with.

use pipeline::errors::{ErrorName, Fault};
use pipeline::names::Project;
use std::str::FromStr;

/// The environment variables that the template sets, read once per cold start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `CUTOVER_PROJECT`
    pub project: Project,
    /// `CUTOVER_TABLE`
    pub table: String,
    /// `CUTOVER_BUCKET`
    pub bucket: String,
}

impl Settings {
    /// Reads them; a missing one is the template's mistake and is named.
    pub fn from_env() -> Result<Self, Fault> {
        Ok(Self {
            project: Project::new(variable("CUTOVER_PROJECT")?).map_err(|e| {
                Fault::new(ErrorName::Misconfigured, format!("CUTOVER_PROJECT: {e}"))
            })?,
            table: variable("CUTOVER_TABLE")?,
            bucket: variable("CUTOVER_BUCKET")?,
        })
    }

    /// Any other variable of a function.
    pub fn variable(name: &str) -> Result<String, Fault> {
        variable(name)
    }

    /// A variable, read as what it should be.
    pub fn required<T: FromStr>(name: &str) -> Result<T, Fault> {
        read(name, &variable(name)?)
    }

    /// The same of one that need not be set.
    pub fn optional<T: FromStr>(name: &str) -> Result<Option<T>, Fault> {
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => read(name, &value).map(Some),
            _ => Ok(None),
        }
    }
}

fn read<T: FromStr>(name: &str, value: &str) -> Result<T, Fault> {
    value.parse().map_err(|_| {
        Fault::new(
            ErrorName::Misconfigured,
            format!("the environment variable {name} has a value that cannot be read: {value}"),
        )
    })
}

fn variable(name: &str) -> Result<String, Fault> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        _ => Err(Fault::new(
            ErrorName::Misconfigured,
            format!("the environment variable {name} is not set; infra/pipeline.yaml sets it"),
        )),
    }
}
