//! Folders that a build begins with and that it leaves. What it leaves is kept by Keep caches, and only when
//! its release has gone live; until then nobody begins with it.
//!
//! Nothing here fails a build: it works without, and takes longer.

use crate::{Checkout, fetch};
use pipeline::errors::{Fault, chain};
use pipeline::vendor::MAX_BYTES;
use pipeline::wire::{Bundle, Prepared, Release};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use store::Store;
use workspace::{Limits, blocking, bundle};

/// The archive of what is kept, in a folder; nothing where it cannot be had.
pub(crate) async fn fetched(store: &Store, item: &Prepared, folder: &Path) -> Option<PathBuf> {
    let cached = item.cache.as_ref()?;
    let archive = folder.join("cache.tar.zst");
    match fetch(store, &cached.bundle, &archive).await {
        Ok(()) => Some(archive),
        Err(fault) => {
            tracing::warn!(%fault, "begins without its cache");
            None
        }
    }
}

/// Puts the folders into a checkout. What the commit has itself stays as it is.
pub(crate) async fn placed(
    store: &Store,
    item: &Prepared,
    checkout: &Checkout,
) -> Result<(), Fault> {
    if item.cache.is_none() {
        return Ok(());
    }
    let beside = checkout.beside("cache-")?;
    let Some(archive) = fetched(store, item, &beside).await else {
        return Ok(());
    };
    let (tree, folders) = (checkout.tree(), folders(item));
    let place = move || {
        let files = beside.join("files");
        let unpacked = bundle::unpack(&archive, &files, Limits::ARTIFACT);
        unpacked.map_err(|error| chain(&error))?;
        let moved = folders
            .iter()
            .try_for_each(|name| moved(&files, &tree, name));
        moved.map_err(|error| error.to_string())
    };
    if let Err(why) = blocking(place).await {
        tracing::warn!(why, "its cache is not whole");
    }
    Ok(())
}

/// What a build has left of the folders, packed and uploaded for Keep caches.
pub(crate) async fn left(
    store: &Store,
    release: &Release,
    item: &Prepared,
    checkout: &Checkout,
    from: PathBuf,
) -> Option<Bundle> {
    if item.manifest.build.cache.is_empty() {
        return None;
    }
    let key = release.left_cache_key(&item.planned.component);
    match try_left(store, &key, item, checkout, from).await {
        Ok(bundle) => Some(bundle),
        Err(why) => {
            tracing::warn!(why, "it leaves no cache");
            None
        }
    }
}

async fn try_left(
    store: &Store,
    key: &str,
    item: &Prepared,
    checkout: &Checkout,
    from: PathBuf,
) -> Result<Bundle, String> {
    let beside = checkout
        .beside("kept-")
        .map_err(|fault| fault.to_string())?;
    let folders = folders(item);
    let file = beside.join("cache.tar.zst");
    let to = file.clone();
    let pack = move || {
        let files = beside.join("files");
        std::fs::create_dir(&files).map_err(|error| error.to_string())?;
        for name in folders {
            // As a build's output: no link leads out of the checkout.
            if let Ok(folder) = bundle::output_folder(&from, &name)
                && let Ok(inside) = folder.strip_prefix(from.canonicalize().unwrap_or_default())
                && inside == Path::new(&name)
            {
                moved(&from, &files, &name).map_err(|error| error.to_string())?;
            }
        }
        bundle::pack(&files, &to, bundle::KEPT, Limits::ARTIFACT).map_err(|error| chain(&error))
    };
    let packed = blocking(pack).await?;
    if packed.bytes > MAX_BYTES {
        return Err(format!(
            "it has {} bytes, at most {MAX_BYTES}",
            packed.bytes
        ));
    }
    let sum = HashMap::from([("sha256".to_owned(), packed.sha256.clone())]);
    let uploaded = store.upload(&file, key, sum).await;
    uploaded.map_err(|error| error.to_string())?;
    Ok(Bundle {
        key: key.to_owned(),
        sha256: packed.sha256,
        bytes: packed.bytes,
    })
}

/// A folder from one place to the other, where there is one and the other has none.
fn moved(from: &Path, to: &Path, name: &str) -> io::Result<()> {
    let (from, to) = (from.join(name), to.join(name));
    if !from.is_dir() || to.symlink_metadata().is_ok() {
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::rename(from, to)
}

fn folders(item: &Prepared) -> Vec<String> {
    let folders = item.manifest.build.cache.iter();
    folders.map(|folder| folder.as_str().to_owned()).collect()
}
