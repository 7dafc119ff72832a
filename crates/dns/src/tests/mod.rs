//! What Route 53 says, and what it is asked: one recorded exchange per outcome.

mod apex;
mod clearing;
mod zone;

use crate::Dns;
use pipeline::names::Domain;
use replay::Replay;

fn set(name: &str, kind: &str, ttl: u32, value: &str) -> String {
    format!(
        "<ResourceRecordSet><Name>{name}.</Name><Type>{kind}</Type><TTL>{ttl}</TTL><ResourceRecords>\
         <ResourceRecord><Value>{value}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
    )
}

/// A page of a zone, and the name that the next one begins with.
fn page(sets: &[String], next: Option<&str>) -> (u16, String) {
    let next = next.map_or("<IsTruncated>false</IsTruncated>".to_owned(), |name| {
        format!(
            "<IsTruncated>true</IsTruncated><NextRecordName>{name}.</NextRecordName>\
             <NextRecordType>CNAME</NextRecordType><NextRecordIdentifier>blue</NextRecordIdentifier>"
        )
    });
    let body = format!(
        "<ListResourceRecordSetsResponse><ResourceRecordSets>{}</ResourceRecordSets>{next}\
         <MaxItems>300</MaxItems></ListResourceRecordSetsResponse>",
        sets.concat()
    );
    (200, body)
}

fn change_info(operation: &str, status: &str) -> (u16, String) {
    let body = format!(
        "<{operation}Response><ChangeInfo><Id>/change/C1</Id><Status>{status}</Status>\
         <SubmittedAt>2026-11-29T08:00:00Z</SubmittedAt></ChangeInfo></{operation}Response>"
    );
    (200, body)
}

fn changed() -> (u16, String) {
    change_info("ChangeResourceRecordSets", "PENDING")
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    let body = format!(
        "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error>\
         <Type>Sender</Type><Code>{code}</Code><Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    );
    (status, body)
}

fn domain() -> Domain {
    Domain::new("dev.myproj.com").unwrap()
}
