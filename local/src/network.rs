//! Whether this machine lets an instance have a network of its own, and what to change where it
//! does not.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{LocalError, Result};

/// A setting of the kernel that forbids it, and the value that allows it.
struct Setting {
    name: &'static str,
    forbids: &'static str,
    allows: &'static str,
}

/// The last one is Ubuntu's, since 23.10; the first one Debian's, until it was dropped.
const SETTINGS: [Setting; 4] = [
    Setting {
        name: "kernel.unprivileged_userns_clone",
        forbids: "0",
        allows: "1",
    },
    Setting {
        name: "user.max_user_namespaces",
        forbids: "0",
        allows: "15000",
    },
    Setting {
        name: "user.max_net_namespaces",
        forbids: "0",
        allows: "15000",
    },
    Setting {
        name: "kernel.apparmor_restrict_unprivileged_userns",
        forbids: "1",
        allows: "0",
    },
];

/// Makes a network as an instance's first process does, and takes it down again.
///
/// # Errors
/// When the machine does not allow it: with the setting to change.
pub fn check() -> Result<()> {
    let failed = || LocalError::io("could not try out an instance's network");
    let this = std::env::current_exe().map_err(failed())?;
    let tried = Command::new(this)
        .arg("rehearse")
        .stdin(Stdio::null())
        .output()
        .map_err(failed())?;
    if tried.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&tried.stderr);
    let why = said.trim().trim_start_matches("cutover-local: ");
    let setting = |name: &str| {
        let file = Path::new("/proc/sys").join(name.replace('.', "/"));
        fs::read_to_string(file).ok()
    };
    Err(LocalError::Refused(advice(why, setting)))
}

fn advice(why: &str, setting: impl Fn(&str) -> Option<String>) -> String {
    let forbidding = SETTINGS.iter().filter(|one| {
        let value = setting(one.name);
        value.is_some_and(|value| value.trim() == one.forbids)
    });
    let changes: Vec<String> = forbidding
        .map(|one| format!("  sudo sysctl -w {}={}", one.name, one.allows))
        .collect();
    let what = if changes.is_empty() {
        "No setting of the kernel forbids it, so something around this process does. In a \
         container its seccomp profile has to allow unshare and clone (for Docker: --security-opt \
         seccomp=unconfined)."
            .to_owned()
    } else {
        format!(
            "The kernel of this machine forbids it. Until its next start this allows it:\n{}",
            changes.join("\n")
        )
    };
    format!(
        "nothing was started: an instance cannot have a network of its own here, and without one \
         services would answer for each other ({why}). {what}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advised(settings: &[(&str, &str)]) -> String {
        advice("EPERM", |name| {
            let known = settings.iter().find(|(known, _)| *known == name);
            known.map(|(_, value)| format!("{value}\n"))
        })
    }

    #[test]
    fn each_setting_that_forbids_it_is_named_with_the_value_that_allows_it() {
        let said = advised(&[
            ("kernel.unprivileged_userns_clone", "1"),
            ("user.max_user_namespaces", "0"),
            ("kernel.apparmor_restrict_unprivileged_userns", "1"),
        ]);
        let wanted = "  sudo sysctl -w user.max_user_namespaces=15000\n  \
                      sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
        assert!(said.ends_with(wanted), "{said}");
    }

    #[test]
    fn where_no_setting_forbids_it_a_container_may() {
        let said = advised(&[("user.max_user_namespaces", "96365")]);
        assert!(said.contains("seccomp"), "{said}");
        assert!(!said.contains("sysctl"), "{said}");
    }
}
