//! This repository's own files.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the repository begins.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file's text, by its path from the root.
pub fn read(path: &str) -> String {
    let full = root().join(path);
    fs::read_to_string(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()))
}

/// What a folder holds, sorted.
pub fn entries(folder: &str) -> Vec<String> {
    let full = root().join(folder);
    let found = fs::read_dir(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()));
    let mut names: Vec<String> = found
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Whether this is a folder.
pub fn is_folder(path: &str) -> bool {
    root().join(path).is_dir()
}

/// Whether there is a file or folder of that path from the root.
pub fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// Every document that says what is true now, by its path from the root. (The changelog says what was.)
pub fn documents() -> Vec<String> {
    let named = |folder: &str, name: String| match folder {
        "" => name,
        folder => format!("{folder}/{name}"),
    };
    let folders = ["", "docs", "examples"].into_iter();
    folders
        .flat_map(|folder| {
            let names = entries(folder).into_iter();
            names.map(move |name| named(folder, name))
        })
        .filter(|path| path.ends_with(".md") && path != "CHANGELOG.md")
        .collect()
}

/// The Rust files of all packages that make up the pipeline, by their path from the root.
pub fn sources() -> Vec<String> {
    let mut found = Vec::new();
    for parent in ["crates", "functions"] {
        // Not these tests themselves, which quote what they look for.
        for package in entries(parent).into_iter().filter(|name| name != "house") {
            found.extend(rust_files(&format!("{parent}/{package}/src")));
        }
    }
    found
}

/// The Rust files of a folder and of all folders in it, by their path from the root.
pub fn rust_files(folder: &str) -> Vec<String> {
    let of = |name: String| {
        let path = format!("{folder}/{name}");
        match is_folder(&path) {
            true => rust_files(&path),
            false => vec![path],
        }
    };
    let all = entries(folder).into_iter().flat_map(of);
    all.filter(|path| path.ends_with(".rs")).collect()
}
