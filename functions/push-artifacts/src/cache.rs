//! Keep caches: what the builds of a release have left that is live and well, for the next builds.

use crate::Publisher;
use pipeline::errors::Fault;
use pipeline::rows::{CacheRow, Key};
use pipeline::wire::{Bundle, Cached, KeepCaches, KeptCache, Prepared, Release};
use std::collections::HashMap;
use store::Original;

impl Publisher {
    pub(crate) async fn keep(&self, request: KeepCaches) -> Result<Vec<KeptCache>, Fault> {
        let mut kept = Vec::new();
        // One after the other: each may be gigabytes.
        for item in &request.caches {
            kept.extend(self.keep_one(&request.release, item).await?);
        }
        Ok(kept)
    }

    /// By the evidence of this very release, under a key of its own: nobody writes over what another build
    /// begins with.
    async fn keep_one(
        &self,
        release: &Release,
        item: &Prepared,
    ) -> Result<Option<KeptCache>, Fault> {
        let (component, target) = (&item.planned.component, &release.target);
        let built = self.evidence(release, item).await?;
        let Some(left) = built.cache else {
            return Ok(None);
        };
        let place = item.manifest.place_of_build();
        let key = release.cache_key(component, &place);
        let from = release.left_cache_key(component);
        let bytes = left.bytes;
        let original = Original {
            key: &from,
            etag: None,
            bytes,
        };
        // Tried again, it is there. Who reads it holds it to the row's SHA-256.
        self.store.copy_once(original, &key, HashMap::new()).await?;
        let row = CacheRow {
            component: component.clone(),
            commit: item.planned.commit.clone(),
            cached: Cached {
                bundle: Bundle { key, ..left },
                release: release.label(),
            },
        };
        let key = Key::cache(component, target, &place);
        self.registry.put(&key, &row).await?;
        Ok(Some(KeptCache {
            component: component.clone(),
            bytes,
        }))
    }
}
