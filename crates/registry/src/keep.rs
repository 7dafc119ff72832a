//! What the keeper notes, and the instances that it puts in the place of others.

use crate::release::{Reserved, condition, value};
use crate::{Registry, RegistryError, item, number, text};
use aws::call_error;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use pipeline::keep::{KeeperRow, NewInstances};
use pipeline::names::Target;
use pipeline::rows::Key;

impl Registry {
    /// Writes the keeper's notes, unless another has since that turn; `false` where one has.
    pub async fn note(
        &self,
        target: &Target,
        turn: u64,
        notes: &KeeperRow,
    ) -> Result<bool, RegistryError> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(&Key::keeper(target), notes)?))
            .condition_expression("attribute_not_exists(turn) OR turn = :turn")
            .expression_attribute_values(":turn", number(turn))
            .send()
            .await;
        condition(sent.map_err(|e| call_error("dynamodb:PutItem", e)))
    }

    /// Records other instances of a hostname, if its row is as it was seen; `false` where it is not. What is recorded
    /// as live says the same in the same transaction: apart, the second write could be missing for good, since by
    /// then others may have taken these instances' place. Where it is another's, or none yet, it is let alone.
    pub async fn record_instances(
        &self,
        target: &Target,
        new: &NewInstances,
    ) -> Result<bool, RegistryError> {
        let candidate = self.instances_of(&Key::candidate(target, &new.row.hostname), new)?;
        let candidate = candidate
            .condition_expression("ticket = :ticket AND #state = :state AND instances = :old")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":old", value(&new.row.instances)?)
            .expression_attribute_values(":state", value(&new.row.state)?);
        let alias = self.instances_of(&Key::alias(target, &new.row.component), new)?;
        let alias = alias
            .condition_expression("ticket = :ticket AND hostname = :hostname")
            .expression_attribute_values(":hostname", text(new.row.hostname.as_str()));
        let both = vec![write(candidate.clone()), write(alias)];
        if self.transact(both).await? == Reserved::Done {
            return Ok(true);
        }
        let alone = self.transact(vec![write(candidate)]).await?;
        Ok(alone == Reserved::Done)
    }

    fn instances_of(&self, key: &Key, new: &NewInstances) -> Result<UpdateBuilder, RegistryError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET instances = :new")
            .expression_attribute_values(":new", value(&new.instances)?)
            .expression_attribute_values(":ticket", number(new.row.ticket.0));
        Ok(update)
    }
}

fn write(update: UpdateBuilder) -> TransactWriteItem {
    let update = update.build().expect("table, key and expression are given");
    TransactWriteItem::builder().update(update).build()
}
