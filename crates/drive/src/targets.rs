//! The targets that keeper and sweeper look after, each on its own: one that cannot be read is no reason to leave the
//! others.

use crate::Drive;
use pipeline::errors::Fault;
use pipeline::names::Target;
use pipeline::rows::{EnvironmentRow, Key};
use pipeline::target::{self, TargetRow};

/// A target that releases go to, with what they know of it; or why that cannot be read.
pub type Listed = (Target, Result<EnvironmentRow, Fault>);

impl Drive {
    /// All of them.
    pub async fn targets(&self) -> Result<Vec<Listed>, Fault> {
        let all = self.registry.targets().await?.into_iter();
        let open = all.filter_map(|(name, row)| match row {
            Ok(row) => if_open(name, Some(row)),
            Err(why) => Some((name, Err(why.into()))),
        });
        Ok(open.collect())
    }

    /// The one of this name, if releases go there.
    pub async fn target_if_open(&self, name: &Target) -> Result<Option<Listed>, Fault> {
        Ok(if_open(name.clone(), self.target_row(name).await?))
    }

    /// The same; where no release goes there, that is an error.
    pub async fn target(&self, name: &Target) -> Result<Listed, Fault> {
        let environment = target::open(name, self.target_row(name).await?);
        let environment = environment.map_err(|why| Fault::new(why.name(), why.to_string()))?;
        Ok((name.clone(), Ok(environment)))
    }

    async fn target_row(&self, name: &Target) -> Result<Option<TargetRow>, Fault> {
        Ok(self.registry.get(&Key::environment(name)).await?)
    }
}

fn if_open(name: Target, row: Option<TargetRow>) -> Option<Listed> {
    let environment = target::open(&name, row).ok()?;
    Some((name, Ok(environment)))
}
