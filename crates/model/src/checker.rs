//! The model as stateright explores it, and what comes of exploring it.

use crate::act::{Act, Action, How, arrives, goes_on, happens, stops, ways};
use crate::cast::HOSTNAME_TTL;
use crate::check::{all_run, is_dead_live, left_at_dead, left_behind};
use crate::driving::Done;
use crate::release::{Brought, Run, Stage, State};
use crate::rules::{Rule, Rules};
use crate::scenario::{Asks, Program, Scenario};
use crate::world::World;
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::time::{Duration, Instant};

/// A scenario under the whole protocol or a part of it.
#[derive(Debug, Clone)]
pub struct Check {
    /// Which.
    pub scenario: Scenario,
    /// What the protocol consists of.
    pub rules: Rules,
}

impl Model for Check {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.scenario.start()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.world.broken.any() {
            return; // what comes after it shows nothing new
        }
        let only = self.private(state);
        let all = 0..state.runs.len();
        for who in all.filter(|who| only.is_none_or(|one| one == *who)) {
            let run = &state.runs[who];
            if matches!(run.stage, Stage::Drain(_)) && self.too_early(state) {
                continue;
            }
            if self.waits(state, who) {
                continue;
            }
            if state.stops > 0 && who + 1 < state.runs.len() && !run.is_over() {
                actions.push(Action::Stops(who));
                let goes_on = self.scenario.goes_on && run.may_go_on();
                actions.extend(goes_on.then_some(Action::GoesOn(who)));
            }
            let mut ways = ways(run, self.scenario.every_ask, state.crashes, state.lates);
            // Nobody calls it again.
            ways.retain(|how| !run.is_stopped || *how == How::Done);
            actions.extend(ways.into_iter().map(|how| Action::Step(who, how)));
        }
        if only.is_none() {
            actions.extend((0..state.late.len()).map(Action::Arrives));
        }
        if only.is_none() && state.deaths > 0 {
            let up = 0..state.world.up.len();
            actions.extend(up.clone().map(Action::Dies));
            let kept = up.clone().filter(|_| self.scenario.has_keeper());
            actions.extend(kept.map(Action::Retires));
            actions.extend(up.map(Action::Restarts));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let programs = &self.scenario.programs;
        match action {
            Action::Step(who, how) => Act {
                rules: self.rules,
                program: &programs[who],
                who,
                state: &mut state,
                every_ask: self.scenario.every_ask,
                in_turn: self.scenario.stops > 0,
                done: Done::default(),
                pauses: false,
            }
            .step(how),
            Action::Arrives(which) => arrives(&mut state, which, self.rules),
            Action::Dies(which) => happens(&mut state, which, World::dies),
            Action::Restarts(which) => happens(&mut state, which, World::restarts),
            Action::Retires(which) => happens(&mut state, which, World::retires),
            Action::Stops(who) => stops(&mut state, who),
            Action::GoesOn(who) => goes_on(&mut state, who),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(HEALTHY, |_, state: &State| !state.world.broken.healthy),
            Property::always(PROVEN, |_, state: &State| !state.world.broken.proven),
            Property::always(NEWER, |_, state: &State| !state.world.broken.newer),
            Property::always(DRAINED, |_, state: &State| !state.world.broken.drained),
            Property::always(WELL, |_, state: &State| !state.world.broken.well),
            Property::always(SPARED, |_, state: &State| !state.world.broken.spared),
            Property::always(BACK, |check: &Self, state: &State| {
                let world = &state.world;
                let excused = world.broken.excused || check.nobody_watches();
                !at_rest(state) || excused || !left_at_dead(world)
            }),
            Property::always(PREVIOUS, |_, state: &State| !state.world.broken.back),
            Property::always(MOVES, |_, state: &State| !state.world.broken.idle),
            Property::always(COUNTED, |_, state: &State| !state.world.broken.counted),
            Property::always(LEFT, |_, state: &State| !state.world.broken.remembered),
            Property::always(KEPT, |check: &Self, state: &State| {
                !at_rest(state) || !check.scenario.has_keeper() || all_run(&state.world)
            }),
            Property::always(CLEAN, |check: &Self, state: &State| {
                let world = &state.world;
                let excused =
                    world.broken.excused || is_dead_live(world) || check.nobody_came(state);
                !at_rest(state) || excused || left_behind(world).is_empty()
            }),
        ]
    }
}

/// Invariant 1.
pub const HEALTHY: &str = "an alias always resolves to a running instance";
/// Invariant 2.
pub const PROVEN: &str = "what is live together passed its suites together";
/// Invariant 3.
pub const NEWER: &str = "newer is never replaced by older";
/// Invariant 4.
pub const CLEAN: &str = "at rest nothing is left but what is live, and it is recorded";

/// Invariant 6.
pub const WELL: &str = "users are sent only to what was well at the last look";
/// Invariant 7.
pub const SPARED: &str = "what was live before is not ended while what replaced it is dead";
/// Invariant 8.
pub const BACK: &str = "at rest no alias leads to the dead while the previous stands and is well";

