//! Puts the emulator's patches together: all of ministack/ but the tests, and last what starts it.

use std::path::PathBuf;
use std::{env, fs, io};

const FOLDER: &str = "ministack";
const LAST: &str = "launch.py";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let entries = fs::read_dir(FOLDER)?.map(|entry| Ok(entry?.path()));
    let mut files = entries.collect::<io::Result<Vec<PathBuf>>>()?;
    files.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.ends_with(".py") && !name.starts_with("test_"))
    });
    files.sort_by_key(|path| (path.ends_with(LAST), path.clone()));
    let texts = files.iter().map(fs::read_to_string);
    let program = texts.collect::<io::Result<String>>()?;
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(PathBuf::from(out).join(LAST), program)
}
