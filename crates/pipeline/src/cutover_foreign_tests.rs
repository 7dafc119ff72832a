use super::*;
use crate::foreign::Foreign;

fn foreign(name: Fqdn, kind: &str) -> Foreign {
    Foreign {
        name,
        kind: kind.into(),
        identifier: None,
        alias_target: None,
        leads_to: Vec::new(),
    }
}

/// Released where this record is, too.
fn beside(record: Option<Record>, other: Option<Foreign>, expected: Expect) {
    let (zone, known) = zone(&[("api", 2)], &[]);
    let records = zone.records().cloned().chain(record);
    let zone = ZoneView::new(records).with_foreign(other);
    check(
        &request(2, &["api"], ReadSet::new()),
        &(zone, known),
        expected,
    );
}

#[test]
fn what_no_release_made_is_left_and_nothing_moves() {
    let api = || alias(&component("api"), &domain());
    let a = Record::addresses(api(), vec!["192.0.2.10".into()], 300);
    beside(
        Some(a),
        None,
        expect![
            "Refused: api.stage.myproj.com has an A record (192.0.2.10), which no release of this project made; it was left as it is. Remove it or give it another name, then release again"
        ],
    );
    beside(
        None,
        Some(foreign(api(), "TXT")),
        expect![
            "Refused: api.stage.myproj.com has a TXT record, which no release of this project made; it was left as it is. Remove it or give it another name, then release again"
        ],
    );
    beside(
        None,
        Some(foreign(host("api", 2), "AAAA")),
        expect![
            "Refused: api-200000000000.stage.myproj.com has an AAAA record, which no release of this project made; it was left as it is. Remove it or give it another name, then release again"
        ],
    );
    beside(
        None,
        Some(foreign(last_cutover(&domain()), "TXT")),
        expect![
            "Refused: last.cutover.stage.myproj.com has a TXT record, which no release of this project made; it was left as it is. Remove it or give it another name, then release again"
        ],
    );
    beside(
        None,
        Some(foreign(host("api", 2), "TXT")),
        expect!["api.stage.myproj.com to api-200000000000.stage.myproj.com; 4 changes"],
    );
}

#[test]
fn a_record_that_somebody_else_made_with_a_peer_s_name_stays() {
    let theirs = Record::addresses(
        peer_name(&component("api"), Ticket(2), &domain()),
        vec!["192.0.2.10".into()],
        300,
    );
    beside(
        Some(theirs),
        None,
        expect!["api.stage.myproj.com to api-200000000000.stage.myproj.com; 4 changes"],
    );
}
