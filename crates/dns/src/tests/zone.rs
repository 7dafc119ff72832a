use super::*;
use crate::ChangeError;
use aws::CallKind;
use pipeline::errors::{ErrorName, Fault, Named};
use pipeline::names::Fqdn;
use pipeline::records::{Batch, Record};
use std::time::Duration;

fn fqdn(name: &str) -> Fqdn {
    Fqdn::new(name).unwrap()
}

#[tokio::test]
async fn all_pages_of_a_zone_are_read_each_from_where_the_last_one_ended() {
    let first = set("api.dev.myproj.com", "CNAME", 5, "api-1.dev.myproj.com");
    let second = set("ui.dev.myproj.com", "A", 5, "192.0.2.1");
    let replay = Replay::new([
        page(&[first], Some("ui.dev.myproj.com")),
        page(&[second], None),
    ]);
    let zone = Dns::new(&replay.config()).view("Z1").await.unwrap();
    assert_eq!(
        zone.points_to(&fqdn("api.dev.myproj.com")),
        Some(fqdn("api-1.dev.myproj.com"))
    );
    assert!(zone.get(&fqdn("ui.dev.myproj.com")).is_some());
    let asked = &replay.requests()[1].line;
    for part in [
        "hostedzone/Z1/rrset?",
        "name=ui.dev.myproj.com.",
        "type=CNAME",
        "identifier=blue",
    ] {
        assert!(asked.contains(part), "{asked}");
    }
}

#[tokio::test]
async fn what_no_release_makes_is_seen_as_foreign() {
    let alias = "<ResourceRecordSet><Name>api.dev.myproj.com.</Name><Type>A</Type><AliasTarget><HostedZoneId>Z2\
        </HostedZoneId><DNSName>lb.example.com.</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth>\
        </AliasTarget></ResourceRecordSet>";
    let weighted = "<ResourceRecordSet><Name>ui.dev.myproj.com.</Name><Type>CNAME</Type><SetIdentifier>blue\
        </SetIdentifier><Weight>1</Weight><TTL>5</TTL><ResourceRecords><ResourceRecord><Value>ui-1.dev.myproj.com\
        </Value></ResourceRecord></ResourceRecords></ResourceRecordSet>";
    let text = set("api.dev.myproj.com", "TXT", 5, "x");
    let wildcard = set("\\052.dev.myproj.com", "A", 5, "192.0.2.1");
    let replay = Replay::new([page(&[alias.into(), weighted.into(), text, wildcard], None)]);
    let zone = Dns::new(&replay.config()).view("Z1").await.unwrap();
    assert_eq!(zone.records().count(), 0);
    let told: Vec<String> = zone.all_foreign().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "an A record (ALIAS of lb.example.com)",
            "a TXT record",
            "a CNAME record with the set identifier `blue`",
        ]
    );
    assert_eq!(
        zone.all_foreign().nth(2).unwrap().leads_to,
        [fqdn("ui-1.dev.myproj.com")]
    );
}

#[tokio::test]
async fn a_zone_that_cannot_be_read_is_an_error_and_no_empty_zone() {
    for (status, code, kind) in [
        (400, "Throttling", CallKind::Unavailable),
        (403, "AccessDenied", CallKind::Denied),
        (404, "NoSuchHostedZone", CallKind::Refused),
    ] {
        let replay = Replay::new([refusal(status, code)]);
        let error = Dns::new(&replay.config()).view("Z1").await.unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (kind, code));
    }
}

/// An alias moves from one hostname to another.
fn batch() -> Batch {
    let alias = |at: &str| Record::cname(fqdn("api.dev.myproj.com"), &fqdn(at), 5);
    let mut batch = Batch::default();
    batch.swap(alias("api-1.dev.myproj.com"), alias("api-2.dev.myproj.com"));
    batch
}

async fn change(replay: &Replay) -> Result<String, ChangeError> {
    let dns = Dns::new(&replay.config());
    dns.change("Z1", &batch(), "dev-r7").await
}

#[tokio::test]
async fn an_alias_moves_by_deleting_what_was_seen_and_creating_the_new() {
    let replay = Replay::new([changed()]);
    assert_eq!(change(&replay).await.unwrap(), "C1");
    let asked = replay.asked().concat();
    let at = |part: &str| {
        asked
            .find(part)
            .unwrap_or_else(|| panic!("{part}: {asked}"))
    };
    assert!(at("<Action>DELETE</Action>") < at("<Value>api-1.dev.myproj.com</Value>"));
    assert!(at("<Value>api-1.dev.myproj.com</Value>") < at("<Action>CREATE</Action>"));
    assert!(at("<Action>CREATE</Action>") < at("<Value>api-2.dev.myproj.com</Value>"));
    assert!(
        !asked.contains("UPSERT"),
        "an upsert replaces whatever is there"
    );
}

#[tokio::test]
async fn a_batch_that_does_not_fit_the_zone_says_to_look_again() {
    let moved = change(&Replay::new([refusal(400, "InvalidChangeBatch")])).await;
    assert!(
        matches!(&moved, Err(ChangeError::Moved(why)) if why == "m"),
        "{moved:?}"
    );
    // As Route 53 said it until 2024, and its reference still shows it.
    let bare = "<?xml version=\"1.0\"?><InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
        <Messages><Message>it already exists</Message></Messages><RequestId>r</RequestId></InvalidChangeBatch>";
    let moved = change(&Replay::new([(400, bare)])).await;
    assert!(
        matches!(&moved, Err(ChangeError::Moved(why)) if why.contains("it already exists")),
        "{moved:?}"
    );
}

#[tokio::test]
async fn a_batch_that_route_53_has_no_time_for_is_tried_again_as_it_is() {
    for code in ["PriorRequestNotComplete", "Throttling"] {
        let Err(ChangeError::Call(error)) = change(&Replay::new([refusal(400, code)])).await else {
            panic!("{code}: nothing moved");
        };
        assert_eq!(error.kind, CallKind::Unavailable, "{code}");
    }
    let denied = change(&Replay::new([refusal(403, "AccessDenied")])).await;
    assert_eq!(
        Fault::from(denied.unwrap_err()).name(),
        ErrorName::AccessDenied
    );
}

#[tokio::test]
async fn a_change_is_in_sync_when_route_53_says_so() {
    let replay = Replay::new([
        change_info("GetChange", "PENDING"),
        change_info("GetChange", "INSYNC"),
    ]);
    let dns = Dns::new(&replay.config());
    assert!(!dns.is_in_sync("C1").await.unwrap());
    assert!(dns.is_in_sync("C1").await.unwrap());
    assert_eq!(replay.requests()[0].line, "GET /2013-04-01/change/C1");
}

#[tokio::test]
async fn a_change_that_is_not_in_sync_in_time_is_left_to_the_state_machine_to_try_again() {
    let replay = Replay::new([change_info("GetChange", "PENDING")]);
    let dns = Dns::new(&replay.config());
    let waited = dns.wait_within("C1", Duration::ZERO).await;
    assert_eq!(waited.unwrap_err().name(), ErrorName::Unavailable);
}
