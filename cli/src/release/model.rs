//! The table component x stage, built from events in their order.

use super::cells::{Cell, FailedStage, Line, Row};
use super::history::{End, Event, Kind};
use super::pairing::{Open, Pairing};
use super::planned::Plan;
use super::reading::{
    RELEASE, component_of, is_companion, is_live, is_of_one_component, is_to_test_again,
    says_failed, spoken, text_of_item,
};
use super::stages::{CUTOVER, OF_THE_BUILD, PLAN_COMPANIONS, column, is_below_the_table};
use serde_json::Value;

/// Everything that is shown of a release.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// `stage-r42`, once it is planned.
    pub label: Option<String>,
    /// Where it goes.
    pub target: Option<String>,
    /// When it began.
    pub started: Option<i64>,
    /// When and how it ended.
    pub ended: Option<(i64, End)>,
    /// What it is to bring, once that is known.
    pub plan: Plan,
    /// How often who is tested beside it was found out: 2 once a peer moved.
    pub round: u32,
    /// Milliseconds from its beginning until its aliases had moved.
    pub moved: Option<i64>,
    /// By component.
    pub rows: Vec<Row>,
    /// In the order in which they were seen.
    pub failed: Vec<FailedStage>,
    states: Pairing,
}

impl Model {
    /// Takes the next event; the lines are what a log would say of it.
    pub fn apply(&mut self, event: &Event) -> Vec<Line> {
        self.states.link(event);
        let mut lines = Vec::new();
        match &event.kind {
            Kind::Started { input } => self.begin(event.at, input),
            Kind::Entered { state, input } => self.enter(event, state, input, &mut lines),
            Kind::Exited { state, output } => self.exit(event, state, output, &mut lines),
            Kind::AttemptSucceeded => self.states.attempt_succeeded(event),
            Kind::AttemptFailed { error } => self.attempt_failed(event, error, &mut lines),
            Kind::Ended(end) => self.end(event.at, end),
            Kind::Other => {}
        }
        lines
    }

    /// States under way that have no column, the newest last.
    pub fn doing(&self) -> impl Iterator<Item = &Open> {
        self.states
            .open()
            .filter(|open| is_below_the_table(&open.state))
    }

    /// Milliseconds until it ended, or until `now`.
    pub fn elapsed(&self, now: i64) -> i64 {
        let until = self.ended.as_ref().map_or(now, |(at, _)| *at);
        (until - self.started.unwrap_or(until)).max(0)
    }

    fn enter(&mut self, event: &Event, state: &str, input: &Value, lines: &mut Vec<Line>) {
        self.read_label(input);
        let suite = text_of_item(input, "suite");
        let component = component_of(input).filter(|_| is_of_one_component(state));
        if let Some(component) = component.filter(|_| is_companion(input)) {
            self.row(component).companion = true;
        }
        match (state, component) {
            (PLAN_COMPANIONS, _) => self.begin_round(),
            ("Workspace failed" | "Pipeline failed", _) => {
                self.read_failure(event.at, input, lines)
            }
            ("Peers kept moving", _) => self.end_stage(event.at, CUTOVER, None, true),
            ("Integration tests", _) => self.expect_suites(input),
            ("Run suite", Some(component)) => {
                self.begin_suite(event.at, component, suite.unwrap_or_default())
            }
            ("Suite error", Some(component)) => {
                self.end_suite(event.at, component, suite.unwrap_or_default(), true);
            }
            _ => self.begin_stage(event.at, state, component),
        }
        if let Some((subject, what)) = spoken(state, self.shown(component).as_deref(), suite) {
            let round = match (state, self.round) {
                (PLAN_COMPANIONS, round @ 2..) => format!(" (round {round})"),
                _ => String::new(),
            };
            lines.push(self.line(event.at, &subject, format!("{what} started{round}")));
        }
        let open = Open {
            state: state.to_owned(),
            since: event.at,
            component: component.map(str::to_owned),
            suite: suite.map(str::to_owned),
            attempt_failed: false,
        };
        self.states.begin(event.id, open);
    }

