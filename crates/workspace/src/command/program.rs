use super::CommandError;
use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Splits a line into words, at least one.
pub(super) fn words(line: &str) -> Result<Vec<String>, CommandError> {
    let refused = |reason| CommandError::Words {
        line: line.to_owned(),
        reason,
    };
    if line.contains('\0') {
        return Err(refused("it contains a NUL"));
    }
    match shlex::split(line) {
        None => Err(refused("a quote is not closed, or a backslash ends it")),
        Some(words) if words.first().is_none_or(String::is_empty) => {
            Err(refused("it names no program"))
        }
        Some(words) => Ok(words),
    }
}

/// Finds the program before starting it, because the kernel's "no such file" does not say
/// whether the program, its interpreter or the folder is missing.
pub(super) fn find(program: &str, cwd: &Path, path: &str) -> Result<PathBuf, CommandError> {
    let refused = |reason: &str| CommandError::Program {
        program: program.to_owned(),
        reason: reason.to_owned(),
    };
    if program.contains('/') {
        let full = cwd.join(program);
        return match full.metadata() {
            Err(_) => Err(refused("there is no such file in the checkout")),
            Ok(found) if found.is_dir() => Err(refused("it is a folder")),
            Ok(found) if !is_executable(&found) => Err(refused(
                "it is not executable (git update-index --chmod=+x)",
            )),
            Ok(_) => Ok(full),
        };
    }
    // Only absolute folders: "." in PATH would let a checkout replace any tool.
    let folders = path.split(':').filter(|folder| folder.starts_with('/'));
    let candidates = folders.map(|folder| Path::new(folder).join(program));
    let usable = |file: &PathBuf| {
        file.metadata()
            .is_ok_and(|found| found.is_file() && is_executable(&found))
    };
    candidates
        .into_iter()
        .find(usable)
        .ok_or_else(|| refused(&format!("there is no such program in {path}")))
}

fn is_executable(found: &Metadata) -> bool {
    found.permissions().mode() & 0o111 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_by_quotes_and_blanks_only() {
        let split = words(r#"make  test "a b" 'c $d' e\ f && rm *"#).unwrap();
        assert_eq!(
            split,
            ["make", "test", "a b", "c $d", "e f", "&&", "rm", "*"]
        );
    }

    #[test]
    fn a_line_without_a_program_is_refused() {
        for line in [
            "",
            "   ",
            "# only a comment",
            "''",
            "make 'test",
            "make \\",
            "a\0b",
        ] {
            assert!(
                matches!(words(line), Err(CommandError::Words { .. })),
                "{line:?}"
            );
        }
    }
}
