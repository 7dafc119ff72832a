use std::{net::Ipv4Addr, time::Duration};

use hickory_proto::{
    op::ResponseCode,
    rr::{RData, RecordType},
};

use super::{
    memory::{Memory, ZONE, record_set},
    net::eventually,
};
use crate::{
    Dns,
    client::ask,
    records::{Reply, Zone, reply},
    source::{Source, absolute, to_records},
};

fn zone(name: &str, sets: &[(&str, &str, i64, &[&str])]) -> Zone {
    let sets = sets
        .iter()
        .flat_map(|(name, kind, ttl, values)| to_records(&record_set(name, kind, *ttl, values)));
    Zone::new(absolute(name).unwrap(), sets)
}

fn stage() -> Zone {
    zone(
        ZONE,
        &[
            (ZONE, "SOA", 900, &["ns. me. 1 7200 900 1209600 60"]),
            (
                "api.stage.myproj.localhost.",
                "CNAME",
                1,
                &["api-1.stage.myproj.localhost"],
            ),
            (
                "api-1.stage.myproj.localhost.",
                "A",
                2,
                &["54.0.0.1", "54.0.0.2"],
            ),
            (
                "ui.stage.myproj.localhost",
                "CNAME",
                1,
                &["gone.stage.myproj.localhost"],
            ),
            ("away.stage.myproj.localhost", "CNAME", 1, &["www.example."]),
            (
                "loop.stage.myproj.localhost",
                "CNAME",
                1,
                &["loop.stage.myproj.localhost"],
            ),
            ("x.deep.stage.myproj.localhost", "TXT", 5, &["\"a text\""]),
            ("\\052.deep.stage.myproj.localhost", "A", 6, &["54.0.0.7"]),
            (
                "msa.stage.myproj.localhost",
                "CNAME",
                3,
                &["msa.dev.myproj.localhost"],
            ),
        ],
    )
}

fn dev() -> Zone {
    let sets: &[(&str, &str, i64, &[&str])] =
        &[("msa.dev.myproj.localhost", "A", 4, &["10.0.0.9"])];
    zone("dev.myproj.localhost", sets)
}

/// Everything that matters of a reply, in a line.
fn check(name: &str, kind: RecordType, expected: &str) {
    let name = absolute(name).unwrap();
    let Reply { code, answers, soa } = reply(&[dev(), stage()], &name, kind);
    let mut said = vec![format!("{code:?}")];
    said.extend(answers.iter().map(|it| format!("{} {}", it.ttl, it.data)));
    said.extend(
        soa.iter()
            .map(|it| format!("absent {} for {}", it.name, it.ttl)),
    );
    assert_eq!(said.join(" | "), expected);
}

#[test]
fn addresses_are_answered_as_route_53_has_them() {
    check(
        "API-1.stage.myproj.localhost",
        RecordType::A,
        "NoError | 2 54.0.0.1 | 2 54.0.0.2",
    );
}

#[test]
fn a_chain_is_followed_and_every_link_keeps_its_ttl() {
    check(
        "api.stage.myproj.localhost",
        RecordType::A,
        "NoError | 1 api-1.stage.myproj.localhost. | 2 54.0.0.1 | 2 54.0.0.2",
    );
}

#[test]
fn a_chain_is_followed_into_another_zone() {
    check(
        "msa.stage.myproj.localhost",
        RecordType::A,
        "NoError | 3 msa.dev.myproj.localhost. | 4 10.0.0.9",
    );
}

#[test]
fn a_question_for_the_alias_itself_is_not_followed() {
    check(
        "api.stage.myproj.localhost",
        RecordType::CNAME,
        "NoError | 1 api-1.stage.myproj.localhost.",
    );
}

#[test]
fn a_wildcard_answers_for_what_does_not_exist_below_its_parent_and_for_nothing_else() {
    for name in [
        "y.deep.stage.myproj.localhost",
        "z.y.deep.stage.myproj.localhost",
    ] {
        check(name, RecordType::A, "NoError | 6 54.0.0.7");
    }
    check(
        "x.deep.stage.myproj.localhost",
        RecordType::A,
        "NoError | absent stage.myproj.localhost. for 60",
    );
    check(
        "y.x.deep.stage.myproj.localhost",
        RecordType::A,
        "NXDomain | absent stage.myproj.localhost. for 60",
    );
}

#[test]
fn a_name_that_does_not_exist_is_nxdomain_with_the_time_that_may_be_remembered() {
    check(
        "no.stage.myproj.localhost",
        RecordType::A,
        "NXDomain | absent stage.myproj.localhost. for 60",
    );
    check(
        "ui.stage.myproj.localhost",
        RecordType::A,
        "NXDomain | 1 gone.stage.myproj.localhost. | absent stage.myproj.localhost. for 60",
    );
}

#[test]
fn a_name_without_a_record_of_the_type_exists_nevertheless() {
    for (name, kind) in [
        ("api-1.stage.myproj.localhost", RecordType::AAAA),
        ("deep.stage.myproj.localhost", RecordType::A),
        (ZONE, RecordType::A),
    ] {
        check(
            name,
            kind,
            "NoError | absent stage.myproj.localhost. for 60",
        );
    }
}

#[test]
fn a_name_outside_the_zones_is_refused_and_a_chain_that_leaves_them_is_cut() {
    check("www.example", RecordType::A, "Refused");
    check("myproj.localhost", RecordType::A, "Refused");
    check(
        "away.stage.myproj.localhost",
        RecordType::A,
        "NoError | 1 www.example.",
    );
}

