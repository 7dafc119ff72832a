//! The scenarios in which the protocol must hold, and those in which it must not without one of
//! its parts.

use crate::checker::Check;
use crate::rules::{Rule, Rules};
use crate::scenario::Asks::{As, Keep, Restart, Sweep, TakeBack, These};
use crate::scenario::Begins::{Beside, Draining, Over, Planned, Started, Tested};
use crate::scenario::{Asks, Begins, Scenario};

const ALL: (Begins, Asks) = (Over, These(&["ui", "api", "msa"]));
const UI: (Begins, Asks) = (Planned, These(&["ui"]));
const WEB: (Begins, Asks) = (Planned, These(&["web"]));
const API: (Begins, Asks) = (Planned, These(&["api"]));
const MSA: (Begins, Asks) = (Planned, These(&["msa"]));
const BOTH: (Begins, Asks) = (Planned, These(&["api", "msa"]));
const BACK: (Begins, Asks) = (Started, TakeBack);

type Of = (&'static str, &'static [(Begins, Asks)]);

const ALONE: Of = ("api, alone", &[ALL, API]);
const NEIGHBOURS: Of = ("msa and api, beside each other", &[ALL, MSA, API]);
const RIVALS: Of = ("api and api", &[ALL, API, API]);
const NEWCOMER: Of = (
    "msa, and the first api that talks to it",
    &[(Over, These(&["msa"])), MSA, API],
);
const REGRET: Of = (
    "api is taken back while it drains",
    &[ALL, (Draining, These(&["api"])), BACK],
);
const CHAIN: Of = ("msa, api and ui, beside each other", &[ALL, MSA, API, UI]);
const PAIR: Of = ("api and msa together, after the same", &[ALL, BOTH]);
const CROWD: Of = ("api, api and msa", &[ALL, API, API, MSA]);
const UMBRELLA: Of = ("api and msa together, msa, ui", &[ALL, BOTH, MSA, UI]);
const FIRST: Of = (
    "the first msa, the first api and msa, the first api",
    &[MSA, BOTH, API],
);
const REGRET_BESIDE: Of = (
    "api is taken back while it drains, beside msa",
    &[ALL, (Draining, These(&["api"])), BACK, MSA],
);
const PART_OF_IT: Of = (
    "api and msa drain, and another api",
    &[ALL, (Draining, These(&["api", "msa"])), API],
);
const REGRET_ALL: Of = (
    "api and msa are taken back, beside an api in between",
    &[ALL, (Draining, These(&["api", "msa"])), API, BACK],
);
const THERE_AND_BACK: Of = (
    "api comes and is taken back, beside ui",
    &[ALL, UI, API, BACK],
);
const TESTED_AND_BACK: Of = (
    "api, tested, comes and is taken back, beside ui",
    &[
        ALL,
        (Beside, These(&["ui"])),
        (Tested, These(&["api"])),
        BACK,
    ],
);
const LAST_TWO: Of = (
    "ui and web, the last of the release before",
    &[
        (Over, These(&["msa"])),
        (Over, These(&["api"])),
        (Over, These(&["ui", "web"])),
        UI,
        WEB,
    ],
);

const AFTER_IT: Of = (
    "api is stopped, and then another api",
    &[ALL, API, (Started, These(&["api"]))],
);
const SWEPT: Of = (
    "api is stopped, and then swept",
    &[ALL, API, (Started, Sweep)],
);
const SWEPT_BESIDE: Of = (
    "api is stopped, swept, and released again",
    &[ALL, API, (Planned, These(&["api"])), (Started, Sweep)],
);
const KEPT: Of = ("what is live dies, and is kept", &[ALL, (Started, Keep)]);
const KEPT_BESIDE: Of = (
    "api is released, and what is live is kept",
    &[ALL, API, (Started, Keep)],
);
const TWO_KEEPERS: Of = (
    "what is live dies, and two keepers come",
    &[ALL, (Started, Keep), (Started, Keep)],
);
const TWICE: Of = (
    "api and the same api at once",
    &[ALL, API, (Planned, As(&["api"], 2))],
);
const SET_BACK: Of = (
    "api, and the branch is set back to what is live",
    &[ALL, API, (Started, As(&["api"], 1))],
);
const TWICE_BETWEEN: Of = (
    "api, another api, and the first at once",
    &[ALL, API, API, (Planned, As(&["api"], 2))],
);
const TWICE_AND_BACK: Of = (
    "api and the same api at once, and taken back",
    &[ALL, API, (Planned, As(&["api"], 2)), BACK],
);
const TWICE_TOGETHER: Of = (
    "api, and the same api together with msa",
    &[ALL, API, (Planned, As(&["api", "msa"], 2))],
);
const AGAIN: Of = (
    "api is launched again, and taken back",
    &[
        ALL,
        (Over, These(&["api"])),
        (Planned, Restart(&["api"])),
        BACK,
    ],
);
const AGAIN_BESIDE: Of = (
    "api is launched again, beside a newer one",
    &[ALL, (Started, Restart(&["api"])), API],
);

