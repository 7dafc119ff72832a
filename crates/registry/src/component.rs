//! Components: what the command line writes.

use crate::{Registry, RegistryError, item, text};
use aws::call_error;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use pipeline::rows::{ComponentRow, Key};

impl Registry {
    /// Writes a component's row and its repository's pointer, and takes the pointer of its former
    /// repository away, all or nothing, and only if nobody changed the row since it was read.
    pub async fn put_component(
        &self,
        new: &ComponentRow,
        old: Option<&ComponentRow>,
    ) -> Result<(), RegistryError> {
        let mut writes = vec![self.config(new, old)?, self.pointer(new)?];
        if let Some(old) = old.filter(|old| pointer(old) != pointer(new)) {
            writes.push(self.removal(&pointer(old)));
        }
        self.write_all(writes).await
    }

    /// Takes a component's row and its repository's pointer away.
    pub async fn delete_component(&self, old: &ComponentRow) -> Result<(), RegistryError> {
        let config = self.removal(&Key::component(&old.component));
        self.write_all(vec![config, self.removal(&pointer(old))])
            .await
    }

    async fn write_all(&self, writes: Vec<TransactWriteItem>) -> Result<(), RegistryError> {
        let call = self.client.transact_write_items();
        let sent = call.set_transact_items(Some(writes)).send().await;
        sent.map_err(|e| call_error("dynamodb:TransactWriteItems", e))?;
        Ok(())
    }

    fn config(
        &self,
        new: &ComponentRow,
        old: Option<&ComponentRow>,
    ) -> Result<TransactWriteItem, RegistryError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(&Key::component(&new.component), new)?));
        let put = match old {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(old) => put
                .condition_expression("repository = :old")
                .expression_attribute_values(":old", text(old.repository.as_str())),
        };
        Ok(written(put.build().expect("table and item are given")))
    }

    fn pointer(&self, new: &ComponentRow) -> Result<TransactWriteItem, RegistryError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(&pointer(new), new)?));
        Ok(written(put.build().expect("table and item are given")))
    }

    fn removal(&self, key: &Key) -> TransactWriteItem {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", text(&key.pk))
            .key("sk", text(&key.sk))
            .build()
            .expect("table and key are given");
        TransactWriteItem::builder().delete(delete).build()
    }
}

fn written(put: Put) -> TransactWriteItem {
    TransactWriteItem::builder().put(put).build()
}

/// By which a push's repository finds its components.
fn pointer(row: &ComponentRow) -> Key {
    Key {
        pk: Key::repository(row.repository.repository_name()),
        sk: format!("component#{}", row.component),
    }
}
