//! The keeper: an actor that runs the function's own driver again and again, until a look that began when nothing
//! moved any more finds nothing to do.

use crate::act::{Act, How};
use crate::cast::{domain, release};
use crate::driving::{Driven, Driving};
use crate::release::{Run, Stage};
use crate::rules::{Rule, Rules};
use crate::shared::Shared;
use crate::world::World;
use pipeline::drivers::{Answer, Keep, KeepAnswer, KeepAsk, Keeping, LaunchOutcome};
use pipeline::errors::Fault;
use pipeline::keep::{Health, KeeperRow, Kept, Machine, NewInstances, Replacement, STAND_BACK};
use pipeline::names::Ticket;
use pipeline::records::{RecordType, ZoneView};

/// Seconds since 1970, when it begins.
const BEGINS: i64 = 1_000_000;

/// Seconds in which all is over that left a record, whatever is known of its change.
const FORGOTTEN: i64 = 4_000;

impl Act<'_> {
    /// A look begins.
    pub(crate) fn keep(&mut self) {
        let is_over =
            |(who, run): (usize, &Run)| who == self.who || matches!(run.stage, Stage::Ended);
        let others = self.state.runs.iter().enumerate().all(is_over);
        let calm = others && self.state.late.is_empty() && self.state.deaths == 0;
        self.state.runs[self.who].swept.calm = calm;
        let keep = Keep::new(release(Ticket(0)), Keeping::Act);
        self.goes(Stage::Keep(Driving::begin(keep)));
    }

    pub(crate) fn keep_step(&mut self, from: &Shared<Driving<Keep>>, how: How) {
        match how {
            How::LateAgain => self.send_late(&from.ask),
            _ => match self.drive(from) {
                // The same again and again: the next run finds no more.
                Driven::Pauses(driving) if how == How::Done && driving.done.waits > 1 => {
                    self.waited();
                }
                Driven::Pauses(driving) if how == How::Done => {
                    return self.goes(Stage::Keep(driving));
                }
                Driven::Done(reply) if how == How::Done => return self.kept(reply),
                _ => {}
            },
        }
        self.keep();
    }

    /// The schedule comes in any case, so it begins anew where something moves still. What it waits for in vain
    /// takes its time.
    fn kept(&mut self, reply: Result<Kept, Fault>) {
        let is_done = reply.is_ok_and(|kept| !kept.waits && kept.done.is_empty());
        match (is_done && self.run().swept.calm, self.anything_runs_on()) {
            (true, false) => self.goes(Stage::Ended),
            // The schedule comes hours later, too.
            (true, true) => {
                self.world().clock += 1;
                self.keep();
            }
            (false, _) => {
                self.waited();
                self.keep();
            }
        }
    }

    /// Three minutes pass only where no release runs: a roll-back takes less (assumed).
    fn waited(&mut self) {
        let others = self.state.runs.iter().enumerate();
        let mut others = others.filter(|(who, _)| *who != self.who);
        let is_release = |run: &Run| !matches!(run.stage, Stage::Ended | Stage::Keep(_));
        if !others.any(|(_, run)| is_release(run)) {
            let clock = self.state.world.clock;
            self.world().clock = clock.max(1);
        }
    }

    fn anything_runs_on(&self) -> bool {
        let world = &self.state.world;
        world.notes.left.keys().any(|id| world.up.contains(id))
    }

    /// The keeper ends these: not what its record leads to, or led to at this very time.
    pub(crate) fn ends(&mut self, ids: &[String]) {
        let world = &self.state.world;
        let is_known = |id: &&String| {
            let is_led_to = world.zone.records().any(|one| one.values.contains(id));
            is_led_to || world.remembered.get(*id) == Some(&world.clock)
        };
        let mut running = ids.iter().filter(|id| world.up.contains(*id));
        let too_early = running.any(|id| is_known(&id));
        self.world().broken.remembered |= too_early;
        self.world()
            .up
            .change(|up| up.retain(|id| !ids.contains(id)));
        crate::check::inspect(self.world());
    }

    /// What only the keeper asks for.
    pub(crate) fn answer_of_keeper(&mut self, ask: KeepAsk) -> Answer {
        Answer::Keep(match ask {
            KeepAsk::Notes => KeepAnswer::Notes(Box::new(self.notes())),
            KeepAsk::Note(..) | KeepAsk::Record(_) => KeepAnswer::Noted(self.keeps(&ask)),
            KeepAsk::AreInSync(all) => KeepAnswer::InSync(all),
            KeepAsk::Look(_) => KeepAnswer::Machines(self.machines(), self.state.world.clock()),
            KeepAsk::Launch(all) => {
                let launched = all.iter().map(|one| self.world().replaces(one));
                KeepAnswer::Launched(launched.collect())
            }
        })
    }

    /// Without the rule what has left its record a moment ago is said to have left it long ago.
    fn notes(&self) -> KeeperRow {
        let mut notes = (*self.state.world.notes).clone();
        if !self.rules.keep(Rule::KeepLeft) {
            let left = notes.left.values_mut();
            left.for_each(|one| (one.since, one.in_sync) = (BEGINS - 2 * FORGOTTEN, None));
        }
        notes
    }

    fn keeps(&mut self, ask: &KeepAsk) -> bool {
        let rules = self.rules;
        match ask {
            KeepAsk::Note(..) if !rules.keep(Rule::KeepNotes) => true,
            _ => self.world().keeps(ask, rules),
        }
    }

    /// Without the rule nothing tells what the keeper has launched from what a release has.
    fn machines(&self) -> Vec<Machine> {
        let tells = self.rules.keep(Rule::KeepStrays);
        let live = self.state.world.live();
        let machine = |id: &String| {
            let first = id.split('+').next()?;
            let (ticket, label) = first.split_once('/')?;
            let ticket = Ticket(ticket.strip_prefix('r')?.parse().ok()?);
            let name = format!("{label}.{}", domain());
            let is_live = live.values().any(|at| at.as_str() == name);
            let replaces = id.rsplit_once('+').map(|(before, _)| before.to_owned());
            Some(Machine {
                id: id.clone(),
                state: "running".into(),
                address: Some(id.clone()),
                release: release(ticket).label(),
                started: match replaces {
                    Some(_) => BEGINS,
                    None => 0,
                },
                replaces: replaces.filter(|_| tells || is_live),
                name,
                retires: self.state.world.retiring.contains(id),
                health: Health::Well,
            })
        };
        let world = &self.state.world;
        let dead = world.died.iter();
        let dead = dead.filter(|_| !self.rules.keep(Rule::KeepRuns));
        world.up.iter().chain(dead).filter_map(machine).collect()
    }
}

