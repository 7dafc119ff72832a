//! The libraries that a manifest pins: each is released, or on its way in the same release. And what a build
//! begins with.

use crate::{Preparing, failed};
use futures::future::try_join_all;
use pipeline::errors::{ErrorName, Fault};
use pipeline::manifest::{Kind, Manifest, Pin};
use pipeline::names::{Commit, Component};
use pipeline::rows::{ArtifactRow, CacheRow, ComponentRow, Key};
use pipeline::vendor::{Known, pinned, too_large};
use pipeline::wire::{Cached, Planned, Release, Tagged, Vendored};

impl Preparing {
    /// Nothing has run yet when one of them is refused.
    pub(crate) async fn pins(
        &self,
        planned: &Planned,
        manifest: &Manifest,
        libraries: &[Tagged],
    ) -> Result<Vec<Vendored>, Fault> {
        let refused = |why: String| failed(planned, ErrorName::LibraryNotReleased, &why);
        let by = (&planned.component, manifest.component.kind);
        let look = async |(library, pin): (&Component, &Pin)| {
            let beside = libraries.iter().find(|one| one.component == *library);
            let known = Known {
                row: self.released(library, &pin.commit).await?,
                added: self.added(library).await?,
                beside: beside.map(|one| one.commit.clone()),
            };
            pinned(by, library, &pin.commit, &known).map_err(refused)
        };
        let pins: Vec<Vendored> = try_join_all(manifest.vendor.iter().map(look)).await?;
        let too_large = too_large(&pins);
        let too_large = too_large.map(|why| failed(planned, ErrorName::ManifestInvalid, &why));
        too_large.map_or(Ok(pins), Err)
    }

    /// The row that Record libraries has written.
    pub(crate) async fn released(
        &self,
        library: &Component,
        commit: &Commit,
    ) -> Result<Option<ArtifactRow>, Fault> {
        let row: Option<ArtifactRow> = self.registry.get(&Key::artifact(library, commit)).await?;
        Ok(row.filter(|row| row.kind == Kind::Library))
    }

    /// What the build begins with.
    pub(crate) async fn cache(
        &self,
        release: &Release,
        planned: &Planned,
        manifest: &Manifest,
    ) -> Result<Option<Cached>, Fault> {
        if manifest.build.cache.is_empty() {
            return Ok(None);
        }
        let place = manifest.place_of_build();
        let key = Key::cache(&planned.component, &release.target, &place);
        let row: Option<CacheRow> = self.registry.get(&key).await?;
        Ok(row.map(|row| row.cached))
    }

    async fn added(&self, library: &Component) -> Result<Option<Kind>, Fault> {
        let row: Option<ComponentRow> = self.registry.get(&Key::component(library)).await?;
        Ok(row.map(|row| row.kind))
    }
}
