//! Records that no release made: left as they are, whatever is released beside them.

use end_to_end::{Cloud, Component, Ended, Place, Service, Vpcs, until};
use serde_json::{Value, json};
use std::time::Duration;

/// The schedule looks every minute, twice until an instance is known to be well.
const KEPT: Duration = Duration::from_secs(150);

/// A target's zone, as somebody with a console may change it.
struct Zone {
    cloud: Cloud,
    id: String,
    domain: String,
}

impl Zone {
    async fn of(cloud: &Cloud, target: &str) -> Self {
        let row = cloud.row(&format!("target#{target}"), "environment").await;
        let id = row.expect("the target is there")["zone_id"].clone();
        Self {
            cloud: cloud.clone(),
            id: id.as_str().expect("an id").to_owned(),
            domain: cloud.domain(target),
        }
    }

    fn record(&self, name: &str, kind: &str, more: Value) -> Value {
        let mut record = json!({"Name": format!("{name}.{}", self.domain), "Type": kind});
        let (Value::Object(all), Value::Object(more)) = (&mut record, more) else {
            panic!("two objects");
        };
        all.extend(more);
        record
    }

    async fn change(&self, action: &str, records: &[Value]) {
        let change = |record: &Value| json!({"Action": action, "ResourceRecordSet": record});
        let changes: Vec<Value> = records.iter().map(change).collect();
        let batch = json!({"Changes": changes}).to_string();
        let change = [
            "route53",
            "change-resource-record-sets",
            "--hosted-zone-id",
            &self.id,
        ];
        let change = [&change[..], &["--change-batch", &batch]].concat();
        self.cloud
            .aws(&change)
            .await
            .good("change-resource-record-sets");
    }

    /// What has a name, as the zone lists it.
    async fn at(&self, name: &str) -> Vec<Value> {
        let list = [
            "route53",
            "list-resource-record-sets",
            "--output",
            "json",
            "--hosted-zone-id",
        ];
        let list = [&list[..], &[&self.id]].concat();
        let all = self
            .cloud
            .aws(&list)
            .await
            .good("list-resource-record-sets");
        let all: Value = serde_json::from_str(&all).expect("JSON");
        let name = format!("{name}.{}.", self.domain);
        let sets = all["ResourceRecordSets"].as_array().expect("a list");
        sets.iter()
            .filter(|one| one["Name"] == name)
            .cloned()
            .collect()
    }
}

fn plain(values: &[&str]) -> Value {
    let values: Vec<Value> = values.iter().map(|value| json!({"Value": value})).collect();
    json!({"TTL": 300, "ResourceRecords": values})
}

fn weighted(value: &str) -> Value {
    let mut record = plain(&[value]);
    record["SetIdentifier"] = json!("one");
    record["Weight"] = json!(1);
    record
}

/// Releases what was never live beside a record at its alias's name.
async fn is_refused(component: &Component, zone: &Zone, sha: &str, record: &Value, what: &str) {
    zone.change("CREATE", std::slice::from_ref(record)).await;
    let there = zone.at(&component.name).await;

    let input = json!({"component": component.name, "version": sha, "target": component.target});
    let ended = component.by_hand(input).await;

    assert_eq!(ended.error, "CutoverRefused", "{ended:#?}");
    for part in [&component.alias(), what, "was left as it is"] {
        assert!(ended.cause.contains(part), "{part}: {}", ended.cause);
    }
    assert_eq!(zone.at(&component.name).await, there, "{what}");
    assert!(
        component.instances_ever().await.is_empty(),
        "nothing was booted"
    );
    zone.change("DELETE", std::slice::from_ref(record)).await;
}

