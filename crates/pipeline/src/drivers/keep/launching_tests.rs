//! Launches beside a table that keeps what is noted.

use super::*;
use crate::keep::testing::{NOW, gone, look, replacement, zone};
use crate::keep::{Health, KeeperRow, NOBODY};

/// A target whose two instances are gone, and what became of the launches for them.
struct World {
    notes: KeeperRow,
    at: i64,
    /// What the next launches come to, by whom they replace.
    outcome: fn(&Replacement) -> LaunchOutcome,
    /// Instances that boot.
    booting: Vec<Machine>,
    asked: Vec<Replacement>,
}

impl World {
    fn new(outcome: fn(&Replacement) -> LaunchOutcome) -> Self {
        Self {
            notes: KeeperRow::default(),
            at: NOW,
            outcome,
            booting: Vec::new(),
            asked: Vec::new(),
        }
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        let keep = match ask {
            Ask::View => return Answer::Zone(zone(&[NOBODY])),
            Ask::AllCandidates => return Answer::Rows(look(&["i-1", "i-2"], &[], vec![]).rows),
            Ask::Releases(_) => return Answer::Releases(vec![]),
            Ask::Keep(ask) => ask,
            Ask::Wait(_) | Ask::Tell(_) => return Answer::Done,
            other => panic!("it {other}"),
        };
        Answer::Keep(match keep {
            KeepAsk::Notes => KeepAnswer::Notes(Box::new(self.notes.clone())),
            KeepAsk::Note(turn, notes) => {
                let fits = turn == self.notes.turn;
                self.notes = if fits { *notes } else { self.notes.clone() };
                KeepAnswer::Noted(fits)
            }
            KeepAsk::Look(_) => KeepAnswer::Machines(self.machines(), self.at),
            KeepAsk::Launch(all) => KeepAnswer::Launched(self.launch(all)),
            KeepAsk::AreInSync(_) => KeepAnswer::InSync(Default::default()),
            KeepAsk::Record(_) => KeepAnswer::Noted(true),
        })
    }

    fn machines(&self) -> Vec<Machine> {
        let dead = [gone("i-1"), gone("i-2")];
        let boots = |one: &Machine| Machine {
            started: self.at - 5,
            ..one.clone()
        };
        dead.into_iter()
            .chain(self.booting.iter().map(boots))
            .collect()
    }

    fn launch(&mut self, all: Vec<Replacement>) -> Vec<LaunchOutcome> {
        let outcomes = all.iter().map(self.outcome).collect();
        self.asked.extend(all);
        outcomes
    }

    /// Runs a keeper until it has paused so often, each time for so many seconds, or is done.
    fn run(&mut self, pauses: usize, seconds: i64) -> Option<Kept> {
        let release = super::super::testing::release();
        let mut driver = Keep::new(release, Keeping::Act);
        let mut next = driver.next(Answer::Begin, "").unwrap();
        let mut paused = 0;
        loop {
            let ask = match next {
                Next::Done(kept) => return Some(kept),
                Next::Ask(ask) => ask,
            };
            if matches!(ask, Ask::Wait(_)) {
                paused += 1;
                self.at += seconds;
            }
            if paused > pauses {
                return None;
            }
            next = driver.next(self.answer(ask), "").unwrap();
        }
    }
}

fn no_room_for_the_second(one: &Replacement) -> LaunchOutcome {
    match one.replaces.as_str() {
        "i-2" => LaunchOutcome::Refused("InsufficientInstanceCapacity".into()),
        _ => LaunchOutcome::Up,
    }
}

fn noted(world: &World) -> Vec<&str> {
    let launched = world.notes.launched.iter();
    launched.map(|one| one.replaces.as_str()).collect()
}

#[test]
fn what_ec2_refuses_does_not_count_however_long_another_boots() {
    let mut world = World::new(no_room_for_the_second);
    world.booting = vec![replacement("i-9", "i-1", Health::Unknown)];
    // A look in seven, each more than a minute after the other.
    for _ in 0..2 {
        world.run(40, 20).expect("a run is not that long");
    }
    let tries = world.asked.iter().filter(|one| one.replaces == "i-2");
    assert!(tries.count() > 3, "{:?}", world.asked);
    assert_eq!(noted(&world), Vec::<&str>::new());
    assert_eq!(world.notes.stopped.len(), 0);
}

