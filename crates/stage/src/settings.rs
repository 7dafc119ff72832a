//! What a function is configured with.

use pipeline::errors::{ErrorName, Fault};
use pipeline::names::Project;

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

    /// A variable that need not be set, read as what it should be.
    pub fn optional<T: std::str::FromStr>(name: &str) -> Result<Option<T>, Fault> {
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => value.parse().map(Some).map_err(|_| {
                Fault::new(
                    ErrorName::Misconfigured,
                    format!(
                        "the environment variable {name} has a value that cannot be read: {value}"
                    ),
                )
            }),
            _ => Ok(None),
        }
    }
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
