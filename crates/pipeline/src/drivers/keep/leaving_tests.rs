//! An instance that retires, on a target that keeps what is done to it, and keepers that are killed at any ask.

use super::*;
use crate::drivers::Rows;
use crate::keep::testing::{NOW, address, gone, look, machine, replacement, zone};
use crate::keep::{Health, KeeperRow};
use crate::records::ZoneView;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Seconds until a change is INSYNC, and beyond the TTL.
const IN_SYNC: i64 = 40;
const MARGIN: i64 = 30;
/// What nobody can remember any more.
const FORGOTTEN: i64 = IN_SYNC + 60 + MARGIN;

struct World {
    zone: ZoneView,
    rows: Rows,
    notes: KeeperRow,
    machines: Vec<Machine>,
    tokens: BTreeSet<String>,
    /// When each change was made.
    changes: Vec<i64>,
    /// When users were sent elsewhere, and when `i-1` ended.
    left: Option<i64>,
    ended: Option<i64>,
    /// Whom EC2 does not end.
    protected: Option<&'static str>,
    at: i64,
}

impl World {
    fn new() -> Self {
        let retires = Machine {
            retires: true,
            ..machine("i-1")
        };
        let look = look(&["i-1"], &["10.0.0.1"], vec![]);
        Self {
            zone: zone(&["10.0.0.1"]),
            rows: look.rows,
            notes: KeeperRow::default(),
            machines: vec![retires],
            tokens: BTreeSet::new(),
            changes: Vec::new(),
            left: None,
            ended: None,
            protected: None,
            at: NOW,
        }
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        let keep = match ask {
            Ask::View => return Answer::Zone(self.zone.clone()),
            Ask::AllCandidates => return Answer::Rows(self.rows.clone()),
            Ask::Releases(_) => return Answer::Releases(vec![]),
            Ask::Change(batch, _) => return Answer::Changed(self.change(&batch)),
            Ask::EndInstances(ids) => return self.end(ids),
            Ask::Tell(_) => return Answer::Done,
            Ask::Wait(seconds) => {
                self.at += i64::try_from(seconds).unwrap();
                return Answer::Done;
            }
            Ask::Keep(ask) => ask,
            other => panic!("it {other}"),
        };
        Answer::Keep(match keep {
            KeepAsk::Notes => KeepAnswer::Notes(Box::new(self.notes.clone())),
            KeepAsk::Note(turn, notes) => {
                assert_eq!(turn, self.notes.turn, "nobody else writes");
                self.notes = *notes;
                KeepAnswer::Noted(true)
            }
            KeepAsk::AreInSync(all) => KeepAnswer::InSync(self.in_sync(all)),
            KeepAsk::Look(_) => KeepAnswer::Machines(self.machines(), self.at),
            KeepAsk::Launch(all) => KeepAnswer::Launched(self.launch(&all)),
            KeepAsk::Record(new) => KeepAnswer::Noted(self.record(&new)),
        })
    }

    fn change(&mut self, batch: &crate::records::Batch) -> ChangeOutcome {
        self.zone.apply(batch).expect("nobody else changes records");
        let record = self.zone.get(&crate::keep::testing::at()).unwrap();
        if !record.values.contains(&address("i-1")) {
            self.left.get_or_insert(self.at);
        }
        self.changes.push(self.at);
        ChangeOutcome::Applied(format!("C{}", self.changes.len() - 1))
    }

    fn in_sync(&self, asked: BTreeSet<String>) -> BTreeSet<String> {
        let is_it = |id: &String| {
            let made: usize = id[1..].parse().unwrap();
            self.at - self.changes[made] >= IN_SYNC
        };
        asked.into_iter().filter(is_it).collect()
    }

    /// A replacement is well after five seconds.
    fn machines(&self) -> Vec<Machine> {
        let now = |one: &Machine| Machine {
            health: match self.at - one.started < 5 {
                true => Health::Unknown,
                false => one.health.clone(),
            },
            ..one.clone()
        };
        self.machines.iter().map(now).collect()
    }

    fn launch(&mut self, all: &[Replacement]) -> Vec<LaunchOutcome> {
        for one in all {
            if self.tokens.insert(one.token_of("a")) {
                let id = format!("i-{}", 8 + self.tokens.len());
                self.machines.push(Machine {
                    started: self.at,
                    ..replacement(&id, &one.replaces, Health::Well)
                });
            }
        }
        vec![LaunchOutcome::Up; all.len()]
    }

