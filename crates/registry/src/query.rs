//! Lists of rows. DynamoDB answers in pages of at most 1 MB, and a page may be empty although more
//! follow (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html>).

use crate::{Item, Registry, RegistryError, read_listed, text};
use aws::call_error;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use pipeline::names::{Commit, Target, Ticket};
use pipeline::rows::{Key, ReleaseRow};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// 1 GB of rows: more than a project ever has.
const MAX_PAGES: usize = 1000;

impl Registry {
    /// All rows of a partition whose sort key begins so.
    pub async fn query<T: DeserializeOwned>(
        &self,
        pk: &str,
        prefix: &str,
    ) -> Result<Vec<T>, RegistryError> {
        self.all(self.partition(pk, prefix), usize::MAX).await
    }

    /// The last rows, by sort key, whose sort key begins so: the newest first, at most this many.
    pub async fn newest<T: DeserializeOwned>(
        &self,
        pk: &str,
        prefix: &str,
        limit: i32,
    ) -> Result<Vec<T>, RegistryError> {
        let call = self.partition(pk, prefix).scan_index_forward(false);
        let most = usize::try_from(limit).unwrap_or_default();
        self.all(call.limit(limit), most).await
    }

    /// These releases and the newest, at most so many of these.
    pub async fn releases(
        &self,
        target: &Target,
        these: &BTreeSet<Ticket>,
        newest: i32,
    ) -> Result<Vec<ReleaseRow>, RegistryError> {
        let pk = Key::target(target);
        let mut rows: Vec<ReleaseRow> = self.newest(&pk, "release#", newest).await?;
        let read: BTreeSet<Ticket> = rows.iter().map(|row| row.ticket).collect();
        let missing = these.difference(&read);
        let missing: Vec<Key> = missing.map(|one| Key::release(target, *one)).collect();
        rows.extend(self.get_many::<ReleaseRow>(&missing).await?);
        Ok(rows)
    }

    /// The rows that say where a commit is or was: aliases and candidates, a moment late, as an
    /// index is.
    pub async fn of_commit<T: DeserializeOwned>(
        &self,
        commit: &Commit,
    ) -> Result<Vec<T>, RegistryError> {
        let call = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by-commit")
            .key_condition_expression("#commit = :commit")
            .expression_attribute_names("#commit", "commit")
            .expression_attribute_values(":commit", text(commit.as_str()));
        self.all(call, usize::MAX).await
    }

    /// All rows with this sort key whose partition begins so, by partition. Of each partition no more is
    /// read than a page or two, however long a target's history is: for what people type and what comes
    /// every some minutes, not for a release.
    pub async fn with_sort_key<T: DeserializeOwned>(
        &self,
        sk: &str,
        pk_prefix: &str,
    ) -> Result<Vec<T>, RegistryError> {
        let found = self.items_with_sort_key(sk, pk_prefix).await?;
        found.into_iter().map(read_listed).collect()
    }

    /// The same, before they are read: one may be unreadable.
    pub(crate) async fn items_with_sort_key(
        &self,
        sk: &str,
        pk_prefix: &str,
    ) -> Result<Vec<Item>, RegistryError> {
        let mut found: Vec<Item> = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let page = self
                .client
                .scan()
                .table_name(&self.table)
                .filter_expression("sk = :sk AND begins_with(pk, :pk)")
                .expression_attribute_values(":sk", text(sk))
                .expression_attribute_values(":pk", text(pk_prefix))
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(|e| call_error("dynamodb:Scan", e))?;
            found.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            start = start.map(|last| skipped(last, sk));
            if start.is_none() {
                let pk = |item: &Item| item.get("pk").and_then(|pk| pk.as_s().ok()).cloned();
                found.sort_by_key(pk);
                return Ok(found);
            }
        }
        let operation = "dynamodb:Scan";
        Err(RegistryError::Endless { operation })
    }

    pub(crate) fn partition(&self, pk: &str, prefix: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":sk", text(prefix))
            .consistent_read(true)
    }

    /// Page after page, until there is no further one or there are enough rows.
    pub(crate) async fn all<T: DeserializeOwned>(
        &self,
        call: QueryFluentBuilder,
        most: usize,
    ) -> Result<Vec<T>, RegistryError> {
        let operation = match call.get_index_name() {
            Some(_) => "dynamodb:Query of an index",
            None => "dynamodb:Query",
        };
        let mut rows = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let page = call.clone().set_exclusive_start_key(start.take()).send();
            let page = page.await.map_err(|e| call_error(operation, e))?;
            for item in page.items.unwrap_or_default() {
                rows.push(read_listed(item)?);
            }
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() || rows.len() >= most {
                rows.truncate(most);
                return Ok(rows);
            }
        }
        Err(RegistryError::Endless { operation })
    }
}

/// Where a scan for one sort key goes on: right before it, or behind the whole partition. A scan may
/// begin anywhere, so it need not read what lies between:
/// <https://aws.amazon.com/blogs/database/generate-a-distinct-set-of-partition-keys-for-an-amazon-dynamodb-table-efficiently/>.
fn skipped(mut last: Item, wanted: &str) -> Item {
    let at = last.get("sk").and_then(|sk| sk.as_s().ok()).cloned();
    let at = at.unwrap_or_default();
    let before = &wanted[..wanted.len().saturating_sub(1)];
    let to = match at.as_str() {
        at if at < before => before,
        at if at < wanted => at,
        // Sort keys begin with a letter.
        _ => "~",
    };
    last.insert("sk".into(), text(to));
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(at: &str, expected: &str) {
        let key = |sk: &str| {
            let pairs = [("pk", "target#stage"), ("sk", sk)];
            Item::from(pairs.map(|(name, value)| (name.to_owned(), text(value))))
        };
        assert_eq!(skipped(key(at), "environment"), key(expected));
    }

    #[test]
    fn a_listing_does_not_read_the_history_of_a_target() {
        check("candidate#api-0123456789ab", "environmen");
        check("environmen", "environmen");
        check("environment", "~");
        check("past#api-0123456789ab", "~");
        check("release#00000042", "~");
    }
}