fn scenario((name, releases): Of, crashes: u8, lates: u8) -> Scenario {
    Scenario::new(name, releases, crashes, lates)
}

/// One is stopped, and its function goes on or does not.
fn stopped(of: Of, crashes: u8, lates: u8) -> Scenario {
    scenario(of, crashes, lates).with_stops(1).that_goes_on()
}

/// All states of these are explored; none may break an invariant. The deep ones take minutes.
pub fn holds(deep: bool) -> Vec<Check> {
    let mishaps = u8::from(deep);
    let scenarios = [
        scenario(NEIGHBOURS, 2, 1),
        scenario(RIVALS, 2, 1),
        scenario(NEWCOMER, 2, 1),
        scenario(REGRET, 2, 1),
        scenario(CHAIN, mishaps, 0),
        scenario(CROWD, mishaps, 0),
        scenario(UMBRELLA, mishaps, 0),
        scenario(FIRST, 1, 0),
        scenario(REGRET_BESIDE, mishaps, 0),
        scenario(REGRET_ALL, mishaps, 0),
        scenario(LAST_TWO, 1, 0),
        // Of releases whose names are reserved: one that is planned after a roll-back by itself would
        // draw a later ticket than that, and here all tickets are given beforehand.
        scenario(NEIGHBOURS, 0, 0).with_deaths(1),
        scenario(RIVALS, 0, 0).with_deaths(2),
        scenario(RIVALS, 1, 0).with_deaths(1),
        scenario(PART_OF_IT, 1, 0).with_deaths(1),
        scenario(PAIR, 1, 0).with_deaths(1),
        scenario(TWICE, 2, 0),
        scenario(TWICE_TOGETHER, 1, 0),
        scenario(TWICE_BETWEEN, mishaps, 0),
        scenario(SET_BACK, 2, 1),
        scenario(SET_BACK, 1, 1).at_every_ask(),
        scenario(AGAIN, 0, 0),
        scenario(AGAIN_BESIDE, 1, 0),
        // Others, a crash or a late call before every single ask of a driver.
        scenario(RIVALS, 1, 0).at_every_ask(),
        scenario(RIVALS, 0, 1).at_every_ask(),
        scenario(ALONE, 1, 1).with_deaths(1).at_every_ask(),
        scenario(KEPT, 1, 1).with_deaths(1).at_every_ask(),
        scenario(TWO_KEEPERS, 0, 0).with_deaths(1).at_every_ask(),
        scenario(KEPT_BESIDE, 0, 0).with_deaths(1),
    ];
    let rules = Rules::WHOLE;
    let wide = deep.then(wide);
    let all = scenarios.into_iter().chain(of_what_is_stopped());
    let all = all.chain(wide.into_iter().flatten());
    all.map(|scenario| Check { scenario, rules }).collect()
}

/// An execution ends early, and the next release or the sweeper finds what it left.
fn of_what_is_stopped() -> [Scenario; 7] {
    [
        scenario(AFTER_IT, 1, 1).with_stops(1).at_every_ask(),
        scenario(SWEPT, 1, 1).with_stops(1).at_every_ask(),
        stopped(AFTER_IT, 0, 0).at_every_ask(),
        stopped(SWEPT, 0, 0).at_every_ask(),
        stopped(SWEPT, 0, 0).with_deaths(1),
        scenario(SWEPT, 0, 1).with_stops(1).with_deaths(1),
        scenario(SWEPT_BESIDE, 0, 0).with_stops(1).swept_beside(),
    ]
}

/// But for the first, none has come to its end within minutes; they fill a machine's memory.
fn wide() -> [Scenario; 4] {
    [
        scenario(TWICE_AND_BACK, 0, 0),
        scenario(THERE_AND_BACK, 0, 0),
        scenario(TESTED_AND_BACK, 0, 0),
        scenario(RIVALS, 1, 1).at_every_ask(),
    ]
}

/// The same in seconds, and without mishaps.
pub fn holds_in_short() -> Vec<Check> {
    let scenarios = [NEIGHBOURS, RIVALS, NEWCOMER, REGRET, SET_BACK].map(|of| scenario(of, 0, 0));
    let dying = [RIVALS, PAIR, PART_OF_IT].map(|of| scenario(of, 0, 0).with_deaths(1));
    let alone = [
        scenario(ALONE, 1, 1).at_every_ask(),
        scenario(ALONE, 1, 0).with_deaths(1).at_every_ask(),
        stopped(AFTER_IT, 0, 0).at_every_ask(),
        stopped(SWEPT, 0, 0).at_every_ask(),
        stopped(SWEPT, 0, 0).with_deaths(1),
        scenario(KEPT, 1, 1).with_deaths(1).at_every_ask(),
    ];
    let rules = Rules::WHOLE;
    let all = scenarios.into_iter().chain(dying).chain(alone);
    all.map(|scenario| Check { scenario, rules }).collect()
}

