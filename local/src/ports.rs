//! Ports that stay the same from one `up` to the next, so that remotes and bookmarks stay valid.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};

use crate::error::{LocalError, Result};
use crate::processes;
use crate::root::Root;

/// Other local clouds of this machine take the same way, so each of their ports is a step further.
const STEP: u16 = 10;
/// Steps taken before any free port will do.
const STEPS: u16 = 20;

/// A port that was got.
pub struct Port {
    pub listener: TcpListener,
    /// Set when it is another one than wanted: what to tell a person.
    pub note: Option<String>,
}

/// A listener on the port that this part had the last time, or else on `first` or one after it; it is
/// remembered from the first time on.
///
/// # Errors
/// When this machine has no port left.
pub fn take(root: &Root, part: &str, first: u16) -> Result<Port> {
    let mut remembered = read(root);
    let wanted = remembered.get(part).copied().unwrap_or(first);
    let later = (1..=STEPS).map(|step| wanted.saturating_add(step * STEP));
    let candidates = std::iter::once(wanted).chain(later).chain([0]);
    let failed = || LocalError::io(format!("no port is free for {part}"));
    let listener = listen(candidates).map_err(failed())?;
    let port = listener.local_addr().map_err(failed())?.port();
    if !remembered.contains_key(part) {
        remembered.insert(part.into(), port);
        write(root, &remembered)?;
    }
    let note = (port != wanted).then(|| taken(part, wanted, port, holder(wanted).as_deref()));
    Ok(Port { listener, note })
}

fn listen(candidates: impl Iterator<Item = u16>) -> io::Result<TcpListener> {
    let mut last = io::Error::other("none was tried");
    for port in candidates {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => {
                listener.set_nonblocking(true)?;
                return Ok(listener);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn taken(part: &str, wanted: u16, port: u16, holder: Option<&str>) -> String {
    let by = holder.map_or_else(String::new, |holder| format!(" by {holder}"));
    format!("port {wanted} of the {part} is taken{by}, so it is {port} this time")
}

/// What an earlier `up` chose. A file that cannot be read costs a remote its port, nothing else.
fn read(root: &Root) -> BTreeMap<String, u16> {
    let text = fs::read(root.ports()).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn write(root: &Root, ports: &BTreeMap<String, u16>) -> Result<()> {
    let text = serde_json::to_string_pretty(ports).unwrap_or_default();
    fs::write(root.ports(), text).map_err(LocalError::io("could not remember the ports"))
}

/// The process that listens on a port of this machine, if it may be seen.
fn holder(port: u16) -> Option<String> {
    let sockets = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let inode = sockets
        .iter()
        .flatten()
        .find_map(|table| inode(table, port))?;
    let wanted = format!("socket:[{inode}]");
    let has = |pid: &i32| {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).ok();
        let mut links = open.into_iter().flatten().flatten();
        links.any(|file| file.path().read_link().is_ok_and(|link| *link == *wanted))
    };
    let pid = processes::all()
        .iter()
        .map(|process| process.pid)
        .find(has)?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(format!("process {pid} ({})", name.trim()))
}

/// The inode of the socket that listens on a port, in a table as /proc/net/tcp has it.
fn inode(table: &str, port: u16) -> Option<&str> {
    const LISTENS: &str = "0A";
    let suffix = format!(":{port:04X}");
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let found = fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == LISTENS;
        found.then(|| fields.get(9).copied()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::find(Some(folder.path())).unwrap();
        root.prepare().unwrap();
        (folder, root)
    }

    fn port(taken: &Port) -> u16 {
        taken.listener.local_addr().unwrap().port()
    }

    /// One that is free, and that nobody gets who asks for any: those begin at 32768
    /// (`net.ipv4.ip_local_port_range`). Each test and each run begins to look elsewhere.
    fn free(test: u16) -> TcpListener {
        let run = u16::try_from(std::process::id() % 40).unwrap();
        let from = 20_000 + run * 300 + test * 100;
        let mut ports = from..from + 100;
        let free = ports.find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
        free.expect("one of a hundred is free")
    }

    /// Gives ports back. A process that another test starts just now still has them, until it runs its program.
    fn give_back(held: Vec<TcpListener>) {
        let ports: Vec<u16> = held
            .iter()
            .map(|one| one.local_addr().unwrap().port())
            .collect();
        drop(held);
        let ends = std::time::Instant::now() + std::time::Duration::from_secs(30);
        for port in ports {
            // Not by listening there: a process that starts at that moment would have that listener too.
            while inode(&fs::read_to_string("/proc/net/tcp").unwrap(), port).is_some() {
                assert!(std::time::Instant::now() < ends, "{port} is not given back");
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn a_port_stays_the_same_from_one_time_to_the_next() {
        let (_folder, root) = root();
        let held = free(0);
        let first = held.local_addr().unwrap().port();
        let taken = take(&root, "git server", first).unwrap();
        let chosen = port(&taken);
        assert_ne!(chosen, first);
        give_back(vec![held, taken.listener]);
        let again = take(&root, "git server", first).unwrap();
        assert_eq!((port(&again), again.note), (chosen, None));
    }

    #[test]
    fn a_remembered_port_that_is_taken_is_told_with_its_holder_and_is_wanted_again() {
        let (_folder, root) = root();
        let held = free(1);
        let first = held.local_addr().unwrap().port();
        give_back(vec![held]);
        let chosen = take(&root, "git server", first).unwrap();
        let wanted = port(&chosen);
        let other = take(&root, "git server", first).unwrap();
        let this = format!(
            "port {wanted} of the git server is taken by process {} (",
            std::process::id()
        );
        let note = other.note.as_deref().unwrap_or_default();
        assert!(note.starts_with(&this), "{note}");
        give_back(vec![chosen.listener, other.listener]);
        assert_eq!(port(&take(&root, "git server", first).unwrap()), wanted);
    }

    #[test]
    fn a_socket_is_found_by_the_port_it_listens_on() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:2261 0100007F:0050 01 0:0 0:0 0 0 0 11\n   1: 0100007F:2261 00000000:0000 0A 0:0 00:0 0 0 0 22 1 x\n";
        assert_eq!(inode(table, 8801), Some("22"));
        assert_eq!(inode(table, 8802), None);
    }
}