#[tokio::test]
async fn a_record_at_an_alias_s_name_that_no_release_made_stops_the_release_before_anything_boots()
{
    let cloud = Cloud::up().await;
    let component = Component::unregistered(&cloud, "theirs", "dev").await;
    component.follow("releases", "dev").await;
    let sha = component.commit(&Service::good("1")).await;
    component.push(&sha).await;
    let zone = Zone::of(&cloud, "dev").await;
    let name = &component.name;
    let target = json!({"AliasTarget": {"HostedZoneId": &zone.id, "EvaluateTargetHealth": false,
        "DNSName": format!("last.cutover.{}", zone.domain)}});

    let all = [
        (
            zone.record(name, "A", plain(&["192.0.2.10"])),
            "an A record (192.0.2.10)",
        ),
        (
            zone.record(name, "AAAA", plain(&["2001:db8::1"])),
            "an AAAA record",
        ),
        (
            zone.record(name, "TXT", plain(&["\"verified\""])),
            "a TXT record",
        ),
        (
            zone.record(name, "A", weighted("192.0.2.10")),
            "the set identifier `one`",
        ),
        (
            zone.record(name, "CNAME", weighted("www.example.com")),
            "a CNAME record with",
        ),
        (
            zone.record(name, "A", target),
            "an A record (ALIAS of last.cutover.",
        ),
    ];
    for (record, what) in &all {
        is_refused(&component, &zone, &sha, record, what).await;
    }

    // A candidate's plain name may be somebody's too: the release takes one of its own.
    let theirs = zone.record(
        &format!("{name}-{}", &sha[..12]),
        "A",
        plain(&["192.0.2.11"]),
    );
    zone.change("CREATE", std::slice::from_ref(&theirs)).await;
    let input = json!({"component": name, "version": sha, "target": "dev"});
    let ended = component.by_hand(input).await;
    let hostname = ended.output()["components"][0]["hostname"].clone();
    let own = format!("{name}-{}-r", &sha[..12]);
    assert!(
        hostname.as_str().is_some_and(|at| at.starts_with(&own)),
        "{hostname}"
    );
    assert_eq!(zone.at(&format!("{name}-{}", &sha[..12])).await.len(), 1);
    zone.change("DELETE", std::slice::from_ref(&theirs)).await;
}

/// Somebody's tool tidies the zone up: the alias leads to a name that has no address, and nobody tells of that.
#[tokio::test]
async fn a_record_of_what_is_live_that_somebody_deletes_is_made_again() {
    let cloud = Cloud::up().await;
    let component = Component::new(&cloud, "tidied", "stage").await;
    let sha = component.goes_live(&Service::good("1")).await;
    let zone = Zone::of(&cloud, "stage").await;
    let (hostname, led_to) = (component.live().await.hostname, component.led_to().await);
    let label = hostname.split('.').next().expect("a label");
    let own = zone.at(label).await;
    zone.change("DELETE", &own).await;
    assert!(component.get("/version").await.is_err());

    let answers = async || component.get("/version").await.ok();
    let said = until(KEPT, answers).await.expect("the alias answers again");

    assert_eq!(said["commit"], json!(sha));
    assert_eq!(component.led_to().await, led_to);
    assert_eq!(zone.at(label).await, own, "the same record");
    component.stands_alone(&sha).await;
    let acts = component.acts_of("keeper").await;
    let told = acts.first().expect("an act");
    assert_eq!(told["state"], "done", "{told:#}");
    let what = told["what"].to_string();
    assert!(what.contains("had no record any more"), "{told:#}");
}

#[tokio::test]
#[ignore = "make test-long: a target of its own"]
async fn a_target_works_and_is_torn_down_with_all_kinds_of_records_in_its_zone() {
    let _one = Vpcs::one().await;
    let cloud = Cloud::up().await;
    let place = Place::new(&cloud, "zone");
    assert_eq!(
        place.provision(&[]).await.output()["outcome"],
        "provisioned"
    );
    let zone = Zone::of(&cloud, place.name).await;
    let component = Component::new(&cloud, "crowd", place.name).await;
    let old = "moved-away";
    let mut records = vec![
        zone.record("*", "CNAME", plain(&["parking.example.com"])),
        zone.record("_acme-challenge.www", "TXT", plain(&["\"a\" \"b; c\""])),
        zone.record("caa", "CAA", plain(&["0 issue \"ca.example.com\""])),
        zone.record("mail", "MX", plain(&["10 mx.example.com"])),
        zone.record("_sip._tcp", "SRV", plain(&["1 10 5060 sip.example.com"])),
        zone.record("six", "AAAA", plain(&["2001:db8::1"])),
        zone.record(old, "CNAME", plain(&["elsewhere.example.com"])),
        zone.record("two", "A", weighted("192.0.2.12")),
    ];
    let host = |n: usize| zone.record(&format!("host-{n:03}"), "A", plain(&["192.0.2.13"]));
    records.extend((0..320).map(host));
    zone.change("CREATE", &records).await;

    let first = component.goes_live(&Service::good("1")).await;
    component.stands_alone(&first).await;
    let second = component.goes_live(&Service::good("2")).await;
    component.stands_alone(&second).await;
    let back = json!({"target": place.name, "version": "previous"});
    let back: Ended = component.by_hand(back).await;
    assert_eq!(back.output()["outcome"], "live", "{back:#?}");
    assert_eq!(zone.at(old).await.len(), 1);

    place.teardown().await.output();
    place.left_nothing().await;
}
