//! Evidence of what ran, beside a release's logs.

use crate::{Store, StoreError};
use pipeline::evidence::{Evidence, MOST_BYTES, Subject, check};
use serde::Serialize;
use serde::de::DeserializeOwned;

impl Store {
    /// Writes what a stage saw. A second try of the stage overwrites its own.
    pub async fn put_evidence<T: Serialize>(&self, of: Subject, saw: T) -> Result<(), StoreError> {
        let key = of.key();
        let evidence = Evidence { of, saw };
        let text = serde_json::to_string_pretty(&evidence).unwrap_or_default();
        self.put_text(&key, text).await
    }

    /// What a stage saw of this subject.
    ///
    /// # Errors
    /// [`StoreError::Evidence`] where there is none, or it is of something else.
    pub async fn evidence<T: DeserializeOwned>(&self, of: Subject) -> Result<T, StoreError> {
        let text = self.get_text(&of.key(), MOST_BYTES).await?;
        check(of, text.as_deref()).map_err(StoreError::Evidence)
    }
}