    fn exit(&mut self, event: &Event, state: &str, output: &Value, lines: &mut Vec<Line>) {
        match state {
            "Plan release" => self.read_plan(output),
            PLAN_COMPANIONS => self.read_companions(output),
            CUTOVER if is_live(output) => self.moved = self.started.map(|from| event.at - from),
            _ => {}
        }
        let Some(open) = self.states.end(event, state, output) else {
            return;
        };
        let (component, suite) = (open.component.as_deref(), open.suite.as_deref());
        let failed = open.attempt_failed || says_failed(state, output);
        let was_failed = self.is_failed(column(state), component);
        match (state, component) {
            ("Run suite", Some(component)) => {
                self.end_suite(event.at, component, suite.unwrap_or_default(), failed);
            }
            ("Integration tests", _) => self.end_tests(),
            (CUTOVER, _) if is_to_test_again(output) => self.take_back(CUTOVER),
            _ => self.end_stage(event.at, state, component, failed),
        }
        let spoken = spoken(state, self.shown(component).as_deref(), suite);
        if let (Some((subject, what)), false) = (spoken, was_failed) {
            let took = crate::text::duration(event.at - open.since);
            let how = match failed {
                true => "failed after",
                false if is_to_test_again(output) => "found that a peer moved, after",
                false => "finished",
            };
            lines.push(self.line(event.at, &subject, format!("{what} {how} {took}")));
        }
        if let ("Plan release", Some(back)) = (state, self.plan.brings_back()) {
            lines.push(self.line(event.at, RELEASE, back));
        }
    }

    fn attempt_failed(&mut self, event: &Event, error: &str, lines: &mut Vec<Line>) {
        let Some(open) = self.states.attempt_failed(event) else {
            return;
        };
        let component = self.shown(open.component.as_deref());
        if let Some((subject, what)) =
            spoken(&open.state, component.as_deref(), open.suite.as_deref())
        {
            lines.push(self.line(event.at, &subject, format!("{what}: a try failed: {error}")));
        }
    }

    fn end(&mut self, at: i64, end: &End) {
        self.ended = Some((at, end.clone()));
        let failed = !matches!(end, End::Succeeded { .. });
        for row in &mut self.rows {
            for cell in row.cells.iter_mut().chain(row.suites.values_mut()) {
                if let Cell::Running { since } = *cell {
                    *cell = if failed {
                        Cell::Stopped
                    } else {
                        Cell::Done { took: at - since }
                    };
                }
            }
        }
        self.states.clear();
    }

    fn begin_stage(&mut self, at: i64, state: &str, component: Option<&str>) {
        let Some(column) = column(state) else { return };
        match component {
            Some(component) => {
                let row = self.row(component);
                row.cells[column] = Cell::Running { since: at };
                for cell in &mut row.cells[OF_THE_BUILD] {
                    if column >= OF_THE_BUILD.end && *cell == Cell::Pending {
                        *cell = Cell::Skipped;
                    }
                }
            }
            None => {
                for row in &mut self.rows {
                    match row.takes_part(column) {
                        true => row.cells[column] = Cell::Running { since: at },
                        false if row.companion => row.cells[column] = Cell::Skipped,
                        false => {}
                    }
                }
            }
        }
    }

    pub(super) fn end_stage(
        &mut self,
        at: i64,
        state: &str,
        component: Option<&str>,
        failed: bool,
    ) {
        if failed {
            self.note_failure(component, state);
        }
        let Some(column) = column(state) else { return };
        let concerned =
            |row: &&mut Row| component.map_or(row.takes_part(column), |name| row.component == name);
        for row in self.rows.iter_mut().filter(concerned) {
            row.cells[column] = row.cells[column].end(at, failed);
        }
    }

    /// A stage that will run again.
    fn take_back(&mut self, state: &str) {
        let Some(column) = column(state) else { return };
        for row in self.rows_of(None) {
            row.cells[column] = Cell::Pending;
        }
    }

    pub(super) fn row(&mut self, component: &str) -> &mut Row {
        let index = self
            .rows
            .iter()
            .position(|row| row.component == component)
            .unwrap_or_else(|| {
                self.rows.push(Row {
                    component: component.to_owned(),
                    ..Row::default()
                });
                self.rows.len() - 1
            });
        &mut self.rows[index]
    }

    /// One component's row, or those of all that are released.
    pub(super) fn rows_of(&mut self, component: Option<&str>) -> Vec<&mut Row> {
        self.rows
            .iter_mut()
            .filter(|row| component.map_or(row.released, |name| row.component == name))
            .collect()
    }

    /// A component as it is shown.
    pub(super) fn shown(&self, component: Option<&str>) -> Option<String> {
        let row = self
            .rows
            .iter()
            .find(|row| Some(row.component.as_str()) == component);
        row.map(Row::name).or_else(|| component.map(str::to_owned))
    }

    pub(super) fn line(&self, at: i64, subject: &str, text: String) -> Line {
        Line {
            at: at - self.started.unwrap_or(at),
            subject: subject.to_owned(),
            text,
        }
    }
}
