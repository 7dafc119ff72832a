//! Prepares an instance's folder and environment, and starts its first process.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use std::{fs, io};

use cutover_net::namespace::{ENDPOINT, PROXY};
use cutover_net::{Entrance, Line};
use tokio::process::{Child, Command};

use crate::error::{LocalError, Result};
use crate::imds::{self, Imds};
use crate::machine::USER_DATA;
use crate::ministack::log_file;
use crate::processes::{INSTANCE_MARK, ROOT_MARK};
use crate::relay;
use crate::root::Root;
use crate::state::{NO_PROXY, REGION};

/// A network is furnished in milliseconds; a busy machine gets longer.
const FURNISHED: Duration = Duration::from_secs(20);

/// What every instance of this local cloud is given.
#[derive(Clone)]
pub struct Surroundings {
    pub root: Root,
    /// Where the emulator is, outside.
    pub endpoint: SocketAddr,
    pub gateway: Entrance,
}

/// Starts the first process of an instance; `line` becomes its standard input, and it ends when
/// that closes.
pub fn start(
    root: &Root,
    id: &str,
    address: Ipv4Addr,
    user_data: &[u8],
    line: OwnedFd,
) -> Result<Child> {
    let folder = root.instance(id);
    let failed = || format!("could not prepare {}", folder.display());
    fs::create_dir_all(folder.join("tmp")).map_err(LocalError::io(failed()))?;
    fs::write(folder.join(USER_DATA), user_data).map_err(LocalError::io(failed()))?;
    let console = log_file(&folder.join("console.log"))?;
    let errors = console.try_clone().map_err(LocalError::io(failed()))?;
    // This very program, also where its file was replaced by a newer build meanwhile.
    Command::new("/proc/self/exe")
        .arg0("cutover-local")
        .arg("machine")
        .arg(&folder)
        .arg(address.to_string())
        .current_dir(&folder)
        .env_clear()
        .envs(environment(root, id, address))
        .stdin(Stdio::from(line))
        .stdout(console)
        .stderr(errors)
        .spawn()
        .map_err(LocalError::io(format!("could not start instance {id}")))
}

/// Serves the surroundings of an instance inside its network: its metadata, AWS and the gateway.
///
/// # Errors
/// When the instance has no network, or not in time. Otherwise it never returns.
pub async fn serve(line: Line, surroundings: Surroundings, imds: Imds) -> io::Result<()> {
    let listeners = tokio::time::timeout(FURNISHED, line.listeners()).await??;
    tokio::join!(
        imds::serve(listeners.metadata, imds),
        relay::serve(listeners.endpoint, surroundings.endpoint),
        surroundings.gateway.serve(listeners.proxy),
    );
    Ok(())
}

/// No credentials: an instance has those of its role, from its metadata service.
fn environment(root: &Root, id: &str, address: Ipv4Addr) -> Vec<(&'static str, String)> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let folder = root.instance(id);
    let no_proxy = format!("{NO_PROXY},{},{address}", ENDPOINT.ip());
    vec![
        (
            "PATH",
            format!(
                "{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                text(&root.machine_bin())
            ),
        ),
        ("HOME", text(&folder)),
        ("TMPDIR", text(&folder.join("tmp"))),
        ("LANG", "C.UTF-8".into()),
        ("AWS_ENDPOINT_URL", format!("http://{}", ENDPOINT.ip())),
        ("AWS_REGION", REGION.into()),
        ("AWS_DEFAULT_REGION", REGION.into()),
        ("AWS_EC2_METADATA_V1_DISABLED", "true".into()),
        ("http_proxy", format!("http://{}", PROXY.ip())),
        ("no_proxy", no_proxy),
        (INSTANCE_MARK, id.into()),
        (ROOT_MARK, text(root.path())),
    ]
}

/// Puts the programs of an AL2023 machine where instances find them.
pub fn install_programs(root: &Root) -> Result<()> {
    let bin = root.machine_bin();
    let failed = || format!("could not fill {}", bin.display());
    let this = std::env::current_exe()
        .map_err(LocalError::io("could not find this program's own file"))?;
    let tool = |name: &str| quoted(&root.venv().join("bin").join(name));
    // An instance copies at least twice to or from S3, and the CLI takes a second of Python for it.
    let aws = format!("{} aws {} --", quoted(&this), tool("aws"));
    for (program, command) in [("aws", aws), ("python3", tool("python3"))] {
        let path = bin.join(program);
        fs::write(&path, format!("#!/bin/sh\nexec {command} \"$@\"\n"))
            .map_err(LocalError::io(failed()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .map_err(LocalError::io(failed()))?;
    }
    link(&this, &bin.join("zstd"))
}

/// Puts our own commands where a shell finds them that has read `.local/env`.
pub fn install_commands(root: &Root) -> Result<()> {
    let this = std::env::current_exe()
        .map_err(LocalError::io("could not find this program's own file"))?;
    for command in ["cutover", "cutover-local"] {
        link(
            &this.with_file_name(command),
            &root.commands().join(command),
        )?;
    }
    Ok(())
}

fn link(program: &Path, path: &Path) -> Result<()> {
    let _ = fs::remove_file(path);
    std::os::unix::fs::symlink(program, path)
        .map_err(LocalError::io(format!("could not make {}", path.display())))
}

/// A word for sh that means exactly this path.
pub fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_no_credentials_in_its_environment_and_reaches_peers_through_the_gateway() {
        let root = Root::find(Some(Path::new("/"))).unwrap();
        let environment = environment(&root, "i-1", Ipv4Addr::new(10, 0, 0, 7));
        let value = |wanted: &str| {
            environment
                .iter()
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| value.as_str())
                .unwrap_or_default()
        };
        assert!(
            !environment
                .iter()
                .any(|(name, _)| name.contains("KEY") || name.contains("TOKEN"))
        );
        assert_eq!(value("http_proxy"), "http://169.254.100.2");
        assert_eq!(
            value("no_proxy"),
            "127.0.0.1,169.254.169.254,169.254.100.1,10.0.0.7"
        );
        assert_eq!(value("AWS_ENDPOINT_URL"), "http://169.254.100.1");
    }
}
