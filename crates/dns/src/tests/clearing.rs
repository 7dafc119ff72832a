use super::*;
use pipeline::errors::{ErrorName, Named};

fn own() -> Vec<String> {
    vec![
        set("dev.myproj.com", "NS", 172_800, "ns-1.awsdns-1.com."),
        set("dev.myproj.com", "SOA", 900, "a b 1 2 3 4 86400"),
    ]
}

fn and(other: &str) -> Vec<String> {
    let mut all = own();
    all.push(set(other, "NS", 60, "ns-2.awsdns-2.net."));
    all
}

#[tokio::test]
async fn a_zone_is_cleared_of_all_but_its_own_records() {
    let replay = Replay::new([
        page(&own(), Some("sub.dev.myproj.com")),
        page(
            &[set("sub.dev.myproj.com", "NS", 60, "ns-2.awsdns-2.net.")],
            None,
        ),
        changed(),
        page(&own(), None),
    ]);
    let gone = Dns::new(&replay.config())
        .clear("Z1", &domain())
        .await
        .unwrap();
    assert_eq!(gone, ["sub.dev.myproj.com"]);
    let asked = &replay.asked()[2];
    assert!(
        asked.contains("<Action>DELETE</Action>") && !asked.contains("SOA"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_zone_that_moved_is_looked_at_again() {
    let replay = Replay::new([
        page(&and("a.dev.myproj.com"), None),
        refusal(400, "InvalidChangeBatch"),
        page(&and("b.dev.myproj.com"), None),
        changed(),
        page(&own(), None),
    ]);
    let gone = Dns::new(&replay.config())
        .clear("Z1", &domain())
        .await
        .unwrap();
    assert_eq!(gone, ["b.dev.myproj.com"]);
}

#[tokio::test]
async fn a_zone_that_keeps_moving_is_left_to_the_state_machine_to_try_again() {
    let rounds = (0..5).flat_map(|_| {
        [
            page(&and("a.dev.myproj.com"), None),
            refusal(400, "InvalidChangeBatch"),
        ]
    });
    let replay = Replay::new(rounds);
    let fault = Dns::new(&replay.config())
        .clear("Z1", &domain())
        .await
        .unwrap_err();
    assert_eq!(fault.name(), ErrorName::Unavailable);
}

#[tokio::test]
async fn a_zone_that_is_gone_has_no_records() {
    let replay = Replay::new([refusal(404, "NoSuchHostedZone")]);
    let gone = Dns::new(&replay.config())
        .clear("Z1", &domain())
        .await
        .unwrap();
    assert!(gone.is_empty());
}

#[tokio::test]
async fn a_zone_may_not_be_cleared_without_permission() {
    let replay = Replay::new([
        page(&and("a.dev.myproj.com"), None),
        refusal(403, "AccessDenied"),
    ]);
    let fault = Dns::new(&replay.config())
        .clear("Z1", &domain())
        .await
        .unwrap_err();
    assert_eq!(fault.name(), ErrorName::AccessDenied);
}

#[tokio::test]
async fn route_53_lists_zones_from_a_name_on_so_the_first_may_be_another() {
    let listed = |name: &str| {
        let body = format!(
            "<ListHostedZonesByNameResponse><HostedZones><HostedZone><Id>/hostedzone/Z1</Id><Name>{name}.</Name>\
             <CallerReference>c</CallerReference></HostedZone></HostedZones><IsTruncated>true</IsTruncated>\
             <MaxItems>1</MaxItems></ListHostedZonesByNameResponse>"
        );
        (200, body)
    };
    let replay = Replay::new([listed("dev.myproj.com"), listed("stage.myproj.com")]);
    let dns = Dns::new(&replay.config());
    assert!(dns.has_zone(&domain()).await.unwrap());
    assert!(!dns.has_zone(&domain()).await.unwrap());
}

#[tokio::test]
async fn many_values_are_deleted_in_as_many_batches_as_it_takes() {
    let values: Vec<String> = (0..400)
        .map(|n| format!("10.0.{}.{}", n / 250, n % 250))
        .collect();
    let many = |name: &str| {
        set(
            name,
            "A",
            60,
            &values.join("</Value></ResourceRecord><ResourceRecord><Value>"),
        )
    };
    let all = [
        many("a.dev.myproj.com"),
        many("b.dev.myproj.com"),
        many("c.dev.myproj.com"),
    ];
    let replay = Replay::new([
        page(&[own(), all.to_vec()].concat(), None),
        changed(),
        changed(),
        page(&own(), None),
    ]);
    let dns = Dns::new(&replay.config());
    let gone = dns.clear("Z1", &domain()).await.unwrap();
    assert_eq!(gone.len(), 3);
    let values = |asked: &String| asked.matches("<Value>").count();
    assert_eq!(values(&replay.asked()[1]), 800);
    assert_eq!(values(&replay.asked()[2]), 400);
}
