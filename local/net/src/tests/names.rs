use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use super::memory::{Memory, ZONE};
use crate::{
    Dns,
    names::{Lookup, Names},
    source::{Source, absolute},
};

struct Cached {
    memory: Memory,
    names: Names,
    _dns: Dns,
}

async fn start() -> Cached {
    let memory = Memory::default();
    let source = Source::Memory(memory.clone());
    let dns = Dns::start_with(source).await.unwrap();
    let names = Names::new(dns.address());
    Cached {
        memory,
        names,
        _dns: dns,
    }
}

impl Cached {
    async fn look_up(&self, name: &str) -> Lookup {
        let name = absolute(&format!("{name}.stage.myproj.localhost")).unwrap();
        self.names.look_up(&name).await.0
    }

    fn set(&self, name: &str, kind: &str, ttl: i64, value: &str) {
        let name = format!("{name}.stage.myproj.localhost");
        self.memory.set(&name, kind, ttl, &[value]);
    }
}

fn found(last: u8) -> Lookup {
    Lookup::Found([Ipv4Addr::new(10, 0, 0, last)].into())
}

/// A deadline of the clock: what is remembered for a second is gone after this.
async fn a_second() {
    tokio::time::sleep(Duration::from_millis(1010)).await;
}

#[tokio::test]
async fn an_answer_is_kept_for_its_ttl_and_no_longer() {
    let net = start().await;
    net.set("api", "A", 1, "10.0.0.1");
    let asked = Instant::now();
    assert_eq!(net.look_up("api").await, found(1));
    net.set("api", "A", 1, "10.0.0.2");
    let again = net.look_up("api").await;
    if asked.elapsed() < Duration::from_millis(900) {
        assert_eq!(again, found(1));
        assert_eq!(net.memory.reads(), 1);
    }
    a_second().await;
    assert_eq!(net.look_up("api").await, found(2));
}

#[tokio::test]
async fn the_shortest_ttl_of_a_chain_counts() {
    for (alias, address) in [(1, 300), (300, 1)] {
        let net = start().await;
        net.set("api", "CNAME", alias, "api-1.stage.myproj.localhost");
        net.set("api-1", "A", address, "10.0.0.1");
        assert_eq!(net.look_up("api").await, found(1));
        net.set("api-1", "A", address, "10.0.0.2");
        a_second().await;
        assert_eq!(net.look_up("api").await, found(2));
    }
}

#[tokio::test]
async fn a_long_ttl_outlives_a_second() {
    let net = start().await;
    net.set("api", "A", 300, "10.0.0.1");
    assert_eq!(net.look_up("api").await, found(1));
    a_second().await;
    net.look_up("api").await;
    assert_eq!(net.memory.reads(), 1);
}

#[tokio::test]
async fn an_answer_without_ttl_is_not_kept() {
    let net = start().await;
    net.set("api", "A", 0, "10.0.0.1");
    assert_eq!(net.look_up("api").await, found(1));
    net.set("api", "A", 0, "10.0.0.2");
    assert_eq!(net.look_up("api").await, found(2));
}

#[tokio::test]
async fn absence_is_kept_as_long_as_the_zone_says_and_no_longer() {
    for (ttl, minimum, then) in [
        (1, 900, found(1)),
        (900, 1, found(1)),
        (900, 900, Lookup::Absent),
    ] {
        let net = start().await;
        let soa = format!("ns. me. 1 7200 900 1209600 {minimum}");
        net.memory.set(ZONE, "SOA", ttl, &[&soa]);
        assert_eq!(net.look_up("api").await, Lookup::Absent);
        net.set("api", "A", 1, "10.0.0.1");
        a_second().await;
        assert_eq!(net.look_up("api").await, then, "{ttl} {minimum}");
    }
}

#[tokio::test]
async fn failure_is_not_kept() {
    let net = start().await;
    net.set("api", "A", 1, "10.0.0.1");
    net.memory.fail(true);
    assert!(matches!(net.look_up("api").await, Lookup::Failed(_)));
    net.memory.fail(false);
    assert_eq!(net.look_up("api").await, found(1));
}

#[tokio::test]
async fn an_expired_answer_is_not_served_when_route_53_fails() {
    let net = start().await;
    net.set("api", "A", 1, "10.0.0.1");
    assert_eq!(net.look_up("api").await, found(1));
    net.memory.fail(true);
    a_second().await;
    assert!(matches!(net.look_up("api").await, Lookup::Failed(_)));
}

#[tokio::test]
async fn those_who_want_a_name_at_the_same_time_share_one_question() {
    let net = start().await;
    net.set("api", "A", 60, "10.0.0.1");
    let all = futures::future::join_all((0..50).map(|_| net.look_up("api"))).await;
    assert!(all.iter().all(|it| it == &found(1)));
    assert_eq!(net.memory.reads(), 1);
}
