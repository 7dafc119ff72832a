//! Libraries: what passed its suites is released, and others can pin it from then on.

use crate::release::value;
use crate::{Registry, RegistryError, Reserved, item, text};
use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem, Update};
use pipeline::manifest::Kind;
use pipeline::rows::{ArtifactRow, Key, ReleaseOutcome};
use pipeline::wire::{Release, Tagged};

/// It has not ended, or a try before has recorded the same. A release that was discarded has said that its libraries
/// are not released.
const GOES_ON: &str = "outcome IN (:running, :libraries)";

impl Registry {
    /// Records libraries of a release, and if it is `alone`, has nothing else, that it has come to its end: all of this or
    /// nothing. `false` where the release has ended before, and nothing is recorded. A second time is no error.
    pub async fn record_libraries(
        &self,
        release: &Release,
        libraries: &[ArtifactRow],
        alone: bool,
    ) -> Result<bool, RegistryError> {
        let mut writes = vec![match alone {
            true => self.libraries_released(release)?,
            false => self.goes_on(release)?,
        }];
        for row in libraries {
            writes.push(self.library(row)?);
        }
        Ok(self.transact(writes).await? == Reserved::Done)
    }

    /// Which of these commits of libraries are released, in any order.
    pub async fn released_libraries(
        &self,
        libraries: &[Tagged],
    ) -> Result<Vec<Tagged>, RegistryError> {
        let key = |one: &Tagged| Key::artifact(&one.component, &one.commit);
        let keys: Vec<Key> = libraries.iter().map(key).collect();
        let rows: Vec<ArtifactRow> = self.get_many(&keys).await?;
        // A service's is there from when it is built.
        let rows = rows.into_iter().filter(|row| row.kind == Kind::Library);
        let tagged = |row: ArtifactRow| Tagged {
            component: row.component,
            commit: row.commit,
        };
        Ok(rows.map(tagged).collect())
    }

    fn library(&self, row: &ArtifactRow) -> Result<TransactWriteItem, RegistryError> {
        let key = Key::artifact(&row.component, &row.commit);
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(&key, row)?))
            .build()
            .expect("table and item are given");
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn libraries_released(&self, release: &Release) -> Result<TransactWriteItem, RegistryError> {
        let key = Key::release(&release.target, release.ticket);
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET outcome = :libraries, ended = :ended")
            .condition_expression(GOES_ON)
            .expression_attribute_values(":running", value(&ReleaseOutcome::Running)?)
            .expression_attribute_values(":libraries", value(&ReleaseOutcome::LibrariesReleased)?)
            .expression_attribute_values(":ended", text(&aws::now()))
            .build()
            .expect("table, key and expression are given");
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn goes_on(&self, release: &Release) -> Result<TransactWriteItem, RegistryError> {
        let key = Key::release(&release.target, release.ticket);
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .condition_expression(GOES_ON)
            .expression_attribute_values(":running", value(&ReleaseOutcome::Running)?)
            .expression_attribute_values(":libraries", value(&ReleaseOutcome::LibrariesReleased)?)
            .build()
            .expect("table, key and condition are given");
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}