#[test]
fn what_ec2_refuses_does_not_count_though_the_keeper_is_killed_after_it() {
    let mut world = World::new(no_room_for_the_second);
    world.run(0, 1);
    assert_eq!(noted(&world), ["i-1"]);
}

#[test]
fn what_became_of_a_launch_that_nobody_knows_counts() {
    let mut world = World::new(|_| LaunchOutcome::Unclear("no answer".into()));
    world.run(0, 1);
    assert_eq!(noted(&world), ["i-1", "i-2"]);
}

#[test]
fn what_has_ended_already_counts_and_another_is_asked_for_at_once() {
    let mut world = World::new(|_| LaunchOutcome::EndedAlready);
    world.run(1, 1);
    let tokens = |id: &str| {
        let its = world.asked.iter().filter(|one| one.replaces == id);
        its.map(|one| one.token_of("a")).collect::<Vec<_>>()
    };
    let [first, second, ..] = &tokens("i-1")[..] else {
        panic!("{:?}", world.asked);
    };
    assert_ne!(first, second);
    assert_eq!(
        world
            .notes
            .launched
            .iter()
            .filter(|one| one.replaces == "i-1")
            .count(),
        2
    );
}

#[test]
fn launches_that_end_at_once_are_not_made_without_end() {
    let mut world = World::new(|_| LaunchOutcome::EndedAlready);
    let kept = world.run(100, 1).expect("it gives up");
    // Three for each of two.
    assert_eq!((world.asked.len(), kept.stopped.len()), (6, 1));
}

/// Else an execution whose function was killed after its note would end in green, and nobody would be told.
#[test]
fn what_is_given_up_is_told_by_each_run_whoever_noted_it() {
    let mut world = World::new(|_| LaunchOutcome::EndedAlready);
    world.run(100, 1).expect("it gives up");
    let again = world.run(100, 1).expect("there is nothing to wait for");
    assert_eq!((again.stopped.len(), again.waits), (1, false));
    assert_eq!(world.asked.len(), 6, "nothing more is launched");
    let mut status = Kept::of(crate::names::Target::new("stage").unwrap());
    let mut look = look(&["i-1", "i-2"], &[], world.machines());
    (look.notes, look.at) = (world.notes, world.at);
    status.found(&plan_keep(&look), true);
    assert_eq!(
        status.stopped,
        Vec::<String>::new(),
        "a status is no failure"
    );
}

#[test]
fn a_run_whose_looks_take_long_ends_before_its_function_is_ended() {
    let mut world = World::new(|_| LaunchOutcome::Up);
    world.booting = ["i-1", "i-2"]
        .map(|id| replacement("i-9", id, Health::Unknown))
        .into();
    let kept = world.run(100, 16).expect("it ends by itself");
    assert!(
        (400..500).contains(&(world.at - NOW)),
        "{} s",
        world.at - NOW
    );
    assert!(kept.waits, "another run goes on");
}

#[test]
fn the_second_failure_of_one_instance_is_another_launch_for_ec2() {
    let mut world = World::new(|_| LaunchOutcome::Up);
    world.run(0, 1);
    // Both came back by themselves; hours later they are gone.
    world.at += 4 * 3600;
    world.run(0, 1);
    let tokens: std::collections::BTreeSet<String> =
        world.asked.iter().map(|one| one.token_of("a")).collect();
    assert_eq!((world.asked.len(), tokens.len()), (4, 4));
}

#[test]
fn what_could_not_be_done_at_first_and_was_later_has_not_failed() {
    let mut world = World::new(|one| match (one.replaces.as_str(), one.noted.0) {
        ("i-2", 1) => LaunchOutcome::Refused("no room".into()),
        _ => LaunchOutcome::Up,
    });
    world.booting = vec![replacement("i-9", "i-1", Health::Unknown)];
    let kept = world.run(100, 1).expect("it has looked for long enough");
    assert_eq!((kept.failed, kept.waits), (vec![], true));
}
