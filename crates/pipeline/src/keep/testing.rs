//! What the tests of the keeper share: a target on which `api` is live with instances `i-1`, `i-2`, ...

use super::{Health, KeepLook, Machine};
use crate::drivers::Rows;
use crate::names::{Domain, Fqdn, Target, Ticket, alias};
use crate::records::{Record, ZoneView};
use crate::rows::{CandidateRow, CandidateState};
use crate::sweep::testing as sweep;
use crate::wire::{Instance, Prepared};
use std::sync::Arc;

pub(crate) const NOW: i64 = 1_000_000;

pub(crate) fn at() -> Fqdn {
    sweep::at("api", 'a')
}

pub(crate) fn row(instances: &[&str]) -> CandidateRow {
    let wanted = instances.len();
    let manifest = format!(
        "[component]\nname='api'\n[build]\nunit_tests='true'\ncommand='true'\noutput='dist'\n[run]\ncommand='./x'\nport=8080\ninstances={wanted}\n"
    );
    let manifest = crate::manifest::Manifest::parse(&manifest, &sweep::component("api")).unwrap();
    let recipe: Prepared = serde_json::from_value(serde_json::json!({
        "component": "api", "version": "HEAD", "commit": "a".repeat(40),
        "repository": "https://git.p.com/a.git", "hostname": at(),
        "source": {"key": "", "sha256": "", "bytes": 0},
        "manifest": manifest,
    }))
    .unwrap();
    CandidateRow {
        instances: instances.iter().map(|id| instance(id)).collect(),
        launch_template_version: "7".into(),
        recipe: Some(recipe),
        ..sweep::row("api", 'a', 7, CandidateState::Live)
    }
}

pub(crate) fn instance(id: &str) -> Instance {
    Instance {
        id: id.into(),
        address: address(id),
    }
}

/// `10.0.0.1` of `i-1`.
pub(crate) fn address(id: &str) -> String {
    format!("10.0.0.{}", id.trim_start_matches("i-"))
}

/// Well for a day.
pub(crate) fn machine(id: &str) -> Machine {
    Machine {
        id: id.into(),
        state: "running".into(),
        address: Some(address(id)),
        release: "stage-r7".into(),
        name: at().to_string(),
        replaces: None,
        started: NOW - 86_400,
        retires: false,
        health: Health::Well,
    }
}

pub(crate) fn gone(id: &str) -> Machine {
    Machine {
        state: "terminated".into(),
        address: None,
        health: Health::Unknown,
        ..machine(id)
    }
}

pub(crate) fn ill(id: &str) -> Machine {
    Machine {
        health: Health::Ill("answers 500".into()),
        ..machine(id)
    }
}

/// One that the keeper launched a moment ago.
pub(crate) fn replacement(id: &str, replaces: &str, health: Health) -> Machine {
    Machine {
        replaces: Some(replaces.into()),
        started: NOW - 5,
        health,
        ..machine(id)
    }
}

pub(crate) fn zone(addresses: &[&str]) -> ZoneView {
    let alias = alias(&sweep::component("api"), &domain());
    let values = addresses.iter().map(|one| (*one).to_owned()).collect();
    ZoneView::new([
        Record::cname(alias, &at(), 60),
        Record::addresses(at(), values, 60),
    ])
}

pub(crate) fn domain() -> Domain {
    sweep::domain()
}

/// `api` has these instances by its row; its record leads to these addresses.
pub(crate) fn look(ids: &[&str], addresses: &[&str], machines: Vec<Machine>) -> KeepLook {
    let row = Arc::new(row(ids));
    let mut look = KeepLook::of(Target::new("stage").unwrap(), domain());
    look.zone = zone(addresses);
    look.rows = Rows::from([(row.hostname.clone(), row)]);
    (look.machines, look.at) = (machines, NOW);
    look
}

/// It has been ailing for so many seconds.
pub(crate) fn ailing(mut look: KeepLook, id: &str, seconds: i64) -> KeepLook {
    let noted = super::Ailing {
        component: sweep::component("api"),
        since: NOW - seconds,
        why: String::new(),
    };
    look.notes.ailing.insert(id.into(), noted);
    look
}

/// The release that is live runs still.
pub(crate) fn running(mut look: KeepLook) -> KeepLook {
    look.running.insert(Ticket(7));
    look
}
