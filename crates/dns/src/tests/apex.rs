use super::*;
use pipeline::apex::{ApexRecord, ApexType};

#[tokio::test]
async fn only_the_zones_own_records_are_its_apex() {
    let sets = [
        set("dev.myproj.com", "NS", 172_800, "ns-1.awsdns-1.com."),
        set("dev.myproj.com", "SOA", 900, "a b 1 2 3 4 86400"),
        set("dev.myproj.com", "TXT", 5, "x"),
        set("sub.dev.myproj.com", "NS", 60, "ns-2.awsdns-2.net."),
    ];
    let replay = Replay::new([page(&sets, None)]);
    let found = Dns::new(&replay.config())
        .apex("Z1", &domain())
        .await
        .unwrap();
    let told: Vec<_> = found.iter().map(|one| (one.kind, one.ttl)).collect();
    assert_eq!(told, [(ApexType::Ns, 172_800), (ApexType::Soa, 900)]);
}

#[tokio::test]
async fn the_apex_is_written_as_planned() {
    let replay = Replay::new([changed()]);
    let soa = ApexRecord {
        kind: ApexType::Soa,
        ttl: 5,
        values: vec!["a b 1 2 3 4 5".into()],
    };
    let dns = Dns::new(&replay.config());
    dns.write_apex("Z1", &domain(), &[soa]).await.unwrap();
    let asked = replay.asked().concat();
    for part in [
        "<Action>UPSERT</Action>",
        "<Type>SOA</Type>",
        "<TTL>5</TTL>",
        "<Value>a b 1 2 3 4 5</Value>",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
}
