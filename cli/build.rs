//! Tells `--version` which commit it was built from, where it is built in a git checkout.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // An archive of the sources has no git: then the version stands alone.
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);
    let version = env!("CARGO_PKG_VERSION");
    let text = match commit {
        Some(commit) => format!("{version} ({commit})"),
        None => version.to_owned(),
    };
    println!("cargo:rustc-env=CUTOVER_VERSION={text}");
    // HEAD changes when another branch is checked out, its log also with each commit.
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name]).map(|path| checkout().join(path));
        if let Some(path) = path.filter(|path| path.exists()) {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
}

/// What git answers of the checkout that this file is in, and of no repository around an archive.
fn git(arguments: &[&str]) -> Option<String> {
    if !checkout().join(".git").exists() {
        return None;
    }
    let output = Command::new("git")
        .arg("-C")
        .arg(checkout())
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