    fn record(&mut self, new: &crate::keep::NewInstances) -> bool {
        let row = self.rows.get_mut(&new.row.hostname).unwrap();
        let fits = row.instances == new.row.instances;
        if fits {
            Arc::make_mut(row).instances = new.instances.clone();
        }
        fits
    }

    fn end(&mut self, ids: Vec<String>) -> Answer {
        for one in self.machines.iter_mut().filter(|one| ids.contains(&one.id)) {
            (one.state, one.address) = ("terminated".into(), None);
            one.health = Health::Unknown;
        }
        if ids.iter().any(|id| id == "i-1") {
            self.ended.get_or_insert(self.at);
        }
        Answer::Ended(ids)
    }

    fn refuses(&self, ask: &Ask) -> bool {
        let Ask::EndInstances(ids) = ask else {
            return false;
        };
        self.protected
            .is_some_and(|id| ids.iter().any(|one| one == id))
    }

    /// A keeper runs to its end, or is killed after so many of its asks were carried out. Whether it was killed.
    fn keeper(&mut self, most: usize) -> bool {
        let mut release = super::super::testing::release();
        release.settings.drain_margin = u32::try_from(MARGIN).unwrap();
        let mut driver = Keep::new(release, Keeping::Act);
        let mut next = driver.next(Answer::Begin, "").unwrap();
        for _ in 0..most {
            let ask = match next {
                Next::Done(_) => return false,
                Next::Ask(ask) => ask,
            };
            next = match self.refuses(&ask) {
                true => {
                    driver.call_failed(Fault::new(ErrorName::CallRefused, "OperationNotPermitted"))
                }
                false => driver.next(self.answer(ask), ""),
            }
            .unwrap();
        }
        true
    }

    /// Keepers come as the schedule starts them, each minute.
    fn later(&mut self, minutes: usize) {
        for _ in 0..minutes {
            self.keeper(usize::MAX);
            self.at += 60;
        }
    }
}

#[test]
fn a_planned_replacement_serves_all_along_and_ends_minutes_later() {
    let mut world = World::new();
    world.later(6);
    let (left, ended) = (world.left.unwrap(), world.ended.unwrap());
    assert!(ended - left >= FORGOTTEN, "{} s", ended - left);
    assert!(ended - left < FORGOTTEN + 120, "{} s", ended - left);
}

#[test]
fn a_keeper_that_is_killed_at_any_ask_loses_nothing_and_ends_nothing_early() {
    let mut killed = 0;
    for asks in 0.. {
        let mut world = World::new();
        if !world.keeper(asks) {
            break;
        }
        killed += 1;
        world.at += 60;
        world.later(80);
        let (Some(left), Some(ended)) = (world.left, world.ended) else {
            panic!("{asks} asks: {:?}, {:?}", world.left, world.notes);
        };
        assert!(ended - left >= FORGOTTEN, "{asks} asks: {} s", ended - left);
        assert_eq!(world.tokens.len(), 1, "{asks} asks");
        let row = world.rows.values().next().unwrap();
        assert_eq!(row.instances[0].id, "i-9", "{asks} asks");
        assert_eq!(world.machines.iter().filter(|one| one.is_up()).count(), 1);
    }
    assert!(killed > 40, "{killed}");
}

/// One run has to look twice at what boots.
#[test]
fn an_instance_that_cannot_be_ended_keeps_no_other_from_its_record() {
    let mut world = World::new();
    let stopped = Machine {
        state: "stopped".into(),
        ..gone("i-0")
    };
    world.machines = vec![gone("i-1"), stopped];
    world.protected = Some("i-0");
    world.later(2);
    let row = world.rows.values().next().unwrap();
    assert_eq!(row.instances[0].id, "i-9");
    let record = world.zone.get(&crate::keep::testing::at()).unwrap();
    assert_eq!(record.values, [address("i-9")]);
}

#[test]
fn a_change_that_cannot_be_asked_for_holds_up_no_repair() {
    let mut driver = Keep::new(super::super::testing::release(), Keeping::Act);
    (driver.noted, driver.waits) = (true, Waits::InSync);
    let gone = Fault::new(ErrorName::CallRefused, "NoSuchChange");
    let next = driver.call_failed(gone).unwrap();
    assert!(
        matches!(next, Next::Ask(Ask::Keep(KeepAsk::Look(_)))),
        "{next:?}"
    );
}
