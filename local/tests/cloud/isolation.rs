//! An instance has its addresses for itself, whatever its service binds.

use std::net::TcpListener;
use std::process::Command;

use crate::harness::{Cloud, eventually};
use crate::machine::{Instance, console, launch};

/// A server as written by hand: it says whose it is. What is between two @ is put in.
const SERVER: &str = r#"#!/bin/bash
exec python3 -c '
import os, socket
listening = socket.socket(socket.@FAMILY@)
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if @REUSE@: listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listening.bind(("@HOST@", 8080))
listening.listen(64)
body = os.environ["CUTOVER_INSTANCE_ID"].encode()
print("listens", flush=True)
while True:
    stream, _ = listening.accept()
    stream.recv(65536)
    stream.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    stream.close()
'  # @NOTE@
"#;

fn server(family: &str, host: &str, reuse: &str, note: &str) -> String {
    let script = SERVER.replace("@FAMILY@", family).replace("@HOST@", host);
    script.replace("@REUSE@", reuse).replace("@NOTE@", note)
}

/// As Python's documentation starts it: on all addresses.
const HTTP_SERVER: &str = "#!/bin/bash\nmkdir www && cd www\necho -n \"$CUTOVER_INSTANCE_ID\" >index.html\nexec python3 -m http.server 8080\n";

/// The program that no preloaded library and no interpreter could keep from the machine's own
/// network.
const STATIC: &str = r#"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void) {
    struct sockaddr_in all = {.sin_family = AF_INET, .sin_port = htons(8080)};
    int listening = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listening, (struct sockaddr *)&all, sizeof all) || listen(listening, 64)) return perror("bind"), 1;
    for (;;) {
        char answer[256], *id = getenv("CUTOVER_INSTANCE_ID");
        int stream = accept(listening, 0, 0);
        if (read(stream, answer, sizeof answer) < 0) return 1;
        int length = sprintf(answer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", strlen(id), id);
        if (write(stream, answer, length) < 0) return 1;
        close(stream);
    }
}
"#;

fn static_server(cloud: &Cloud) -> String {
    let (source, program) = (cloud.path("static.c"), cloud.path("static"));
    std::fs::write(&source, STATIC).unwrap();
    let mut cc = Command::new("cc");
    cc.arg("-static").arg("-o").arg(&program).arg(&source);
    assert!(cc.status().unwrap().success());
    format!("#!/bin/sh\nexec {}\n", program.display())
}

fn url(instance: &Instance) -> String {
    format!("http://{}:8080/", instance.public_ip)
}

/// Asks often enough that a port shared by two would show.
fn serves_itself_only(cloud: &Cloud, what: &str, instance: &Instance) {
    eventually(what, || cloud.get("x", &url(instance)).0 == 200);
    for _ in 0..20 {
        let page = cloud.get("x", &url(instance));
        assert_eq!(page, (200, instance.id.clone()), "{what}");
    }
}

#[test]
fn one_port_in_every_instance_and_each_answers_for_itself() {
    let cloud = Cloud::up();
    let servers = [
        HTTP_SERVER.to_owned(),
        server("AF_INET", "0.0.0.0", "False", ""),
        server(
            "AF_INET",
            "0.0.0.0",
            "True",
            "one of two that share the port if they may",
        ),
        server("AF_INET", "0.0.0.0", "True", "the other one"),
        server("AF_INET6", "::", "True", ""),
        static_server(&cloud),
    ];
    let running = servers
        .iter()
        .map(|script| (script, launch(&cloud, script, None)));
    let running: Vec<_> = running.collect();
    for (script, instance) in &running {
        serves_itself_only(&cloud, script, instance);
        // Beside each other, not one after the other's end.
        assert!(!console(&cloud, instance).contains("in use"), "{script}");
    }
}

#[test]
fn what_does_not_listen_on_the_instances_address_is_not_reached_whoever_else_listens() {
    let cloud = Cloud::up();
    let other = launch(&cloud, HTTP_SERVER, None);
    let asleep = launch(&cloud, "#!/bin/sh\nexec sleep 1000\n", None);
    let local = launch(&cloud, &server("AF_INET", "127.0.0.1", "False", ""), None);
    serves_itself_only(&cloud, "the other one", &other);
    eventually("it listens on 127.0.0.1", || {
        console(&cloud, &local).contains("listens")
    });
    for instance in [&asleep, &local] {
        let (status, said) = cloud.get("x", &url(instance));
        assert_eq!(status, 502, "{said}");
        let why = "nothing listens on the instance's own address";
        assert!(said.contains(why), "{said}");
    }
}

/// Tries to reach what it must not, then says what it is told of itself.
const CURIOUS: &str = r#"#!/bin/bash
exec python3 - <<'PYTHON'
import socket, urllib.request
def reached(address, port):
    try:
        socket.create_connection((address, port), 2).close()
        return True
    except OSError:
        return False
for address, port in TARGETS:
    print(address, "is reached" if reached(address, port) else "is not reached")