/// Without which part, in which scenario, an invariant must break.
pub fn fails() -> Vec<(Rule, Check)> {
    let without = |(rule, scenario)| {
        // Names that nobody uses are taken as those that came late are, so both are left out.
        let whole = match rule {
            Rule::NoNamesForWarm => Rules::WHOLE.without(Rule::LeftRecords),
            _ => Rules::WHOLE,
        };
        let rules = whole.without(rule);
        (rule, Check { scenario, rules })
    };
    let removals = removals().into_iter().chain(removals_of_leftovers());
    let removals = removals.chain(removals_of_the_keeper());
    removals.map(without).collect()
}

/// Parts that take away what a release that ended early has left, or keep a late call from mattering.
fn removals_of_leftovers() -> [(Rule, Scenario); 8] {
    let after = |lates| stopped(AFTER_IT, 0, lates).at_every_ask();
    let swept = |lates| stopped(SWEPT, 0, lates);
    [
        (Rule::GiveBack, scenario(REGRET, 1, 0)),
        (Rule::LeftRecords, after(1)),
        (Rule::StateOrder, scenario(ALONE, 0, 1).at_every_ask()),
        (Rule::LeftCompanions, after(0)),
        (Rule::SweepDrains, swept(0)),
        (Rule::SweepRecords, swept(0)),
        (Rule::OtherMark, swept(1).with_deaths(1)),
        (Rule::StillOwn, swept(0).with_deaths(1)),
    ]
}

fn removals_of_the_keeper() -> [(Rule, Scenario); 7] {
    let beside = || scenario(KEPT_BESIDE, 0, 0).with_deaths(1);
    let two = |deaths| scenario(TWO_KEEPERS, 0, 0).with_deaths(deaths);
    [
        (Rule::KeepStrays, beside()),
        (Rule::KeepNotes, scenario(KEPT, 0, 0).with_deaths(1)),
        (Rule::KeepTurns, two(2).at_every_ask()),
        (Rule::KeepSwap, two(1).at_every_ask()),
        (Rule::KeepRuns, scenario(KEPT, 0, 0).with_deaths(1)),
        (Rule::KeepStandsBack, beside()),
        (Rule::KeepLeft, scenario(KEPT, 0, 0).with_deaths(1)),
    ]
}

fn removals() -> [(Rule, Scenario); 33] {
    [
        (Rule::ReadSet, scenario(NEIGHBOURS, 0, 0)),
        (Rule::Tickets, scenario(RIVALS, 0, 0)),
        (Rule::Confirm, scenario(SET_BACK, 0, 0)),
        (Rule::Confirm, scenario(TWICE_BETWEEN, 0, 0)),
        (Rule::ConfirmMark, scenario(SET_BACK, 0, 0)),
        (Rule::ConfirmMark, scenario(TWICE_BETWEEN, 0, 0)),
        (Rule::LastLook, scenario(RIVALS, 1, 0)),
        (Rule::ConditionalCreate, scenario(FIRST, 0, 0)),
        (Rule::Dependents, scenario(NEIGHBOURS, 0, 0)),
        (Rule::Mark, scenario(NEWCOMER, 0, 0)),
        (Rule::RowSwap, scenario(REGRET, 0, 0)),
        (Rule::TakeOverLive, scenario(REGRET, 0, 0)),
        (Rule::ProvenTogether, scenario(REGRET_BESIDE, 0, 0)),
        (Rule::ReadSetTickets, scenario(TESTED_AND_BACK, 0, 0)),
        (Rule::ProofsAfterLook, scenario(TESTED_AND_BACK, 0, 0)),
        (Rule::EndedThenFree, scenario(REGRET, 0, 0)),
        (Rule::EndedThenFree, scenario(RIVALS, 1, 0)),
        (Rule::TakeDoomed, scenario(RIVALS, 1, 0)),
        (Rule::RecordLive, scenario(RIVALS, 1, 0)),
        (Rule::NamesAgain, scenario(LAST_TWO, 0, 0)),
        (Rule::NoNamesForWarm, scenario(REGRET, 0, 0)),
        (Rule::UndoPlan, scenario(REGRET, 1, 0)),
        (Rule::PublishInTime, scenario(RIVALS, 0, 1)),
        (Rule::HealthLook, scenario(RIVALS, 0, 0).with_deaths(1)),
        (Rule::EndsCount, scenario(RIVALS, 0, 0).with_deaths(1)),
        (Rule::SparePrevious, scenario(RIVALS, 0, 0).with_deaths(1)),
        (Rule::RollBack, scenario(RIVALS, 0, 0).with_deaths(1)),
        (Rule::BackReplaces, scenario(RIVALS, 0, 0).with_deaths(1)),
        (Rule::BackFailed, scenario(PART_OF_IT, 0, 0).with_deaths(1)),
        (Rule::OneLook, scenario(THERE_AND_BACK, 0, 0)),
        (Rule::SameCommits, scenario(TWICE, 0, 0)),
        (Rule::PreviousDiffers, scenario(AGAIN, 0, 0)),
        (Rule::GivenBackUnfit, scenario(REGRET, 0, 1)),
    ]
}
