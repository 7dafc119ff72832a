//! Where users' commands find programs.

use std::path::PathBuf;
use std::process::Command;

use crate::ministack::SYSTEM_PATH;
use crate::root::Root;

/// The PATH of users' commands: the pinned toolchain, the system, and where else python3, git,
/// make and a C compiler are.
pub fn of(root: &Root) -> String {
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Some(sysroot) = printed(
        Command::new("rustc")
            .args(["--print", "sysroot"])
            .current_dir(root.path()),
    ) {
        folders.push(PathBuf::from(sysroot).join("bin"));
    }
    folders.extend(SYSTEM_PATH.split(':').map(PathBuf::from));
    // A version manager's shim named python3 works only with its own environment, so ask Python itself.
    let python = [
        "-c",
        "import os, sys; print(os.path.dirname(os.path.realpath(sys.executable)))",
    ];
    let elsewhere = printed(Command::new(root.venv().join("bin/python")).args(python));
    if !is_in(&folders, "python3") {
        folders.extend(elsewhere.map(PathBuf::from));
    }
    for program in ["git", "make", "cc"] {
        if !is_in(&folders, program) {
            let path = std::env::var_os("PATH").unwrap_or_default();
            folders
                .extend(std::env::split_paths(&path).find(|folder| folder.join(program).is_file()));
        }
    }
    std::env::join_paths(folders).map_or_else(
        |_| SYSTEM_PATH.into(),
        |path| path.to_string_lossy().into_owned(),
    )
}

fn is_in(folders: &[PathBuf], program: &str) -> bool {
    folders.iter().any(|folder| folder.join(program).is_file())
}

fn printed(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_commands_find_a_compiler_and_no_shims() {
        let path = of(&Root::find(None).unwrap());
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        assert!(is_in(&folders, "cargo") && is_in(&folders, "git"), "{path}");
        assert!(!path.contains("shims"), "{path}");
    }
}
