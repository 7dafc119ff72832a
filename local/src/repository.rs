//! Bare repositories under `.local/repositories`, each with a hook that turns a push into an event.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::error::{LocalError, Result};
use crate::root::Root;

/// Whether a repository may have this name: it becomes a folder and a part of a URL.
pub fn is_name(text: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
    };
    !text.is_empty() && text.len() <= 100 && !text.starts_with('-') && text.bytes().all(plain)
}

/// What `create` found.
#[derive(Debug, PartialEq, Eq)]
pub enum Created {
    New,
    WasThere,
}

/// Makes an empty repository that takes pushes over HTTP.
pub fn create(root: &Root, name: &str) -> Result<Created> {
    if !is_name(name) {
        return Err(LocalError::Refused(format!(
            "`{name}` cannot name a repository: use a-z, 0-9, - and _"
        )));
    }
    let folder = root.repositories().join(format!("{name}.git"));
    let created = if folder.join("HEAD").is_file() {
        Created::WasThere
    } else {
        Created::New
    };
    let init = [
        "init",
        "--quiet",
        "--bare",
        "--initial-branch=main",
        "--template=",
    ];
    git(&init, &folder)?;
    write_hook(root, &folder, name)?;
    Ok(created)
}

/// The hooks name this program's file, which may have moved since they were written.
pub fn refresh_hooks(root: &Root) -> Result<()> {
    let entries = fs::read_dir(root.repositories())
        .map_err(LocalError::io("could not list the repositories"))?;
    for entry in entries.flatten() {
        let file = entry.file_name();
        if let Some(name) = file.to_str().and_then(|file| file.strip_suffix(".git")) {
            write_hook(root, &entry.path(), name)?;
        }
    }
    Ok(())
}

fn write_hook(root: &Root, folder: &Path, name: &str) -> Result<()> {
    let this = std::env::current_exe()
        .map_err(LocalError::io("could not find this program's own file"))?;
    let quoted = |path: &Path| format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"));
    let script = format!(
        "#!/bin/sh\nexec {} --root {} hook {name}\n",
        quoted(&this),
        quoted(root.path())
    );
    let hook = folder.join("hooks/post-receive");
    let write = || {
        fs::create_dir_all(folder.join("hooks"))?;
        fs::write(&hook, script)?;
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755))
    };
    write().map_err(LocalError::io(format!(
        "could not write {}",
        hook.display()
    )))
}

fn git(arguments: &[&str], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(LocalError::io(format!(
        "could not make {}",
        folder.display()
    )))?;
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_DIR", folder)
        .output()
        .map_err(LocalError::io("could not run git; is it installed?"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(LocalError::Refused(format!(
        "git {}: {said}",
        arguments.join(" ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        for name in ["", "..", "a/b", "-x", "A", "a.git", "a b"] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_name("api") && is_name("my-app_2"));
    }

    #[test]
    fn creating_twice_keeps_the_repository() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::find(Some(folder.path())).unwrap();
        root.prepare().unwrap();
        assert_eq!(create(&root, "api").unwrap(), Created::New);
        assert_eq!(create(&root, "api").unwrap(), Created::WasThere);
        assert!(
            root.repositories()
                .join("api.git/hooks/post-receive")
                .is_file()
        );
    }
}
