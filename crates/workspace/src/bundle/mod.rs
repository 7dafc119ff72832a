//! `tar.zst` archives: source bundles and artifacts.
//!
//! The same content gives the same bytes: entries are sorted, owner and group are 0, modes are
//! 644 or 755, every entry carries one and the same time. What is packed here can be unpacked
//! here: no link leaves the folder, no special files.

mod archive;
pub(crate) mod links;
mod pack;
mod unpack;

pub(crate) use archive::{Archive, Place};
pub use pack::{PackError, Packed, output_folder, pack, pack_to};
pub use unpack::{UnpackError, Unpacked, read_file, to_tar, unpack, unpack_tar};
