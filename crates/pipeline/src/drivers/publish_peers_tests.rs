use super::super::testing::{asks, at, component, release, row, rows, zone};
use super::*;
use expect_test::{Expect, expect};

/// `ui` boots, and talks to `api`.
fn ui(peer: &str) -> ListeningComponent {
    ListeningComponent {
        component: component("ui"),
        hostname: at("ui", 'b'),
        companion: false,
        warm: false,
        port: 8081,
        peers: [component(peer)].into(),
    }
}

fn api() -> ListeningComponent {
    ListeningComponent {
        component: component("api"),
        hostname: at("api", 'b'),
        port: 8080,
        peers: BTreeSet::new(),
        ..ui("api")
    }
}

fn check(components: Vec<ListeningComponent>, answers: Vec<Answer>, last: usize, expected: Expect) {
    let asked = Together {
        release: release(),
        components,
    };
    let lines = asks(PublishPeers::new(asked), answers);
    let from = lines.len() - last;
    expected.assert_eq(&lines[from..].join("\n"));
}

fn record(asked: Vec<ListeningComponent>) -> Option<Fqdn> {
    let asked = Together {
        release: release(),
        components: asked,
    };
    let driver = PublishPeers::new(asked);
    let record = driver.record(&component("api"), &zone("a")).unwrap();
    record.points_to()
}

#[test]
fn a_peer_of_the_release_is_its_candidate_and_another_one_is_what_is_live() {
    assert_eq!(record(vec![ui("api"), api()]), Some(at("api", 'b')));
    let live = Fqdn::new("api.stage.myproj.com").unwrap();
    assert_eq!(record(vec![ui("api")]), Some(live));
    let companion = ListeningComponent {
        companion: true,
        ..api()
    };
    let live = Fqdn::new("api.stage.myproj.com").unwrap();
    assert_eq!(record(vec![ui("api"), companion]), Some(live));
}

#[test]
fn what_boots_with_no_peer_and_what_runs_already_need_no_name() {
    check(
        vec![api()],
        vec![],
        1,
        expect!["PeersReply { change_id: None, urls: {} }"],
    );
    let warm = ListeningComponent {
        warm: true,
        ..ui("api")
    };
    check(
        vec![warm],
        vec![],
        1,
        expect!["PeersReply { change_id: None, urls: {} }"],
    );
}

/// The rows of `ui` and `api`, of the release with this ticket.
fn own(ticket: u64) -> Answer {
    Answer::Rows(rows(&[row("ui", 'b', ticket), row("api", 'b', ticket)]))
}

#[test]
fn a_release_that_was_given_up_gets_no_names() {
    check(
        vec![ui("api"), api()],
        vec![Answer::Zone(zone("a")), own(43)],
        1,
        expect![
            "CandidateGone: ui-bbbbbbbbbbbb.stage.myproj.com is not reserved for stage-r42 any more"
        ],
    );
}

#[test]
fn a_refused_batch_is_planned_again_on_another_look() {
    let refused = Answer::Changed(ChangeOutcome::Refused("it exists".into()));
    let look = Answer::Zone(zone("a"));
    check(
        vec![ui("api"), api()],
        vec![look, own(42), refused],
        4,
        expect![[r#"
            looks at the zone
            reads 2 rows of hostnames
            applies its batch (peer names of stage-r42)
            looks at the zone"#]],
    );
}

#[test]
fn a_peer_that_is_nowhere_is_refused_with_what_to_do() {
    let none = vec![
        Answer::Aliases(Vec::new()),
        Answer::Components([component("api")].into()),
    ];
    check(
        vec![ui("api")],
        none,
        1,
        expect![
            "PeerNotLive: ui names the peer api, which is not live on stage: release api there first, or ui and api together"
        ],
    );
    let unknown = vec![
        Answer::Aliases(Vec::new()),
        Answer::Components(BTreeSet::new()),
    ];
    check(
        vec![ui("nobody")],
        unknown,
        1,
        expect![
            "PeerNotLive: ui names the peer nobody, which is not a component of this project: correct [component] peers in its manifest, or add nobody with `cutover component add`"
        ],
    );
}

/// Deploy (initial) waits for the change: a name that a name server does not know yet is remembered as not there.
#[test]
fn what_an_earlier_try_has_published_is_waited_for_all_the_same() {
    let name = peer_name(&component("api"), release().ticket, &release().domain);
    let own_name = Record::cname(name, &at("api", 'b'), release().settings.alias_ttl);
    let there = zone("a")
        .records()
        .cloned()
        .chain([own_name])
        .collect::<Vec<_>>();
    let applied = Answer::Changed(ChangeOutcome::Applied("C2".into()));
    check(
        vec![ui("api"), api()],
        vec![Answer::Zone(ZoneView::new(there)), own(42), applied],
        2,
        expect![[r#"
            applies its batch (peer names of stage-r42, seen again)
            PeersReply { change_id: Some("C2"), urls: {Component("api"): "http://api-r42.stage.myproj.com:8080"} }"#]],
    );
}
