//! What an execution has planned, by its name and by when it began.

use crate::{Registry, RegistryError, item, number};
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use pipeline::execution::is_own;
use pipeline::names::{Target, Ticket};
use pipeline::rows::{Key, ReleaseRow};
use serde::{Deserialize, Serialize};

/// What an execution's row leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanFound {
    /// It has planned nothing.
    None,
    /// What it has planned.
    Own(Box<ReleaseRow>),
    /// What another one of the same name has planned, long ago.
    Earlier(Ticket),
}

impl PlanFound {
    /// What the execution itself has planned.
    pub fn own(self) -> Option<ReleaseRow> {
        match self {
            Self::Own(row) => Some(*row),
            Self::None | Self::Earlier(_) => None,
        }
    }

    /// The release of another execution of the same name, which gives way.
    pub fn earlier(&self) -> Option<Ticket> {
        match self {
            Self::Earlier(ticket) => Some(*ticket),
            Self::None | Self::Own(_) => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct ExecutionRow {
    ticket: Ticket,
}

impl Registry {
    /// The plan that this execution already has, if Plan release ran before: by its name and by when
    /// it began.
    pub async fn plan_of(
        &self,
        target: &Target,
        execution: &str,
        began: &str,
    ) -> Result<PlanFound, RegistryError> {
        let key = Key::execution(target, execution);
        let Some(ExecutionRow { ticket }) = self.get(&key).await? else {
            return Ok(PlanFound::None);
        };
        let row: Option<ReleaseRow> = self.get(&Key::release(target, ticket)).await?;
        let is_own = |row: &ReleaseRow| is_own(aws::seconds(&row.started), aws::seconds(began));
        Ok(match row.filter(is_own) {
            Some(row) => PlanFound::Own(Box::new(row)),
            None => PlanFound::Earlier(ticket),
        })
    }

    /// The execution's row, new or in the place of one that led to that release.
    pub(crate) fn point_to(
        &self,
        target: &Target,
        release: &ReleaseRow,
        earlier: Option<Ticket>,
    ) -> Result<TransactWriteItem, RegistryError> {
        let key = Key::execution(target, &release.execution);
        let ticket = release.ticket;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(&key, &ExecutionRow { ticket })?));
        let put = match earlier {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(earlier) => put
                .condition_expression("ticket = :earlier")
                .expression_attribute_values(":earlier", number(earlier.0)),
        };
        let put = put.build().expect("table and item are given");
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