#[test]
fn a_chain_without_end_fails() {
    check("loop.stage.myproj.localhost", RecordType::A, "ServFail");
}

#[test]
fn other_types_are_answered_too() {
    check(
        "x.deep.stage.myproj.localhost",
        RecordType::TXT,
        "NoError | 5 a text",
    );
}

/// What a zone above says of a name of `stage`, with this record of its own.
fn below(record: (&str, &str, i64, &[&str]), zones: &[Zone]) -> ResponseCode {
    let parent = zone("myproj.localhost", &[record]);
    let zones = [&[parent], zones].concat();
    let name = absolute("api-1.stage.myproj.localhost").unwrap();
    reply(&zones, &name, RecordType::A).code
}

#[test]
fn a_zone_below_another_is_found_only_where_it_is_delegated() {
    let delegated: (&str, &str, i64, &[&str]) = (ZONE, "NS", 60, &["ns-1.example."]);
    assert_eq!(below(delegated, &[stage()]), ResponseCode::NoError);
    assert_eq!(below(delegated, &[]), ResponseCode::ServFail);
    let servers: (&str, &str, i64, &[&str]) = (ZONE, "NS", 60, &["NS-1.example", "ns-2.example"]);
    let address: (&str, &str, i64, &[&str]) =
        ("api-1.stage.myproj.localhost", "A", 1, &["10.0.0.1"]);
    let here = zone(ZONE, &[servers, address]);
    assert_eq!(
        below(delegated, std::slice::from_ref(&here)),
        ResponseCode::NoError
    );
    let elsewhere: (&str, &str, i64, &[&str]) = (ZONE, "NS", 60, &["ns-3.example."]);
    assert_eq!(below(elsewhere, &[here]), ResponseCode::ServFail);
    let other: (&str, &str, i64, &[&str]) = ("dev.myproj.localhost", "NS", 60, &["ns-1.example."]);
    assert_eq!(below(other, &[stage()]), ResponseCode::NXDomain);
}

async fn start(memory: &Memory) -> Dns {
    let source = Source::Memory(memory.clone());
    Dns::start_with(source).await.unwrap()
}

async fn addresses(dns: &Dns, name: &str) -> Vec<Ipv4Addr> {
    let answer = ask(dns.address(), &absolute(name).unwrap()).await.unwrap();
    let records = answer.answers.iter().map(|record| &record.data);
    let addresses = records.filter_map(|data| match data {
        RData::A(address) => Some(address.0),
        _ => None,
    });
    addresses.collect()
}

#[tokio::test]
async fn the_server_says_what_route_53_says_now() {
    let memory = Memory::default();
    let dns = start(&memory).await;
    memory.set("api.stage.myproj.localhost", "A", 60, &["54.0.0.1"]);
    let name = "api.stage.myproj.localhost";
    assert_eq!(addresses(&dns, name).await, [Ipv4Addr::new(54, 0, 0, 1)]);
    memory.set("api.stage.myproj.localhost", "A", 60, &["10.0.0.2"]);
    assert_eq!(addresses(&dns, name).await, [Ipv4Addr::new(10, 0, 0, 2)]);
}

#[tokio::test]
async fn absence_and_failure_reach_the_client() {
    let memory = Memory::default();
    let dns = start(&memory).await;
    let name = absolute("no.stage.myproj.localhost").unwrap();
    let answer = ask(dns.address(), &name).await.unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(answer.authorities[0].record_type(), RecordType::SOA);
    memory.fail(true);
    let answer = ask(dns.address(), &name).await.unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
}

#[tokio::test]
async fn an_answer_that_is_too_long_for_udp_comes_over_tcp() {
    let memory = Memory::default();
    let dns = start(&memory).await;
    let many: Vec<String> = (0..400)
        .map(|n| format!("10.0.{}.{}", n / 200, n % 200))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    memory.set("many.stage.myproj.localhost", "A", 1, &many);
    assert_eq!(
        addresses(&dns, "many.stage.myproj.localhost").await.len(),
        400
    );
}

#[tokio::test]
async fn questions_share_a_read_that_began_after_all_of_them() {
    let memory = Memory::default();
    let dns = start(&memory).await;
    let name = "api.stage.myproj.localhost";
    memory.set(name, "A", 1, &["10.0.0.1"]);
    let held = memory.hold();
    let first = addresses(&dns, name);
    let rest = async {
        eventually(|| memory.reads() == 1).await;
        memory.set(name, "A", 1, &["10.0.0.2"]);
        let later = futures::future::join_all((0..20).map(|_| addresses(&dns, name)));
        let release = async {
            // The twenty are on their way meanwhile; those that are late make the test easier.
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(held);
        };
        futures::future::join(later, release).await.0
    };
    let (first, later) = futures::future::join(first, rest).await;
    assert_eq!(first, [Ipv4Addr::new(10, 0, 0, 1)]);
    assert!(
        later.iter().all(|it| it == &[Ipv4Addr::new(10, 0, 0, 2)]),
        "{later:?}"
    );
    assert!(
        memory.reads() < 10,
        "20 questions took {} reads",
        memory.reads() - 1
    );
}

#[tokio::test]
async fn a_dropped_server_gives_its_port_back() {
    let dns = start(&Memory::default()).await;
    let address = dns.address();
    drop(dns);
    eventually(|| std::net::UdpSocket::bind(address).is_ok()).await;
    eventually(|| std::net::TcpListener::bind(address).is_ok()).await;
}
