//! The libraries that a component pins: each command gets a copy of its own, which goes with its checkout.
//! Nothing of it is ever packed again, so a command cannot change a library for anybody else.

use crate::{disk, fetch};
use pipeline::errors::{ErrorName, Fault, chain};
use pipeline::wire::Vendored;
use std::path::{Path, PathBuf};
use store::Store;
use workspace::{Limits, blocking, bundle};

/// Fetches all of them into a folder, by name. Each is the one that its row names, or none at all.
pub(crate) async fn fetched(
    store: &Store,
    pins: &[Vendored],
    folder: &Path,
) -> Result<Vec<(String, PathBuf)>, Fault> {
    let mut libraries = Vec::new();
    // One after the other: each may fill the disk that they share.
    for pin in pins {
        let archive = folder.join(format!("{}.tar.zst", pin.library));
        fetch(store, pin.artifact()?, &archive).await?;
        libraries.push((pin.library.to_string(), archive));
    }
    Ok(libraries)
}

/// Unpacks them as `$VENDOR/<library>`. All of them together may have what one artifact may have.
pub(crate) async fn unpacked(
    store: &Store,
    pins: &[Vendored],
    vendor: PathBuf,
) -> Result<(), Fault> {
    let libraries = fetched(store, pins, &vendor).await?;
    let unpack = move || {
        let mut left = Limits::ARTIFACT;
        for (name, archive) in libraries {
            let unpacked = bundle::unpack(&archive, &vendor.join(&name), left);
            let unpacked = unpacked.map_err(|e| refused(&name, &chain(&e)))?;
            left.bytes -= unpacked.bytes;
            std::fs::remove_file(&archive).map_err(|e| disk("removing", &archive, &e))?;
        }
        Ok(())
    };
    blocking(unpack).await
}

fn refused(name: &str, why: &str) -> Fault {
    let text = format!("[vendor] {name}: its artifact cannot be unpacked: {why}");
    Fault::new(ErrorName::SourceRefused, text)
}