impl World {
    /// What the keeper's clock says.
    pub fn clock(&self) -> i64 {
        match i64::from(self.clock) {
            0 => BEGINS,
            n => BEGINS + STAND_BACK + (n - 1) * FORGOTTEN,
        }
    }

    /// What the keeper changes, late or in time: whether it fitted.
    pub fn keeps(&mut self, ask: &KeepAsk, rules: Rules) -> bool {
        match ask {
            KeepAsk::Note(turn, notes) => {
                let fits = self.notes.turn == *turn || !rules.keep(Rule::KeepTurns);
                if fits {
                    self.notes = Shared::new((**notes).clone());
                }
                fits
            }
            KeepAsk::Launch(all) => {
                all.iter().for_each(|one| drop(self.replaces(one)));
                true
            }
            KeepAsk::Record(new) => self.records(new),
            KeepAsk::Notes | KeepAsk::AreInSync(_) | KeepAsk::Look(_) => true,
        }
    }

    /// A client token makes it one however often it is called, and none where that one has ended.
    fn replaces(&mut self, one: &Replacement) -> LaunchOutcome {
        let (turn, _) = one.noted;
        let id = format!("{}+{turn}", one.replaces);
        let is_new = self.used.change(|used| used.insert(id.clone()));
        self.broken.counted |= !self.notes.launched.iter().any(|noted| noted.is(one));
        match is_new {
            true => drop(self.up.change(|up| up.insert(id))),
            false if !self.up.contains(&id) => return LaunchOutcome::EndedAlready,
            false => {}
        }
        LaunchOutcome::Up
    }

    fn records(&mut self, new: &NewInstances) -> bool {
        let (row, at) = (&new.row, &new.row.hostname);
        let fits = self.row(at).is_some_and(|there| {
            let is_same = (there.ticket, there.state) == (row.ticket, row.state);
            is_same && there.instances == row.instances
        });
        if fits {
            self.change_row(at, |row| row.instances = new.instances.clone());
        }
        fits
    }
}

/// Notes which instances a batch takes out of a record that stays; the address of each is its id.
pub(crate) fn remember(world: &mut World, after: &ZoneView) {
    let swapped = world.zone.records().filter_map(|before| {
        let now = after.get(&before.name)?;
        let is_swap = before.kind == RecordType::A && before.values != now.values;
        is_swap.then_some((before.values.clone(), now.values.clone()))
    });
    for (before, now) in swapped.collect::<Vec<_>>() {
        let left = before.iter().filter(|id| !now.contains(id));
        let left: Vec<String> = left.filter(|id| world.up.contains(*id)).cloned().collect();
        let clock = world.clock;
        world.remembered.change(|all| {
            all.retain(|id, _| !now.contains(id));
            all.extend(left.into_iter().map(|id| (id, clock)));
        });
    }
}
