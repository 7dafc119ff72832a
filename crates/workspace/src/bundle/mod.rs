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

/// No source file is older: 1980-01-03, whatever the commit says. Archives of other kinds begin with 1980 too.
pub const EARLIEST: u64 = 315_705_600;
/// The time of what is kept between builds: older than every source. So tools that go by times (make, cargo) make
/// anew whatever they make of the sources, also those of an older commit than the one that left it.
pub const KEPT: u64 = EARLIEST - 86_400;