/// With a keeper.
pub const KEPT: &str = "at rest every alias leads to instances that run";

/// With a keeper: else its limit of an hour would not hold.
pub const COUNTED: &str = "what the keeper launches is in its notes";

/// With a keeper.
pub const LEFT: &str = "the keeper leaves alone what resolvers may remember";

/// Invariant 5.
pub const DRAINED: &str = "Terminate previous leaves alone what resolvers may remember";

/// Invariant 6.
pub const PREVIOUS: &str = "a roll-back brings back the last version that was another one";
/// Invariant 7.
pub const MOVES: &str = "a cutover changes what is live, unless it is to replace the same";

/// All have ended and nothing is on its way.
pub fn at_rest(state: &State) -> bool {
    state.late.is_empty() && state.runs.iter().all(is_over)
}

fn is_over(run: &Run) -> bool {
    matches!(run.stage, Stage::Ended)
}

impl Check {
    /// A release whose next step nobody else can see or come between: then it makes no difference
    /// when it is taken, and it is taken at once. A roll-back and a restart see everything.
    fn private(&self, state: &State) -> Option<usize> {
        let sees_all = |one: &Program| {
            matches!(
                one.asks,
                Asks::TakeBack | Asks::Restart(_) | Asks::Sweep | Asks::Keep
            )
        };
        let rollback = self.scenario.programs.iter().any(sees_all) || self.scenario.every_ask;
        let private = |who: &usize| match &state.runs[*who].stage {
            Stage::Cut(driving) => driving.is_private(),
            Stage::Terminate(driving) => driving.is_private(),
            Stage::Discard(driving) if driving.is_private() => true,
            Stage::Deploy | Stage::Publish => !self.contested(*who),
            Stage::Discard(_) => !self.contested(*who) && never_live(state, *who),
            _ => false,
        };
        (0..state.runs.len()).filter(|_| !rollback).find(private)
    }

    /// Where executions may be stopped, each begins when the one before has ended.
    fn waits(&self, state: &State, who: usize) -> bool {
        let sweeps = self.scenario.programs[who].asks == Asks::Sweep;
        if sweeps && self.scenario.sweeps_beside {
            return false;
        }
        self.scenario.stops > 0 && !state.runs[..who].iter().all(Run::is_over)
    }

    /// What one that was stopped has left is for the last one, if that goes live; the sweeper always comes.
    fn nobody_came(&self, state: &State) -> bool {
        if self.scenario.has_sweeper() {
            return false;
        }
        let live = state.world.live();
        let is_live = |one: &Brought| live.get(&one.component) == Some(&one.hostname);
        let last = state.runs.last();
        let came = last.is_some_and(|run| run.plan.components.iter().any(is_live));
        self.scenario.stops > 0 && !came
    }

    /// An execution that was stopped watches nothing any more, and a sweeper moves no alias.
    fn nobody_watches(&self) -> bool {
        self.scenario.stops > 0 && self.scenario.has_sweeper()
    }

    /// Whether a later release has a component of this one, and so may take it away.
    fn contested(&self, who: usize) -> bool {
        let Some(own) = self.scenario.programs[who].asks.names() else {
            return true;
        };
        let later = &self.scenario.programs[who + 1..];
        later.iter().any(|one| {
            let theirs = one.asks.names();
            theirs.is_none_or(|theirs| theirs.iter().any(|name| own.contains(name)))
        })
    }

    /// What is being published is on its way for seconds; a drain takes the alias's TTL and more.
    fn too_early(&self, state: &State) -> bool {
        self.rules.keep(Rule::PublishInTime) && state.late.iter().any(|late| late.publishes)
    }
}

fn never_live(state: &State, who: usize) -> bool {
    // A live one's record has another TTL than a candidate's, from the cutover on.
    let is_live = |one: &Brought| {
        let record = state.world.zone.get(&one.hostname);
        record.is_some_and(|record| record.ttl == HOSTNAME_TTL)
    };
    let late = state.late.iter().any(|late| late.who == who);
    !late && !state.runs[who].plan.components.iter().any(is_live)
}

/// A path: each state and what is done in it.
pub type Steps = Vec<(State, Option<Action>)>;

/// What exploring showed.
#[derive(Debug)]
pub struct Found {
    /// Different states.
    pub states: usize,
    /// Steps of the longest path.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// The first invariant that does not hold, and the path to where it breaks.
    pub broken: Option<(&'static str, Steps)>,
}

impl Check {
    /// Explores all states, or as far as the first broken invariant.
    pub fn explore(&self) -> Found {
        let start = Instant::now();
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        let checker = self
            .clone()
            .checker()
            .threads(threads)
            .finish_when(HasDiscoveries::AnyFailures)
            .spawn_bfs()
            .join();
        let broken = checker.discoveries().into_iter();
        let broken = broken.map(|(name, path)| (name, path.into_vec()));
        Found {
            states: checker.unique_state_count(),
            depth: checker.max_depth(),
            took: start.elapsed(),
            broken: broken.min_by_key(|(name, path)| (path.len(), *name != HEALTHY)),
        }
    }
}
