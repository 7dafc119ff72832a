//! What Route 53 refuses, the emulator refuses too, in the same words; and it answers for wildcards.

use crate::harness::{Cloud, eventually};
use hickory_proto::op::ResponseCode;
use serde_json::{Value, json};

struct Zone {
    cloud: Cloud,
    id: String,
}

impl Zone {
    fn new(name: &str) -> Self {
        let cloud = Cloud::up();
        let create = [
            "route53",
            "create-hosted-zone",
            "--caller-reference",
            "1",
            "--name",
            name,
        ];
        let id = cloud.aws(&create)["HostedZone"]["Id"]
            .as_str()
            .unwrap()
            .to_owned();
        Self { cloud, id }
    }

    fn change(&self, action: &str, record: &Value) -> String {
        self.batch(&[(action, record)])
    }

    fn batch(&self, changes: &[(&str, &Value)]) -> String {
        let change = |(action, record): &(&str, &Value)| json!({"Action": action, "ResourceRecordSet": record});
        let changes: Vec<Value> = changes.iter().map(change).collect();
        let batch = json!({"Changes": changes}).to_string();
        let change = [
            "route53",
            "change-resource-record-sets",
            "--hosted-zone-id",
            &self.id,
        ];
        let change = [&change[..], &["--change-batch", &batch]].concat();
        String::from_utf8(self.cloud.aws_as(&[], &change).stderr).unwrap()
    }

    fn takes(&self, record: &Value) {
        assert_eq!(self.change("CREATE", record), "", "{record}");
    }

    fn refuses(&self, record: &Value, why: &str) {
        let said = self.change("CREATE", record);
        assert!(
            said.contains("InvalidChangeBatch") && said.contains(why),
            "{record}: {said}"
        );
    }
}

fn record(name: &str, kind: &str, value: &str) -> Value {
    json!({"Name": format!("{name}.example.localhost"), "Type": kind, "TTL": 60,
        "ResourceRecords": [{"Value": value}]})
}

fn weighted(identifier: &str, mut record: Value) -> Value {
    record["SetIdentifier"] = json!(identifier);
    record["Weight"] = json!(1);
    record
}

#[test]
fn a_record_is_refused_where_route_53_refuses_it() {
    let zone = Zone::new("example.localhost");
    zone.takes(&record("txt", "TXT", "\"text\""));
    zone.refuses(
        &record("txt", "CNAME", "www.example.com"),
        "RRSet of type CNAME with DNS name txt.example.localhost. is not permitted as it conflicts with other records with the same DNS name in zone example.localhost.",
    );
    zone.takes(&record("txt", "A", "192.0.2.1"));
    zone.takes(&record("name", "CNAME", "www.example.com"));
    zone.refuses(
        &record("NAME", "A", "192.0.2.1"),
        "RRSet of type A with DNS name name.example.localhost. is not permitted because a conflicting RRSet of type  CNAME",
    );
    zone.takes(&weighted("one", record("two", "A", "192.0.2.1")));
    zone.takes(&weighted("two", record("two", "A", "192.0.2.2")));
    zone.refuses(
        &record("two", "A", "192.0.2.3"),
        "RRSet with DNS name two.example.localhost., type A cannot be created as other RRSets exist with the same name and type.",
    );
    zone.refuses(
        &weighted("one", record("txt", "A", "192.0.2.1")),
        "type A, SetIdentifier one cannot be created as a non-weighted set exists with the same name and type.",
    );
    let outside = json!({"Name": "a.elsewhere.localhost", "Type": "A", "TTL": 60,
        "ResourceRecords": [{"Value": "192.0.2.1"}]});
    zone.refuses(&outside, "is not permitted in zone example.localhost.");
    let apex = json!({"Name": "example.localhost", "Type": "CNAME", "TTL": 60,
        "ResourceRecords": [{"Value": "www.example.com"}]});
    zone.refuses(&apex, "is not permitted at apex in zone example.localhost.");
    let txt = record("txt", "A", "192.0.2.1");
    let twice = [("DELETE", &txt), ("CREATE", &txt), ("DELETE", &txt)];
    let said = zone.batch(&twice);
    let why = "an invalid set of changes for a resource record set 'A txt.example.localhost.'";
    assert!(
        said.contains("InvalidChangeBatch") && said.contains(why),
        "{said}"
    );
    assert_eq!(zone.batch(&twice[..2]), "");
    let values: Vec<Value> = (0..501)
        .map(|n| json!({"Value": format!("10.0.{}.{}", n / 250, n % 250)}))
        .collect();
    let many = |name| json!({"Name": name, "Type": "A", "TTL": 60, "ResourceRecords": values});
    let (one, other) = (
        many("one.example.localhost"),
        many("other.example.localhost"),
    );
    let said = zone.batch(&[("CREATE", &one), ("CREATE", &other)]);
    assert!(said.contains("records limit of 1000 exceeded"), "{said}");
    assert_eq!(zone.batch(&[("CREATE", &one)]), "");
}

#[test]
fn a_wildcard_answers_for_names_that_do_not_exist() {
    let zone = Zone::new("example.localhost");
    zone.takes(&record("*", "A", "192.0.2.1"));
    zone.takes(&record("own", "TXT", "\"text\""));
    let list = [
        "route53",
        "list-resource-record-sets",
        "--hosted-zone-id",
        &zone.id,
    ];
    let all = zone.cloud.aws(&list)["ResourceRecordSets"].to_string();
    assert!(all.contains(r"\\052.example.localhost."), "{all}");
    eventually("the wildcard answers", || {
        zone.cloud.resolve("any.example.localhost").0 == ResponseCode::NoError
    });
    let own = zone.cloud.resolve("own.example.localhost");
    assert!(own.1.is_empty(), "it exists, and has no address: {own:?}");
}
