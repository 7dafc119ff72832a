//! What the keeper notes, and the instances that it puts in the place of others.

use crate::release::{condition, value};
use crate::{Registry, RegistryError, item, number, text};
use aws::call_error;
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

    /// Records other instances of a hostname, if its row is as it was seen; `false` where it is not. What is
    /// recorded as live first: whoever comes after a crash sees by the other row that there is more to do.
    pub async fn record_instances(
        &self,
        target: &Target,
        new: &NewInstances,
    ) -> Result<bool, RegistryError> {
        let (row, key) = (&new.row, Key::alias(target, &new.row.component));
        let alias = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET instances = :new")
            .condition_expression("ticket = :ticket AND hostname = :hostname AND instances = :old")
            .expression_attribute_values(":new", value(&new.instances)?)
            .expression_attribute_values(":old", value(&row.instances)?)
            .expression_attribute_values(":ticket", number(row.ticket.0))
            .expression_attribute_values(":hostname", text(row.hostname.as_str()))
            .send();
        condition(
            alias
                .await
                .map_err(|e| call_error("dynamodb:UpdateItem", e)),
        )?;
        let key = Key::candidate(target, &row.hostname);
        let candidate = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .update_expression("SET instances = :new")
            .condition_expression("ticket = :ticket AND #state = :state AND instances = :old")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":new", value(&new.instances)?)
            .expression_attribute_values(":old", value(&row.instances)?)
            .expression_attribute_values(":ticket", number(row.ticket.0))
            .expression_attribute_values(":state", value(&row.state)?)
            .send();
        condition(
            candidate
                .await
                .map_err(|e| call_error("dynamodb:UpdateItem", e)),
        )
    }
}
