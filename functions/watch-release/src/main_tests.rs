use super::*;
use pipeline::bake::SoFar;
use pipeline::names::{Commit, Project, Ticket};
use pipeline::rows::EnvironmentRow;
use pipeline::settings::TargetSettings;
use replay::Replay;

const BROKEN: (u16, &str) = (500, r#"{"__type": "InternalServerError"}"#);
const NO_ROW: (u16, &str) = (200, r#"{"Responses": {"t": []}, "UnprocessedKeys": {}}"#);

fn release() -> Release {
    let environment = EnvironmentRow {
        domain: Domain::new("stage.myproj.com").unwrap(),
        zone_id: "Z".into(),
        launch_template_id: "lt-1".into(),
        launch_template_version: "1".into(),
        subnet_ids: Vec::new(),
        settings: TargetSettings {
            alias_ttl: 60,
            hostname_ttl: 60,
            drain_margin: 30,
            test_dependents: false,
        },
    };
    let (project, target) = (Project::new("myproj"), Target::new("stage"));
    Release::on(project.unwrap(), target.unwrap(), "x", environment)
}

fn watch(answers: impl IntoIterator<Item = (u16, &'static str)>) -> Watch {
    let config = Replay::new(answers).config();
    Watch {
        registry: Registry::new(&config, "t"),
        examiner: Examiner::new(&config, "b").unwrap(),
        store: Store::new(&config, "b"),
        outsider: Outsider::new(None).unwrap(),
    }
}

async fn before(
    answers: impl IntoIterator<Item = (u16, &'static str)>,
) -> Result<BeforeReply, Fault> {
    let request = BeforeRequest {
        release: release(),
        before: vec![Component::new("api").unwrap()],
    };
    watch(answers).before(request).await
}

/// Without the look before it, nothing that users meet after a cutover rolls it back.
#[tokio::test]
async fn one_call_that_fails_does_not_cost_the_look_before_a_cutover() {
    let found = before([BROKEN, NO_ROW]).await.unwrap();
    let new = BTreeMap::from([(Component::new("api").unwrap(), Before::New)]);
    assert_eq!(found.components, new);
}

#[tokio::test]
async fn what_cannot_be_read_for_good_is_an_error_after_three_tries() {
    let tries = vec![BROKEN; LOOKS_BEFORE];
    assert!(before(tries.clone()).await.is_err());
    // A fourth answer is not asked for.
    assert!(before([tries, vec![NO_ROW]].concat()).await.is_err());
}

/// At the last look, what was seen would be lost for good.
#[tokio::test]
async fn a_look_is_not_lost_for_connections_that_cannot_be_read() {
    let request = |reads_not_told| WatchRequest {
        release: release(),
        components: Vec::new(),
        before: BeforeReply::default(),
        so_far: SoFar::default(),
        replaced: [Fqdn::new("api-bbbbbbbbbbbb.stage.myproj.com").unwrap()].into(),
        drained_for: None,
        reads_not_told,
    };
    let reply = watch([BROKEN]).watch(&request(true)).await.unwrap();
    assert_eq!(reply.outcome, WatchOutcome::Well);
    assert!(reply.connections_not_told.is_some());
    assert!(watch([BROKEN]).watch(&request(false)).await.is_err());
}

#[test]
fn instances_are_asked_in_groups_that_are_asked_at_the_same_time() {
    let row = |number: usize| {
        let component = Component::new(format!("c{number}")).unwrap();
        let hostname = Fqdn::new(format!("c{number}.stage.myproj.com")).unwrap();
        let commit = Commit::new("b".repeat(40)).unwrap();
        let one = |n: usize| Instance {
            id: format!("i-{n}"),
            address: "10.0.0.1".into(),
        };
        CandidateRow {
            instances: (0..20).map(one).collect(),
            ..CandidateRow::planned(hostname, component, commit, (Ticket(7), String::new()))
        }
    };
    let rows: Vec<CandidateRow> = (0..14).map(row).collect();
    let rows: Vec<&CandidateRow> = rows.iter().collect();
    let sizes: Vec<usize> = groups(&rows).iter().map(Vec::len).collect();
    assert_eq!(sizes, [6, 6, 2]);
    assert!(groups(&[]).is_empty());
}