ask = lambda method, path, **headers: urllib.request.urlopen(
    urllib.request.Request("http://169.254.169.254/latest/" + path, method=method, headers=headers)).read().decode()
token = ask("PUT", "api/token", **{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
print("I am", ask("GET", "meta-data/instance-id", **{"X-aws-ec2-metadata-token": token}))
PYTHON
"#;

#[test]
fn an_instance_reaches_no_other_and_nothing_of_this_machine_but_what_it_is_told() {
    let cloud = Cloud::up();
    let other = launch(&cloud, HTTP_SERVER, None);
    serves_itself_only(&cloud, "the other one", &other);
    let described = cloud.aws(&["ec2", "describe-instances", "--instance-ids", &other.id]);
    let private = described["Reservations"][0]["Instances"][0]["PrivateIpAddress"]
        .as_str()
        .unwrap()
        .to_owned();
    let port = |name: &str| cloud.env(name).rsplit(':').next().unwrap().to_owned();
    let targets = format!(
        "[('127.0.0.1', 8080), ('{private}', 8080), ('{}', 8080), ('127.0.0.1', {}), ('127.0.0.1', {})]",
        other.public_ip,
        port("AWS_ENDPOINT_URL"),
        port("CUTOVER_GIT"),
    );
    let curious = launch(&cloud, &CURIOUS.replace("TARGETS", &targets), None);
    let me = format!("I am {}\n", curious.id);
    eventually("it says who it is", || {
        console(&cloud, &curious).ends_with(&me)
    });
    let said = console(&cloud, &curious);
    assert_eq!(said.matches("is not reached").count(), 5, "{said}");

    // Nor has this machine its address, so only the gateway leads there.
    assert!(TcpListener::bind((private.as_str(), 0)).is_err());
}

#[test]
fn two_clouds_beside_each_other_never_meet() {
    let clouds = [Cloud::up(), Cloud::up()];
    let instances = clouds
        .each_ref()
        .map(|cloud| launch(cloud, HTTP_SERVER, None));
    for (cloud, instance) in clouds.iter().zip(&instances) {
        serves_itself_only(cloud, "each in its own cloud", instance);
    }
    let (status, _) = clouds[0].get("x", &url(&instances[1]));
    assert_eq!(
        status, 403,
        "an instance of another cloud is none of this one"
    );
}

/// Sockets that a process holds and that are none of its own network.
fn foreign_sockets(pid: &str) -> usize {
    let tables = ["tcp", "tcp6", "udp", "udp6", "unix", "netlink"];
    let own = tables.map(|table| std::fs::read_to_string(format!("/proc/{pid}/net/{table}")));
    let own: std::collections::HashSet<&str> = own
        .iter()
        .flatten()
        .flat_map(|table| table.split_whitespace())
        .collect();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = open
        .flatten()
        .filter_map(|file| file.path().read_link().ok());
    let foreign = links.filter(|link| {
        let link = link.to_string_lossy();
        let inode = link
            .strip_prefix("socket:[")
            .and_then(|rest| rest.strip_suffix(']'));
        inode.is_some_and(|inode| !own.contains(inode))
    });
    foreign.count()
}

#[test]
fn an_instance_that_ended_leaves_no_process_no_namespace_and_no_socket() {
    let cloud = Cloud::up();
    let supervisor = cloud.state()["supervisor"]["pid"].to_string();
    let instance = launch(&cloud, HTTP_SERVER, None);
    serves_itself_only(&cloud, "it", &instance);
    assert!(foreign_sockets(&supervisor) > 0);
    let networks = || {
        let all = cloud.processes();
        let pids = all.iter().filter_map(|line| line.split(' ').next());
        let of = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let own = of("self");
        let all: std::collections::HashSet<_> = pids.filter_map(of).collect();
        all.into_iter()
            .filter(|one| Some(one) != own.as_ref())
            .count()
    };
    assert_eq!(networks(), 1, "all of an instance is in one namespace");
    cloud.aws(&["ec2", "terminate-instances", "--instance-ids", &instance.id]);
    eventually("its namespace is gone", || networks() == 0);
    eventually("the supervisor holds no socket of it", || {
        foreign_sockets(&supervisor) == 0
    });
}

#[test]
fn a_machine_without_namespaces_is_told_which_setting_to_change_and_nothing_is_started() {
    let cloud = Cloud::down();
    let up = cloud.local_command(&["up"]);
    let mut inside = Command::new("unshare");
    inside.args(["--user", "--map-root-user", "sh", "-c"]);
    inside.arg("echo 0 >/proc/sys/user/max_net_namespaces && exec \"$0\" \"$@\"");
    inside.arg(up.get_program()).args(up.get_args());
    let changed = up
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let output = inside.envs(changed).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("nothing was started"), "{said}");
    let change = "sudo sysctl -w user.max_net_namespaces=15000";
    assert!(said.contains(change), "{said}");
    assert_eq!(cloud.processes(), Vec::<String>::new());
}
