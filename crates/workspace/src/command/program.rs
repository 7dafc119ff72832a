use super::CommandError;
use std::fs::Metadata;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Splits a line into words, at least one, as a shell would.
///
/// # Errors
/// [`CommandError::Words`].
pub fn words(line: &str) -> Result<Vec<String>, CommandError> {
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
pub(super) fn find(
    program: &str,
    cwd: &Path,
    path: &str,
    place: &str,
) -> Result<PathBuf, CommandError> {
    let refused = |reason: &str| CommandError::Program {
        program: program.to_owned(),
        reason: reason.to_owned(),
    };
    if program.contains('/') {
        let full = cwd.join(program);
        return match full.metadata() {
            Err(_) => Err(refused(&format!("there is no such file in the {place}"))),
            Ok(found) if found.is_dir() => Err(refused("it is a folder")),
            Ok(found) if !is_executable(&found) => Err(refused(
                "it is not executable (git update-index --chmod=+x)",
            )),
            Ok(_) => match interpreter_with_carriage_return(&full) {
                Some(first) => Err(refused(&format!(
                    "its first line, `{first}`, ends in a carriage return, as files of Windows do; \
                     save it with LF only (git add --renormalize, with `* text=auto eol=lf` in .gitattributes)"
                ))),
                None => Ok(full),
            },
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

/// What a command that failed may have failed of, if it is a shell's script with lines of Windows:
/// a shell takes the carriage return for a part of the last word.
pub(super) fn carriage_returns(words: &[String], cwd: &Path) -> Option<String> {
    let [shell, script, ..] = words else {
        return None;
    };
    let name = shell.rsplit('/').next().unwrap_or(shell);
    let is_shell = ["sh", "bash", "dash", "ash", "zsh", "ksh"].contains(&name);
    let first = first_line(&cwd.join(script)).filter(|_| is_shell)?;
    first.ends_with('\r').then(|| {
        format!("the lines of {script} end in a carriage return, as files of Windows do, and {name} takes it for a part of each line; save it with LF only")
    })
}

/// The kernel would look for an interpreter whose name ends in it, and say that it is not there.
fn interpreter_with_carriage_return(file: &Path) -> Option<String> {
    let first = first_line(file)?;
    let line = first.strip_suffix('\r')?;
    line.starts_with("#!").then(|| line.to_owned())
}

/// Of a text; the kernel reads no further than 256 bytes either.
fn first_line(file: &Path) -> Option<String> {
    let mut head = Vec::new();
    std::fs::File::open(file)
        .ok()?
        .take(256)
        .read_to_end(&mut head)
        .ok()?;
    let end = head.iter().position(|&byte| byte == b'\n')?;
    String::from_utf8(head[..end].to_vec()).ok()
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
